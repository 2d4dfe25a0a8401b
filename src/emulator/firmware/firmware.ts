// Owns what the firmware handlers see of a machine: a caller, its VM, and what a call can end in. Knows no engine and no register store.
import type { FirmwareRules } from '../../builds/firmware-rules.ts'

export type Conduit = 'hvc' | 'smc'
/** Services whose functions a VMM switches with a KVM_REG_ARM_*_BMAP register, in register order. */
export const BITMAP = { std: 0, stdHyp: 1, vendorHyp: 2, vendorHyp2: 3 } as const

export interface FirmwareVcpu {
  readonly index: number
  /** X0 … X3. */
  readX(n: number): bigint
  writeX(n: number, value: bigint): void
  /** MPIDR_EL1's affinity fields, 0xff00ffffff. */
  affinity(): bigint
  stopped(): boolean
  stop(): void
  /** The version that rules this vCPU's calls: 0.1 without the feature psci_0_2, else the VM's pinned or default one. */
  psciVersion(): number
  /** Level of SMCCC_ARCH_WORKAROUND_n as KVM_GET_ONE_REG shows it; undefined where this kernel has no such register. */
  workaroundLevel(n: 1 | 2 | 3): bigint | undefined
  /** SCTLR_EL1.EE. */
  bigEndian(): boolean
  /** What CPU_ON leaves for a stopped target: runnable, to be reset. */
  powerOn(start: { readonly pc: bigint; readonly context: bigint; readonly bigEndian: boolean }): void
  virtualCount(): bigint
  physicalCount(): bigint
}

export interface FirmwareVm {
  readonly rules: FirmwareRules
  readonly vcpus: readonly FirmwareVcpu[]
  /** Value of KVM_REG_ARM_*_BMAP number `index`; undefined where this kernel has no such register (then nothing is gated). */
  bitmap(index: number): bigint | undefined
  /** What the VMM's SMCCC filter says about a function. */
  filterAction(functionId: number): 'handle' | 'deny' | 'forward'
  /** KVM_CAP_ARM_SYSTEM_SUSPEND is enabled. */
  readonly systemSuspend: boolean
  /** 64 bits of the machine's deterministic entropy. */
  random64(): bigint
  /** Wall clock in nanoseconds since 1970, a function of the instruction count. */
  realTime(): bigint
}

/** struct kvm_run.system_event as far as this kernel writes it: `ndata` undefined and one data word (flags) on kernels without KVM_CAP_SYSTEM_EVENT_DATA. */
export interface SystemEvent {
  readonly kind: 'system-event'
  readonly type: number
  readonly ndata: number | undefined
  readonly data: readonly bigint[]
}

/** `wait`: the vCPU sleeps as in WFI. `off`: it has stopped. The others leave to the VMM. */
export type FirmwareResult =
  | { readonly kind: 'resume' | 'wait' | 'off' }
  | SystemEvent
  | { readonly kind: 'hypercall'; readonly nr: bigint; readonly flags: bigint }

export const RESUME: FirmwareResult = { kind: 'resume' }

/** KVM_SYSTEM_EVENT_* (include/uapi/linux/kvm.h). */
export const SYSTEM_EVENT = { shutdown: 1, reset: 2, crash: 3, wakeup: 4, suspend: 5 } as const

/** An int as KVM writes it to X0: sign-extended. */
export const signed = (value: number): bigint => BigInt.asUintN(64, BigInt(value))

/** Four-register return of SMCCC. */
export function answer(vcpu: FirmwareVcpu, x0: bigint, x1 = 0n, x2 = 0n, x3 = 0n): FirmwareResult {
  vcpu.writeX(0, x0)
  vcpu.writeX(1, x1)
  vcpu.writeX(2, x2)
  vcpu.writeX(3, x3)
  return RESUME
}

/** Low 32 bits of Xn: KVM keeps function ids and most feature arguments in a u32. */
export const arg32 = (vcpu: FirmwareVcpu, n: number): number => Number(BigInt.asUintN(32, vcpu.readX(n)))

/** A system event as this kernel writes it: recorded with the structure filled with 0xa5 before KVM_RUN. */
export function systemEvent(vm: FirmwareVm, type: number, flags: bigint, ndata: number): SystemEvent {
  if (!vm.rules.eventData) return { kind: 'system-event', type, ndata: undefined, data: [flags] }
  return { kind: 'system-event', type, ndata, data: [flags, ...new Array<bigint>(15).fill(0n)] }
}

/** Whether a service's bit is on; kernels without the register gate nothing. */
export function allowed(vm: FirmwareVm, bitmap: number, bit: number): boolean {
  const value = vm.bitmap(bitmap)
  return value === undefined || ((value >> BigInt(bit)) & 1n) === 1n
}
