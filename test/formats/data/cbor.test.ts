import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { parseCbor } from '../../../src/formats/data/cbor.ts'
import type { Data } from '../../../src/formats/data/plain-data.ts'
import { encodeCbor } from './encode-cbor.ts'
import { fault } from './fault.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const parse = (hex: string): Data => parseCbor(bytes(hex), 'x', { file: 'x' })

describe('the examples of RFC 8949, appendix A', () => {
  test.each<[string, Data]>([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1a000f4240', 1000000],
    ['1b000000e8d4a51000', 1000000000000],
    ['1bffffffffffffffff', 18446744073709551615n],
    ['c249010000000000000000', 18446744073709551616n],
    ['3bffffffffffffffff', -18446744073709551616n],
    ['c349010000000000000000', -18446744073709551617n],
    ['20', -1],
    ['3903e7', -1000],
    ['f90000', 0],
    ['f98000', 0],
    ['f93c00', 1],
    ['f90001', 5.960464477539063e-8],
    ['f9c400', -4],
    ['fa47c35000', 100000],
    ['fb3ff199999999999a', 1.1],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['4401020304', bytes('01020304')],
    ['6449455446', 'IETF'],
    ['62c3bc', 'ü'],
    ['80', []],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    [
      'a26161016162820203',
      new Map<string, Data>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    ],
    ['5f42010243030405ff', bytes('0102030405')],
    ['7f657374726561646d696e67ff', 'streaming'],
    ['9fff', []],
    ['9f018202039f0405ffff', [1, [2, 3], [4, 5]]],
    [
      'bf61610161629f0203ffff',
      new Map<string, Data>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    ],
  ])('%s', (hex, value) => {
    expect(parse(hex)).toEqual(value)
  })
})

test.each<[string, string, string, RegExp]>([
  ['nothing', '', 'INPUT_CORRUPT', /ends too early/],
  ['something behind', '0000', 'INPUT_CORRUPT', /goes on/],
  ['undefined', 'f7', 'INPUT_CORRUPT', /simple value/],
  ['a break alone', 'ff', 'INPUT_CORRUPT', /break/],
  ['a break in a definite list', '81ff', 'INPUT_CORRUPT', /break/],
  ['a break where a value must stand', 'bf01ff', 'INPUT_CORRUPT', /break/],
  ['a head that is reserved', '1c', 'INPUT_CORRUPT', /head/],
  ['a key twice', 'a201020102', 'INPUT_CORRUPT', /key 1 twice/],
  ['the same key in a longer form', 'a20102180103', 'INPUT_CORRUPT', /key 1 twice/],
  ['a list as a key', 'a18000', 'INPUT_CORRUPT', /neither text nor integer/],
  ['a tag', 'c074323031332d30332d32315432303a30343a30305a', 'INPUT_CORRUPT', /tag 0/],
  ['a bignum of 17 bytes', `c251${'01'.repeat(17)}`, 'INPUT_CORRUPT', /17 bytes/],
  ['a bignum of text', 'c26161', 'INPUT_CORRUPT', /not bytes/],
  ['infinity', 'f97c00', 'INPUT_CORRUPT', /not finite/],
  ['text that is no UTF-8', '61ff', 'INPUT_CORRUPT', /UTF-8/],
  ['a piece of the other kind', '5f6161ff', 'INPUT_CORRUPT', /piece/],
  ['a piece in pieces', '5f5f4100ffff', 'INPUT_CORRUPT', /piece/],
  ['a list of 2^32 items', '9b00000001000000000000', 'INPUT_CORRUPT', /length of 4294967296/],
  ['a list of 4 billion in 6 bytes', '9affffffff00', 'INPUT_CORRUPT', /length of/],
  ['a list longer than the rest', '83010203'.replace('83', '98ff'), 'INPUT_CORRUPT', /length of 255/],
  ['text of 2^63 bytes', '7b8000000000000000', 'INPUT_CORRUPT', /length of/],
  ['tags in tags', 'c2'.repeat(100_000), 'LIMIT_EXCEEDED', /nested/],
  ['lists in lists', '81'.repeat(100_000), 'LIMIT_EXCEEDED', /nested/],
  ['open lists in lists', '9f'.repeat(100_000), 'LIMIT_EXCEEDED', /nested/],
  ['empty maps without end', `9f${'a0'.repeat(600_000)}`, 'LIMIT_EXCEEDED', /items/],
  ['empty pieces without end', `5f${'40'.repeat(600_000)}`, 'LIMIT_EXCEEDED', /items/],
])('%s', (_name, hex, code, message) => {
  expect(fault(() => parse(hex))).toMatchObject({ code, message: expect.stringMatching(message), at: { file: 'x', offset: expect.any(Number) } })
})

const anyData: fc.Arbitrary<Data> = fc.letrec<{ value: Data }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger().map(n => n + 0),
    fc.bigInt({ min: 1n << 53n, max: (1n << 128n) - 1n }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.uint8Array({ maxLength: 30 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.uniqueArray(fc.tuple(fc.oneof(fc.string({ maxLength: 5 }), fc.nat(70000)), tie('value')), { maxLength: 5, selector: ([key]) => key }).map(pairs => new Map(pairs)),
  ),
})).value

test('what was encoded reads back; cut anywhere it is a SnapError', () => {
  fc.assert(
    fc.property(anyData, data => {
      const encoded = encodeCbor(data)
      expect(parseCbor(encoded, 'x')).toEqual(data)
      for (let length = 0; length < encoded.length; length++) expect(fault(() => parseCbor(encoded.subarray(0, length), 'x'))).toBeInstanceOf(SnapError)
    }),
    { seed: 5, numRuns: 200 },
  )
})

test('any bytes: a value or a SnapError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), data => {
      try {
        parseCbor(data, 'x')
      } catch (error) {
        if (!(error instanceof SnapError)) throw error
      }
    }),
    { seed: 6, numRuns: 5000 },
  )
})
