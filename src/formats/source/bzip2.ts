// Owns the decoding of bzip2: blocks of Huffman codes over moves to front over a Burrows-Wheeler transform, each with its checksum.
// Source: the format as bzip2 1.0.8 writes it. Randomised blocks, which only versions before 0.9.5 wrote, are refused.
import { SnapError } from '../../errors.ts'
import { crc, expandRuns, inverseTransform } from './bzip2-transform.ts'
import { PieceReader } from './piece-reader.ts'
import type { Source } from './source.ts'

const BLOCK = 0x3141_5926_5359
const END = 0x1772_4538_5090
/** More than any block can take: 900,000 symbols of 20 bits, and the tables. */
const MOST_PACKED = 2_400_000
const LONGEST_CODE = 20
const GROUP = 50

class Damage extends Error {}

/** The content, one block at a time. Throws INPUT_CORRUPT with the offset of the block. */
export async function* unbzip2(source: Source, taken: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const reader = new PieceReader(source)
  for (let first = true; first || reader.left > 0; first = false) {
    const head = await reader.take(4)
    const level = (head?.[3] ?? 0) - 0x30
    if (head?.[0] !== 0x42 || head[1] !== 0x5a || head[2] !== 0x68 || level < 1 || level > 9) throw damaged(source, reader.offset, 'a header that is none')
    let combined = 0
    // Blocks begin at any bit: what a block leaves of its last byte is taken with the next.
    for (let bit = 0, ended = false; !ended; ) {
      const start = reader.offset
      const bits = new BitReader(await reader.peek(MOST_PACKED), bit)
      try {
        const magic = bits.read(24) * 0x100_0000 + bits.read(24)
        const sum = (bits.read(16) * 0x1_0000 + bits.read(16)) >>> 0
        if (magic === END) {
          if (sum !== combined) throw new Damage('the checksum of the whole is wrong')
          ended = true
          bits.align()
        } else if (magic === BLOCK) {
          const out = decodeBlock(bits, level * 100_000)
          if (crc(out) !== sum) throw new Damage('a block with a wrong checksum')
          combined = (((combined << 1) | (combined >>> 31)) ^ sum) >>> 0
          taken(start + bits.bytes)
          yield out
        } else throw new Damage('a block that is none')
      } catch (error) {
        if (error instanceof Damage) throw damaged(source, start, error.message, error)
        throw error
      }
      await reader.take(bits.bytes)
      bit = bits.bit
    }
  }
}

const damaged = (source: Source, offset: number, what: string, cause?: unknown): SnapError =>
  new SnapError('INPUT_CORRUPT', `${source.name}: its bzip2 is damaged: ${what}`, { file: source.name, offset }, { cause })

class BitReader {
  readonly #input: Uint8Array
  #at: number

  constructor(input: Uint8Array, bit: number) {
    this.#input = input
    this.#at = bit
  }

  /** Whole bytes that have been read, and bits of the next. */
  get bytes(): number {
    return this.#at >> 3
  }
  get bit(): number {
    return this.#at & 7
  }
  align(): void {
    this.#at = (this.#at + 7) & ~7
  }

