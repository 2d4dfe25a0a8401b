// The two encodings and the checksum, on known bytes and on random trees: what is written is read again, and nothing is left over.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBincode, encodeBincode } from '../../../../src/formats/importers/firecracker/bincode.ts'
import { decodeBitcode, encodeBitcode } from '../../../../src/formats/importers/firecracker/bitcode.ts'
import { ByteWriter } from '../../../../src/formats/importers/firecracker/byte-writer.ts'
import { crc64, crc64Bytes } from '../../../../src/formats/importers/firecracker/crc64.ts'
import { Input } from '../../../../src/formats/importers/firecracker/input.ts'
import { packBytes, packInts, packLengths, unpackBytes, unpackInts, unpackLengths } from '../../../../src/formats/importers/firecracker/packed-ints.ts'
import {
  bool,
  bytes,
  choice,
  later,
  list,
  option,
  type Shape,
  struct,
  tagged,
  text,
  tuple,
  u8,
  u32,
  u64,
  u128,
} from '../../../../src/formats/importers/firecracker/shape.ts'

test('the checksum is CRC-64/Jones', () => {
  expect(crc64(new TextEncoder().encode('123456789'))).toBe(0xe9c6_d914_c4b8_d9can)
  expect(crc64(new Uint8Array(16).fill(0x7b))).toBe(0x29d5_3572_1632_6566n)
})

test('a file and its checksum together have checksum 0, at every length', () => {
  for (let length = 0; length < 40; length++) {
    const content = Uint8Array.from({ length }, (_, i) => i * 37)
    expect(crc64(Buffer.concat([content, crc64Bytes(content)]))).toBe(0n)
  }
})

const packed = (pack: (writer: ByteWriter) => void): number[] => {
  const writer = new ByteWriter()
  pack(writer)
  return [...writer.finish()]
}

test.each<[string, number[], number[]]>([
  ['two bytes stand as they are', [9, 200], [9, 200]],
  ['bits, eight to a byte', [1, 0, 1, 1, 0, 0, 0, 1, 1], [10, 0b1000_1101, 1]],
  ['three values, five to a byte', [2, 1, 0], [8, 2 + 3]],
  ['nibbles', [15, 1, 2], [2, 0x1f, 2]],
  ['large bytes', [255, 0, 255], [0, 255, 0, 255]],
  ['close together, six of them', [200, 201, 200, 200, 201, 201], [9, 200, 0b110010]],
  ['close together, but only five', [200, 201, 200, 200, 201], [0, 200, 201, 200, 200, 201]],
])('bytes: %s', (_name, values, expected) => {
  expect(packed(writer => packBytes(writer, Uint8Array.from(values)))).toEqual(expected)
})

test.each<[string, bigint[], number[]]>([
  ['one that needs its width', [0x0710_1984_aaaa_0000n], [0, 0, 0, 0xaa, 0xaa, 0x84, 0x19, 0x10, 0x07]],
  ['one that fits a byte', [128n], [6, 128]],
  ['two bytes each', [256n, 1n], [4, 0, 1, 1, 0]],
  ['close together', [1000n, 1001n, 1002n, 1003n, 1004n, 1005n], [5, 0xe8, 3, 0, 0, 0, 0, 0, 0, 4, 0 + 1 * 6 + 2 * 36, 3 + 4 * 6 + 5 * 36]],
  ['first ones far apart', [0n, 1n << 40n], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]],
])('u64: %s', (_name, values, expected) => {
  expect(packed(writer => packInts(writer, values, 8))).toEqual(expected)
})

test('lengths of 255 and more are spelled out behind', () => {
  expect(packed(writer => packLengths(writer, [3, 300]))).toEqual([3, 255, 4, 44, 1])
})

test('packed columns are read back, to the last byte', () => {
  const byte = fc.nat(255)
  const near = fc
    .tuple(fc.bigInt(0n, (1n << 64n) - 1n), fc.array(fc.nat(300), { maxLength: 40 }))
    .map(([base, all]) => all.map(n => BigInt.asUintN(64, base + BigInt(n))))
  const wide = fc.array(fc.bigInt(0n, (1n << 64n) - 1n), { maxLength: 40 })
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 40 }),
      fc.oneof(near, wide),
      fc.array(fc.nat(0xffff_ffff), { maxLength: 40 }),
      fc.array(fc.nat(100_000), { maxLength: 20 }),
      (a, b, c, d) => {
        const writer = new ByteWriter()
        packBytes(writer, Uint8Array.from(a))
        packInts(writer, b, 8)
        packInts(writer, c, 4)
        packLengths(writer, d)
        const input = new Input(writer.finish(), 'x')
        expect([...unpackBytes(input, a.length, 'a')]).toEqual(a)
        expect(unpackInts(input, b.length, 8, 'b')).toEqual(b)
        expect(unpackInts(input, c.length, 4, 'c')).toEqual(c)
        expect(unpackLengths(input, d.length, 'd').map(Number)).toEqual(d)
        expect(input.left).toBe(0)
      },
    ),
    { seed: 11, numRuns: 300 },
  )
})

type Pair = readonly [Shape<unknown>, fc.Arbitrary<unknown>]
const u64s = fc.bigInt(0n, (1n << 64n) - 1n)
const leaves: readonly Pair[] = [
  [u8, fc.nat(255)],
  [u32, fc.nat(0xffff_ffff)],
  [u64, fc.oneof(u64s, fc.bigInt(0n, 300n))],
  [bool, fc.boolean()],
  [text, fc.string({ unit: 'grapheme', maxLength: 300 })],
  [bytes, fc.uint8Array({ maxLength: 300 })],
  [choice('a', 'b', 'c'), fc.constantFrom('a', 'b', 'c')],
]

