// Owns the shape of what a recording holds of running guests, and of the rows that are compared with it. Format: recordings/SCHEMA.md.
import type { Build } from '../../src/builds/build.ts'
import type { Recording } from '../builds/recording.ts'
import type { FeatureSet } from './probe-vm.ts'

export interface RecordedCall {
  readonly t?: string
  readonly in: readonly [string, string, string, string]
  readonly pc?: string
  readonly r?: string
  readonly out123?: readonly string[]
  readonly end?: Readonly<Record<string, unknown>>
}
interface Session {
  readonly set: string
  readonly ver: string
  /** -2: the version was refused; -3: KVM_CAP_ARM_SYSTEM_SUSPEND was. */
  readonly skip?: number
}
export interface RecordedEvent extends Session {
  readonly t: string
  readonly cap_suspend: number
  readonly v1_on: number
  readonly in: readonly [string, string, string, string]
}
export interface GuestRecording extends Omit<Recording, 'fweffect' | 'smccc_filter' | 'event' | 'psci'> {
  readonly fweffect?: readonly {
    readonly reg: string
    readonly val: string
    readonly set_errno: number
    readonly readback?: string
    readonly calls: readonly RecordedCall[]
  }[]
  readonly smccc_filter?: readonly (Readonly<Record<string, unknown>> & { readonly calls?: readonly RecordedCall[] })[]
  readonly psci?: readonly (Session & { readonly ver_read?: string; readonly calls?: readonly RecordedCall[] })[]
  readonly psci_feat_suspend_cap?: readonly (Session & { readonly calls?: readonly RecordedCall[] })[]
  readonly cpu_on?: readonly (Session & { readonly t: string } & Readonly<Record<string, unknown>>)[]
  readonly event?: readonly RecordedEvent[]
  readonly postver?: readonly { readonly rows: readonly (readonly [string, number, number, string, string])[] }[]
  readonly fwrun?: readonly ({ readonly set: string } & Readonly<Record<string, unknown>>)[]
}

/** One thing that a real kernel did, and what the emulated one does. `volatile`: why the two are not comparable. */
export interface GuestRow {
  readonly where: string
  readonly expected: unknown
  readonly actual: unknown
  readonly volatile?: string
}
export type GuestFamily = (recording: GuestRecording, build: Build) => Generator<GuestRow>

/** The vCPU features and GIC of a recorded set. */
export function featureSet(recording: Pick<Recording, 'regs'>, name: string): FeatureSet {
  const found = recording.regs.find(each => each.set === name)
  if (!found) throw new Error(`the recording has no feature set ${name}`)
  return { features: Number(found.feat), gic: found.vgic !== 0 }
}
