// table of refused registers: may a VMM leave this one out without the guest noticing, and why. First row that fits; every row names its source.
// Advice for a reader of a report. A replay never drops anything by itself.
import type { ErrnoName } from './errno.ts'
import { diffFields } from './fields/fields.ts'
import { CLIDR, type GuestView, hasAArch32, hasCache, hasPauth, hasPmu, ID_AA64MMFR3, ID_AA64PFR1, ID_AA64PFR2, idField } from './guest-view.ts'
import { once } from './once.ts'
import { showPsciVersion } from './psci.ts'
import { type RegId, regIndex, sysRegId } from './reg-id.ts'
import { compileSelector, type Selector, showSelector } from './selector.ts'
import { BITMAP_BITS, showWorkaround, WORKAROUND_IDS } from './smccc.ts'

/** What a row looks at: the saved value, the errno of the write, the guest, and what the target reads there when it can be read. */
export interface Refusal {
  readonly id: RegId
  readonly value: bigint
  readonly errno: string
  readonly guest: GuestView
  readonly targetValue?: bigint
}

export interface DroppableRow {
  readonly registers: Selector
  readonly errnos?: readonly ErrnoName[]
  /** What must hold besides, in words and in code. */
  readonly when?: readonly [string, (refusal: Refusal) => boolean]
  readonly droppable: boolean
  /** A sentence for the operator; a function where the value belongs into it. */
  readonly reason: string | ((refusal: Refusal) => string)
  readonly source: string
}

export interface DropAdvice {
  readonly droppable: boolean
  readonly reason: string
  readonly source: string
}

const MANUAL = 'Arm DDI 0487'
const PTIMER_CTL = sysRegId(3, 3, 14, 2, 1)
const TIMER_ENABLE = 1n
/** OSLM says that the OS lock exists, OSLK is clear: what a guest of a kernel without this register reads. */
const OS_LOCK_OPEN = 0x8n

const field = (register: RegId, lsb: number) => (refusal: Refusal) => idField(refusal.guest, register, lsb)
const lacks = (register: RegId, lsb: number) => (refusal: Refusal) => field(register, lsb)(refusal) === 0
const announces = (register: RegId, lsb: number) => (refusal: Refusal) => (field(register, lsb)(refusal) ?? 0) !== 0

/** `PSTATE.M, PSTATE.D`-like list of what differs from the target, for a sentence. */
function differingFields({ id, value, targetValue }: Refusal): string {
  if (targetValue === undefined) return ''
  const changes = diffFields(id, value, targetValue).map(
    change => `${change.name} ${change.beforeMeaning ?? change.before}, there ${change.afterMeaning ?? change.after}`,
  )
  return changes.length > 0 ? ` (${changes.join('; ')})` : ''
}

function services(refusal: Refusal): string {
  const names = BITMAP_BITS.filter(row => row.register === refusal.id && ((refusal.value >> BigInt(row.bit)) & 1n) === 1n).map(row => row.service)
  return names.length > 0 ? names.join(' and ') : 'service'
}

const workaroundOf = (id: RegId) => ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id) ?? 1
const ptimerIsOff = (refusal: Refusal): boolean | undefined => {
  const control = refusal.id === PTIMER_CTL ? refusal.value : refusal.guest.lookup?.(PTIMER_CTL)
  return control === undefined ? undefined : (control & TIMER_ENABLE) === 0n
}

/** A feature-gated register, judged by the ID field that tells the guest of the feature. */
const gated = (names: readonly string[], feature: string, fieldName: string, register: RegId, lsb: number, source: string): readonly DroppableRow[] => [
  {
    registers: { names },
    errnos: ['ENOENT'],
    when: [`${fieldName} is 0`, lacks(register, lsb)],
    droppable: true,
    reason: `the guest's CPU has no ${feature} (${fieldName} is 0), so the guest cannot access the register; some kernels list it all the same`,
    source,
  },
  {
    registers: { names },
    errnos: ['ENOENT'],
    when: [`${fieldName} is not 0`, announces(register, lsb)],
    droppable: false,
    reason: `the guest was told that it has ${feature} (${fieldName}), and the target does not give it`,
    source,
  },
  {
    registers: { names },
    errnos: ['ENOENT'],
    droppable: false,
    reason: `only a guest without ${feature} can do without it, and the file does not hold the ID register that would say so`,
    source,
  },
]

