// Owns the type of what one host kernel does, whatever CPU it runs on: the data half of every KVM rule. How a rule works is code, in
// emulator/kvm/, one file a family. Values here come from recordings (recorded/); `inferred` names those that no recording shows.

import type { FirmwareRules } from './firmware-rules.ts'

/** A system register by its 16-bit encoding op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2: the index of its ONE_REG id. */
export type Encoding = number

/** vCPU features (or in-kernel device) that a register may depend on. */
export type Need = 'pmu' | 'sve' | 'pauth' | 'el2'

/** How KVM_SET_ONE_REG treats a system register; one function each in emulator/kvm/. */
export const SYSREG_RULES = [
  'rw', // stored as it is
  'id', // feature ID register of the VM
  'imp', // MIDR, REVIDR, AIDR
  'ctr', // CTR_EL0
  'mpidr', // stored; when it is reset again differs
  'clidr',
  'oslsr', // only OSLK may change
  'ignored', // reads 0, writes are ignored
  'pmcr',
  'pmset', // PMCNTENSET, PMINTENSET, PMOVSSET
  'pmclr', // PMCNTENCLR, PMINTENCLR, PMOVSCLR: the same storage as its SET twin
  'pmmir',
  'pmevcnt', // PMEVCNTR: 32 bits wide unless the VM's PMU is v3.5
  'vcnt', // virtual counter
  'pcnt', // physical counter
  'tctl', // timer control, ISTATUS is not state
] as const
export type SysregRule = (typeof SYSREG_RULES)[number]

export interface FieldAtLeast {
  readonly encoding: Encoding
  readonly shift: number
  readonly atLeast: number
}

export interface SysregRow {
  readonly encoding: Encoding
  /** Value after KVM_ARM_VCPU_INIT on most recorded hosts; a host's own values override it. */
  readonly reset: bigint
  readonly rule: SysregRule
  /** Listed and reachable only with this feature. */
  readonly needs?: Need
  /** Listed and reachable only while the VM's ID register says so. */
  readonly field?: FieldAtLeast
}

export interface FirmwareBitmap {
  readonly index: number
  readonly bits: bigint
  readonly initial: bigint
}

export interface Provenance {
  /** Name of the recording, as in `6.12.117-cortex-a72`, or the file it came from. */
  readonly recording: string
  readonly sha256: string
  readonly package?: string
  readonly uname?: string
  readonly qemuCpu?: string
  /** `uname -v`: which compilation of it. */
  readonly unameVersion?: string
  /** Name, revision and MIDR_EL1 of the CPU that a probe ran on. */
  readonly cpu?: string
  /** The kernel's command line there. */
  readonly commandLine?: string
  /** What recorded it, with its version. */
  readonly tool?: string
  /** What emulated the host, with its version, and what stood below the kernel there. */
  readonly emulator?: string
  readonly hostFirmware?: string
  /** Build date that the kernel itself reports, or the snapshot's origin. */
  readonly date?: string
}

/** Values that older kernels exposed and newer ones accept and drop; each is one rule of emulator/kvm/id-registers.ts. */
export const FORGIVENESS = ['mpam', 'nv', 'pmuver-impdef', 'mte-frac', 'double-lock'] as const
export type Forgiveness = (typeof FORGIVENESS)[number]

