// Owns what the words are made of and what they come to: a judged load in, three kinds of text out. No behaviour.
import type { Build } from '../../../builds/build.ts'
import type { Finding } from '../../../model/finding.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { PsciReport, VcpuReport, Verdict } from '../../reports.ts'
import type { Advice, Consequence, LoadReport } from '../check-report.ts'

export interface Judged {
  readonly snapshot: Snapshot
  readonly build: Build
  readonly load: LoadReport
  readonly verdict: Verdict
  readonly features: readonly string[]
  readonly psci: PsciReport
  readonly vcpus: readonly VcpuReport[]
  readonly findings: readonly Finding[]
  /** How the other modelled release of the same VMM ends. */
  readonly other?: { readonly load: LoadReport; readonly verdict: Verdict }
}

export interface Told {
  readonly reason: string
  readonly consequences: readonly Consequence[]
  readonly advice: readonly Advice[]
}
