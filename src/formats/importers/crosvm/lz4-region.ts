// Owns guest memory of a crosvm snapshot that was taken with --compress-memory: one LZ4 frame over the file, unpacked while it is walked.
import { SnapError } from '../../../errors.ts'
import { CHUNK_BYTES, isAllZero } from '../../../model/memory.ts'
import type { MemoryRegion } from '../../../model/snapshot.ts'
import { lz4Frame } from '../../source/lz4-frame.ts'
import type { Source } from '../../source/source.ts'
import type { RegionPlace, StoredRange } from '../kvm/stored-region.ts'

/** `at` of the ranges counts unpacked bytes. A walk over the region unpacks the file from its beginning to the region's last range. */
export function lz4Region(source: Source, place: RegionPlace, ranges: readonly StoredRange[]): MemoryRegion {
  return {
    ...place,
    present: ranges.reduce((sum, { length }) => sum + length, 0),
    async *chunks(signal) {
      const wanted = ranges.filter(({ length }) => length > 0)
      let next = 0
      let end = 0
      for await (const piece of lz4Frame(source, signal)) {
        const start = end
        end += piece.length
        for (let range = wanted[next]; range && range.at < end; range = wanted[next]) {
          const from = Math.max(range.at, start)
          const to = Math.min(range.at + range.length, end)
          for (let at = from; at < to; ) {
            const offset = range.offset + at - range.at
            const length = Math.min(to - at, CHUNK_BYTES - (offset % CHUNK_BYTES))
            const data = piece.subarray(at - start, at - start + length)
            if (!isAllZero(data)) yield { offset, data }
            at += length
          }
          if (range.at + range.length > end) break
          next++
        }
        if (next === wanted.length) return
      }
      if (next < wanted.length)
        throw new SnapError('INPUT_CORRUPT', `${source.name} unpacks to ${end} bytes; the ranges in mem_metadata need more`, {
          file: source.name,
          offset: source.size,
        })
    },
  }
}
