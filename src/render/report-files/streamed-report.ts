// Owns the contract of a report that is written while results still come. Knows no stream and no file: chunks are texts to be put one behind the other.
import type { CheckRow, CheckSummary } from '../../ops/check/check-report.ts'

/**
 * Called once each for `start` and `end`, in this order, with any number of rows between. Rows of one file come together, in the order of the
 * targets. What it keeps in memory does not grow with the number of files beyond fixed limits, each of which is said in the report when it is hit.
 */
export interface StreamedReport {
  start(): string
  row(row: CheckRow): string
  end(summary: CheckSummary): string
}

/** What every kind of report file may be told. */
export interface ReportOptions {
  /** Names of the targets as results have them in `target.build`, in the order of the columns. */
  readonly targets: readonly string[]
  /** The least verdict that counts as a failure: `changed` (default) or `refused`. */
  readonly failOn?: 'changed' | 'refused'
  /** What the page is called; plain text. */
  readonly title?: string
  /** A paragraph under the title; plain text. */
  readonly intro?: string
  /** What a row of the matrix is: a file (default), or a host whose fresh guest is moved. */
  readonly rows?: 'file' | 'host'
  /** What the targets differ in from each other. */
  readonly differences?: readonly TargetDifference[]
}

/** Two targets and what a guest or a VMM notices of the step from one to the other, in words. Prepared by the caller. */
export interface TargetDifference {
  readonly from: string
  readonly to: string
  readonly items: readonly TargetDifferenceItem[]
}

export interface TargetDifferenceItem {
  /** A heading that several items share, such as `PSCI` or `Registers only there`. */
  readonly topic: string
  readonly text: string
}
