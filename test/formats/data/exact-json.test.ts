import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { parseExactJson, parseJsonSequence } from '../../../src/formats/data/exact-json.ts'
import { toPlain } from '../../../src/formats/data/fields.ts'
import { fault } from './fault.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (text: string) => parseExactJson(utf8(text), 'x', { file: 'x' })

test('what JSON.parse reads, this reads the same, however it is spaced', () => {
  const clean = (value: unknown): unknown => JSON.parse(JSON.stringify(value), (key, item) => (Object.is(item, -0) ? 0 : key === '__proto__' ? undefined : item))
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, undefined, space)
      fc.pre(!text.includes('__proto__') && !/\\ud[89a-f]/.test(text) && !/[0-9]{16}/.test(text))
      expect(toPlain(parse(text))).toEqual(clean(value))
    }),
    { seed: 11, numRuns: 500 },
  )
})

test('integers of any size are exact, and numbers while they are exact as numbers', () => {
  expect(parse('[9007199254740991, 9007199254740992, -9007199254740992, 6931039826524504064, 340282366920938463463374607431768211455]')).toEqual([
    9007199254740991,
    9007199254740992n,
    -9007199254740992n,
    0x6030_0000_0014_0000n,
    (1n << 128n) - 1n,
  ])
  expect(parse('[-0, -0.0, 1e2, 0.5]')).toEqual([0, 0, 100, 0.5])
})

test('keys keep their order; __proto__ is a key like any other', () => {
  expect([...(parse('{"b":1,"a":2,"__proto__":3}') as Map<string, number>)]).toEqual([
    ['b', 1],
    ['a', 2],
    ['__proto__', 3],
  ])
})

test.each<[string, string, number, RegExp]>([
  ['nothing', '', 0, /ends where a value/],
  ['a half', '[1,', 3, /ends where a value/],
  ['an open list', '[1', 2, /ends inside/],
  ['an open text', '["ab', 4, /ends inside a text/],
  ['two values', '1 2', 2, /goes on after its end/],
  ['a comma too many', '[1,]', 3, /no value/],
  ['a key twice', '{"a":1,"b":{},"a":2}', 14, /"a" twice/],
  ['the same key spelled otherwise', '{"a":1,"\\u0061":2}', 7, /"a" twice/],
  ['no colon', '{"a" 1}', 5, /no colon/],
  ['a leading zero', '[01]', 1, /number that JSON does not know/],
  ['a plus', '+1', 0, /number that JSON does not know/],
  ['hex', '0x10', 1, /goes on/],
  ['NaN', 'NaN', 0, /no value/],
  ['a word that is none', 'nul', 0, /no value/],
  ['a control character', '"a\nb"', 2, /control character/],
  ['an escape that is none', '["\\x"]', 1, /escape/],
  ['half a surrogate pair', '["\\ud800"]', 1, /surrogate/],
  ['an integer of 41 digits', `[${'1'.repeat(41)}]`, 1, /41 digits/],
  ['an endless number', '1'.repeat(100_000), 0, /integer of/],
  ['a number beyond all', '1e999', 0, /too large/],
  ['single quotes', "{'a':1}", 1, /key must stand/],
])('%s', (_name, text, offset, message) => {
  expect(fault(() => parse(text))).toMatchObject({ code: 'INPUT_CORRUPT', message: expect.stringMatching(message), at: { file: 'x', offset } })
})

test('text that is no UTF-8', () => {
  expect(fault(() => parseExactJson(new Uint8Array([0x22, 0xff, 0x22]), 'x'))).toMatchObject({ code: 'INPUT_CORRUPT', at: { offset: 0 } })
})

test('what is too deep or too much is refused before it costs anything', () => {
  expect(fault(() => parse('['.repeat(5_000_000)))).toMatchObject({ code: 'LIMIT_EXCEEDED', at: { offset: 64 } })
  expect(fault(() => parse('{"a":'.repeat(1_000_000)))).toMatchObject({ code: 'LIMIT_EXCEEDED', at: { offset: 320 } })
  // An object weighs as much as 16 items; the fault stands where the limit was reached, not at the end.
  const few = (text: string) => fault(() => parseExactJson(new TextEncoder().encode(text), 'x', {}, { depth: 64, items: 1600 }))
  expect(few(`[${'{},'.repeat(1_000_000)}{}]`)).toMatchObject({ code: 'LIMIT_EXCEEDED', at: { offset: expect.closeTo(3 * 94, -1) } })
  expect(few(`[${'0,'.repeat(1_000_000)}0]`)).toMatchObject({ code: 'LIMIT_EXCEEDED', at: { offset: expect.closeTo(2 * 1585, -1) } })
})

test('cut anywhere it is a SnapError with an offset inside', () => {
  const bytes = utf8('{"a":[1,-2.5e3,"x\\u00e9é",true,null],"b":{"c":6931039826524504064}}')
  for (let length = 0; length < bytes.length; length++) {
    const error = fault(() => parseExactJson(bytes.subarray(0, length), 'x'))
    expect(error).toBeInstanceOf(SnapError)
    expect((error as SnapError).at.offset).toBeLessThanOrEqual(length)
  }
})

test('texts one behind the other', () => {
  expect(parseJsonSequence(utf8('1{"a":2}  [3]\n'), 'x').map(toPlain)).toEqual([1, { a: 2 }, [3]])
  expect(parseJsonSequence(utf8(' '), 'x')).toEqual([])
  expect(fault(() => parseJsonSequence(utf8('[1]['), 'x'))).toMatchObject({ code: 'INPUT_CORRUPT' })
})

test('any bytes: a value or a SnapError', () => {
  const mostlyJson = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"', '\\', '1', '-', 'e', '.', 'true', 'null', ' '), { maxLength: 30 }).map(parts => utf8(parts.join(''))),
  )
  fc.assert(
    fc.property(mostlyJson, bytes => {
      try {
        parseExactJson(bytes, 'x')
      } catch (error) {
        if (!(error instanceof SnapError)) throw error
      }
    }),
    { seed: 12, numRuns: 3000 },
  )
})
