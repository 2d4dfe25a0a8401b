// Owns how an edit reads on a terminal. Decides nothing.
import type { EditReport } from '../ops/reports.ts'
import { shorten } from '../ops/show-value.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count, table } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderEdit({ input, output, memoryOutput, vcpus, tables = [], findings }: EditReport, { columns = 100, style }: Page): string {
  const changed = vcpus.reduce((sum, { changes }) => sum + changes.length, 0)
  const rows = [...byChange(vcpus)].map(([, { indices, name, before, after }]) => [
    `vCPU${indices.length === 1 ? '' : 's'} ${indices.join(' ')}`,
    name,
    shorten(before),
    after === undefined ? 'taken out' : `→ ${shorten(after)}`,
  ])
  const what = [
    ...(changed === 0 ? [] : [count(changed, 'register')]),
    ...(tables.length === 0 ? [] : [`${count(tables.length, 'copy', 'copies')} of the FACS`]),
  ]
  return [
    `${terminalText(input.file)} → ${terminalText(output)}${memoryOutput === undefined ? '' : ` and ${terminalText(memoryOutput)}`} (${input.format}), ${what.length === 0 ? 'nothing' : what.join(' and ')} changed`,
    ...table(
      [{}, {}, {}, {}],
      rows.map(row => row.map(terminalText)),
      '  ',
    ),
    ...table(
      [{}, {}, {}, {}],
      tables.map(({ name, holder, address, before, after }) => [`${holder} at ${address}`, name, before, `→ ${after}`].map(terminalText)),
      '  ',
    ),
    ...findingLines(findings, columns, style),
  ].join('\n')
}

/** What happened alike on several vCPUs is said once. */
function byChange(vcpus: EditReport['vcpus']) {
  const all = new Map<string, { readonly indices: number[]; readonly name: string; readonly before: string; readonly after?: string }>()
  for (const { index, changes } of vcpus)
    for (const { id, ...change } of changes) {
      const key = JSON.stringify([id, change.before, change.after ?? null])
      const known = all.get(key)
      if (known) known.indices.push(index)
      else all.set(key, { indices: [index], ...change })
    }
  return all
}
