// table of causes: why a register is refused, in a few words that name the rule and the values which clash. First row that fits; each names its source.
// Whether the guest could do without the register is arch/droppable.ts' business, what to do about it advice.ts'.
import type { ErrnoName } from '../../../arch/errno.ts'
import { hasAArch32, hasPmu, ID_AA64MMFR3, ID_AA64PFR1, ID_AA64PFR2, idField } from '../../../arch/guest-view.ts'
import { cpuName } from '../../../arch/midr.ts'
import { once } from '../../../arch/once.ts'
import { PSCI_VERSIONS, showPsciVersion } from '../../../arch/psci.ts'
import { regIndex } from '../../../arch/reg-id.ts'
import { compileSelector, type Selector } from '../../../arch/selector.ts'
import { bitmapNames, showWorkaround, WORKAROUND_IDS } from '../../../arch/smccc.ts'
import type { Case, Refusal } from './case.ts'
import { faultText, fieldsAtFault } from './id-fields.ts'
import { lengthsText, savedBytes } from './vector-lengths.ts'

export interface Cause {
  /** Goes behind the register's name. */
  readonly text: string
  /** The one field that is to blame, when it is one: it is named with the register. */
  readonly field?: string
}

interface CauseRow {
  readonly registers: Selector
  readonly errnos?: readonly ErrnoName[]
  readonly when?: (refusal: Refusal, about: Case) => boolean
  readonly say: (refusal: Refusal, about: Case) => string | Cause
  readonly source: string
}

/** What a mitigation register is about. Source: Linux Documentation/virt/kvm/arm/fw-pseudo-registers.rst. */
export const MITIGATES: Readonly<Record<1 | 2 | 3, string>> = { 1: 'Spectre v2', 2: 'Spectre v4', 3: 'Spectre-BHB' }
export const workaroundOf = (id: bigint): 1 | 2 | 3 | undefined => ([1, 2, 3] as const).find(n => WORKAROUND_IDS[n] === id)

const noSuch = (_: Refusal, { kernel }: Case): string => `${kernel} has no such register`
/** A register that follows a CPU feature which the guest was not told of: some kernels listed it all the same. */
const gated = (names: readonly string[], feature: string, register: typeof ID_AA64PFR1, lsb: number, source: string): CauseRow => ({
  registers: { names },
  errnos: ['ENOENT'],
  say: ({ id }, { guest, kernel }) =>
    guest.lookup?.(id) === undefined
      ? `${kernel} lists it and the file does not hold it; its own value is written back when the guest's ID registers, which announce no ${feature}, have hidden it`
      : idField(guest, register, lsb) === 0
        ? `the saving kernel listed it although the guest's CPU has no ${feature}; ${kernel} lists it only with ${feature}`
        : `it belongs to ${feature}, which this host does not offer`,
  source,
})

