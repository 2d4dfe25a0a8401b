// Colour, width and progress: what a terminal gets and a file does not.
import { expect, test } from 'vitest'
import { wantsColor } from '../../src/cli/io.ts'
import { progressLine, progressText } from '../../src/cli/progress.ts'
import { memoryIo } from './memory-io.ts'

test.each([
  ['a terminal', {}, true, true],
  ['a file', {}, false, false],
  ['NO_COLOR', { NO_COLOR: '1' }, true, false],
  ['NO_COLOR whatever it says', { NO_COLOR: '0' }, true, false],
  ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
  ['FORCE_COLOR in a file', { FORCE_COLOR: '1' }, false, true],
  ['an empty FORCE_COLOR in a file', { FORCE_COLOR: '' }, false, true],
  ['FORCE_COLOR=0 on a terminal', { FORCE_COLOR: '0' }, true, false],
  ['NO_COLOR against FORCE_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ['a terminal that can nothing', { TERM: 'dumb' }, true, false],
] as const)('%s: colour as asked for', (_, env, isTerminal, color) => {
  expect(wantsColor(env, isTerminal)).toBe(color)
})

test('progress appears on a terminal after a second, at most ten times a second, and is wiped', () => {
  const io = memoryIo({ terminal: true, columns: 60 })
  let time = 0
  const line = progressLine(io, false, () => time)
  const at = (milliseconds: number, done: number): void => {
    time = milliseconds
    line.update({ label: 'writing memory', done, total: 10, unit: 'chunks' })
  }
  at(0, 1)
  at(999, 2)
  line.clear()
  expect(io.written('stderr')).toBe('')
  at(1000, 5)
  at(1050, 6)
  at(1100, 7)
  line.clear()
  line.clear()
  const drawn = (part: string) => `\r\u001b[Kwriting memory  ${part}`
  expect(io.written('stderr')).toBe(`${drawn('[##########          ]   50 %  5/10 chunks')}${drawn('[##############      ]   70 %  7/10 chunks')}\r\u001b[K`)
  expect(io.written('stdout')).toBe('')
})

test.each([
  ['not on a terminal', { terminal: false }, false],
  ['not when quiet', { terminal: true }, true],
])('progress appears %s', (_, options, quiet) => {
  const io = memoryIo(options)
  let time = 0
  const line = progressLine(io, quiet, () => time)
  for (time = 0; time < 5000; time += 500) line.update({ label: 'x', done: 1 })
  line.clear()
  expect(io.written('stderr')).toBe('')
})

test('a progress line fits the terminal and obeys nothing', () => {
  expect(progressText({ label: 'file \u001b[2J', done: 3 }, 80)).toBe('file \\x1b[2J  3')
  expect(progressText({ label: 'x'.repeat(200), done: 3, total: 4 }, 40)).toHaveLength(39)
  expect(progressText({ label: 'done twice', done: 9, total: 4 }, 80)).toContain('100 %')
})