/** In order of precedence. */
export const DROPPABLE: readonly DroppableRow[] = [
  // firmware
  {
    registers: { names: ['KVM_REG_ARM_PSCI_VERSION'] },
    droppable: false,
    reason: ({ value, targetValue }) =>
      `the target does not know PSCI ${showPsciVersion(value)}; without this register the guest's firmware silently becomes ${targetValue === undefined ? "the target's default" : `PSCI ${showPsciVersion(targetValue)}`}`,
    source: 'recordings: replays and their guest calls; Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] },
    errnos: ['ENOENT'],
    when: ['the value is 0 (NOT_AVAIL)', ({ value }) => value === 0n],
    droppable: true,
    reason: 'the guest was told that no mitigation is available, which is what a kernel without this register tells it too',
    source: 'Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] },
    droppable: false,
    reason: ({ id, value, targetValue }) =>
      `the guest relies on mitigation level ${showWorkaround(workaroundOf(id), value)}, and the target ${targetValue === undefined ? 'cannot promise it' : `has ${showWorkaround(workaroundOf(id), targetValue)}`}; the guest would run less protected than it believes`,
    source: 'recordings: fwwrite, cross-host replays; Linux 99adb567632b',
  },
  {
    registers: { names: ['KVM_REG_ARM_VENDOR_HYP_BMAP_2'] },
    errnos: ['ENOENT'],
    when: ['the value is 0', ({ value }) => value === 0n],
    droppable: true,
    reason: 'none of its services is switched on, and a kernel without this register offers none of them',
    source: 'recordings: listed with 0 by every kernel that knows it; QEMU drops it likewise when it is 0',
  },
  {
    registers: { names: ['KVM_REG_ARM_STD_BMAP', 'KVM_REG_ARM_VENDOR_HYP_BMAP'] },
    errnos: ['ENOENT'],
    when: ['the value is 0', ({ value }) => value === 0n],
    droppable: true,
    reason: 'none of its services is switched on; the recorded kernel without this register (5.10) offers none of them either',
    source: 'recordings: 5.10 answers NOT_SUPPORTED to every one of these calls',
  },
  {
    registers: { names: ['KVM_REG_ARM_STD_HYP_BMAP'] },
    errnos: ['ENOENT'],
    when: ['the value is 1', ({ value }) => value === 1n],
    droppable: true,
    reason: 'the recorded kernel without this register (5.10) offers stolen time all the same',
    source: 'recordings: 5.10 answers SMCCC_ARCH_FEATURES(PV_TIME_FEATURES) with success',
  },
  {
    registers: { names: ['KVM_REG_ARM_STD_HYP_BMAP'] },
    errnos: ['ENOENT'],
    droppable: false,
    reason: 'stolen time is switched off for this guest, and a kernel without this register offers it',
    source: 'recordings: 5.10 answers SMCCC_ARCH_FEATURES(PV_TIME_FEATURES) with success',
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    errnos: ['ENOENT'],
    droppable: false,
    reason: refusal => `the guest may use the ${services(refusal)}, which a kernel without this register does not offer`,
    source: 'recordings: psci, fweffect',
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    errnos: ['EBUSY'],
    droppable: false,
    reason: 'service bitmaps are settled once a vCPU of the VM ran; they must be written before that',
    source: 'recordings: fwwrite after the first run',
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    droppable: false,
    reason: 'the target does not know one of the services that the guest may use',
    source: 'recordings: fwwrite',
  },

  // SVE
  {
    registers: { names: ['KVM_REG_ARM64_SVE_VLS'] },
    errnos: ['EPERM'],
    when: ['the target has the same vector lengths', ({ value, targetValue }) => targetValue === value],
    droppable: true,
    reason: 'it was written after finalize, when it is settled; the target has the same vector lengths, so nothing is lost',
    source: 'recordings: raw-order replays; Linux Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS',
  },
  {
    registers: { names: ['KVM_REG_ARM64_SVE_VLS'] },
    errnos: ['EPERM'],
    droppable: false,
    reason: 'vector lengths must be written between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE; afterwards the guest has the wrong ones',
    source: 'Linux Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS',
  },
  {
    registers: { names: ['KVM_REG_ARM64_SVE_VLS'] },
    errnos: ['EINVAL'],
    droppable: false,
    reason: "the target's CPU does not have exactly the vector lengths that the guest knows",
    source: 'Linux Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS',
  },
  {
    registers: { classes: ['sve'] },
    droppable: false,
    reason: 'it holds SVE state of the guest, and the target vCPU has no SVE or is not finalized',
    source: 'recordings: errs; Linux arch/arm64/kvm/guest.c',
  },

  // core
  {
    registers: { names: ['V*'], classes: ['core'] },
    errnos: ['EINVAL'],
    droppable: false,
    reason: 'on a vCPU with SVE the vector registers are Z0-Z31; their contents must be written there',
    source: 'recordings: errs; Linux arch/arm64/kvm/guest.c',
  },
  {
    registers: { names: ['PSTATE'] },
    errnos: ['EINVAL'],
    droppable: false,
    reason: 'the target vCPU cannot be in the mode that PSTATE names (AArch32 or EL2 without the feature)',
    source: 'Linux arch/arm64/kvm/guest.c, set_core_reg()',
  },
  {
    registers: { classes: ['core'] },
    droppable: false,
    reason: 'it is state that the guest runs on',
    source: MANUAL,
  },

  // registers of features
  {
    registers: { names: ['PMMIR_EL1'] },
    errnos: ['ENOENT'],
    when: ['the value is 0', ({ value }) => value === 0n],
    droppable: true,
    reason: 'it reads 0, and a kernel without this register shows the guest 0 as well',
    source: 'Linux arch/arm64/kvm/sys_regs.c: PMMIR_EL1 read as zero before it became a register',
  },
  {
    registers: { groups: ['pmu'] },
    errnos: ['ENOENT'],
    when: ['the guest has no PMU', ({ guest }) => hasPmu(guest) === false],
    droppable: true,
    reason: 'listed by 5.10 kernels without a PMU; the guest has no PMU, so nothing is lost',
    source: 'recordings: 5.10 psci02 against every later kernel; Linux 11663111cd49',
  },
  {
    registers: { groups: ['pmu'] },
    errnos: ['ENOENT'],
    when: ['it is not known whether the guest has a PMU', ({ guest }) => hasPmu(guest) === undefined],
    droppable: false,
    reason: 'only a guest without a PMU can do without it, and the file does not say whether this one has a PMU',
    source: 'recordings: 5.10 lists these registers with and without a PMU',
  },
  {
    registers: { groups: ['pmu'] },
    droppable: false,
    reason: 'the guest has a PMU, and the target vCPU has none or another one',
    source: 'Linux arch/arm64/kvm/sys_regs.c, pmu_visibility()',
  },
  ...gated(['TCR2_EL1'], 'FEAT_TCR2', 'ID_AA64MMFR3_EL1.TCRX', ID_AA64MMFR3, 0, 'recordings: 6.12 to 6.16 and later on cortex-a72; Linux 0fcb4eea5345'),
  ...gated(
    ['PIR_EL1', 'PIRE0_EL1'],
    'FEAT_S1PIE',
    'ID_AA64MMFR3_EL1.S1PIE',
    ID_AA64MMFR3,
    8,
    'recordings: 6.12 to 6.16 and later on cortex-a72; Linux a68cddbe47ef',
  ),
  ...gated(['POR_EL1', 'POR_EL0'], 'FEAT_S1POE', 'ID_AA64MMFR3_EL1.S1POE', ID_AA64MMFR3, 16, `${MANUAL}, POR_EL1`),
  ...gated(['SCTLR2_EL1'], 'FEAT_SCTLR2', 'ID_AA64MMFR3_EL1.SCTLRX', ID_AA64MMFR3, 4, `recordings: 6.18 and later to 6.16; ${MANUAL}, SCTLR2_EL1`),
  ...gated(['FPMR'], 'FEAT_FPMR', 'ID_AA64PFR2_EL1.FPMR', ID_AA64PFR2, 32, `recordings: max to cortex-a72; ${MANUAL}, FPMR`),
  ...gated(['RGSR_EL1', 'GCR_EL1', 'TFSR_EL1', 'TFSRE0_EL1'], 'memory tagging', 'ID_AA64PFR1_EL1.MTE', ID_AA64PFR1, 8, `${MANUAL}, GCR_EL1`),
  {
    registers: { groups: ['pauth'] },
    errnos: ['ENOENT'],
    when: ['the guest has no pointer authentication', ({ guest }) => hasPauth(guest) === false],
    droppable: true,
    reason: 'the guest has no pointer authentication, so no instruction uses the key',
    source: `${MANUAL}, APIAKeyLo_EL1`,
  },
  {
    registers: { groups: ['pauth'] },
    droppable: false,
    reason: 'without its key the guest fails at the first pointer that it authenticates',
    source: `${MANUAL}, APIAKeyLo_EL1`,
  },
  {
    registers: { names: ['ZCR_EL1'] },
    droppable: false,
    reason: 'it belongs to SVE, which the guest has and the target vCPU does not',
    source: 'Linux arch/arm64/kvm/sys_regs.c, sve_visibility()',
  },
  {
    registers: { groups: ['el2'] },
    errnos: ['ENOENT'],
    when: ['the vCPU has no EL2', ({ guest }) => guest.features !== undefined && !guest.features.includes('has_el2')],
    droppable: true,
    reason: 'the guest has no EL2, so it never saw the register',
    source: 'Linux arch/arm64/kvm/sys_regs.c, el2_visibility()',
  },
  {
    registers: { groups: ['el2'] },
    droppable: false,
    reason: "it is state of the guest's own hypervisor, which the target does not support",
    source: 'Linux arch/arm64/kvm/sys_regs.c, el2_visibility()',
  },

  // timers
  {
    registers: { names: ['KVM_REG_ARM_PTIMER_CTL', 'KVM_REG_ARM_PTIMER_CVAL'] },
    errnos: ['ENOENT'],
    when: ['the physical timer is disabled', refusal => ptimerIsOff(refusal) === true],
    droppable: true,
    reason: 'the physical timer is disabled, so no interrupt is lost; a guest that uses it writes the compare value before it enables it',
    source: 'recordings: 6.12 and later to 6.1; Linux arch/arm64/kvm/arch_timer.c',
  },
  {
    registers: { names: ['KVM_REG_ARM_PTIMER_CTL', 'KVM_REG_ARM_PTIMER_CVAL'] },
    errnos: ['ENOENT'],
    droppable: false,
    reason: 'the guest may be waiting for its physical timer; without this register the interrupt never comes',
    source: 'recordings: 6.12 and later to 6.1; Linux arch/arm64/kvm/arch_timer.c',
  },
  {
    registers: { names: ['KVM_REG_ARM_PTIMER_CNT'] },
    errnos: ['ENOENT'],
    droppable: false,
    reason: "a kernel without this register shows the guest the host's own physical counter: for the guest that clock jumps",
    source: 'recordings: 6.12 and later to 6.1; Linux Documentation/virt/kvm/api.rst, KVM_CAP_COUNTER_OFFSET',
  },
  {
    registers: { classes: ['timer'] },
    droppable: false,
    reason: 'without it the clock of the guest jumps or its timer interrupt is lost',
    source: 'Linux arch/arm64/kvm/arch_timer.c',
  },

  // caches
  {
    registers: { classes: ['demux'] },
    when: ['CLIDR_EL1 says that the guest has no such cache', ({ id, guest }) => hasCache(guest, regIndex(id) & 0xff) === false],
    droppable: true,
    reason: ({ guest }) => `CLIDR_EL1 (0x${(guest.lookup?.(CLIDR) ?? 0n).toString(16)}) says that the guest has no such cache, so the value describes nothing`,
    source: `recordings: 6.12 and later to 6.1; ${MANUAL}, CCSIDR_EL1`,
  },
  {
    registers: { classes: ['demux'] },
    droppable: false,
    reason: refusal => `the guest would find another cache than it has seen${differingFields(refusal)}; older kernels only take the geometry of their own host`,
    source: 'recordings: 6.12 and later to 6.1; Linux arch/arm64/kvm/sys_regs.c',
  },
  {
    registers: { names: ['CLIDR_EL1'] },
    droppable: false,
    reason: refusal => `the guest would find other cache levels than it has seen${differingFields(refusal)}; older kernels only take those of their own host`,
    source: 'recordings: 6.12 and later to 6.1; Linux arch/arm64/kvm/sys_regs.c',
  },
  {
    registers: { names: ['CTR_EL0'] },
    droppable: false,
    reason: refusal => `the guest maintains caches by what this register says${differingFields(refusal)}; with other line sizes or rules it could lose data`,
    source: `recordings: cross-host replays; ${MANUAL}, CTR_EL0`,
  },

  // identity
  {
    registers: { groups: ['aarch32-id'] },
    when: ['the CPU has no AArch32 (ID_AA64PFR0_EL1.EL0 is 1)', ({ guest }) => hasAArch32(guest) === false],
    droppable: true,
    reason: 'the guest has no AArch32, so the register holds nothing that it may rely on',
    source: `${MANUAL}, ID_PFR0_EL1; Linux arch/arm64/kvm/sys_regs.c, aa32_id_visibility()`,
  },
  {
    registers: { groups: ['id', 'aarch32-id', 'reserved-id'] },
    errnos: ['EBUSY'],
    droppable: false,
    reason: refusal =>
      `CPU features are settled once a vCPU of the VM ran, and the target's differ${differingFields(refusal)}; write ID registers before the first run`,
    source: 'recordings: idregs after the first run',
  },
  {
    registers: { names: ['MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1'] },
    droppable: false,
    reason: refusal =>
      `the guest would find itself on another CPU${differingFields(refusal)}, for which it has not applied errata workarounds; newer kernels take the value when the VM enables KVM_CAP_ARM_WRITABLE_IMP_ID_REGS first`,
    source: 'recordings: cross-host replays, impid',
  },
  {
    registers: { names: ['MPIDR_EL1'] },
    droppable: false,
    reason: 'the guest names its vCPUs by it in CPU_ON and in interrupts',
    source: `${MANUAL}, MPIDR_EL1`,
  },
  {
    registers: { groups: ['id', 'aarch32-id', 'reserved-id'] },
    droppable: false,
    reason: refusal => `the guest was told of CPU features that the target does not give it in the same way${differingFields(refusal)}`,
    source: 'recordings: replays; Linux arch/arm64/kvm/sys_regs.c, arm64_check_features()',
  },

  // the rest
  {
    registers: { names: ['OSLSR_EL1'] },
    errnos: ['ENOENT'],
    when: ['the OS lock is open (value 0x8)', ({ value }) => value === OS_LOCK_OPEN],
    droppable: true,
    reason: 'the OS lock is open, which is what a kernel without this register always shows the guest',
    source: 'recordings: 6.1 and later to 5.10; Linux arch/arm64/kvm/sys_regs.c',
  },
  {
    registers: { names: ['OSLSR_EL1'] },
    droppable: false,
    reason: 'the guest has locked the OS lock, and the target cannot keep that',
    source: 'Linux arch/arm64/kvm/sys_regs.c',
  },
  {
    registers: { names: ['S?_?_C*_C*_?', 'coproc *', '0x*'] },
    errnos: ['ENOENT'],
    droppable: false,
    reason: 'psci-snap does not know what this register holds, so it cannot say that nothing is lost',
    source: 'no source: an unknown register',
  },
]