const ROWS: readonly CauseRow[] = [
  // firmware
  {
    registers: { names: ['KVM_REG_ARM_PSCI_VERSION'] },
    errnos: ['EINVAL'],
    say: ({ value = 0n }, { build, features, kernel }) => {
      const { accepted, acceptedWithout02 } = build.kernel.psci
      const version = showPsciVersion(value)
      if (!(PSCI_VERSIONS as readonly string[]).includes(version)) return `${version} is no PSCI version that any known kernel has`
      const with02 = features.includes('psci_0_2')
      if (with02 && acceptedWithout02.includes(Number(value))) return `PSCI ${version} is only for vCPUs without the feature psci_0_2`
      if (!with02 && accepted.includes(Number(value))) return `PSCI ${version} needs the vCPU feature psci_0_2, which these vCPUs do not have`
      return `PSCI ${version} is newer than what ${kernel} takes (${showPsciVersion(BigInt(Math.max(...(with02 ? accepted : acceptedWithout02))))})`
    },
    source: 'recordings: fwwrite; facts/kvm-arm64-rules.md §2; Linux 85bd0ba1, 512865d83fd9, 8be82d536a9f',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] },
    errnos: ['EINVAL'],
    when: ({ there }) => there !== undefined,
    say: ({ id, value = 0n, there = 0n }) => {
      const n = workaroundOf(id) ?? 1
      return `the guest relies on ${MITIGATES[n]} protection level ${showWorkaround(n, value)}, and this host has ${showWorkaround(n, there)}`
    },
    source: 'Linux 99adb567632b; recordings: fwwrite, cross-host replays',
  },
  {
    registers: { names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2'] },
    errnos: ['EINVAL'],
    when: (_, { build, guest }) => build.kernel.workaround2FollowsVm && idField(guest, ID_AA64PFR1, 4) === 0,
    say: (_, { kernel }) => `${kernel} judges it by the VM's ID_AA64PFR1_EL1.SSBS, which the list writes only later`,
    source: 'Linux e8d164974cfa; facts/kvm-arm64-rules.md §8 row 6',
  },
  {
    registers: { names: ['KVM_REG_ARM_VENDOR_HYP_BMAP_2'] },
    errnos: ['ENOENT'],
    when: ({ value }) => value === 0n,
    say: (_, { kernel }) => `${kernel} has no such register; newer kernels list it always, here with 0: no service is on`,
    source: 'Linux c0000e58c74e; recordings: listed with 0 by every kernel that knows it',
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    errnos: ['ENOENT'],
    say: ({ id, value = 0n }, { kernel }) =>
      value === 0n
        ? `${kernel} has no such register; none of its services is on`
        : `${kernel} has no such register; the guest has ${bitmapNames(id, value).join(', ')} through it`,
    source: 'Linux 05714cab7d63; recordings: psci, fweffect',
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    errnos: ['EINVAL'],
    say: ({ id, value = 0n }, { build, kernel }) => {
      const known = build.kernel.bitmaps.find(row => row.index === regIndex(id))?.bits ?? 0n
      return `${kernel} does not know the service ${bitmapNames(id, value & ~known).join(', ') || 'that it names'}`
    },
    source: 'recordings: fwwrite',
  },
  {
    registers: { classes: ['firmware-bitmap'] },
    errnos: ['EBUSY'],
    say: () => 'services are settled once a vCPU has run',
    source: 'recordings: fwwrite after the first run',
  },

  // vectors
  {
    registers: { names: ['KVM_REG_ARM64_SVE_VLS'] },
    errnos: ['EPERM'],
    say: () => 'the vector lengths were written after KVM_ARM_VCPU_FINALIZE; they must be written between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE',
    source: 'Linux Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS; recordings: raw-order replays',
  },
  {
    registers: { names: ['KVM_REG_ARM64_SVE_VLS'] },
    errnos: ['EINVAL'],
    say: ({ id }, about) =>
      `the guest has vector lengths of ${lengthsText(savedBytes(about, id))} bits, this host ${lengthsText(about.build.host.vectorLengths)}; they must be the same up to the guest's longest`,
    source: 'Linux Documentation/virt/kvm/api.rst, KVM_REG_ARM64_SVE_VLS; facts/kvm-arm64-rules.md §2',
  },
  {
    registers: { classes: ['sve'] },
    say: (_, { features, build }) =>
      features.includes('sve')
        ? 'the vCPU was not finalized for SVE'
        : `it is SVE state, and the vCPU is restored without SVE${build.host.vectorLengths === 0n ? ', which this host does not have' : ''}`,
    source: 'Linux arch/arm64/kvm/guest.c; recordings: errs',
  },
  {
    registers: { names: ['V*'], classes: ['core'] },
    errnos: ['EINVAL'],
    when: (_, { features }) => features.includes('sve'),
    say: () => 'on a vCPU with SVE the FPSIMD registers V0-V31 do not exist; their contents are in the SVE registers Z0-Z31',
    source: 'Linux arch/arm64/kvm/guest.c; recordings: errs; facts/kvm-arm64-rules.md §1',
  },
  {
    registers: { names: ['ZCR_EL1'] },
    errnos: ['ENOENT'],
    say: () => 'it belongs to SVE, which the vCPU does not have here',
    source: 'Linux arch/arm64/kvm/sys_regs.c, sve_visibility()',
  },

  // core
  {
    registers: { names: ['PSTATE'] },
    errnos: ['EINVAL'],
    say: () => 'the vCPU cannot be in this mode here (AArch32 or EL2 without the vCPU feature)',
    source: 'Linux arch/arm64/kvm/guest.c, set_core_reg()',
  },
  {
    registers: { names: ['coproc 0x10 *'] },
    say: () => 'there is no core register of this size at this place; Linux before 5.2 listed such ids',
    source: 'Linux df205b5c6328',
  },

  // registers of features
  {
    registers: { groups: ['pmu'] },
    errnos: ['ENOENT'],
    when: (_, { guest }) => hasPmu(guest) === false,
    say: (_, { kernel }) => `the saving kernel (5.10) lists PMU registers on every vCPU, ${kernel} only on vCPUs with a PMU, which this one does not have`,
    source: 'recordings: 5.10 psci02 against every later kernel; Linux 11663111cd49',
  },
  { registers: { names: ['PMMIR_EL1'] }, errnos: ['ENOENT'], say: noSuch, source: 'recordings: 7.3 to older; facts/kvm-arm64-rules.md §2' },
  {
    registers: { groups: ['pmu'] },
    errnos: ['ENOENT'],
    say: () => 'the guest has a PMU, the vCPU has none here',
    source: 'Linux arch/arm64/kvm/sys_regs.c, pmu_visibility()',
  },
  gated(['TCR2_EL1'], 'FEAT_TCR2', ID_AA64MMFR3, 0, 'Linux fbff56068232, 0fcb4eea5345; recordings: 6.12 to 6.16'),
  gated(['PIR_EL1', 'PIRE0_EL1'], 'FEAT_S1PIE', ID_AA64MMFR3, 8, 'Linux 86f9de9db178, a68cddbe47ef; recordings: 6.12 to 6.16'),
  gated(['POR_EL1', 'POR_EL0'], 'FEAT_S1POE', ID_AA64MMFR3, 16, 'Arm DDI 0487, POR_EL1'),
  gated(['SCTLR2_EL1'], 'FEAT_SCTLR2', ID_AA64MMFR3, 4, 'recordings: 6.18 and later to 6.16'),
  gated(['FPMR'], 'FEAT_FPMR', ID_AA64PFR2, 32, 'recordings: max to cortex-a72'),
  gated(['RGSR_EL1', 'GCR_EL1', 'TFSR_EL1', 'TFSRE0_EL1'], 'memory tagging', ID_AA64PFR1, 8, 'Arm DDI 0487, GCR_EL1'),
  {
    registers: { groups: ['pauth'] },
    errnos: ['ENOENT'],
    say: () => 'it is a key of pointer authentication, and the vCPU is restored without that feature',
    source: 'Linux arch/arm64/kvm/sys_regs.c, ptrauth_visibility()',
  },
  {
    registers: { groups: ['el2'] },
    errnos: ['ENOENT'],
    say: () => "it is state of the guest's own hypervisor, and the vCPU has no EL2 here",
    source: 'Linux arch/arm64/kvm/sys_regs.c, el2_visibility()',
  },

  // timers, locks
  {
    registers: { names: ['KVM_REG_ARM_PTIMER_*'] },
    errnos: ['ENOENT'],
    say: (_, { kernel }) => `${kernel} does not save the physical timer`,
    source: 'facts/kvm-arm64-rules.md §1 (6.4); recordings: 6.12 and later to 6.1',
  },
  { registers: { names: ['OSLSR_EL1'] }, errnos: ['ENOENT'], say: noSuch, source: 'facts/kvm-arm64-rules.md §2 (5.18); recordings: 6.1 to 5.10' },

  // caches
  {
    registers: { classes: ['demux'] },
    errnos: ['ENOENT'],
    say: (_, { kernel }) => `${kernel} has only the caches of its own host, newer kernels have all selectors`,
    source: 'facts/kvm-arm64-rules.md §1 (6.3); recordings: 6.12 and later to 6.1',
  },
  {
    registers: { classes: ['demux'] },
    say: (_, { build, kernel }) =>
      build.kernel.demux.policy === 'host' ? `${kernel} takes only the cache geometry of its own host` : 'the geometry is none that KVM can show',
    source: 'Linux arch/arm64/kvm/sys_regs.c, demux_c15_set(), set_ccsidr()',
  },
  {
    registers: { names: ['CLIDR_EL1'] },
    say: (_, { build, kernel }) =>
      build.kernel.clidr === 'invariant' ? `${kernel} takes only the cache levels of its own host` : 'the cache levels do not fit CTR_EL0 of this host',
    source: 'Linux arch/arm64/kvm/sys_regs.c, set_clidr(); recordings: 6.12 and later to 6.1',
  },

  // identity
  {
    registers: { names: ['MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1'] },
    say: ({ id, value = 0n, there }, { build, kernel }) => {
      const [had, has] = [cpuName(value), there === undefined ? undefined : cpuName(there)]
      const which =
        had && has && had !== has && id === MIDR ? `the guest runs on a ${had}, this host is a ${has}` : "the guest's CPU is another one than this host's"
      return `${which}; ${kernel} takes ${build.kernel.writableImpId ? 'it only after KVM_CAP_ARM_WRITABLE_IMP_ID_REGS' : 'only its own'}`
    },
    source: 'recordings: cross-host replays, impid; facts/kvm-arm64-rules.md §2 (6.15)',
  },
  {
    registers: { groups: ['aarch32-id'] },
    errnos: ['EINVAL'],
    when: (_, { guest, build }) => hasAArch32(guest) === false && build.kernel.idRegisters.aarch32Absent === 'exact',
    say: (_, { kernel }) => `${kernel} takes only the value of its own host, though without AArch32 it means nothing`,
    source: 'facts/kvm-arm64-rules.md §1, sysreg access rules',
  },
  {
    registers: { groups: ['id', 'aarch32-id', 'reserved-id'] },
    errnos: ['EBUSY'],
    say: () => 'CPU features are settled once a vCPU has run',
    source: 'recordings: idregs after the first run',
  },
  {
    registers: { groups: ['id', 'aarch32-id', 'reserved-id', 'cache'] },
    errnos: ['EINVAL'],
    when: ({ there, value }) => there !== undefined && value !== undefined,
    say: ({ id, value = 0n, there = 0n }, { build, kernel }) => {
      const steps = fieldsAtFault(id, value, there, build)
      const [only] = steps
      if (!only) return `${kernel} takes only 0x${there.toString(16)}`
      if (steps.length > 1) return faultText(steps, kernel)
      const { field, kind, was, now } = only
      if (kind === 'vanishes') return { field, text: `the guest was told ${was}, this host does not offer it` }
      if (kind === 'appears') return { field, text: `this host has it (${now}), the guest was not told, and ${kernel} does not let it be hidden` }
      return { field, text: `${was} for the guest, ${now} on this host, and ${kernel} does not take the difference` }
    },
    source: 'recordings: replays; Linux arch/arm64/kvm/sys_regs.c, arm64_check_features()',
  },

  // what nobody knows
  {
    registers: { names: ['A32_*'] },
    say: () => "a 32-bit register as QEMU's own emulation saves it; no KVM has it",
    source: 'facts/qemu-stream.md §5.1',
  },
  {
    registers: { names: ['S?_?_C*_C*_?', 'coproc *', '0x*'] },
    errnos: ['ENOENT'],
    say: (_, { kernel }) => `${kernel} does not have this register, and neither psci-snap nor its tables know what it holds`,
    source: 'no source: an unknown register',
  },
]

