// Pages that are made from data are current, and the table of exit statuses covers every code.
import { describe, expect, test } from 'vitest'
import { cpuSection } from '../../scripts/docs/compatibility.ts'
import { EXIT_STATUSES } from '../../scripts/docs/exit-codes.ts'
import { PAGES } from '../../scripts/docs/pages.ts'
import { listBuilds } from '../../src/builds/load.ts'
import { ERROR_CODES } from '../../src/errors.ts'
import { buildsMatrix } from '../../src/ops/matrix/builds-matrix.ts'
import { matrixTables } from '../../src/ops/matrix/matrix-tables.ts'
import { textOf } from '../tidy/sources.ts'

describe('npm run docs has been run', () => {
  test.each(Object.keys(PAGES))('%s is current', async path => {
    expect(textOf(path)).toBe(await PAGES[path]!())
  })
})

// The whole page takes seconds: `npm run check` compares it. Whoever changes what a kernel refuses sees it here.
test('docs/compatibility.md has the kernels of cortex-a72 as they are', async () => {
  const names = listBuilds().flatMap(({ name, cpu }) => (cpu === 'cortex-a72' ? [name] : []))
  const report = await buildsMatrix({ from: names, to: names })
  const [table] = matrixTables(report).kernels
  expect(textOf('docs/compatibility.md')).toContain(cpuSection(table!, report.causes))
})

test('every exit status that an error code uses is explained', () => {
  expect(Object.values(ERROR_CODES).filter(({ exit }) => EXIT_STATUSES[exit] === undefined)).toEqual([])
})

test('every explained exit status is used', () => {
  const used = new Set<number>([0, 1, 3, ...Object.values(ERROR_CODES).map(({ exit }) => exit)])
  expect(Object.keys(EXIT_STATUSES).filter(status => !used.has(Number(status)))).toEqual([])
})
