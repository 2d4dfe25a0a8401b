// Owns what the part of a Firecracker state file that we read consists of, in the file's own terms. Fields that only some releases save are optional;
// which ones, and in what order, says layouts.ts. Source: facts/vmm-formats.md §1.3 and §1.7. Knows no encoding.

export interface VmInfo {
  readonly memSizeMib: bigint
  readonly smt?: boolean
  readonly cpuTemplate?: string
  readonly bootSource?: { readonly kernelImagePath: string; readonly initrdPath: string | undefined; readonly bootArgs: string | undefined }
  readonly hugePages?: string
}

export interface MemoryRegionState {
  readonly baseAddress: bigint
  readonly size: bigint
  /** In the memory file; releases that do not save it put region behind region. */
  readonly offset?: bigint
  readonly regionType?: string
  /** One per slot of a hotpluggable region; an unplugged slot's place in the memory file is a hole. */
  readonly plugged?: readonly boolean[]
}

/** Registers by name order, each a list of consecutive words. */
type Chunks32 = readonly (readonly number[])[]
type Chunks64 = readonly (readonly bigint[])[]

export interface GicVcpu {
  readonly rdist: Chunks32
  readonly icc: { readonly main: Chunks64; readonly ap: readonly (readonly bigint[] | undefined)[] }
}

export interface Its {
  readonly iidr: bigint
  readonly cbaser: bigint
  readonly creadr: bigint
  readonly cwriter: bigint
  readonly baser: Readonly<Record<string, bigint>>
  readonly ctlr: bigint
}

export interface Gic {
  readonly dist: Chunks32
  readonly vcpus: readonly GicVcpu[]
  readonly its?: Its | undefined
}

/** v1.0 to v1.4: a slot of 64 or 128 bits a register, whatever its size. */
export interface RegisterSlot {
  readonly id: bigint
  readonly value: bigint
}
/** From v1.5: ids, and the values one after the other, each as long as its id says. */
export interface RegisterVector {
  readonly ids: readonly bigint[]
  readonly data: Uint8Array
}

export interface VcpuState {
  /** struct kvm_mp_state: a number, or its four bytes. */
  readonly mpState: number | Uint8Array
  readonly regs: readonly RegisterSlot[] | RegisterVector
  readonly mpidr: bigint
  /** struct kvm_vcpu_init: its fields, or its 32 bytes. */
  readonly kvi?: { readonly target: number; readonly features: Readonly<Record<string, number>> } | Uint8Array | undefined
  readonly pvtimeIpa?: bigint | undefined
}

export interface VmState {
  readonly memory?: readonly MemoryRegionState[]
  readonly gic: Gic
  readonly capModifiers?: readonly (string | readonly [string, number])[]
  readonly resourceAllocator?: unknown
}

export interface MicrovmState {
  readonly vmInfo: VmInfo
  readonly memory?: readonly MemoryRegionState[]
  /** Capabilities added ("170") and taken away ("!170"). */
  readonly kvm?: readonly string[]
  readonly vm: VmState
  readonly vcpus: readonly VcpuState[]
}

export const memoryRegions = (state: MicrovmState): readonly MemoryRegionState[] => state.memory ?? state.vm.memory ?? []
export const isVector = (regs: VcpuState['regs']): regs is RegisterVector => 'ids' in regs
