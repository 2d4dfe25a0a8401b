// Owns what KVM_RUN of one vCPU, or a run of the whole machine, comes back with. Same shapes as a back end's VcpuExit.
import type { SystemEvent } from '../firmware/firmware.ts'

export interface MmioExit {
  readonly kind: 'mmio'
  readonly address: bigint
  readonly size: number
  readonly write: boolean
  /** What a store writes, 0 for a load. */
  readonly data: bigint
}
/** Why KVM_RUN returned: see backends/backend.ts. */
export type VcpuExit =
  | { readonly kind: 'budget' }
  | { readonly kind: 'blocked' }
  | { readonly kind: 'error'; readonly errno: number }
  | MmioExit
  | SystemEvent
  | { readonly kind: 'hypercall'; readonly nr: bigint; readonly flags: bigint }

/**
 * Why a run of the machine ended: the budget, the moment up to which it was to run, somebody who asked for a pause (a watcher of what the guest does), one
 * vCPU's exit, or no vCPU that could ever run again by itself.
 */
export type MachineStop =
  | { readonly kind: 'budget' }
  | { readonly kind: 'time' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'exit'; readonly vcpu: number; readonly exit: Exclude<VcpuExit, { readonly kind: 'budget' | 'blocked' }> }
