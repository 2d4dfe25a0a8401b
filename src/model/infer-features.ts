// Owns what a register list says about the vCPU features it was saved with, for files that do not name them. Judges nothing.
import { FEATURES, type Feature } from '../arch/features.ts'
import { COPROC, PSTATE_ID, type RegId, regCoproc, sysRegId } from '../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import { bytesToBigint, type RegisterList, registerAt, registerValue } from './register-list.ts'
import type { VcpuSnapshot } from './snapshot.ts'

const PMCR_EL0 = sysRegId(3, 3, 9, 12, 0)
const OSLSR_EL1 = sysRegId(2, 0, 1, 1, 4)
const APIAKEYLO_EL1 = sysRegId(3, 0, 2, 1, 0)
const APGAKEYLO_EL1 = sysRegId(3, 0, 2, 3, 0)
const HCR_EL2 = sysRegId(3, 4, 1, 1, 0)

/** Feature sets that fit, the most likely one first; more than one when the list cannot tell. `why` says on what each guess rests. */
export interface InferredFeatures {
  readonly candidates: readonly (readonly Feature[])[]
  readonly why: readonly string[]
}

/**
 * Infers the features of a VM from what its vCPUs list. Sources: facts/kvm-arm64-rules.md §2 (register list changes) and the recordings: kernels
 * before 5.11 list the PMU registers without a PMU, and those before 5.18 list no OSLSR_EL1, which tells such a list apart.
 */
export function inferFeatures(vcpus: readonly VcpuSnapshot[]): InferredFeatures {
  const lists = vcpus.map(vcpu => vcpu.registers)
  const listed = (id: bigint) => lists.some(list => list.ids.includes(id))
  const found = new Set<Feature>()
  const why: string[] = []
  const note = (feature: Feature, reason: string) => {
    found.add(feature)
    why.push(`${feature}: ${reason}`)
  }

  const versions = lists.map(list => registerValue(list, PSCI_VERSION_ID)).filter(v => v !== undefined)
  if (versions.length === 0) note('psci_0_2', 'assumed, no PSCI_VERSION was saved')
  else if (versions.some(v => v !== 1n)) note('psci_0_2', 'PSCI_VERSION is not 0.1')
  if (lists.some(isAarch32)) note('el1_32bit', 'PSTATE is in an AArch32 kernel mode')
  if (lists.some(list => list.ids.some(id => regCoproc(id as RegId) === COPROC.sve))) note('sve', 'SVE registers are listed')
  if (listed(APIAKEYLO_EL1)) note('ptrauth_address', 'APIAKEYLO_EL1 is listed')
  if (listed(APGAKEYLO_EL1)) note('ptrauth_generic', 'APGAKEYLO_EL1 is listed')
  if (listed(HCR_EL2)) note('has_el2', 'HCR_EL2 is listed')

  const base = FEATURES.filter(feature => found.has(feature))
  if (!listed(PMCR_EL0)) return { candidates: [base], why }
  const withPmu = FEATURES.filter(feature => found.has(feature) || feature === 'pmu_v3')
  if (listed(OSLSR_EL1)) return { candidates: [withPmu], why: [...why, 'pmu_v3: PMCR_EL0 is listed'] }
  return { candidates: [base, withPmu], why: [...why, 'pmu_v3: PMCR_EL0 is listed, but kernels before 5.11 list it without a PMU too'] }
}

/** EL1 or above in AArch32. User mode (0x10) does not count: a 64-bit kernel runs 32-bit programs. */
function isAarch32(list: RegisterList): boolean {
  const at = list.ids.indexOf(PSTATE_ID)
  const mode = at < 0 ? 0 : Number(bytesToBigint(registerAt(list, at)) & 0x1fn)
  return (mode & 0x10) !== 0 && mode !== 0x10
}
