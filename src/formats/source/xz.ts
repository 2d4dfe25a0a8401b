// Owns the .xz container: streams, blocks, checks, index. Source: "The .xz File Format" 1.2.1. Filters other than LZMA2 are refused by name.
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { SnapError } from '../../errors.ts'
import { Lzma2Decoder, Lzma2Error } from './lzma2.ts'
import { PieceReader } from './piece-reader.ts'
import type { Source } from './source.ts'

/** `xz -9e` takes 64 MiB. */
const MOST_DICTIONARY = 256 << 20
const LZMA2 = 0x21
const FILTERS: Readonly<Record<number, string>> = {
  3: 'delta',
  4: 'x86',
  5: 'PowerPC',
  6: 'IA-64',
  7: 'ARM',
  8: 'ARM-Thumb',
  9: 'SPARC',
  10: 'ARM64',
  11: 'RISC-V',
}
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const

const isXz = (head: Uint8Array): boolean => Buffer.from(head.subarray(0, 6)).toString('hex') === 'fd377a585a00'

/** The content, piece by piece. Throws INPUT_CORRUPT with the offset, LIMIT_EXCEEDED for a dictionary beyond the limit, FORMAT_FOREIGN for other filters. */
export async function* unxz(source: Source, taken: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const reader = new PieceReader(source)
  for (let first = true; first || reader.left > 0; first = false) {
    yield* oneStream(source, reader, taken)
    // Streams may follow each other, with zeros in fours between them.
    while (reader.left > 0) {
      const next = await reader.peek(4)
      if (next.length === 4 && next.every(byte => byte === 0)) await reader.take(4)
      else if (next.every(byte => byte === 0)) throw damaged(source, reader.offset, 'padding that is not in fours')
      else break
    }
  }
}

const damaged = (source: Source, offset: number, what: string, cause?: unknown): SnapError =>
  new SnapError('INPUT_CORRUPT', `${source.name}: its xz is damaged: ${what}`, { file: source.name, offset }, { cause })

async function* oneStream(source: Source, reader: PieceReader, taken: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const need = async (length: number, what: string): Promise<Uint8Array> => {
    const bytes = await reader.take(length)
    if (!bytes) throw damaged(source, reader.offset, `it ends inside ${what}`)
    return bytes
  }
  const head = new Uint8Array(await need(12, 'the stream header'))
  if (!isXz(head) || le32(head, 8) !== crc32(head.subarray(6, 8))) throw damaged(source, reader.offset - 12, 'a stream header that is none')
  const check = head[7] ?? 0
  if (head[6] !== 0 || check > 15) throw damaged(source, reader.offset - 6, 'unknown stream flags')
  const records: { readonly unpadded: number; readonly size: number }[] = []
  let decoder: Lzma2Decoder | undefined
  let dictionary = 0
  for (;;) {
    const start = reader.offset
    const [length] = await need(1, 'a block header')
    if (length === 0) break
    const size = ((length ?? 0) + 1) * 4
    const header = Uint8Array.of(length ?? 0, ...(await need(size - 1, 'a block header')))
    if (le32(header, size - 4) !== crc32(header.subarray(0, size - 4))) throw damaged(source, start, 'a block header with a wrong checksum')
    const block = parseBlock(source, header, start)
    if (!decoder || dictionary !== block.dictionary) {
      decoder = new Lzma2Decoder(block.dictionary)
      dictionary = block.dictionary
    } else decoder.reset()
    const sum = checksum(check)
    let given = 0
    const body = reader.offset
    for (;;) {
      const chunk = reader.offset
      const [control = 0] = await need(1, 'a chunk')
      if (control === 0) break
      try {
        const out = await decodeChunk(decoder, control, need)
        given += out.length
        sum.update(out)
        taken(reader.offset)
        yield out
      } catch (error) {
        if (error instanceof Lzma2Error) throw damaged(source, chunk, error.message, error)
        throw error
      }
    }
    const packed = reader.offset - body
    if (block.packed !== undefined && block.packed !== packed) throw damaged(source, start, 'a block has another length than it says')
    if (block.size !== undefined && block.size !== given) throw damaged(source, start, 'a block unpacks to another length than it says')
    const padding = await need((4 - (packed % 4)) % 4, 'the padding of a block')
    if (padding.some(byte => byte !== 0)) throw damaged(source, reader.offset, 'padding that is not zero')
    const stored = await need(CHECK_BYTES[check] ?? 0, 'a checksum')
    const wanted = sum.bytes()
    if (wanted && Buffer.compare(wanted, stored) !== 0) throw damaged(source, start, 'a block with a wrong checksum')
    records.push({ unpadded: size + packed + (CHECK_BYTES[check] ?? 0), size: given })
  }
  await readIndex(source, reader, need, records, head)
}