/** Random type trees, each with values of it. */
const tree: fc.Arbitrary<Pair> = fc.letrec<{ pair: Pair }>(tie => ({
  pair: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(...leaves),
    tie('pair').map(([shape, values]): Pair => [list(shape), fc.array(values, { maxLength: 8 })]),
    tie('pair').map(([shape, values]): Pair => [option(list(shape)), fc.option(fc.array(values, { maxLength: 3 }), { nil: undefined })]),
    fc.array(tie('pair'), { minLength: 1, maxLength: 4 }).map((pairs): Pair => {
      const fields = Object.fromEntries(pairs.map(([shape], i) => [`f${i}`, shape]))
      return [struct(fields), fc.record(Object.fromEntries(pairs.map(([, values], i) => [`f${i}`, values])))]
    }),
  ),
})).pair

test('random trees survive both encodings, and what follows them is not touched', () => {
  const rest = Uint8Array.of(1, 2, 3)
  const cases = tree.chain(([shape, values]) => values.map(value => ({ shape, value })))
  fc.assert(
    fc.property(cases, ({ shape, value }) => {
      for (const [encode, decode] of [[encodeBincode, decodeBincode] as const, [encodeBitcode, decodeBitcode] as const]) {
        const encoded = encode(shape, value)
        const input = new Input(Buffer.concat([encoded, rest]), 'x')
        expect(decode(shape, input, 'the value')).toEqual(value)
        expect(input.taken).toBe(encoded.length)
      }
    }),
    { seed: 12, numRuns: 400 },
  )
})

test('a recursive type has a column for each depth', () => {
  interface Tree {
    readonly key: bigint
    readonly left: Tree | undefined
    readonly right: Tree | undefined
  }
  const shape: Shape<Tree> = later(() => struct({ key: u64, left: option(shape), right: option(shape) }) as Shape<Tree>)
  const leaf = (key: bigint): Tree => ({ key, left: undefined, right: undefined })
  const value: Tree = { key: 4n, left: { key: 2n, left: leaf(1n), right: leaf(3n) }, right: leaf(5n) }
  for (const [encode, decode] of [[encodeBincode, decodeBincode] as const, [encodeBitcode, decodeBitcode] as const])
    expect(decode(shape, new Input(encode(shape, value), 'x'), 'tree')).toEqual(value)
  // Keys by level: 4; left 2; its left 1, its right 3; right 5.
  expect([...encodeBitcode(shape, value)]).toEqual([6, 4, 1, 6, 2, 1, 6, 1, 0, 0, 1, 6, 3, 0, 0, 1, 6, 5, 0, 0])
})

test('what only the sequential encoding has: 128 bits, variants with a value, tuples', () => {
  const shape = struct({ wide: u128, capability: tagged(['Add', u32], ['Remove', u32]), pair: tuple(u32, 2) })
  const value = { wide: (3n << 100n) | 5n, capability: ['Remove', 170] as const, pair: { 0: 1, 1: 2 } }
  const encoded = encodeBincode(shape, value)
  expect(encoded.length).toBe(16 + 8 + 8)
  expect(decodeBincode(shape, new Input(encoded, 'x'), 'value')).toEqual(value)
})

test.each<[string, Shape<unknown>, number[], RegExp]>([
  ['a bool of 2', bool, [2], /is 2, where only 0 and 1/],
  ['an option of 2', option(u8), [2, 0], /is 2, where only 0 and 1/],
  ['a variant that is not there', choice('a'), [7, 0, 0, 0], /variant 7, of which there are 1/],
  ['a text that is no UTF-8', text, [1, 0, 0, 0, 0, 0, 0, 0, 0xff], /not UTF-8/],
  ['a list of 2^60', list(u8), [0, 0, 0, 0, 0, 0, 0, 16], /declares 1152921504606846976 values/],
  ['a text of 2^50', text, [0, 0, 0, 0, 0, 0, 4, 0], /ends inside/],
])('bincode refuses %s', (_name, shape, raw, message) => {
  expect(() => decodeBincode(shape, new Input(Uint8Array.from(raw), 'x'), 'it')).toThrow(message)
})

test.each<[string, Shape<unknown>, number[], RegExp]>([
  ['a packing that does not exist', list(u8), [3, 12, 0], /12 is no way to pack bytes/],
  ['a byte with a fourth value in it', list(u8), [3, 4, 255], /holds more than its 3 values/],
  ['an integer packing that does not exist', u32, [20, 0], /20 is no way to pack integers of 4 bytes/],
  ['an option of 2', option(u8), [2], /variant 2 of an option/],
  ['a variant that is not there', choice('a'), [1], /variant 1, of which there are 1/],
  ['a list of 2^40', list(u64), [255, 0, 0, 0, 0, 0, 0, 1, 0, 0], /declares 1099511627776 values/],
  ['bytes beyond the end', bytes, [9, 1], /ends inside|needs/],
  ['bits beyond the last', list(bool), [3, 0xff], /holds more than its 8 values/],
])('bitcode refuses %s', (_name, shape, raw, message) => {
  expect(() => decodeBitcode(shape, new Input(Uint8Array.from(raw), 'x'), 'it')).toThrow(message)
})
