// How a diff reads: the answer first, colour only as an addition, long things short but never alike, a stranger's text harmless.
import { expect, test } from 'vitest'
import type { DiffReport, DiffRow } from '../../src/ops/reports.ts'
import { renderDiff } from '../../src/render/diff.ts'
import { COLOR_STYLE, PLAIN_STYLE } from '../../src/render/page.ts'

const side = { file: 'a', format: 'psnap', origin: {}, psci: '1.1' }
const report = (changes: readonly DiffRow[]): DiffReport => ({
  equal: changes.length === 0,
  a: side,
  b: { ...side, file: 'b' },
  counts: { register: changes.filter(({ kind }) => kind === 'register').length, mpState: 0, device: 0, memory: 0, vm: 0 },
  changes,
  ignoring: [],
  ignored: [],
  findings: [],
})
const register = (name: string, before?: string, after?: string, vcpu = 0): DiffRow => ({
  kind: 'register',
  vcpu,
  id: `id of ${name}`,
  name,
  ...(before === undefined ? {} : { before }),
  ...(after === undefined ? {} : { after }),
})
const text = (changes: readonly DiffRow[], details = false) => renderDiff(report(changes), { columns: 100, style: PLAIN_STYLE }, details)

test('what all vCPUs have in common is said once', () => {
  const lines = text([register('X0', '0x1', '0x2', 0), register('X1', '0x1', '0x2', 0), register('X0', '0x1', '0x2', 1)]).split('\n')
  expect(lines[0]).toBe('different: 3 registers on 2 vCPUs')
  expect(lines.filter(line => line.includes('X0'))).toHaveLength(1)
  expect(lines.slice(lines.indexOf('vCPUs 0 1'))).toEqual(['vCPUs 0 1', '  X0  0x1  → 0x2', '', 'vCPU 0', '  X1  0x1  → 0x2'])
})

test('long values that differ at their end do not look alike', () => {
  const [a, b] = [`b${'00'.repeat(100)}11`, `b${'00'.repeat(100)}22`]
  expect(text([register('V0', a, b)])).toContain('…0011  → …0022')
  expect(text([register('V0', a, b)], true)).toContain(a)
})

test('many rows are cut and counted, unless details are asked for', () => {
  const many = Array.from({ length: 100 }, (_, i) => register(`R${i}`, '0x1', '0x2'))
  expect(text(many)).toContain('and 40 more (--details)')
  expect(text(many, true)).toContain('R99')
})

test('colour adds nothing that is not there without it', () => {
  const changes = [register('X0', '0x1', '0x2'), register('X1', '0x1'), register('X2', undefined, '0x1')]
  const colored = renderDiff(report(changes), { columns: 100, style: COLOR_STYLE }, false)
  expect(colored).not.toBe(text(changes))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(text(changes))
})

test('text of a stranger is written out', () => {
  const evil = '\u001b[2J\u202e'
  const shown = text([{ kind: 'device', name: `uart ${evil}`, before: evil, after: 'x' }])
  expect(shown).not.toContain('\u001b')
  expect(shown).not.toContain('\u202e')
})