async function decodeChunk(decoder: Lzma2Decoder, control: number, need: (length: number, what: string) => Promise<Uint8Array>): Promise<Uint8Array> {
  if (control < 0x80) {
    if (control > 2) throw new Lzma2Error('an unknown kind of chunk')
    const [high = 0, low = 0] = await need(2, 'a chunk')
    const bytes = await need(((high << 8) | low) + 1, 'a chunk')
    const out = new Uint8Array(bytes.length)
    decoder.copy(control, bytes, out)
    return out
  }
  const [a = 0, b = 0, c = 0, d = 0] = await need(4, 'a chunk')
  const properties = control >= 0xc0 ? (await need(1, 'a chunk'))[0] : undefined
  const input = await need(((c << 8) | d) + 1, 'a chunk')
  const out = new Uint8Array((((control & 0x1f) << 16) | (a << 8) | b) + 1)
  decoder.decode(control, properties, input, out)
  return out
}

interface Block {
  readonly packed?: number
  readonly size?: number
  readonly dictionary: number
}

function parseBlock(source: Source, header: Uint8Array, offset: number): Block {
  const flags = header[1] ?? 0
  const cursor = { at: 2 }
  const number = () => variable(source, header, cursor, offset)
  const packed = (flags & 0x40) !== 0 ? number() : undefined
  const size = (flags & 0x80) !== 0 ? number() : undefined
  const id = number()
  if ((flags & 0x3c) !== 0) throw damaged(source, offset, 'unknown block flags')
  if ((flags & 3) !== 0 || id !== LZMA2)
    throw new SnapError('FORMAT_FOREIGN', `${source.name} is compressed with an xz filter (${FILTERS[id] ?? 'several'}) that psci-snap does not undo`, {
      file: source.name,
      offset,
    })
  if (number() !== 1) throw damaged(source, offset, 'LZMA2 properties of an unknown length')
  const bits = header[cursor.at] ?? 99
  if (bits > 40) throw damaged(source, offset, 'a dictionary of an unknown size')
  const dictionary = bits === 40 ? 0xffff_ffff : (2 | (bits & 1)) * 2 ** (bits / 2 + 11 - (bits & 1) / 2)
  if (dictionary > MOST_DICTIONARY)
    throw new SnapError('LIMIT_EXCEEDED', `${source.name} needs a dictionary of ${dictionary} bytes; at most ${MOST_DICTIONARY} are used`, {
      file: source.name,
      offset,
    })
  if (header.subarray(cursor.at + 1, header.length - 4).some(byte => byte !== 0)) throw damaged(source, offset, 'padding that is not zero')
  return { dictionary, ...(packed === undefined ? {} : { packed }), ...(size === undefined ? {} : { size }) }
}

/** A number of up to 63 bits in groups of seven, as far as it is exact. */
function variable(source: Source, bytes: Uint8Array, cursor: { at: number }, offset: number): number {
  let value = 0
  for (let i = 0; i < 9; i++) {
    const byte = bytes[cursor.at++]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80 && value <= Number.MAX_SAFE_INTEGER && (byte !== 0 || i === 0)) return value
    if (byte < 0x80) break
  }
  throw damaged(source, offset, 'a number that is none')
}

