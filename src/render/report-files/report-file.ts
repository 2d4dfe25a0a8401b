// Owns the choice of a report file's kind. Knows no file and no flag.
import { htmlReport } from './html.ts'
import { junitReport } from './junit.ts'
import { sarifReport } from './sarif.ts'
import type { ReportOptions, StreamedReport } from './streamed-report.ts'

export const REPORT_FILES = ['sarif', 'junit', 'html'] as const
export type ReportFileKind = (typeof REPORT_FILES)[number]

/** A report that is written while results of `check` come: texts to be put one behind the other. */
export function reportFile(kind: ReportFileKind, options: ReportOptions): StreamedReport {
  const make = { sarif: sarifReport, junit: junitReport, html: htmlReport }
  return make[kind](options)
}
