// Owns the shape of what a recording holds of running guests. Format: recordings/SCHEMA.md.
import type { Recording } from '../../src/builds/recorded/recording.ts'
import type { Plain, RecordedCall } from './family.ts'

type PlainRecord = { readonly [key: string]: Plain }
interface Session {
  readonly set: string
  readonly ver: string
  /** -2: the version was refused; -3: KVM_CAP_ARM_SYSTEM_SUSPEND was. */
  readonly skip?: number
}
interface GuestPart {
  readonly fweffect?: readonly {
    readonly reg: string
    readonly val: string
    readonly set_errno: number
    readonly readback?: string
    readonly calls: readonly RecordedCall[]
  }[]
  readonly smccc_filter?: readonly (PlainRecord & { readonly calls?: readonly RecordedCall[] })[]
  readonly psci?: readonly (Session & { readonly ver_read?: string; readonly calls?: readonly RecordedCall[] })[]
  readonly psci_feat_suspend_cap?: readonly (Session & { readonly calls?: readonly RecordedCall[] })[]
  readonly cpu_on?: readonly (Session & { readonly t: string })[]
  readonly event?: readonly (Session & { readonly t: string; readonly cap_suspend: number; readonly v1_on: number; readonly in: readonly string[] })[]
  readonly postver?: readonly { readonly rows: readonly (readonly [string, number, number, string, string])[] }[]
  readonly fwrun?: readonly { readonly set: string }[]
}

/** The same recording, for its guests. */
export const guestPart = (recording: Recording): GuestPart => recording as unknown as GuestPart
