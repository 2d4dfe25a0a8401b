// table of what is wrong with a file whatever host it goes to, and matters to a restore: what the lints of `verify` find (model/lints/table.ts), in the
// words of a check. `makes` is what such a fault comes to: a guest that lost state is changed, even where KVM accepts every register.
import type { Finding } from '../../../model/finding.ts'
import { LINTS } from '../../../model/lints/table.ts'
import type { Verdict } from '../../reports.ts'
import type { Advice, Consequence } from '../check-report.ts'

interface FaultRow {
  readonly code: string
  readonly makes: Verdict
  /** What it is about, for the reason. */
  readonly subject: string
  /** What comes of it for the guest. */
  readonly consequence: string
}

/** The worst first. Sources: the reports in model/lints/table.ts, by code; facts/user-pain.md. */
const FAULTS: readonly FaultRow[] = [
  {
    code: 'its-table-outside-memory',
    makes: 'refused',
    subject: 'tables of the interrupt controller',
    consequence: 'KVM reads the tables when the ITS is restored and fails with EFAULT (Bad address): the VMM gives up on the GIC after all vCPUs were restored',
  },
  {
    code: 'its-tables-not-saved',
    makes: 'changed',
    subject: 'tables of the ITS',
    consequence: 'the ITS is restored empty, or with EFAULT (Bad address) where the tables are not mapped: devices with MSIs lose their interrupts',
  },
  {
    code: 'gic-redistributors-identical',
    makes: 'changed',
    subject: 'redistributors of the GIC',
    consequence: 'vCPUs other than the one that was saved lose their pending LPIs: devices on them wait for interrupts that never come',
  },
  {
    code: 'vector-halves-missing',
    makes: 'changed',
    subject: 'vector registers',
    consequence: 'bits 127:64 of V0-V31 are lost: floating point and cryptography of the guest go wrong silently',
  },
  {
    code: 'psci-version-differs',
    makes: 'changed',
    subject: 'PSCI version',
    consequence: 'one PSCI version governs the VM, and the vCPU that is restored last decides which',
  },
]

const rank = (finding: Finding): number => FAULTS.findIndex(row => row.code === finding.code)
const faults = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter(finding => rank(finding) >= 0 && finding.severity !== 'info').sort((a, b) => rank(a) - rank(b))

/** What the faults of the file alone come to, before any host is asked. */
export const faultVerdict = (findings: readonly Finding[]): Verdict =>
  faults(findings).reduce<Verdict>((worst, { code }) => {
    const { makes } = FAULTS.find(row => row.code === code) ?? { makes: 'survives' as const }
    return worst === 'refused' || makes === 'refused' ? 'refused' : worst === 'changed' ? worst : makes
  }, 'survives')

/** The worst fault, in one line; undefined for a sound file. */
export function faultReason(findings: readonly Finding[]): string | undefined {
  const [worst, ...rest] = [...new Map(faults(findings).map(finding => [finding.code, finding])).values()]
  if (!worst) return undefined
  const subject = FAULTS.find(row => row.code === worst.code)?.subject
  return `the file itself is at fault (${subject}): ${worst.message}${rest.length === 0 ? '' : `; and ${rest.length === 1 ? 'one fault' : `${rest.length} faults`} more`}`
}

export const faultConsequences = (findings: readonly Finding[]): readonly Consequence[] =>
  [...new Set(faults(findings).map(({ code }) => code))].map(code => ({
    code,
    message: FAULTS.find(row => row.code === code)?.consequence ?? code,
  }))

/** What to do about the faults: the remedy of the lint. */
export const faultAdvice = (findings: readonly Finding[]): readonly Advice[] =>
  [...new Map(faults(findings).map(finding => [finding.code, finding])).values()].map(({ code, hint }) => ({
    code: 'repair-file',
    message: LINTS.find(row => row.code === code)?.remedy ?? hint ?? 'save the guest again',
  }))
