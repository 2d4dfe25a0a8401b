// Owns what a file says about a host rather than about a guest: who it is, and the register list of a vCPU that never ran on it. No build: what such a
// host accepts is not in it, ops derives that with the rules of its kernel. No I/O.
import type { RegisterList } from './register-list.ts'

export interface HostDescription {
  /** `uname -r` of the host, e.g. `6.1.172-216.329.amzn2023.aarch64`. */
  readonly kernelRelease?: string
  /** The CPU's name after its MIDR_EL1, e.g. `neoverse-v1`; absent for one that is not known by name. */
  readonly cpu?: string
  readonly vmm?: string
  /** As the source spells them. */
  readonly microcodeVersion?: string
  readonly biosVersion?: string
  readonly biosRevision?: string
  /** Ids and values of one vCPU before it ran, in the order of the source; `complete` is false when the source leaves registers out by design. */
  readonly registers: RegisterList
  readonly complete: boolean
}
