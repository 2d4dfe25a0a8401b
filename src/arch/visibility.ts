// table of which differences a guest can observe: by register and field, first row that fits. Each row is reviewed and names its source.
// Judges one register's two values; what a verdict makes of it is decided elsewhere (DESIGN.md §2).
import { diffFields } from './fields/fields.ts'
import {
  type GuestView,
  hasAArch32,
  hasCache,
  hasPauth,
  hasPmu,
  ID_AA64DFR0,
  ID_AA64MMFR3,
  ID_AA64PFR1,
  ID_AA64PFR2,
  idField,
  isAArch32Guest,
  isUnknownCounterMask,
  PMCR,
  UNKNOWN_PATTERN,
} from './guest-view.ts'
import { once } from './once.ts'
import { type RegId, regIndex } from './reg-id.ts'
import { compileSelector, type Selector, showSelector } from './selector.ts'
import { WORKAROUND_IDS, workaroundLevel } from './smccc.ts'
import { isVolatile } from './volatile.ts'

/** The pair of values that a row's condition looks at. */
export interface Difference {
  readonly id: RegId
  readonly written: bigint
  readonly readBack: bigint
  readonly guest: GuestView
}

export interface VisibilityRow {
  readonly registers: Selector
  /** Names of fields that the row is about; absent: all of them. */
  readonly fields?: readonly string[]
  /** What must hold besides, in words and in code. */
  readonly when?: readonly [string, (difference: Difference) => boolean]
  readonly visible: boolean
  readonly why: string
  readonly source: string
}

const MANUAL = 'Arm DDI 0487'
const RECORDED = 'recordings: replays and their guest calls'
const lacks = (register: RegId, lsb: number) => (d: Difference) => idField(d.guest, register, lsb) === 0
const sameGuestAnswer = (d: Difference): boolean => {
  const workaround = ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === d.id)
  if (workaround === undefined) return false
  const [a, b] = [workaroundLevel(workaround, d.written), workaroundLevel(workaround, d.readBack)]
  return a !== undefined && b !== undefined && a.guestSees === b.guestSees
}
const neverProgrammed = (d: Difference): boolean => {
  const control = d.guest.lookup?.(PMCR)
  return isUnknownCounterMask(d.written) && (control === undefined || (control & 1n) === 0n)
}

const LAST: VisibilityRow = {
  registers: {},
  visible: true,
  why: 'the guest reads another value than it wrote',
  source: MANUAL,
}

