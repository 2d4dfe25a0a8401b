// Owns what a VMM's load is as a value: which registers it writes in which order, which it leaves out, what stops it before it writes. No I/O, no KVM.
import type { Feature } from '../../arch/features.ts'
import { type RegId, regBytes } from '../../arch/reg-id.ts'
import type { RegisterList } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { VmmId } from './vmm.ts'

/** Where a load stops: `LoadFailure` of check-report.ts before it is text. */
export interface Stop {
  /** `vcpu`: KVM_ARM_VCPU_INIT or FINALIZE. `count`, `list`: the VMM compares lists before it writes. `write`: KVM refuses a register. */
  readonly stage: 'vcpu' | 'count' | 'list' | 'write' | 'other'
  readonly vcpu?: number
  readonly id?: RegId
  readonly errno?: number
  /** What happens, in words. */
  readonly message: string
}

/** KVM_SET_ONE_REG calls in order. */
export interface Phase {
  readonly registers: RegisterList
  /** Place of each in the saved list, -1 for the destination's own value; absent: it is the saved list. */
  readonly from?: Int32Array
}

/** The load of one vCPU. Places are positions in the saved list. */
export interface VcpuPlan {
  readonly phases: readonly Phase[]
  /** Saved registers that are not written and do not stop the load. */
  readonly dropped: readonly { readonly at: number; readonly why: string }[]
  /** Saved registers that the VMM itself refuses to load. */
  readonly unknown: readonly number[]
  /** What stops the load before this vCPU's first write, first thing first. */
  readonly stops: readonly Stop[]
}

export interface PlanOptions {
  /** The file was written by this VMM: its list is in the VMM's own order. */
  readonly isOwnFile: boolean
  /** KVM_REG_ARM64_SVE_VLS is written in list order, which KVM refuses. */
  readonly rawOrder: boolean
}

/** What a load said, for `says`. */
export interface Stopped {
  readonly stop: Stop
  readonly vcpu: number
  readonly saved: RegisterList
  readonly own: RegisterList
  readonly plan: VcpuPlan | undefined
  /** Registers of this vCPU that KVM refused, in the order of the writes, with what they read afterwards. */
  readonly refused: readonly { readonly id: RegId; readonly value: Uint8Array; readonly errno: number; readonly readBack?: Uint8Array }[]
}

export interface VmmRules {
  readonly id: VmmId
  /** For text: `QEMU 10.0`. */
  readonly title: string
  /** Format id of the files that it writes itself. */
  readonly format?: string
  /** Each vCPU is loaded whole before the next one, or every phase is done on all vCPUs before the next phase. */
  readonly turns: 'vcpu' | 'phase'
  /** Events and mp_state: right behind a vCPU's last register, or behind those of all. */
  readonly power: 'vcpu' | 'end'
  /** The destination's own list is the one of new vCPUs, or is asked for right before a vCPU's writes. */
  readonly ownAt: 'init' | 'turn'
  /** Feature sets with which the VMM makes vCPUs for a file that seems to have had `inferred`; its default command line first. */
  features(inferred: readonly Feature[]): readonly (readonly Feature[])[]
  /** What stops it before any vCPU is written, as far as the file tells. */
  before?(snapshot: Snapshot, features: readonly Feature[]): Stop | undefined
  /** Pure: `own` is the destination's list with its values. */
  plan(saved: RegisterList, own: RegisterList, options: PlanOptions): VcpuPlan
  /** What it prints; lines, `…` for what is not known. */
  says?(stopped: Stopped): string | undefined
}

/** The registers at these places, in this order, as one phase; a phase of the whole list in its own order needs no copy. */
export function phaseOf(list: RegisterList, places: readonly number[]): Phase {
  if (places.length === list.ids.length && places.every((place, i) => place === i)) return { registers: list }
  const ids = new BigUint64Array(places.length)
  const offsets = new Uint32Array(places.length + 1)
  places.forEach((place, i) => {
    ids[i] = list.ids[place]!
    offsets[i + 1] = offsets[i]! + regBytes(list.ids[place] as RegId)
  })
  const bytes = new Uint8Array(offsets[places.length]!)
  places.forEach((place, i) => {
    bytes.set(list.bytes.subarray(list.offsets[place], list.offsets[place + 1]), offsets[i])
  })
  return { registers: { ids, offsets, bytes }, from: Int32Array.from(places) }
}
