// Owns how bitcode 0.6 packs a column of numbers: narrower when they are small or close together, several to a byte when they are tiny.
// Source: facts/vmm-formats.md §1.6, checked there against the real encoder. Knows no types.
import type { ByteWriter } from './byte-writer.ts'
import type { Input } from './input.ts'

/** Header index to the number of values that a packed value may have. */
const RADIXES = [256, 16, 6, 4, 3, 2] as const
/** Radix to the values that share a byte, the first one least significant. */
const PER_BYTE: Readonly<Record<number, number>> = { 2: 8, 3: 5, 4: 4, 6: 3, 16: 2 }
/** Header index to the bytes of a packed integer. */
const WIDTHS = [16, 8, 4, 2, 1] as const
/** The encoder gives up on packing integers when these do not profit. */
const SAMPLE = 16

export type Wide = 2 | 4 | 8

/** `count` values below `radix`, several to a byte. */
export function unpackDigits(input: Input, count: number, radix: number, what: string): Uint8Array {
  const perByte = PER_BYTE[radix]!
  const packed = input.bytes(Math.ceil(count / perByte), what)
  const out = new Uint8Array(count)
  for (let i = 0, at = 0; i < packed.length; i++) {
    let byte = packed[i]!
    for (let k = 0; k < perByte && at < count; k++, at++) {
      out[at] = byte % radix
      byte = Math.floor(byte / radix)
    }
    if (byte !== 0) throw input.wrong(`${what}: a byte holds more than its ${perByte} values`)
  }
  return out
}

export function packDigits(writer: ByteWriter, values: Uint8Array, radix: number, min = 0): void {
  const perByte = PER_BYTE[radix]!
  for (let at = 0; at < values.length; at += perByte) {
    let byte = 0
    for (let k = Math.min(perByte, values.length - at) - 1; k >= 0; k--) byte = byte * radix + values[at + k]! - min
    writer.u8(byte)
  }
}

/** A column of bytes. */
export function unpackBytes(input: Input, count: number, what: string): Uint8Array {
  if (count <= 2) return new Uint8Array(input.bytes(count, what))
  const header = input.u8(what)
  const radix = RADIXES[(header + 1) >> 1]
  if (radix === undefined || header > 10) throw input.wrong(`${what}: ${header} is no way to pack bytes`)
  const min = header & 1 ? input.u8(what) : 0
  const out = radix === 256 ? new Uint8Array(input.bytes(count, what)) : unpackDigits(input, count, radix, what)
  if (min !== 0) for (let i = 0; i < count; i++) out[i] = out[i]! + min
  return out
}

export function packBytes(writer: ByteWriter, values: Uint8Array): void {
  if (values.length <= 2) {
    writer.bytes(values)
    return
  }
  let min = 255
  let max = 0
  for (const value of values) {
    if (value < min) min = value
    if (value > max) max = value
  }
  const plain = radixIndex(max)
  const offset = radixIndex(max - min)
  if (offset > plain && values.length > 5) {
    writer.u8(2 * offset - 1)
    writer.u8(min)
    packDigits(writer, values, RADIXES[offset]!, min)
  } else {
    writer.u8(2 * plain)
    if (plain === 0) writer.bytes(values)
    else packDigits(writer, values, RADIXES[plain]!)
  }
}

const radixIndex = (max: number): number => (max <= 1 ? 5 : max === 2 ? 4 : max === 3 ? 3 : max <= 5 ? 2 : max <= 15 ? 1 : 0)

/** A column of integers: numbers up to 4 bytes wide, else bigints. */
export function unpackInts(input: Input, count: number, width: Wide, what: string): readonly (number | bigint)[] {
  if (count === 0) return []
  if (width === 2 && count === 1) return [input.u16le(what)]
  const header = input.u8(what)
  const packed = WIDTHS[((header + 1) >> 1) + WIDTHS.indexOf(width)]
  if (packed === undefined) throw input.wrong(`${what}: ${header} is no way to pack integers of ${width} bytes`)
  const min = header & 1 ? readInt(input, width, what) : 0n
  const small = packed === 1 ? unpackBytes(input, count, what) : undefined
  if (packed !== 1 && input.left < count * packed) input.bytes(count * packed, what) // throws, before anything is allocated
  const out: (number | bigint)[] = new Array(count)
  for (let i = 0; i < count; i++) {
    const value = small ? BigInt(small[i]!) : readInt(input, packed as Wide, what)
    const sum = BigInt.asUintN(width * 8, value + min)
    out[i] = width === 8 ? sum : Number(sum)
  }
  return out
}

const readInt = (input: Input, width: number, what: string): bigint =>
  width === 8 ? input.u64le(what) : BigInt(width === 4 ? input.u32le(what) : width === 2 ? input.u16le(what) : input.u8(what))

export function packInts(writer: ByteWriter, values: readonly (number | bigint)[], width: Wide): void {
  if (values.length === 0) return
  if (width === 2 && values.length === 1) {
    writer.int(values[0]!, 2)
    return
  }
  const own = WIDTHS.indexOf(width)
  const sample = range(values.slice(0, SAMPLE))
  const { min, max } = widthIndex(sample.max - sample.min) === own ? { min: 0n, max: 1n << BigInt(width * 8 - 1) } : range(values)
  const plain = widthIndex(max)
  const offset = widthIndex(max - min)
  if (offset > plain && values.length > 5) {
    writer.u8((offset - own) * 2 - 1)
    writer.int(min, width)
    writeAll(
      writer,
      values.map(value => BigInt(value) - min),
      WIDTHS[offset]!,
    )
  } else {
    writer.u8((plain - own) * 2)
    writeAll(writer, values, WIDTHS[plain]!)
  }
}

function writeAll(writer: ByteWriter, values: readonly (number | bigint)[], width: number): void {
  if (width === 1) packBytes(writer, Uint8Array.from(values, Number))
  else for (const value of values) writer.int(value, width as Wide)
}

function range(values: readonly (number | bigint)[]): { readonly min: bigint; readonly max: bigint } {
  let min = BigInt(values[0]!)
  let max = min
  for (const value of values) {
    const wide = BigInt(value)
    if (wide < min) min = wide
    if (wide > max) max = wide
  }
  return { min, max }
}

const widthIndex = (max: bigint): number => (max < 0x100n ? 4 : max < 0x1_0000n ? 3 : max < 0x1_0000_0000n ? 2 : 1)

/** A column of lengths: a byte each, those of 255 and more spelled out after it. */
export function unpackLengths(input: Input, count: number, what: string): readonly (number | bigint)[] {
  const short = unpackBytes(input, count, what)
  let big = 0
  for (const length of short) if (length === 255) big++
  if (big === 0) return [...short]
  const long = unpackInts(input, big, 8, what)
  let next = 0
  return Array.from(short, length => (length === 255 ? long[next++]! : length))
}

export function packLengths(writer: ByteWriter, lengths: readonly number[]): void {
  packBytes(
    writer,
    Uint8Array.from(lengths, length => Math.min(length, 255)),
  )
  packInts(
    writer,
    lengths.filter(length => length >= 255).map(length => BigInt(length)),
    8,
  )
}
