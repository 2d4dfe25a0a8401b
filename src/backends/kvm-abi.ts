// Owns KVM/arm64's verbs as a program that asks about errors needs them: synchronous, one call each, every errno kept. backend.ts is the comfortable
// form for those who only want the work done. Implemented over /dev/kvm (kvm/) and, for tests and the probe, over a build (emulated-abi.ts).
import type { Gic, SmcccFilterRange, VcpuEvents } from '../model/snapshot.ts'

/** Most bytes that one call takes: guests with more have several pieces. */
export const LARGEST_MEMORY = 2 ** 30

/** Every number called an errno is 0 for success or a value of arch/errno.ts. */
export interface AbiHost {
  /** What offers it: `uname -r` of the host, or the build's name. */
  readonly description: string
  apiVersion(): number
  /** KVM_CHECK_EXTENSION on /dev/kvm; -1 when the call itself fails. */
  checkExtension(capability: number): number
  /** KVM_CREATE_VM with the default IPA size, or with `ipaBits`. Throws KERNEL_REFUSED. */
  createVm(ipaBits?: number): AbiVm
  /** Closes its VMs too; more than once does nothing. */
  close(): void
}

export interface AbiVm {
  checkExtension(capability: number): number
  /** KVM_ENABLE_CAP without flags. Errno. */
  enableCapability(capability: number, argument?: bigint): number
  preferredTarget(): { readonly errno: number; readonly target: number; readonly features: readonly number[] }
  /**
   * Anonymous zeroed memory as the guest's at `start`, at most LARGEST_MEMORY; before the first vCPU. The view is live, and must not be touched
   * once the VM is closed: there is nothing behind it then. Throws KERNEL_REFUSED.
   */
  addMemory(start: bigint, size: number): Uint8Array
  /**
   * To be called before a guest runs on after its memory was looked at. A guest whose MMU is off writes past the caches, and what was looked at before
   * would be seen again: with the memory mapped anew KVM drops a page's cache lines at the guest's next touch of it. Throws KERNEL_REFUSED.
   */
  refreshMemory(): void
  /** KVM_CREATE_VCPU. Throws KERNEL_REFUSED. */
  createVcpu(index: number): AbiVcpu
  /** KVM_CREATE_DEVICE of a GIC, addresses set, initialised. Errno of the first step that fails. */
  createGic(version: Exclude<Gic, 'none'>): number
  hasSmcccFilter(): number
  /** `action`: 0 handle, 1 deny, 2 forward; or as a word. */
  setSmcccFilter(range: Omit<SmcccFilterRange, 'action'> & { readonly action: SmcccFilterRange['action'] | number }): number
  setCounterOffset(offset: bigint): number
  /** KVM_ARM_GET_REG_WRITABLE_MASKS, range 0, as (ONE_REG id, mask), ascending; registers without a writable bit left out. */
  writableMasks(): { readonly errno: number; readonly masks: readonly (readonly [bigint, bigint])[] }
  /** Closes the VM and its vCPUs and unmaps its memory; more than once does nothing. */
  close(): void
}

export interface AbiVcpu {
  readonly index: number
  /** KVM_ARM_VCPU_INIT; `words` are features[0], features[1] … Errno. */
  init(words: readonly number[], target?: number): number
  /** KVM_ARM_VCPU_FINALIZE; 4 is SVE. Errno. */
  finalize(what: number): number
  /** KVM_ARM_VCPU_PMU_V3_INIT, after the interrupt where the VM has a GIC. Errno. */
  initPmu(interrupt: number | undefined): number
  /** KVM_GET_REG_LIST with room for `capacity` ids (default: enough). `n` is what the kernel writes back. */
  regList(capacity?: number): { readonly errno: number; readonly n: number; readonly ids: BigUint64Array }
  /** KVM_GET_ONE_REG; `bytes` as the id names, undefined on an error. `nullAddress` passes address 0. */
  getReg(id: bigint, nullAddress?: boolean): { readonly errno: number; readonly bytes: Uint8Array | undefined }
  /** KVM_SET_ONE_REG; undefined passes address 0. Errno. */
  setReg(id: bigint, value: Uint8Array | undefined): number
  /** KVM_GET_MP_STATE: the number, or the negated errno. */
  getMpState(): number
  setMpState(state: number): number
  getEvents(): { readonly errno: number; readonly events: VcpuEvents }
  setEvents(events: VcpuEvents): number
  /** KVM_RUN until an exit, or until `milliseconds` have passed (then `errno` is EINTR). */
  run(milliseconds: number): AbiExit
  /** kvm_run.mmio.data for the load that this vCPU's last exit asked for; taken by the next run. 0 when nobody answers. */
  answerMmio(data: bigint): void
  /**
   * Finishes what the last exit was for, without running on: KVM_RUN with immediate_exit. A load or store is not in the registers before that
   * (Linux Documentation/virt/kvm/api.rst, KVM_EXIT_MMIO). Errno; 0 where there was nothing to finish.
   */
  completeExit(): number
}

/** What KVM_RUN came back with; `errno` not 0: it failed and the rest says nothing. */
export interface AbiExit {
  readonly errno: number
  /** With EINTR: another signal than the time limit ended the run. */
  readonly interrupted?: boolean
  /** KVM_EXIT_*: arch/exits.ts. */
  readonly reason: number
  readonly mmio?: { readonly address: bigint; readonly size: number; readonly write: boolean; readonly data: bigint }
  /** `data` has four words; what the kernel leaves as it was before the run is undefined. Before 5.18 `ndata` is padding, and reads 0. */
  readonly systemEvent?: { readonly type: number; readonly ndata: number | undefined; readonly data: readonly (bigint | undefined)[] }
  readonly hypercall?: { readonly nr: bigint; readonly flags: bigint }
  readonly nisv?: { readonly syndrome: bigint; readonly address: bigint }
}

/** KVM_SET_ONE_REG of a register of up to 64 bits. Errno. */
export function setAbi64(vcpu: AbiVcpu, id: bigint, value: bigint): number {
  return vcpu.setReg(id, new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, value)).buffer))
}

/** KVM_GET_ONE_REG of a register of up to 64 bits; undefined when it is refused. */
export function getAbi64(vcpu: AbiVcpu, id: bigint): bigint | undefined {
  const { bytes } = vcpu.getReg(id)
  return bytes?.subarray(0, 8).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}
