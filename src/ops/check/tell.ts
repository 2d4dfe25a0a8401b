// Owns what a check says in words: the reason, the consequences for the guest, what to do. Decides nothing: the verdict is given.
import type { Build } from '../../builds/build.ts'
import type { Finding } from '../../model/finding.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { PsciReport, VcpuReport, Verdict } from '../reports.ts'
import type { Advice, Consequence, LoadReport } from './check-report.ts'

export interface Judged {
  readonly snapshot: Snapshot
  readonly build: Build
  readonly load: LoadReport
  readonly verdict: Verdict
  readonly features: readonly string[]
  readonly psci: PsciReport
  readonly vcpus: readonly VcpuReport[]
  readonly findings: readonly Finding[]
}

export interface Told {
  readonly reason: string
  readonly consequences: readonly Consequence[]
  readonly advice: readonly Advice[]
}

export function tell({ findings, verdict }: Judged): Told {
  const deciding = findings.find(({ severity }) => severity === (verdict === 'refused' ? 'error' : 'warning'))
  return { reason: verdict === 'survives' || !deciding ? 'nothing that the guest can notice' : deciding.message, consequences: [], advice: [] }
}