const LAST: DroppableRow = {
  registers: {},
  droppable: false,
  reason: ({ errno }) =>
    errno === 'ENOENT'
      ? 'the target does not have this register, and its value is state of the guest'
      : 'the target does not take the value, and it is state of the guest',
  source: 'no row of the table fits; state is kept unless something says that it means nothing',
}

const compiled = once(() => DROPPABLE.map(row => ({ row, isMeant: compileSelector(row.registers) })))

/**
 * Whether a VMM may leave out a register that the target refused, and a sentence why. `value` is the saved one (any width), `context` what is
 * known besides: the other saved registers, the vCPU features, and what the target reads in this register (`targetValue`).
 */
export function droppable(id: RegId, value: bigint, errno: string, context: GuestView & { readonly targetValue?: bigint } = {}): DropAdvice {
  const refusal: Refusal = { id, value, errno, guest: context, ...(context.targetValue === undefined ? {} : { targetValue: context.targetValue }) }
  const row =
    compiled().find(({ row, isMeant }) => (!row.errnos || (row.errnos as readonly string[]).includes(errno)) && isMeant(id) && (row.when?.[1](refusal) ?? true))
      ?.row ?? LAST
  return { droppable: row.droppable, reason: typeof row.reason === 'string' ? row.reason : row.reason(refusal), source: row.source }
}

/** The table in words, for docs/registers.md; a reason that depends on the value is shown for a value of 0. */
export const droppableText = (): readonly {
  readonly registers: string
  readonly errnos: string
  readonly when: string
  readonly droppable: boolean
  readonly source: string
}[] =>
  DROPPABLE.map(row => ({
    registers: showSelector(row.registers),
    errnos: row.errnos?.join(', ') ?? 'any',
    when: row.when?.[0] ?? '',
    droppable: row.droppable,
    source: row.source,
  }))
