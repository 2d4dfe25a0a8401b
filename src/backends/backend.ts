// Owns the one interface to a place where a VM can live: KVM's verbs, asynchronous and batched. Implemented by emulator.ts
// (a build) and later kvm/ (a real /dev/kvm). Every errno is a number as in arch/errno.ts, 0 for success; only misuse throws.
import type { Feature } from '../arch/features.ts'
import type { RegId } from '../arch/reg-id.ts'
import type { Gic, MpState, SmcccFilterRange, VcpuEvents } from '../model/snapshot.ts'

export interface Backend {
  readonly kind: 'emulator' | 'kvm'
  /** What offers it, for reports: exact build name, or uname -r of the host. */
  readonly description: string
  createVm(options: VmOptions): Promise<BackendVm>
}

export interface VmOptions {
  readonly gic: Gic
  /** Capabilities enabled before the first vCPU. */
  readonly systemSuspend?: boolean
  readonly writableImpIdRegs?: boolean
  readonly memory?: readonly { readonly start: bigint; readonly size: number }[]
}

export interface BackendVm {
  createVcpu(index: number): Promise<BackendVcpu>
  /** After every vCPU has been initialised: creates what KVM wants created then (the in-kernel GIC). */
  finishSetup(): Promise<void>
  setSmcccFilter(range: SmcccFilterRange): Promise<number>
  setCounterOffset(offset: bigint): Promise<number>
  checkExtension(capability: number): Promise<number>
  writeMemory(address: bigint, bytes: Uint8Array): Promise<void>
  readMemory(address: bigint, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

export interface BackendVcpu {
  readonly index: number
  /** KVM_ARM_VCPU_INIT with the preferred target. */
  init(features: readonly Feature[]): Promise<number>
  /** KVM_ARM_VCPU_FINALIZE(KVM_ARM_VCPU_SVE). */
  finalizeSve(): Promise<number>
  /** KVM_GET_REG_LIST: ids in list order, or the errno. */
  regList(): Promise<{ readonly errno: number; readonly ids: readonly RegId[] }>
  /** KVM_GET_ONE_REG for each id: `bytes` back to back in the order asked (zeros where errno is not 0), one errno each. */
  getRegs(ids: BigUint64Array): Promise<{ readonly bytes: Uint8Array; readonly errnos: Int32Array }>
  /** KVM_SET_ONE_REG for each id in order, never stopping at a refusal; one errno each. */
  setRegs(ids: BigUint64Array, bytes: Uint8Array): Promise<Int32Array>
  getMpState(): Promise<MpState>
  setMpState(state: MpState): Promise<number>
  getEvents(): Promise<VcpuEvents>
  setEvents(events: VcpuEvents): Promise<number>
  /** KVM_RUN until an exit that the VMM must see, or `budget` instructions (emulator), or `milliseconds` (kvm), or the signal. */
  run(limits: { readonly budget?: number; readonly milliseconds?: number; readonly signal?: AbortSignal }): Promise<VcpuExit>
}

/** What KVM_RUN came back with. `blocked`: the vCPU waits (stopped, or WFI with nothing to wake it) and only a signal would end the call. */
export type VcpuExit =
  | { readonly kind: 'budget' }
  | { readonly kind: 'blocked' }
  | { readonly kind: 'error'; readonly errno: number }
  | { readonly kind: 'mmio'; readonly address: bigint; readonly size: number; readonly write: boolean; readonly data: bigint }
  | { readonly kind: 'system-event'; readonly type: number; readonly ndata: number | undefined; readonly data: readonly bigint[] }
  | { readonly kind: 'hypercall'; readonly nr: bigint; readonly flags: bigint }
  | { readonly kind: 'nisv'; readonly syndrome: bigint; readonly address: bigint }
  /** An exit reason that psci-snap has no use for: arch/exits.ts. */
  | { readonly kind: 'other'; readonly reason: number }
