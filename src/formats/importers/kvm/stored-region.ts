// Owns guest memory that stands in ranges of a file: a MemoryRegion that reads it piece by piece, never whole. Knows no VMM.
import { SnapError } from '../../../errors.ts'
import { CHUNK_BYTES, isAllZero, touches } from '../../../model/memory.ts'
import type { MemoryRange, MemoryRegion } from '../../../model/snapshot.ts'
import type { Source } from '../../source/source.ts'

/** `length` bytes of the region from `offset`, found at `at` in the file. */
export interface StoredRange {
  readonly offset: number
  readonly at: number
  readonly length: number
}

export interface RegionPlace {
  readonly name: string
  readonly start: bigint
  readonly size: number
}

/** Ranges ascend and do not overlap (requireOrdered); what is outside of them is zero. `counted`: the ranges say what is present. */
export function storedRegion(source: Source, place: RegionPlace, ranges: readonly StoredRange[], counted: boolean): MemoryRegion {
  return {
    ...place,
    ...(counted ? { present: ranges.reduce((sum, { length }) => sum + length, 0) } : {}),
    async *chunks(signal, wanted) {
      for (const { offset, at, length } of ranges)
        for (let done = wanted === undefined ? 0 : skipped(wanted, offset, length); done < length; ) {
          signal?.throwIfAborted()
          // Pieces end where 1 MiB of the region ends: that is how an archive keeps them.
          const piece = Math.min(length - done, CHUNK_BYTES - ((offset + done) % CHUNK_BYTES))
          if (touches(wanted, offset + done, piece)) {
            const data = await source.read(at + done, piece)
            if (!isAllZero(data)) yield { offset: offset + done, data }
          }
          done += piece
        }
    },
  }
}

/** Bytes of a stored range that end before the wanted one begins, in whole pieces. */
function skipped({ from, to }: MemoryRange, offset: number, length: number): number {
  if (offset >= to || offset + length <= from) return length
  return Math.max(0, Math.floor(from / CHUNK_BYTES) * CHUNK_BYTES - offset)
}

/** Throws INPUT_CORRUPT when ranges (in guest-physical or region space) overlap or run beyond 2^52. */
export function requireApart(file: string, what: string, ranges: readonly { readonly start: bigint; readonly size: number }[]): void {
  const sorted = [...ranges].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  let end = 0n
  for (const { start, size } of sorted) {
    if (start < end) throw new SnapError('INPUT_CORRUPT', `${file}: ${what} overlap at 0x${start.toString(16)}`, { file })
    end = start + BigInt(size)
    if (end > 1n << 52n) throw new SnapError('INPUT_CORRUPT', `${file}: ${what} end at 0x${end.toString(16)}, beyond any address`, { file })
  }
}
