// Owns the value that everything else exchanges: what a saved arm64 guest is. Readonly throughout; no I/O, no kernel's opinion.
import type { Feature } from '../arch/features.ts'
import type { RegisterList } from './register-list.ts'

export type Gic = 'none' | 'v2' | 'v3'
/** KVM_MP_STATE_RUNNABLE 0, KVM_MP_STATE_STOPPED 5, KVM_MP_STATE_SUSPENDED 10. */
export type MpState = 'runnable' | 'stopped' | 'suspended'
/** Why the guest was not running when it was saved; `hibernated` is SYSTEM_OFF2 (SHUTDOWN event, flag PSCI_OFF2). */
export type StopReason = 'running' | 'off' | 'reset' | 'hibernated' | 'suspended'

/** What struct kvm_vcpu_events holds. `serrorEsr` is meaningful when `serrorHasEsr`. */
export interface VcpuEvents {
  readonly serrorPending: boolean
  readonly serrorHasEsr: boolean
  readonly serrorEsr: bigint
  readonly extDabtPending: boolean
}

export interface VcpuSnapshot {
  readonly index: number
  /** In KVM_GET_REG_LIST order as saved. */
  readonly registers: RegisterList
  readonly mpState: MpState
  readonly events?: VcpuEvents
  /** KVM_ARM_VCPU_INIT features; absent when the source does not say (then they are inferred from the list). */
  readonly features?: readonly Feature[]
}

/** A range of the KVM_ARM_VM_SMCCC_FILTER attribute. Not a register: a blind save loses it. */
export interface SmcccFilterRange {
  readonly base: number
  readonly count: number
  readonly action: 'handle' | 'deny' | 'forward'
}

/** VM-wide state outside the register list. Absent means the source does not say. */
export interface VmState {
  readonly systemSuspend?: boolean
  readonly writableImpIdRegs?: boolean
  readonly smcccFilter?: readonly SmcccFilterRange[]
  readonly counterOffset?: bigint
  /** Counter frequency in Hz (CNTFRQ_EL0), which no KVM register shows. */
  readonly counterFrequency?: number
  readonly ipaBits?: number
  /** Arguments of the call that stopped the guest, when known: SYSTEM_RESET2's type and cookie. */
  readonly stopArguments?: readonly bigint[]
}

/** A device by instance name; `state` is a plain value of JSON-like types, bigint and Uint8Array included. */
export interface DeviceSnapshot {
  readonly name: string
  readonly kind: string
  readonly state: unknown
}

/** Guest memory. Only `chunks` touches bytes: at most 1 MiB each, ascending, all-zero chunks absent. */
export interface MemoryRegion {
  readonly name: string
  /** Guest physical address of the first byte. */
  readonly start: bigint
  /** Bytes. */
  readonly size: number
  /** Bytes in the chunks that were saved, when known without reading them. */
  readonly present?: number
  /**
   * Ranges that were saved; everything else in the region is zero. `data` is valid until the next chunk is asked for. With `range` the chunks that
   * touch it are enough: what lies elsewhere need not be read, and may be given all the same.
   */
  chunks(signal?: AbortSignal, range?: MemoryRange): AsyncIterable<MemoryChunk> | Iterable<MemoryChunk>
  /** Of memory that lies as it is in a file of its own: the file, and where in it a byte of the region stands; undefined for one that is not there. */
  storedAt?(offset: number): { readonly file: string; readonly at: number } | undefined
}
/** Offsets in a region; `to` is the first one that is not wanted. */
export interface MemoryRange {
  readonly from: number
  readonly to: number
}
export interface MemoryChunk {
  readonly offset: number
  readonly data: Uint8Array
}

/** What only our own machine has: with it a same-build restore has the identical future. */
export interface MachineState {
  readonly version: number
  readonly state: unknown
}

/** Where a snapshot came from, as far as the source says. */
export interface Origin {
  /** Exact build name when one of ours made it, e.g. `linux-6.12.117/cortex-a72`. */
  readonly build?: string
  readonly kernel?: string
  readonly cpu?: string
  readonly vmm?: string
  /** Who wrote the file, e.g. `psci-snap 0.1.0`. */
  readonly tool?: string
}

export interface Snapshot {
  readonly origin: Origin
  readonly gic: Gic
  readonly stop: StopReason
  readonly vm: VmState
  readonly vcpus: readonly VcpuSnapshot[]
  readonly devices: readonly DeviceSnapshot[]
  readonly memory: readonly MemoryRegion[]
  readonly machine?: MachineState
  /** Members, sections or keys that this release does not understand, kept byte for byte. */
  readonly unknown?: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}