/** In order of precedence. */
export const VISIBILITY: readonly VisibilityRow[] = [
  {
    registers: {},
    when: ['it is a running counter', d => isVolatile(d.id)],
    visible: false,
    why: 'the counter runs on by itself',
    source: 'recordings: marked volatile in every replay',
  },

  // firmware
  {
    registers: { names: ['KVM_REG_ARM_PSCI_VERSION'] },
    visible: true,
    why: 'the guest is answered another PSCI version, with other functions',
    source: 'recordings: postver, psci',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] },
    when: ['SMCCC_ARCH_FEATURES answers the same for both levels', sameGuestAnswer],
    visible: false,
    why: 'the guest is answered the same for both levels',
    source: 'Linux arch/arm64/kvm/hypercalls.c: KVM maps both to one level before it compares',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] },
    visible: true,
    why: 'the guest is told of another mitigation level by SMCCC_ARCH_FEATURES',
    source: RECORDED,
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    visible: true,
    why: 'a service appears or vanishes for the guest',
    source: 'recordings: fweffect',
  },

  // timers
  {
    registers: { names: ['KVM_REG_ARM_TIMER_CTL', 'KVM_REG_ARM_PTIMER_CTL', 'CNTHP_CTL_EL2', 'CNTHV_CTL_EL2'] },
    fields: ['ISTATUS'],
    when: ['the timer is disabled in both values', d => ((d.written | d.readBack) & 1n) === 0n],
    visible: false,
    why: 'the status of a disabled timer is unknown by architecture',
    source: `${MANUAL}, CNTV_CTL_EL0.ISTATUS; recordings: kernels from 6.18 on read 0 where older ones read 4`,
  },
  {
    registers: { names: ['KVM_REG_ARM_TIMER_CTL', 'KVM_REG_ARM_PTIMER_CTL', 'CNTHP_CTL_EL2', 'CNTHV_CTL_EL2'] },
    fields: ['ISTATUS'],
    visible: false,
    why: 'the status follows from the running counter and the compare value, and is worked out anew at every read',
    source: `${MANUAL}, CNTV_CTL_EL0.ISTATUS; Linux arch/arm64/kvm/arch_timer.c: a write drops it`,
  },
  {
    registers: { classes: ['timer'] },
    visible: true,
    why: 'the guest reads another timer setting, and its timer interrupt comes at another time or not at all',
    source: MANUAL,
  },

  // registers that the guest cannot reach
  {
    registers: { groups: ['pmu'] },
    when: ['the guest has no PMU', d => hasPmu(d.guest) === false],
    visible: false,
    why: 'the guest has no PMU, so it cannot access the register',
    source: 'recordings: 5.10 lists 74 PMU registers without a PMU; Linux 11663111cd49',
  },
  {
    registers: { names: ['TCR2_EL1'] },
    when: ['ID_AA64MMFR3_EL1.TCRX is 0', lacks(ID_AA64MMFR3, 0)],
    visible: false,
    why: 'without FEAT_TCR2 an access is undefined',
    source: `${MANUAL}, TCR2_EL1; Linux 0fcb4eea5345`,
  },
  {
    registers: { names: ['PIR_EL1', 'PIRE0_EL1'] },
    when: ['ID_AA64MMFR3_EL1.S1PIE is 0', lacks(ID_AA64MMFR3, 8)],
    visible: false,
    why: 'without FEAT_S1PIE an access is undefined',
    source: `${MANUAL}, PIR_EL1; Linux a68cddbe47ef`,
  },
  {
    registers: { names: ['POR_EL1', 'POR_EL0'] },
    when: ['ID_AA64MMFR3_EL1.S1POE is 0', lacks(ID_AA64MMFR3, 16)],
    visible: false,
    why: 'without FEAT_S1POE an access is undefined',
    source: `${MANUAL}, POR_EL1`,
  },
  {
    registers: { names: ['SCTLR2_EL1'] },
    when: ['ID_AA64MMFR3_EL1.SCTLRX is 0', lacks(ID_AA64MMFR3, 4)],
    visible: false,
    why: 'without FEAT_SCTLR2 an access is undefined',
    source: `${MANUAL}, SCTLR2_EL1`,
  },
  {
    registers: { names: ['FPMR'] },
    when: ['ID_AA64PFR2_EL1.FPMR is 0', lacks(ID_AA64PFR2, 32)],
    visible: false,
    why: 'without FEAT_FPMR an access is undefined',
    source: `${MANUAL}, FPMR`,
  },
  {
    registers: { groups: ['mte'] },
    when: ['ID_AA64PFR1_EL1.MTE is 0', lacks(ID_AA64PFR1, 8)],
    visible: false,
    why: 'without memory tagging an access is undefined',
    source: `${MANUAL}, GCR_EL1`,
  },
  {
    registers: { groups: ['pauth'] },
    when: ['the guest has no pointer authentication', d => hasPauth(d.guest) === false],
    visible: false,
    why: 'without pointer authentication no instruction uses the key',
    source: `${MANUAL}, APIAKeyLo_EL1`,
  },
  {
    registers: { names: ['SPSR_abt', 'SPSR_und', 'SPSR_irq', 'SPSR_fiq', 'DACR32_EL2', 'IFSR32_EL2', 'FPEXC32_EL2', 'DBGVCR32_EL2'] },
    when: ['the vCPU is not in AArch32', d => isAArch32Guest(d.guest) === false],
    visible: false,
    why: 'it is state of AArch32 at EL1, which EL1 in AArch64 cannot access',
    source: `${MANUAL}, DACR32_EL2`,
  },
  {
    registers: { groups: ['el2'] },
    when: ['the vCPU has no EL2', d => d.guest.features !== undefined && !d.guest.features.includes('has_el2')],
    visible: false,
    why: 'the guest has no EL2',
    source: MANUAL,
  },

  // values that nobody chose
  {
    registers: { names: ['PMSWINC_EL0'] },
    visible: false,
    why: 'the register can only be written; reading it gives nothing',
    source: `${MANUAL}, PMSWINC_EL0`,
  },
  {
    registers: { names: ['PMCNTENSET_EL0', 'PMCNTENCLR_EL0', 'PMINTENSET_EL1', 'PMINTENCLR_EL1', 'PMOVSSET_EL0', 'PMOVSCLR_EL0'] },
    when: ['the PMU is off and the value is the reset pattern, which the guest never replaced', neverProgrammed],
    visible: false,
    why: 'the value is unknown at reset and the guest never wrote it',
    source: 'Linux arch/arm64/kvm/sys_regs.c, reset_unknown(); recordings: 6.12 clears these bits in its own replays',
  },
  {
    registers: { classes: ['system'] },
    when: ['the value written is the reset pattern, which the guest never replaced', d => d.written === UNKNOWN_PATTERN],
    visible: false,
    why: 'the value is unknown at reset and the guest never wrote it',
    source: 'Linux arch/arm64/kvm/sys_regs.c, reset_unknown()',
  },
  {
    registers: { names: ['PMEVCNTR*_EL0', 'PMEVTYPER*_EL0'] },
    when: ['only bits 63:32 differ and the PMU is older than PMUv3p5', d => ((d.written ^ d.readBack) & 0xffff_ffffn) === 0n && pmuVersionBelow(d.guest, 6)],
    visible: false,
    why: 'before PMUv3p5 event counters have 32 bits',
    source: `${MANUAL}, PMEVCNTR<n>_EL0`,
  },
  {
    registers: { groups: ['pmu'] },
    visible: true,
    why: 'the guest reads another PMU setting or count',
    source: `${MANUAL}; recordings: writes are masked by the number of counters`,
  },

  // identity
  {
    registers: { groups: ['aarch32-id'] },
    when: ['the CPU has no AArch32 (ID_AA64PFR0_EL1.EL0 is 1)', d => hasAArch32(d.guest) === false],
    visible: false,
    why: 'without AArch32 the register holds nothing that a guest may rely on',
    source: `${MANUAL}, ID_PFR0_EL1`,
  },
  {
    registers: { classes: ['demux'] },
    when: ['CLIDR_EL1 says that the guest has no such cache', d => hasCache(d.guest, regIndex(d.id) & 0xff) === false],
    visible: false,
    why: 'the geometry of a cache that is not there is unknown by architecture',
    source: `${MANUAL}, CCSIDR_EL1`,
  },
  {
    registers: { groups: ['id', 'aarch32-id', 'reserved-id'] },
    visible: true,
    why: 'the guest reads another CPU identity or feature',
    source: `${MANUAL}; Linux arch/arm64/tools/sysreg`,
  },
  {
    registers: { groups: ['cache'] },
    visible: true,
    why: 'the guest reads other caches or line sizes',
    source: MANUAL,
  },

  // everything else is the guest's own state
  {
    registers: { names: ['OSLSR_EL1'] },
    visible: true,
    why: 'the guest reads another state of the OS lock',
    source: `${MANUAL}, OSLSR_EL1`,
  },
  {
    registers: { classes: ['core', 'sve'] },
    visible: true,
    why: "it is the guest's own state",
    source: MANUAL,
  },
  LAST,
]

