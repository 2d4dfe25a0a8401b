// Owns how builds read on a terminal. Decides nothing.
import type { BuildsListReport } from '../ops/builds-list.ts'
import type { Page } from './page.ts'
import { count, table } from './table.ts'

export function renderBuildsList({ builds }: BuildsListReport, { style }: Page): string {
  const rows = builds.map(({ name, psci, registers, aliases }) => [name, psci.default, psci.accepted.join(' '), String(registers), aliases[0] ?? ''])
  const [head = '', ...lines] = table(
    [{ head: 'build' }, { head: 'PSCI' }, { head: 'accepts' }, { head: 'registers', align: 'right' }, { head: 'alias' }],
    rows,
  )
  return [style.bold(head), ...lines, '', `${count(builds.length, 'build')}, each made from a recording of that kernel.`].join('\n')
}
