// Owns how the reports of a few lines read on a terminal: save, verify, convert. Decides nothing.
import type { ConvertReport, SaveReport, VerifyReport } from '../ops/reports.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count, table } from './table.ts'
import { terminalLines, terminalText } from './terminal-text.ts'

export function renderSave(report: SaveReport, { columns = 100, style }: Page): string {
  const rows = [
    ['saved', report.file],
    ['build', report.build],
    ['guest', `${count(report.vcpus, 'vCPU')}, ${report.features.join(' ') || 'no features'}, GIC ${report.gic}, PSCI ${report.psci ?? 'none'}`],
    ['stopped', `${report.stop}, after ${report.instructions === undefined ? `${report.milliseconds} ms` : `${report.instructions} instructions`}`],
  ]
  const console = terminalLines(report.console.trimEnd())
  return [
    ...table(
      [{}, {}],
      rows.map(row => row.map(terminalText)),
    ),
    ...(console === '' ? [] : console.split('\n').map(line => style.dim(`| ${line}`))),
    ...findingLines(report.findings, columns, style),
  ].join('\n')
}

export function renderVerify(report: VerifyReport, { columns = 100, style }: Page): string {
  const errors = report.findings.filter(finding => finding.severity === 'error').length
  const answer = report.valid ? style.good('valid') : style.bad(`not valid, ${count(errors, 'error')}`)
  return [`${terminalText(report.file)}: ${report.format}, ${answer}`, ...findingLines(report.findings, columns, style, true)].join('\n')
}

export function renderConvert({ input, output, findings }: ConvertReport, { columns = 100, style }: Page): string {
  return [`${terminalText(input.file)} (${input.format}) → ${terminalText(output.file)} (${output.format})`, ...findingLines(findings, columns, style)].join(
    '\n',
  )
}
