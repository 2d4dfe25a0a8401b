// table of why a guest does not move unnoticed from one host to another, in classes that a person can act on: by the register that was refused or
// changed, else by the finding. Every refusal between two built-in hosts has a row (a test asks for it). Judges nothing.
import type { RegId } from '../../arch/reg-id.ts'
import { compileSelector, type Selector } from '../../arch/selector.ts'
import type { CheckResult } from '../check/check-report.ts'
import { CHANGES } from '../verdict.ts'

export interface Cause {
  /** One letter, for tables. */
  readonly letter: string
  /** Stable, kebab-case. */
  readonly code: string
  readonly words: string
  readonly remedy: string
}

interface RefusalRow extends Cause {
  /** One of them fits. */
  readonly registers: readonly Selector[]
}

const REFUSALS: readonly RefusalRow[] = [
  {
    letter: 'P',
    code: 'psci-version',
    registers: [{ names: ['KVM_REG_ARM_PSCI_VERSION'] }],
    words: "the guest's PSCI version is newer than the target knows",
    remedy: 'pin the version that the oldest host knows, before the first boot',
  },
  {
    letter: 'W',
    code: 'mitigation-level',
    registers: [{ names: ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_?'] }],
    words: 'the guest was promised a mitigation that the target does not give',
    remedy: "none by registers: the levels are the CPU's and its firmware's; update the firmware of the weaker host, or keep such hosts apart",
  },
  {
    letter: 'B',
    code: 'service-bitmap',
    registers: [{ classes: ['firmware-bitmap'] }],
    words: 'the target has no register for a set of firmware services',
    remedy: 'leave the register out when no service of it is switched on; QEMU 11 does so for VENDOR_HYP_BMAP_2',
  },
  {
    letter: 'M',
    code: 'cpu-identity',
    registers: [{ names: ['MIDR_EL1', 'REVIDR_EL1', 'AIDR_EL1'] }],
    words: 'another CPU model: MIDR_EL1 and its like must be equal',
    remedy: 'move between hosts of one CPU model; kernels with KVM_CAP_ARM_WRITABLE_IMP_ID_REGS take another value where the VMM asks for it',
  },
  {
    letter: 'C',
    code: 'caches',
    registers: [{ names: ['CLIDR_EL1', 'CCSIDR_EL1[[]*'] }],
    words: 'the target takes only the cache geometry of its own CPU, or lists fewer cache selectors',
    remedy: "rewrite CLIDR_EL1 and CCSIDR_EL1 to the target's values: they describe, and decide nothing",
  },
  {
    letter: 'T',
    code: 'timers',
    registers: [{ classes: ['timer'] }],
    words: 'the target has no registers for the physical timer',
    remedy: 'leave them out when the guest does not use the physical timer',
  },
  {
    letter: 'X',
    code: 'translation-registers',
    registers: [{ names: ['TCR2_EL1', 'PIR_EL1', 'PIRE0_EL1'] }],
    words: 'the source lists TCR2_EL1, PIR_EL1 and PIRE0_EL1, the target does not',
    remedy: 'leave them out when ID_AA64MMFR3_EL1 announces neither feature; QEMU 11 does so',
  },
  {
    letter: 'G',
    code: 'feature-registers',
    registers: [{ names: ['SCTLR2_EL1', 'FPMR', 'POR_EL1', 'POR_EL0'] }],
    words: 'registers of a CPU feature that the target does not give a guest',
    remedy: 'lower the field of the ID register that announces the feature before the first boot',
  },
  {
    letter: 'U',
    code: 'pmu-registers',
    registers: [{ groups: ['pmu'] }],
    words: 'PMU registers that the target does not list',
    remedy: 'leave them out when the guest has no PMU; else give the guest no PMU (pmu=off)',
  },
  {
    letter: 'K',
    code: 'pauth-keys',
    registers: [{ groups: ['pauth'] }],
    words: 'keys of pointer authentication that the target does not list',
    remedy: 'give the guest no pointer authentication (pauth=off)',
  },
  {
    letter: 'L',
    code: 'os-lock',
    registers: [{ names: ['OSLSR_EL1'] }],
    words: 'the target has no register for the OS lock',
    remedy: 'leave OSLSR_EL1 out while the lock is open (0x8)',
  },
  {
    letter: 'V',
    code: 'sve',
    registers: [{ classes: ['sve'] }, { names: ['ZCR_EL1'] }],
    words: 'another set of SVE vector lengths, or none',
    remedy: 'give the guest no SVE (sve=off), or only the lengths that all hosts have',
  },
  {
    letter: 'I',
    code: 'id-registers',
    registers: [{ groups: ['id', 'aarch32-id', 'reserved-id', 'cache'] }],
    words: 'CPU features in the ID registers that the target cannot show a guest in the same way',
    remedy: 'write values that all hosts take before the first boot (`psci-snap builds baseline`), where the kernel lets ID registers be written',
  },
]

const FEATURES: Cause = {
  letter: 'F',
  code: 'vcpu-features',
  words: 'no vCPU with these features can be made there, by the kernel, the CPU or the VMM',
  remedy: 'leave out of the guest what not every host has',
}
const CHANGED: Readonly<Record<string, Cause>> = {
  'service-appeared': {
    letter: 's',
    code: 'service-appeared',
    words: 'services appear that the guest did not have, because the source had no register to switch them off',
    remedy: 'write 0 to the bitmap on the target before the first run',
  },
  'mitigation-changed': {
    letter: 'w',
    code: 'mitigation-changed',
    words: 'the guest is silently told of a higher mitigation level',
    remedy: "none by registers: the levels are the CPU's and its firmware's",
  },
  'psci-version-changed': {
    letter: 'p',
    code: 'psci-version-changed',
    words: 'the guest has another PSCI version afterwards',
    remedy: 'write KVM_REG_ARM_PSCI_VERSION',
  },
  'register-changed': {
    letter: 'r',
    code: 'register-changed',
    words: 'a register that the guest sees reads back as something else',
    remedy: 'see `psci-snap check` for the register',
  },
}
const OTHER: Cause = { letter: '?', code: 'other', words: 'something else', remedy: 'see `psci-snap check`' }

/** All causes, refusals first, for a legend. */
export const CAUSES: readonly Cause[] = [...REFUSALS.map(({ registers: _, ...cause }) => cause), FEATURES, ...Object.values(CHANGED), OTHER]

const byName = new Map<string, Cause>()
let compiled: readonly { readonly cause: Cause; readonly isMeant: (id: RegId) => boolean }[] | undefined

function causeOfRegister(id: string): Cause {
  const known = byName.get(id)
  if (known) return known
  compiled ??= REFUSALS.flatMap(({ registers, ...cause }) => registers.map(selector => ({ cause, isMeant: compileSelector(selector) })))
  const found = compiled.find(({ isMeant }) => isMeant(BigInt(id) as RegId))?.cause ?? OTHER
  byName.set(id, found)
  return found
}

/** Why a result is no `survives`, each cause once, in the order of the legend; none for one that survives. */
export function causesOf({ verdict, vcpus, findings, load }: Pick<CheckResult, 'verdict' | 'vcpus' | 'findings' | 'load'>): readonly Cause[] {
  if (verdict === 'survives') return []
  const found = new Set<Cause>()
  for (const { failures } of vcpus) for (const { id } of failures) found.add(causeOfRegister(id))
  for (const { code, severity } of findings) {
    if (code === 'vcpu-refused') found.add(FEATURES)
    else if (verdict === 'changed' && severity !== 'info' && CHANGES.has(code)) found.add(CHANGED[code] ?? OTHER)
  }
  if (load.decidedBy?.stage === 'vcpu') found.add(FEATURES)
  if (found.size === 0) found.add(OTHER)
  return CAUSES.flatMap(cause => [...found].filter(each => each.code === cause.code))
}
