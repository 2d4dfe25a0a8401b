// Owns the shape of a catalogue row: what is said about every register id. Holds no row itself.
import type { RegId } from '../reg-id.ts'

export type RegisterClass = 'core' | 'system' | 'firmware' | 'firmware-bitmap' | 'sve' | 'demux' | 'timer'

/**
 * What KVM does with a write from userspace. `plain` stores whatever comes; `checked` refuses what does not fit; the others name rules of
 * their own, which docs/registers.md explains. How a given kernel applies a rule is a build's business.
 */
export type WriteRule =
  | 'plain'
  | 'checked'
  | 'id-register'
  | 'same-value'
  | 'zero-only'
  | 'implementation-id'
  | 'os-lock-bit'
  | 'ignored'
  | 'counter-number'
  | 'slots'
  | 'counter'
  | 'timer-control'
  | 'psci-version'
  | 'at-most-host'
  | 'bitmap'
  | 'before-finalize'
  | 'cache-geometry'

/** Registers that come and go together. */
export type RegisterGroup = 'base' | 'debug' | 'id' | 'aarch32-id' | 'reserved-id' | 'cache' | 'pmu' | 'pauth' | 'mte' | 'el2' | 'gated' | 'unlisted'

export interface RegisterRow {
  readonly id: RegId
  /** As the kernel headers or the Arm manual spell it; unique without regard to case. */
  readonly name: string
  readonly class: RegisterClass
  readonly group: RegisterGroup
  /** `vm`: a write through one vCPU is seen by all. */
  readonly scope: 'vcpu' | 'vm'
  /** Size of the value. */
  readonly bytes: number
  /** One line: what the register is for. */
  readonly meaning: string
  /** Other spellings that parse to this id. */
  readonly aliases: readonly string[]
  /** When KVM_GET_REG_LIST has it, in words; absent when no known kernel lists it. */
  readonly listed?: string
  readonly write?: WriteRule
  /** First kernel release that lists it, when that is later than 4.17. Evidence, never to be compared in code. */
  readonly since?: string
  /** A scar of the ABI that readers must know. */
  readonly quirk?: string
}
