// Owns the verbs of the emulated KVM/arm64 userspace ABI, as synchronous types: what vm.ts and vcpu.ts implement, what the machine, the
// firmware and the emulator back end call. Every `number` that is called an errno is 0 or a value of arch/errno.ts. Knows no rule itself.
import type { Build } from '../../builds/build.ts'
import type { Gic, SmcccFilterRange, VcpuEvents } from '../../model/snapshot.ts'

/** KVM_ENABLE_CAP / KVM_CHECK_EXTENSION numbers that the machine itself uses (include/uapi/linux/kvm.h). */
export const KVM_CAP = { injectSerrorEsr: 158, systemSuspend: 216, counterOffset: 227, writableImpIdRegs: 239 } as const
/** KVM_GET_MP_STATE values of arm64. */
export const MP_STATE = { runnable: 0, stopped: 5, suspended: 10 } as const

export interface VmOptions {
  /** The machine's time in counter ticks; a VM that never runs leaves it out and its time stands still at 0. */
  readonly now?: () => bigint
}

/** What CPU_ON leaves for its target: applied by KVM_REQ_VCPU_RESET at the target's next KVM_RUN, GET_ONE_REG or SET_ONE_REG. */
export interface PendingReset {
  readonly pc: bigint
  readonly context: bigint
  readonly bigEndian: boolean
}

export interface VmAbi {
  readonly build: Build
  /** The in-kernel interrupt controller created so far. */
  readonly gic: Gic
  /** In creation order; sparse indexes are kept by `vcpu.index`. */
  readonly vcpus: readonly VcpuAbi[]
  /** True from the first KVM_RUN of any vCPU on. */
  readonly hasRun: boolean
  readonly systemSuspend: boolean
  readonly smcccFilter: readonly SmcccFilterRange[]
  /** Ticks: virtual count = now() - virtualOffset, physical count = now() - physicalOffset (vCPU-wide on kernels that keep one per vCPU). */
  readonly now: () => bigint

  /** KVM_CHECK_EXTENSION on the VM; 0 for what this build was never asked. */
  checkExtension(capability: number): number
  /** KVM_ENABLE_CAP. */
  enableCapability(capability: number): number
  /** KVM_CREATE_VCPU; throws KERNEL_REFUSED (EEXIST, EINVAL) for an index in use or out of range. */
  createVcpu(index: number): VcpuAbi
  /** KVM_CREATE_DEVICE of the in-kernel GIC, addresses set and initialised. Errno. */
  createGic(version: 'v2' | 'v3'): number
  /** KVM_ARM_VM_SMCCC_FILTER: `hasSmcccFilter` is KVM_HAS_DEVICE_ATTR. Errnos. */
  hasSmcccFilter(): number
  setSmcccFilter(range: SmcccFilterRange): number
  /** KVM_ARM_SET_COUNTER_OFFSET. Errno. */
  setCounterOffset(offset: bigint): number
  /** KVM_ARM_GET_REG_WRITABLE_MASKS, range 0: (ONE_REG id, mask) of every register with a writable bit, ascending; errno when unknown. */
  writableMasks(): { readonly errno: number; readonly masks: readonly (readonly [bigint, bigint])[] }
  /** The first KVM_RUN of any vCPU: what that does to VM-wide state (ID registers of the GIC, dependent fields). Idempotent. Errno of KVM_RUN. */
  firstRun(): number
  /** VM-wide pseudo-registers as the guest's calls see them. */
  psciVersion(vcpu: VcpuAbi): number
  firmwareBitmap(index: number): bigint
  /** Host levels of SMCCC_ARCH_WORKAROUND_n as KVM answers a guest; see builds/firmware-rules.ts for what a guest reads. */
  workaroundLevel(n: 1 | 2 | 3): number
  /** A VM-wide or ID register's current value, whether listed or not; 0n when this kernel has none. */
  idRegister(id: bigint): bigint
}

export interface VcpuAbi {
  readonly index: number
  readonly vm: VmAbi
  readonly initialised: boolean
  /** Word 0 of the features it was initialised with. */
  readonly features: number
  /** The state block of state-layout.ts, current at all times; replaced by `moveTo` and `rebind`. */
  readonly block: Uint8Array
  readonly pendingReset: PendingReset | undefined
  readonly hasRun: boolean
  /** KVM_RUN may be called: the errno it fails with before doing anything (ENOEXEC, EPERM), else 0; marks the vCPU as run, calls `vm.firstRun`, applies a pending reset. */
  enterRun(): number

  /** KVM_ARM_VCPU_INIT; `target` defaults to the preferred one, `word1` is features[1]. Errno. */
  init(features: number, target?: number, word1?: number): number
  /** KVM_ARM_VCPU_FINALIZE; 4 is SVE. Errno. */
  finalize(what: number): number
  /** KVM_GET_REG_LIST with room for `capacity` ids (default: enough). `n` is what the kernel writes back. `ids` is shared and must not be written. */
  regList(capacity?: number): { readonly errno: number; readonly n: number; readonly ids: BigUint64Array }
  /** KVM_GET_ONE_REG: `out` needs the size that the id names; undefined is a bad address. Errno. */
  getReg(id: bigint, out: Uint8Array | undefined): number
  /** KVM_SET_ONE_REG. Errno. */
  setReg(id: bigint, value: Uint8Array | undefined): number
  /** As `getReg` for registers of up to 8 bytes; undefined when refused. */
  get64(id: bigint): bigint | undefined
  set64(id: bigint, value: bigint): number
  /** Batches: `bytes` back to back in the order asked, zeros where an errno is not 0. Never stop at a refusal. */
  getRegs(ids: BigUint64Array): { readonly bytes: Uint8Array; readonly errnos: Int32Array }
  setRegs(ids: BigUint64Array, bytes: Uint8Array): Int32Array
  /** Byte offset in `block` of a system register that is kept per vCPU (SCTLR_EL1 …); undefined when this kernel keeps it elsewhere. */
  offsetOf(id: bigint): number | undefined
  /** Copies the state into `block` (VCPU_STATE_BYTES long) and keeps it there from now on. */
  moveTo(block: Uint8Array): void
  /** Same state, same place, new view: WebAssembly memory grew. */
  rebind(block: Uint8Array): void

  /** KVM_GET_MP_STATE / KVM_SET_MP_STATE, numbers of MP_STATE. */
  getMpState(): number
  setMpState(state: number): number
  /** For the machine: stops or starts a vCPU without userspace's checks. */
  forceMpState(state: number): void
  getEvents(): VcpuEvents
  setEvents(events: VcpuEvents): number

  /** PSCI CPU_ON: runnable at once, registers reset when they are next looked at. */
  requestReset(reset: PendingReset): void
  /** Applies a pending reset now; nothing when there is none. */
  applyPendingReset(): void
  /** Ticks of the counters as this vCPU sees them now. */
  virtualCount(): bigint
  physicalCount(): bigint
}