async function readIndex(
  source: Source,
  reader: PieceReader,
  need: (length: number, what: string) => Promise<Uint8Array>,
  records: readonly { readonly unpadded: number; readonly size: number }[],
  head: Uint8Array,
): Promise<void> {
  const start = reader.offset - 1
  const parts: Uint8Array[] = [Uint8Array.of(0)]
  const number = async (): Promise<number> => {
    const bytes: number[] = []
    do {
      const [byte = 0] = await need(1, 'the index')
      bytes.push(byte)
    } while ((bytes.at(-1) ?? 0) >= 0x80 && bytes.length < 9)
    parts.push(Uint8Array.from(bytes))
    return variable(source, Uint8Array.from(bytes), { at: 0 }, reader.offset)
  }
  let agrees = (await number()) === records.length
  for (let i = 0; agrees && i < records.length; i++) agrees = (await number()) === records[i]?.unpadded && (await number()) === records[i]?.size
  if (!agrees) throw damaged(source, start, 'the index does not fit the blocks')
  const padding = (4 - ((reader.offset - start) % 4)) % 4
  parts.push(new Uint8Array(await need(padding, 'the index')))
  const sum = crc32(Buffer.concat(parts))
  const length = reader.offset - start + 4
  if (le32(await need(4, 'the index'), 0) !== sum) throw damaged(source, start, 'the index has a wrong checksum')
  const foot = await need(12, 'the stream footer')
  const isWhole = le32(foot, 0) === crc32(foot.subarray(4, 10)) && (le32(foot, 4) + 1) * 4 === length && foot[8] === head[6] && foot[9] === head[7]
  if (!isWhole || foot[10] !== 0x59 || foot[11] !== 0x5a) throw damaged(source, reader.offset - 12, 'a stream footer that is none')
}

const le32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0

interface Checksum {
  update(bytes: Uint8Array): void
  /** As the block stores it; undefined for a kind that nobody can check. */
  bytes(): Uint8Array | undefined
}

function checksum(kind: number): Checksum {
  if (kind === 1) {
    let sum = 0
    return {
      update: bytes => {
        sum = crc32(bytes, sum)
      },
      bytes: () => Uint8Array.of(sum, sum >>> 8, sum >>> 16, sum >>> 24),
    }
  }
  if (kind === 4) return crc64()
  if (kind === 10) {
    const hash = createHash('sha256')
    return { update: bytes => hash.update(bytes), bytes: () => hash.digest() }
  }
  return { update: () => {}, bytes: () => undefined }
}

/** CRC-64 of ECMA-182, reflected, in two halves. */
function crc64(): Checksum {
  const low = new Uint32Array(256)
  const high = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let [h, l] = [0, i]
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1
      l = ((l >>> 1) | (h << 31)) >>> 0
      h >>>= 1
      if (odd) {
        h = (h ^ 0xc96c_5795) >>> 0
        l = (l ^ 0xd787_0f42) >>> 0
      }
    }
    low[i] = l
    high[i] = h
  }
  let [h, l] = [0xffff_ffff, 0xffff_ffff]
  return {
    update(bytes) {
      for (let i = 0; i < bytes.length; i++) {
        const index = (l ^ (bytes[i] as number)) & 0xff
        l = (((l >>> 8) | (h << 24)) ^ (low[index] as number)) >>> 0
        h = ((h >>> 8) ^ (high[index] as number)) >>> 0
      }
    },
    bytes() {
      const out = new Uint8Array(8)
      const view = new DataView(out.buffer)
      view.setUint32(0, ~l >>> 0, true)
      view.setUint32(4, ~h >>> 0, true)
      return out
    },
  }
}
