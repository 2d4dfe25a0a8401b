import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pack, unpack } from '../../../src/formats/archive/pack.ts'

const hex = (value: unknown): string => Buffer.from(pack(value)).toString('hex')

test.each<[unknown, string]>([
  [{}, '80'],
  [{ b: 1, a: 2 }, '82a16201a16102'],
  [{ a: undefined, b: 1 }, '81a16201'],
  [5, '05'],
  [5n, 'd30000000000000005'],
  [2n ** 64n - 1n, 'cfffffffffffffffff'],
  [-1n, 'd3ffffffffffffffff'],
  [2 ** 32 - 1, 'ceffffffff'],
  [2 ** 32, 'cb41f0000000000000'],
  [new Uint8Array([1, 2]), 'c4020102'],
  [[true, false, null], '93c3c2c0'],
  ['é', 'a2c3a9'],
])('row %# is packed as the format says', (value, bytes) => {
  expect(hex(value)).toBe(bytes)
})

test.each<[string, unknown, RegExp]>([
  ['a bigint of 65 bits', { x: [2n ** 64n] }, /x\[0\] needs more than 64 bits/],
  ['a Map', { x: new Map() }, /x is not a plain value/],
  ['a function', [() => 1], /\[0\] is not a plain value/],
  ['undefined in a list', [undefined], /\[0\] is not a plain value/],
  ['another typed array', new BigUint64Array(1), /not a plain value/],
  ['-0', { y: -0 }, /y is -0/],
  ['half a surrogate pair', '\ud800', /surrogate/],
])('%s cannot be packed, and the error names its place', (_name, value, message) => {
  expect(() => pack(value)).toThrow(message)
})

test('a cycle is refused', () => {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  expect(() => pack(cycle)).toThrow(/nested too deeply/)
})

test('unpacked bytes are copies, not views of the input or of a pool', () => {
  const packed = pack({ a: new Uint8Array([1, 2, 3]) })
  const { a } = unpack(packed, {}) as { a: Uint8Array }
  packed.fill(0)
  expect([...a]).toEqual([1, 2, 3])
  expect(a.buffer.byteLength).toBe(3)
  expect(a.constructor).toBe(Uint8Array)
})

test('packing twice gives the same bytes, and packing leaves earlier results alone', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), value => {
      if (JSON.stringify(value).includes('-0') || JSON.stringify(value).includes('__proto__')) return
      const first = (() => {
        try {
          return pack(value)
        } catch {
          return undefined // -0 and lone surrogates, tested above
        }
      })()
      if (!first) return
      const copy = Buffer.from(first)
      pack({ other: 'things' })
      expect(copy.equals(first)).toBe(true)
      expect(unpack(first, {})).toEqual(value)
    }),
    { seed: 9, numRuns: 300 },
  )
})