function pmuVersionBelow(guest: GuestView, version: number): boolean {
  const found = idField(guest, ID_AA64DFR0, 8)
  return found !== undefined && found !== 15 && found < version
}

export interface Visibility {
  readonly visible: boolean
  /** Names of the fields that differ and that the guest can observe; when none, of those that differ. Empty for a register without fields. */
  readonly fields: readonly string[]
  readonly why: string
  readonly source: string
}

const compiled = once(() => VISIBILITY.map(row => ({ row, isMeant: compileSelector(row.registers) })))
const SAME: Visibility = { visible: false, fields: [], why: 'the values are equal', source: 'arithmetic' }

/**
 * Whether a guest can observe that a register reads back `readBack` where `written` was saved. `guest` (the saved registers, the vCPU features)
 * makes the answer sharper: without it a doubt counts as visible.
 */
export function visibleDifference(id: RegId, written: bigint, readBack: bigint, guest: GuestView = {}): Visibility {
  if (written === readBack) return SAME
  const difference = { id, written, readBack, guest }
  const rows = compiled().filter(({ isMeant }) => isMeant(id))
  const changes = diffFields(id, written, readBack).map(change => change.name)
  const judged = (changes.length > 0 ? changes : [undefined]).map(field => {
    const found = rows.find(
      ({ row }) => (row.fields === undefined || (field !== undefined && row.fields.includes(field))) && (row.when?.[1](difference) ?? true),
    )
    return { field, row: found?.row ?? LAST }
  })
  const seen = judged.filter(({ row }) => row.visible)
  const told = seen.length > 0 ? seen : judged
  const row = told[0]?.row ?? LAST
  return { visible: seen.length > 0, fields: told.flatMap(({ field }) => field ?? []), why: row.why, source: row.source }
}

/** The table in words, for docs/registers.md. */
export const visibilityText = (): readonly {
  readonly registers: string
  readonly fields: string
  readonly when: string
  readonly visible: boolean
  readonly why: string
  readonly source: string
}[] =>
  VISIBILITY.map(({ registers, fields, when, visible, why, source }) => ({
    registers: showSelector(registers),
    fields: fields?.join(', ') ?? '',
    when: when?.[0] ?? '',
    visible,
    why,
    source,
  }))
