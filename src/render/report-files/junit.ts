// Owns the JUnit XML of a check, as GitLab and Jenkins take it: a suite a file, a test case a target. Source of the shape: Jenkins' JUnit plugin and
// GitLab's unit test reports read testsuites/testsuite/testcase with failure, error and system-out; counts of a suite are attributes of its start.
import type { CheckRow } from '../../ops/check/check-report.ts'
import { escapeXml, escapeXmlAttribute } from './escape.ts'
import { fails, isUnreadable, resultText } from './failing.ts'
import type { ReportOptions, StreamedReport } from './streamed-report.ts'

/** Findings that the text of a failure names, besides the reason. */
const MOST_MESSAGES = 8

/** Keeps the rows of one file. A failure is what `failOn` says; a file that cannot be read is an error. */
export function junitReport({ failOn = 'changed' }: ReportOptions): StreamedReport {
  let suite: CheckRow[] = []
  const flush = (): string => {
    const rows = suite
    suite = []
    return rows.length === 0 ? '' : suiteXml(rows, failOn)
  }
  return {
    start: () => '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="psci-snap check">\n',
    row(row) {
      const before = suite[0] !== undefined && suite[0].source.file !== row.source.file ? flush() : ''
      suite.push(row)
      return before
    },
    end: () => `${flush()}</testsuites>\n`,
  }
}

function suiteXml(rows: readonly CheckRow[], failOn: 'changed' | 'refused'): string {
  const [{ source }] = rows as readonly [CheckRow]
  const errors = rows.filter(isUnreadable).length
  const failures = rows.filter(row => !isUnreadable(row) && fails(row.verdict, failOn)).length
  const name = escapeXmlAttribute(source.file)
  return [
    `<testsuite name="${name}" tests="${rows.length}" failures="${failures}" errors="${errors}" skipped="0">\n`,
    ...rows.map(row => caseXml(row, name, failOn)),
    '</testsuite>\n',
  ].join('')
}

/** `file` is an attribute's text already. GitLab knows a test case by its class and its name, so the class is the file. */
function caseXml(row: CheckRow, file: string, failOn: 'changed' | 'refused'): string {
  const start = (name: string): string => `<testcase classname="${file}" name="${escapeXmlAttribute(name)}" file="${file}">\n`
  if (isUnreadable(row)) {
    const { code, message, hint } = row.error
    const text = hint === undefined ? message : `${message}\n${hint}`
    return `${start('can be read')}<error type="${escapeXmlAttribute(code)}" message="${escapeXmlAttribute(message)}">${escapeXml(text)}</error>\n</testcase>\n`
  }
  const { verdict, reason, target, findings } = row
  const others = findings.flatMap(({ severity, message }) => (severity === 'info' || message === reason ? [] : [message]))
  const more = others.length > MOST_MESSAGES ? [`and ${others.length - MOST_MESSAGES} more`] : []
  const told = [reason, ...others.slice(0, MOST_MESSAGES), ...more]
  const failure = fails(verdict, failOn)
    ? `<failure type="${verdict}" message="${escapeXmlAttribute(`${verdict}: ${reason}`)}">${escapeXml(told.join('\n'))}</failure>\n`
    : ''
  return `${start(`${target.build}, ${target.vmm}`)}${failure}<system-out>${escapeXml(`${verdict}: ${resultText(row)}`)}</system-out>\n</testcase>\n`
}
