// Owns unpacking an LZ4 frame (lz4_Frame_format.md 1.6.3) piece by piece: at most one block and the 64 KiB before it are in memory. Content and
// header checksums are not computed; the format that uses it knows how many bytes there must be. Knows no format around it.
import { SnapError } from '../../errors.ts'
import type { Source } from './source.ts'

const MAGIC = 0x184d2204
const WINDOW = 64 * 1024
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 64 * 1024, 5: 256 * 1024, 6: 1024 * 1024, 7: 4 * 1024 * 1024 }

/** Yields the content in order; each piece is valid until the next is asked for. Throws INPUT_CORRUPT with the offset in the source. */
export async function* lz4Frame(source: Source, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const fault = (what: string, offset: number): SnapError => new SnapError('INPUT_CORRUPT', `${source.name}: its LZ4 ${what}`, { file: source.name, offset })
  const need = async (at: number, length: number): Promise<Uint8Array> => {
    if (at + length > source.size) throw fault('ends too early', source.size)
    return source.read(at, length)
  }
  const u32 = async (at: number): Promise<number> => Buffer.from(await need(at, 4)).readUInt32LE(0)
  if ((await u32(0)) !== MAGIC) throw fault('does not begin with an LZ4 frame', 0)
  const [flags = 0, descriptor = 0] = await need(4, 2)
  if (flags >> 6 !== 1 || (flags & 2) !== 0 || (descriptor & 0x8f) !== 0) throw fault('frame has a version or flags that are not known', 4)
  if ((flags & 1) !== 0) throw fault('frame needs a dictionary', 4)
  const largest = BLOCK_BYTES[descriptor >> 4]
  if (largest === undefined) throw fault('frame has no block size that is known', 5)
  const independent = (flags & 0x20) !== 0
  const blockChecksum = (flags & 0x10) !== 0 ? 4 : 0
  let at = 4 + 2 + ((flags & 8) !== 0 ? 8 : 0) + 1
  // The window stands before the block that is unpacked, in one buffer.
  const out = new Uint8Array(WINDOW + largest)
  let history = 0
  for (;;) {
    signal?.throwIfAborted()
    const header = await u32(at)
    at += 4
    if (header === 0) return
    const size = header & 0x7fff_ffff
    if (size > largest) throw fault(`block has ${size} bytes, more than a block may have`, at - 4)
    const block = await need(at, size)
    let length: number
    if (header >>> 31 !== 0) {
      out.set(block, WINDOW)
      length = size
    } else {
      const unpacked = unpackBlock(block, out, WINDOW, WINDOW - (independent ? 0 : history))
      if (unpacked === undefined) throw fault('block is damaged', at)
      length = unpacked
    }
    at += size + blockChecksum
    yield out.subarray(WINDOW, WINDOW + length)
    history = Math.min(WINDOW, history + length)
    out.copyWithin(WINDOW - history, WINDOW + length - history, WINDOW + length)
  }
}

/** Unpacks a block into `out` from `start`; matches may reach back to `floor`. The length, or undefined for a damaged block. */
function unpackBlock(block: Uint8Array, out: Uint8Array, start: number, floor: number): number | undefined {
  let from = 0
  let to = start
  const extended = (length: number): number => {
    if (length !== 15) return length
    let sum = length
    for (;;) {
      const more = block[from++]
      if (more === undefined) return Number.POSITIVE_INFINITY
      sum += more
      if (more !== 255) return sum
    }
  }
  while (from < block.length) {
    const token = block[from++] as number
    const literals = extended(token >> 4)
    if (literals > block.length - from || literals > out.length - to) return undefined
    out.set(block.subarray(from, from + literals), to)
    from += literals
    to += literals
    if (from === block.length) return to - start
    if (from + 2 > block.length) return undefined
    const distance = (block[from] as number) | ((block[from + 1] as number) << 8)
    from += 2
    const length = extended(token & 15) + 4
    if (distance === 0 || to - distance < floor || length > out.length - to) return undefined
    // A match may overlap what it makes, so it is copied in pieces of at most its distance.
    for (let left = length; left > 0; ) {
      const piece = Math.min(left, distance)
      out.copyWithin(to, to - distance, to - distance + piece)
      to += piece
      left -= piece
    }
  }
  return undefined
}
