// Owns the shape of what `inspect` returns: part of the JSON contract of DESIGN.md §6. No behaviour.
import type { Finding } from '../model/finding.ts'
import type { GicSummary } from '../model/gic.ts'
import type { Gic, MpState, Origin, StopReason } from '../model/snapshot.ts'
import type { HostCandidates } from './host-candidates.ts'
import type { RegisterRow } from './reports.ts'
import type { FileIdentity } from './run/boot-record.ts'
import type { Disassembly } from './walk/disassembly.ts'
import type { WalkReport } from './walk/walk-report.ts'

export interface InspectReport {
  readonly format: { readonly id: string; readonly version?: string }
  /** `size` and `sha256` are of the file on disk, `unpacked` counts what is in a compressed one. */
  readonly file: { readonly name: string; readonly size: number; readonly compression?: string; readonly unpacked?: number; readonly sha256?: string }
  /** What ran the guest, when the file tells. */
  readonly accelerator?: 'kvm' | 'tcg'
  /** Host kernels by the register list; absent when the file names its build or no KVM ran the guest. */
  readonly host?: HostCandidates
  readonly origin: Origin
  readonly stop: StopReason
  readonly gic: Gic
  readonly psci: { readonly version: string | null; readonly perVcpu: readonly (string | null)[] }
  /** What the register list shows when the file does not name the features: sets that fit, the most likely first. */
  readonly inferredFeatures?: readonly (readonly string[])[]
  readonly vcpus: readonly InspectedVcpu[]
  /** Interrupts by number; absent when the file has no state of an interrupt controller, or none that is read. */
  readonly interrupts?: GicSummary
  readonly timers: TimersReport
  readonly devices: readonly { readonly name: string; readonly kind: string }[]
  /** How the guest was booted; absent when the file does not say. */
  readonly boot?: BootReport
  /** `present`: bytes that are not zero, in whole pages or chunks of the file; absent when only reading all would tell (`--full`). */
  readonly memory: readonly { readonly name: string; readonly start: string; readonly size: number; readonly present?: number }[]
  /** What --memory asked for. */
  readonly bytes?: BytesReport
  /** What --find found. */
  readonly found?: FoundReport
  /** What --acpi found. */
  readonly acpi?: AcpiReport
  /** What --walk asked for. */
  readonly walks?: readonly WalkReport[]
  readonly findings: readonly Finding[]
}

/** Of a guest with a kernel of the user's. Paths are those on the host that saved it. */
export interface BootReport {
  readonly kernel: FileIdentity
  readonly initrd?: FileIdentity
  readonly append?: string
  /** sha256, hex. */
  readonly deviceTree: string
  readonly seed?: string
  readonly disks: readonly (FileIdentity & { readonly device: string; readonly readOnly: boolean })[]
}

export interface TimersReport {
  /** CNTFRQ_EL0 in Hz, when the file has it. */
  readonly frequency?: number
  /** Ticks between the lowest and the highest virtual counter of the vCPUs; absent for fewer than two. */
  readonly skew?: string
  readonly vcpus: readonly VcpuTimers[]
}
export interface VcpuTimers {
  readonly index: number
  readonly counter?: string
  readonly physicalCounter?: string
  readonly virtual?: TimerReport
  readonly physical?: TimerReport
}
/** A timer as it was saved: `due` is the compare value less the counter in ticks, a decimal number, negative when it has passed. */
export interface TimerReport {
  readonly enabled: boolean
  readonly masked: boolean
  readonly compare?: string
  readonly due?: string
}

export interface BytesReport {
  readonly address: string
  readonly region: string
  readonly hex: string
}

/** What a search through guest memory found; addresses are guest physical. */
export interface FoundReport {
  /** Bytes of memory that were searched: those that are not zero. */
  readonly searched: number
  readonly kernels: readonly { readonly banner: string; readonly addresses: readonly string[] }[]
  readonly deviceTrees: readonly FoundTree[]
  readonly acpi: readonly FoundAcpi[]
}
export interface FoundTree {
  readonly address: string
  readonly size: number
  readonly nodes: number
  readonly model?: string
  readonly compatible?: readonly string[]
  readonly bootargs?: string
  /** Properties of the node /psci: texts, or numbers as `0x…`. */
  readonly psci?: Readonly<Record<string, readonly string[]>>
}
export interface FoundAcpi {
  readonly address: string
  readonly revision: number
  readonly oem: string
  readonly checksumOk: boolean
  readonly tables: readonly FoundTable[]
  /** From the FADT: whether the guest is told to use PSCI, and by which conduit. */
  readonly psci?: { readonly compliant: boolean; readonly conduit: 'hvc' | 'smc' }
  /** From the FADT: the guest's hardware is "reduced", so a FACS is optional. */
  readonly hardwareReduced?: boolean
  /** Of the FACS: changes when the hardware does, so that a hibernated guest is not resumed on another. */
  readonly hardwareSignature?: string
  /** The FACS that the FADT leads to; absent where there is none. */
  readonly facs?: FacsReport
  /** Why there is no more: a table that is not in memory, or whose length makes no sense. */
  readonly fault?: string
}
export interface FoundTable {
  readonly signature: string
  readonly address: string
  readonly length: number
  /** Absent for the FACS, which has none. */
  readonly checksumOk?: boolean
}

/** A FACS; vectors are where firmware goes on when it wakes the guest, 0 for nowhere. */
export interface FacsReport {
  /** Guest physical; of one that a VMM carries, the offset in its blob. */
  readonly address: string
  readonly length: number
  readonly version: number
  readonly hardwareSignature: string
  readonly wakingVector: string
  readonly xWakingVector: string
  readonly flags: string
}

/** The ACPI tables of a guest: in its memory, and as its VMM keeps them for firmware. */
export interface AcpiReport {
  /** Bytes of memory that were searched: those that are not zero. */
  readonly searched: number
  readonly memory: readonly FoundAcpi[]
  readonly carried: readonly CarriedAcpi[]
  /** In memory by signature and length, and no table leads to it: the remains of one, or none at all. */
  readonly candidates: readonly FacsReport[]
}
/** A blob of tables before firmware has seen it: addresses are offsets, and checksums are not made yet. */
export interface CarriedAcpi {
  /** The device of the snapshot that holds it. */
  readonly device: string
  readonly tables: readonly { readonly signature: string; readonly offset: number; readonly length: number }[]
  /** `linked`: a FADT of the blob leads to it. */
  readonly facs: readonly (FacsReport & { readonly linked: boolean })[]
}

export interface InspectedVcpu {
  readonly index: number
  readonly mpState: MpState
  readonly psci: string | null
  /** MIDR_EL1, which says which CPU it is. */
  readonly midr?: string
  readonly pc: string | null
  readonly pstate: string | null
  /** PSTATE in words; absent without it. */
  readonly state?: {
    /** `EL1h`, `EL0t`, `EL1 svc`. */
    readonly el: string
    /** `nZCv`: capital letters are set. */
    readonly flags: string
    /** Exceptions that are masked, of `DAIF`. */
    readonly masked: string
    /** Everything else that is set: `PAN`, `SSBS`, `BTYPE=1`. */
    readonly others: readonly string[]
  }
  readonly features?: readonly string[]
  readonly count: number
  readonly registers: readonly InspectedRegister[]
  /** What --disassemble asked for. */
  readonly disassembly?: Disassembly
}

export interface InspectedRegister extends RegisterRow {
  /** Of a firmware register: its value in words. */
  readonly meaning?: string
  readonly fields?: readonly { readonly name: string; readonly msb: number; readonly lsb: number; readonly value: string; readonly meaning?: string }[]
}