const MIDR = 0x6030_0000_0013_c000n
const LAST: Readonly<Partial<Record<ErrnoName, (about: Case) => string>>> = {
  ENOENT: ({ kernel }) => `${kernel} does not have this register on such a vCPU`,
  EINVAL: ({ kernel }) => `${kernel} does not take this value`,
  EBUSY: () => 'it is settled once a vCPU has run',
  EPERM: () => 'it cannot be written at this point',
}

const compiled = once(() => ROWS.map(row => ({ row, isMeant: compileSelector(row.registers) })))

/** Why KVM refuses this register here. Total: an errno without a row is said as it is. */
export function causeOf(refusal: Refusal, about: Case): Cause {
  const found = compiled().find(
    ({ row, isMeant }) =>
      (!row.errnos || (row.errnos as readonly string[]).includes(refusal.errno)) && isMeant(refusal.id) && (row.when?.(refusal, about) ?? true),
  )
  const said = found ? found.row.say(refusal, about) : (LAST[refusal.errno as ErrnoName]?.(about) ?? `${about.kernel} refuses it`)
  return typeof said === 'string' ? { text: said } : said
}

/** `ID_AA64MMFR2_EL1.NV: the guest was told NV2, this host does not offer it (EINVAL)`. */
export function refusalText(refusal: Refusal, about: Case): string {
  const { text, field } = causeOf(refusal, about)
  return `${refusal.name}${field === undefined ? '' : `.${field}`}: ${text} (${refusal.errno})`
}