export interface IdRegisterRules {
  /** `invariant`: only what KVM itself says, but for `lowerable`. `masked`: safe values of writable fields until the first run. */
  readonly policy: 'invariant' | 'masked'
  /** Per register, the bits that KVM_ARM_GET_REG_WRITABLE_MASKS reports. */
  readonly writable: ReadonlyMap<Encoding, bigint>
  /** Writable bits that no field of this kernel's feature table covers: in practice fixed. */
  readonly uncovered: ReadonlyMap<Encoding, bigint>
  /** `invariant` policy: fields that may still be lowered, at any time. */
  readonly lowerable: readonly { readonly encoding: Encoding; readonly shift: number }[]
  /** errno of a differing write after the first run (EBUSY or EINVAL). */
  readonly afterRun: number
  readonly forgives: readonly Forgiveness[]
  /** A value below these is refused whatever the field's type says. */
  readonly minimum: readonly FieldAtLeast[]
  /** AArch32 ID registers of a host without AArch32: `ignored` takes any value and keeps 0, `exact` wants the host's. */
  readonly aarch32Absent: 'ignored' | 'exact'
  /** MPIDR_EL1 and CLIDR_EL1 keep what userspace wrote over a second KVM_ARM_VCPU_INIT and a PSCI reset. */
  readonly keepsPerVcpu: boolean
  /** Fields of the interrupt controller that the first run clears: when there is no in-kernel GICv3, or no in-kernel GIC at all. */
  readonly firstRunClears: readonly { readonly encoding: Encoding; readonly mask: bigint; readonly unless: 'v3' | 'irqchip' }[]
  /** Creating a GICv3 sets these fields to 1. */
  readonly gicV3Sets: readonly { readonly encoding: Encoding; readonly shift: number }[]
  /** Fields that the first run clears while another field of the same VM is 0. */
  readonly firstRunDependencies: readonly { readonly encoding: Encoding; readonly shift: number; readonly requires: FieldAtLeast }[]
}

export interface KernelRules {
  /** Exact release: `6.12.117`. */
  readonly release: string
  readonly provenance: readonly Provenance[]
  readonly inferred: readonly string[]
  /** System registers in the order of KVM_GET_REG_LIST, timers included. */
  readonly sysregs: readonly SysregRow[]
  readonly psci: {
    readonly accepted: readonly number[]
    readonly initial: number
    readonly acceptedWithout02: readonly number[]
    readonly initialWithout02: number
  }
  /** Which SMCCC_ARCH_WORKAROUND_n registers exist. */
  readonly workarounds: readonly (1 | 2 | 3)[]
  /** WORKAROUND_2 is judged by the VM's ID_AA64PFR1_EL1.SSBS, not by the host's. */
  readonly workaround2FollowsVm: boolean
  /** Values of WORKAROUND_2 that map to its two levels; any other is EINVAL. */
  readonly workaround2: { readonly low: readonly bigint[]; readonly high: readonly bigint[] }
  readonly bitmaps: readonly FirmwareBitmap[]
  readonly idRegisters: IdRegisterRules
  /** Implementation ID registers become writable with KVM_CAP_ARM_WRITABLE_IMP_ID_REGS. */
  readonly writableImpId: boolean
  readonly clidr: 'invariant' | 'checked'
  /** CCSIDR: `host` lists and takes only the host's own; `virtual` has all selectors, writable. */
  readonly demux: { readonly policy: 'host' | 'virtual'; readonly selectors: number }
  readonly timers: {
    /** ISTATUS of a timer control register reads as the comparison, or never appears. */
    readonly istatus: 'computed' | 'absent'
    /** KVM_ARM_SET_COUNTER_OFFSET exists; once used, writes of the counters are ignored. */
    readonly counterOffset: boolean
    /** A reset stops the timers but leaves their compare values. */
    readonly keepsCompare: boolean
  }
  readonly pmu: {
    /** Writes of the SET and CLR twins: `store` as is, `masked` by the counters that exist, `set-clear` like the instruction would. */
    readonly setClear: 'store' | 'masked' | 'set-clear'
    /** PMCR_EL0 bits that a write keeps besides N, where the register has a rule of its own. */
    readonly pmcrMask: bigint
  }
  readonly init: {
    /** Feature bits that exist; a higher one is ENOENT. */
    readonly known: number
    /** Every vCPU of a VM needs the same features. */
    readonly sameFeatures: boolean
    /** A second KVM_ARM_VCPU_INIT may not even change POWER_OFF. */
    readonly comparesPowerOff: boolean
    /** The 32-bit check counts vCPUs that are not yet initialised as 64-bit ones. */
    readonly widthCountsUninitialised: boolean
    /** EL2_E2H0 without EL2 is taken on a host without nested virtualisation. */
    readonly e2h0Alone: boolean
  }
  readonly mpStates: readonly number[]
  readonly smcccFilter: boolean
  /** What a guest's calls are answered with. */
  readonly firmware: FirmwareRules
  readonly systemSuspend: boolean
}