  /** The next bits, at most 24, without taking them; zeros behind the end. */
  peek(count: number): number {
    const at = this.#at >> 3
    const input = this.#input
    const word = ((((input[at] ?? 0) << 24) | ((input[at + 1] ?? 0) << 16) | ((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0)) << (this.#at & 7)) >>> 0
    return count === 0 ? 0 : word >>> (32 - count)
  }
  skip(count: number): void {
    this.#at += count
    if (this.#at > this.#input.length * 8) throw new Damage('it ends inside a block')
  }
  read(count: number): number {
    const value = this.peek(count)
    this.skip(count)
    return value
  }
}

function decodeBlock(bits: BitReader, most: number): Uint8Array {
  if (bits.read(1) !== 0) throw new Damage('a randomised block, which no bzip2 since 1999 writes')
  const origin = bits.read(24)
  const symbols = readSymbols(bits)
  const endOfBlock = symbols.length + 1
  const tables = readTables(bits, symbols.length + 2)
  const { selectors, codes } = tables
  const bytes = new Uint8Array(most)
  const order = Uint8Array.from(symbols)
  let length = 0
  let run = 0
  let runBit = 1
  let left = 0
  let group = -1
  let code = codes[0] as Code
  for (;;) {
    if (left === 0) {
      group++
      const selector = selectors[group]
      if (selector === undefined) throw new Damage('a block goes on behind its last table')
      code = codes[selector] as Code
      left = GROUP
    }
    left--
    const symbol = readSymbol(bits, code)
    if (symbol <= 1) {
      // Runs of the front byte, their length in digits of 1 and 2.
      run += runBit << symbol
      runBit <<= 1
      if (run > most) throw new Damage('a block is too long')
      continue
    }
    if (run > 0) {
      if (length + run > most) throw new Damage('a block is too long')
      bytes.fill(order[0] as number, length, length + run)
      length += run
      run = 0
      runBit = 1
    }
    if (symbol === endOfBlock) break
    const index = symbol - 1
    const byte = order[index] as number
    order.copyWithin(1, 0, index)
    order[0] = byte
    if (length === most) throw new Damage('a block is too long')
    bytes[length++] = byte
  }
  if (origin >= length) throw new Damage('a block that begins outside itself')
  return expandRuns(inverseTransform(bytes.subarray(0, length), origin))
}

/** Byte values that occur: sixteen bits for groups of sixteen, then a bit each. */
function readSymbols(bits: BitReader): readonly number[] {
  const groups = bits.read(16)
  const symbols: number[] = []
  for (let group = 0; group < 16; group++) {
    if (((groups >> (15 - group)) & 1) === 0) continue
    const used = bits.read(16)
    for (let i = 0; i < 16; i++) if ((used >> (15 - i)) & 1) symbols.push(group * 16 + i)
  }
  if (symbols.length === 0) throw new Damage('a block without symbols')
  return symbols
}

/** A canonical code: per length, the first code, and the place of its first symbol in `symbols`. */
interface Code {
  readonly limits: Int32Array
  readonly offsets: Int32Array
  readonly symbols: Uint16Array
  readonly shortest: number
  readonly longest: number
}

function readTables(bits: BitReader, alphabet: number): { readonly selectors: Uint8Array; readonly codes: readonly Code[] } {
  const count = bits.read(3)
  if (count < 2 || count > 6) throw new Damage(`${count} tables`)
  const selectorCount = bits.read(15)
  if (selectorCount === 0) throw new Damage('no table is used')
  const selectors = new Uint8Array(selectorCount)
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = 0; i < selectorCount; i++) {
    let index = 0
    while (bits.read(1) === 1) if (++index >= count) throw new Damage('a table that is not there')
    const [chosen = 0] = order.splice(index, 1)
    order.unshift(chosen)
    selectors[i] = chosen
  }
  const codes = order.map(() => readCode(bits, alphabet))
  return { selectors, codes }
}

function readCode(bits: BitReader, alphabet: number): Code {
  const lengths = new Uint8Array(alphabet)
  let length = bits.read(5)
  for (let symbol = 0; symbol < alphabet; symbol++) {
    for (;;) {
      if (length < 1 || length > LONGEST_CODE) throw new Damage('a code of an impossible length')
      if (bits.read(1) === 0) break
      length += bits.read(1) === 0 ? 1 : -1
    }
    lengths[symbol] = length
  }
  const counts = new Int32Array(LONGEST_CODE + 2)
  for (const each of lengths) counts[each] = (counts[each] ?? 0) + 1
  const limits = new Int32Array(LONGEST_CODE + 2)
  const offsets = new Int32Array(LONGEST_CODE + 2)
  const starts = new Int32Array(LONGEST_CODE + 2)
  let next = 0
  let place = 0
  let shortest = 0
  let longest = 0
  for (let bitsOf = 1; bitsOf <= LONGEST_CODE; bitsOf++) {
    const here = counts[bitsOf] ?? 0
    offsets[bitsOf] = place - next
    starts[bitsOf] = place
    next += here
    place += here
    limits[bitsOf] = next
    if (here > 0) {
      if (shortest === 0) shortest = bitsOf
      longest = bitsOf
    }
    if (next > 2 ** bitsOf) throw new Damage('codes that overlap')
    next *= 2
  }
  const symbols = new Uint16Array(alphabet)
  for (let symbol = 0; symbol < alphabet; symbol++) {
    const of = lengths[symbol] as number
    symbols[starts[of] as number] = symbol
    starts[of] = (starts[of] as number) + 1
  }
  return { limits, offsets, symbols, shortest, longest }
}

function readSymbol(bits: BitReader, code: Code): number {
  const ahead = bits.peek(LONGEST_CODE)
  for (let length = code.shortest; length <= code.longest; length++) {
    const value = ahead >>> (LONGEST_CODE - length)
    if (value < (code.limits[length] as number)) {
      bits.skip(length)
      return code.symbols[value + (code.offsets[length] as number)] as number
    }
  }
  throw new Damage('a code that means nothing')
}
