// Owns the arrangement of a matrix for readers: kernels of one CPU against each other, and CPU against CPU in sums. Decides nothing.
import type { Verdict } from '../reports.ts'
import type { BuildsMatrixReport, MatrixCell, MatrixHost } from './builds-matrix.ts'

/** Hosts of one CPU: rows are where the guest was born, columns where it goes. */
export interface KernelTable {
  readonly cpu: string
  readonly from: readonly MatrixHost[]
  readonly to: readonly MatrixHost[]
  /** By row and column; undefined for a host and itself, or a pair that was not asked for. */
  readonly cells: readonly (readonly (MatrixCell | undefined)[])[]
}

/** All kernels of one CPU against all of another. */
export interface CpuPair {
  readonly from: string
  readonly to: string
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** Letters of the causes met in any pair. */
  readonly letters: string
}

export interface MatrixTables {
  readonly kernels: readonly KernelTable[]
  readonly pairs: readonly CpuPair[]
}

export function matrixTables({ from, to, cells, causes }: Pick<BuildsMatrixReport, 'from' | 'to' | 'cells' | 'causes'>): MatrixTables {
  const byPair = new Map(cells.map(cell => [`${cell.from} ${cell.to}`, cell]))
  const cpus = [...new Set([...from, ...to].map(({ cpu }) => cpu))]
  const of = (hosts: readonly MatrixHost[], cpu: string) => hosts.filter(host => host.cpu === cpu)
  const kernels = cpus.flatMap((cpu): KernelTable[] => {
    const [rows, columns] = [of(from, cpu), of(to, cpu)]
    const cells = rows.map(row => columns.map(column => (row.name === column.name ? undefined : byPair.get(`${row.name} ${column.name}`))))
    return cells.some(row => row.some(cell => cell !== undefined)) ? [{ cpu, from: rows, to: columns, cells }] : []
  })
  const pairs = cpus.flatMap(a =>
    cpus.flatMap((b): CpuPair[] => {
      const found = a === b ? [] : of(from, a).flatMap(row => of(to, b).flatMap(column => byPair.get(`${row.name} ${column.name}`) ?? []))
      if (found.length === 0) return []
      const verdicts: Record<Verdict, number> = { survives: 0, changed: 0, refused: 0 }
      for (const { verdict } of found) verdicts[verdict]++
      const codes = new Set(found.flatMap(cell => cell.causes))
      return [{ from: a, to: b, verdicts, letters: lettersOf([...codes], causes) }]
    }),
  )
  return { kernels, pairs }
}

/** Letters of causes, in the order of the legend. */
export const lettersOf = (codes: readonly string[], causes: BuildsMatrixReport['causes']): string =>
  causes
    .filter(({ code }) => codes.includes(code))
    .map(({ letter }) => letter)
    .join('')
