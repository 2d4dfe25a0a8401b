// Owns how a matrix of hosts reads on a terminal. Decides nothing.
import type { BuildsMatrixReport, MatrixCell } from '../ops/matrix/builds-matrix.ts'
import { type KernelTable, lettersOf, matrixTables } from '../ops/matrix/matrix-tables.ts'
import type { Page, Style } from './page.ts'
import { count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Up to so many pairs are told one by one, each with its reason. */
const MOST_REASONS = 12

export function renderMatrix(report: BuildsMatrixReport, { columns = 100, style }: Page): string {
  const { verdicts, cells, features, vmm, causes, skipped } = report
  const { kernels, pairs } = matrixTables(report)
  const guest = features === 'host' ? 'new guests with all that their host gives by default' : `new guests with ${features.join(' ') || 'no features'}`
  const others = cells.filter(({ from, to }) => from !== to)
  return [
    `${guest}, load rules of ${vmm}: ${count(cells.length, 'pair')}, ${verdicts.survives} survive, ${verdicts.changed} changed, ${verdicts.refused} refused`,
    ...kernels.flatMap(each => ['', style.bold(`${terminalText(each.cpu)}, from the host on the left to the host above`), ...kernelLines(each, report)]),
    ...(pairs.length === 0
      ? []
      : [
          '',
          style.bold('from CPU to CPU'),
          ...table(
            [{}, {}, { align: 'right' }, { align: 'right' }, { align: 'right' }, {}],
            [
              ['from', 'to', 'survive', 'changed', 'refused', 'because'],
              ...pairs.map(({ from, to, verdicts: sums, letters }) => [
                terminalText(from),
                terminalText(to),
                String(sums.survives),
                String(sums.changed),
                String(sums.refused),
                letters,
              ]),
            ],
            '  ',
          ),
        ]),
    ...(others.length > MOST_REASONS ? [] : reasonLines(others, columns, style)),
    ...(causes.length === 0 ? [] : ['', ...causes.flatMap(({ letter, words }) => wrap(`${letter}  ${words}`, columns - 2, '   ').map(line => `  ${line}`))]),
    ...skipped.map(({ host, why }) => `left out: ${terminalText(host)}: ${terminalText(why)}`),
  ].join('\n')
}

function kernelLines({ from, to, cells }: KernelTable, { causes }: BuildsMatrixReport): string[] {
  const show = (cell: MatrixCell | undefined): string => (cell === undefined ? '-' : cell.verdict === 'survives' ? 'ok' : lettersOf(cell.causes, causes))
  return table(
    [{}, ...to.map(({ kernel }) => ({ head: terminalText(kernel) }))],
    from.map(({ kernel }, row) => [terminalText(kernel), ...(cells[row] ?? []).map(show)]),
    '  ',
  )
}

const reasonLines = (cells: readonly MatrixCell[], columns: number, style: Style): string[] =>
  cells.flatMap(({ from, to, verdict, reason }) => [
    '',
    `${verdict === 'survives' ? style.good(verdict) : verdict === 'changed' ? style.warn(verdict) : style.bad(verdict)}  ${terminalText(from)} → ${terminalText(to)}`,
    ...wrap(terminalText(reason), columns - 2).map(line => `  ${line}`),
  ])
