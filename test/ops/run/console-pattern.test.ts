// Patterns over a console: by line, the unfinished one too, whatever pieces it comes in, in linear time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { consoleWatch } from '../../../src/ops/run/console-pattern.ts'

test('a line matches as a whole and as it comes', () => {
  const watch = consoleWatch('^login: $')
  expect(['boot\r\nlog', 'in:', ' '].map(text => watch.sees(text))).toEqual([false, false, true])
  expect(watch.seen).toBe('login: ')
})

test('a pattern does not reach over the end of a line', () => {
  expect(consoleWatch('a.*b').sees('a\nb\n')).toBe(false)
  expect(consoleWatch('^b$').sees('a\r\nb\r\nc')).toBe(true)
})

test('what was seen stays seen', () => {
  const watch = consoleWatch('x')
  watch.sees('x\n')
  expect([watch.sees('y'), watch.seen]).toEqual([true, 'x'])
})

test('pieces make no difference', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'b', '\n', '\r\n', 'ab'), { maxLength: 30 }), pieces => {
      const one = consoleWatch('^ab+a')
      const many = consoleWatch('^ab+a')
      expect(pieces.some(piece => many.sees(piece))).toBe(one.sees(pieces.join('')))
    }),
    { seed: 6 },
  )
})

test('a pattern that explodes elsewhere, and a line without end, take no time', () => {
  const started = performance.now()
  const watch = consoleWatch('^(a+)+$')
  for (let n = 0; n < 50; n++) watch.sees(`${'a'.repeat(1000)}!`)
  expect(performance.now() - started).toBeLessThan(5000)
})

test.each(['(', '(?=a)', '\\1', '', 'a'.repeat(1001)])('%j is no pattern', pattern => {
  expect(() => consoleWatch(pattern)).toThrow(/pattern/)
})
