// Owns the pages of mapped-ram files: a bitmap says which are present, each stands at its own place. Nothing but bitmaps is read to count them.
// Source: QEMU docs/devel/migration/mapped-ram.rst; facts/qemu-stream.md §4.1. Bitmaps are little-endian on every host that runs arm64 guests.
import { CHUNK_BYTES, isAllZero, touches } from '../../../model/memory.ts'
import type { MemoryChunk, MemoryRange } from '../../../model/snapshot.ts'
import type { Source } from '../../source/source.ts'
import type { MappedPages } from './ram-blocks.ts'

/** Bitmap read at a time: 64 KiB stand for 2 GiB of pages of 4 KiB. */
const PIECE = 1 << 16

/** Pages that are present. */
export async function countMappedPages(source: Source, size: number, { pageSize, bitmapOffset }: MappedPages): Promise<number> {
  const pages = Math.ceil(size / pageSize)
  const bytes = Math.ceil(pages / 8)
  // Whole words, so that a terabyte's 32 MiB of bitmap take a few milliseconds.
  const words = new Uint32Array(PIECE / 4)
  const piece = new Uint8Array(words.buffer)
  let present = 0
  for (let at = 0; at < bytes; at += PIECE) {
    const length = Math.min(PIECE, bytes - at)
    const bitmap = piece.subarray(0, length)
    if (source.readInto) source.readInto(bitmapOffset + at, bitmap)
    else bitmap.set(await source.read(bitmapOffset + at, length))
    piece.fill(0, length)
    if (at + length === bytes && pages % 8 !== 0) bitmap[length - 1] = (bitmap[length - 1] ?? 0) & ((1 << (pages % 8)) - 1)
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number
      if (word !== 0) present += bitsOf(word)
    }
  }
  return present
}

function bitsOf(word: number): number {
  let n = word - ((word >>> 1) & 0x5555_5555)
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333)
  n = (n + (n >>> 4)) & 0x0f0f_0f0f
  return Math.imul(n, 0x0101_0101) >>> 24
}

/** The block's bytes, at most 1 MiB at a time, ascending; what the bitmap leaves out is not read. */
export async function* mappedChunks(source: Source, size: number, mapped: MappedPages, signal?: AbortSignal, range?: MemoryRange): AsyncGenerator<MemoryChunk> {
  const { pageSize, bitmapOffset, pagesOffset } = mapped
  const pages = Math.ceil(size / pageSize)
  const bytes = Math.ceil(pages / 8)
  const perGroup = CHUNK_BYTES / pageSize
  for (let at = 0; at < bytes; at += PIECE) {
    if (!touches(range, at * 8 * pageSize, PIECE * 8 * pageSize)) continue
    signal?.throwIfAborted()
    const bitmap = await source.read(bitmapOffset + at, Math.min(PIECE, bytes - at))
    if (isAllZero(bitmap)) continue
    const isPresent = (page: number) => ((bitmap[(page >> 3) - at] ?? 0) >> (page & 7)) & 1
    for (let first = at * 8; first < Math.min(pages, (at + bitmap.length) * 8); first += perGroup) {
      if (!touches(range, first * pageSize, CHUNK_BYTES)) continue
      const end = Math.min(pages, first + perGroup)
      let low = first
      while (low < end && !isPresent(low)) low++
      if (low === end) continue
      let high = end
      while (!isPresent(high - 1)) high--
      signal?.throwIfAborted()
      const offset = low * pageSize
      const data = new Uint8Array(Math.min(high * pageSize, size) - offset)
      for (let page = low; page < high; ) {
        let until = page
        while (until < high && isPresent(until)) until++
        if (until > page) {
          const from = page * pageSize
          data.set(await source.read(pagesOffset + from, Math.min(until * pageSize, size) - from), from - offset)
        }
        page = until + 1
      }
      if (!isAllZero(data)) yield { offset, data }
    }
  }
}
