// Owns how a probed host reads on a terminal. Decides nothing.
import type { ProbeReport } from '../ops/probe/probe.ts'
import { renderBuildsDiff } from './builds.ts'
import type { Page } from './page.ts'
import { count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderProbe(report: ProbeReport, page: Page, details: boolean): string {
  const { columns = 100 } = page
  const { comparison, provenance } = report
  const rows = [
    ['build', report.name],
    ['kernel', report.uname === report.kernel ? report.kernel : `${report.kernel} (${report.uname})`],
    ['CPU', provenance[0]?.cpu ?? report.cpu],
    ['PSCI', `default ${report.psci.default}, accepts ${report.psci.accepted.join(' ')}`],
    ['registers', `${report.registers} besides the core registers`],
    ['asked', report.extent === 'quick' ? 'lists and firmware registers (--quick)' : `everything: ${count(report.records, 'record')}`],
    ...(report.file === undefined ? [] : [['file', report.file]]),
    ...(report.recording === undefined ? [] : [['recording', report.recording]]),
  ]
  const inferred = details || comparison === undefined ? report.inferred : []
  return [
    ...table(
      [{}, {}],
      rows.map(row => row.map(terminalText)),
    ),
    ...inferred.flatMap(each => wrap(`concluded, not recorded: ${terminalText(each)}`, columns, '  ')),
    ...(comparison ? ['', renderBuildsDiff(comparison, page, details)] : []),
  ].join('\n')
}
