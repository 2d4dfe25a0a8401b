// Owns how an edit reads on a terminal. Decides nothing.
import type { EditReport } from '../ops/reports.ts'
import { shorten } from '../ops/show-value.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count, table } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderEdit({ input, output, vcpus, findings }: EditReport, { columns = 100, style }: Page): string {
  const changed = vcpus.reduce((sum, { changes }) => sum + changes.length, 0)
  const rows = vcpus.flatMap(({ index, changes }) =>
    changes.map(({ name, before, after }) => [`vCPU ${index}`, name, shorten(before), after === undefined ? 'taken out' : `→ ${shorten(after)}`]),
  )
  return [
    `${terminalText(input.file)} → ${terminalText(output)} (${input.format}), ${changed === 0 ? 'nothing changed' : `${count(changed, 'register')} changed`}`,
    ...table(
      [{}, {}, {}, {}],
      rows.map(row => row.map(terminalText)),
      '  ',
    ),
    ...findingLines(findings, columns, style),
  ].join('\n')
}
