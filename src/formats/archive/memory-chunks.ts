// Owns the cutting of guest memory: whatever pieces a region offers become the format's chunks, aligned and full, all-zero ones left out.
import { SnapError } from '../../errors.ts'
import { isAllZero } from '../../model/memory.ts'
import type { MemoryRegion } from '../../model/snapshot.ts'
import { LIMITS } from './limits.ts'

const CHUNK = LIMITS.chunkBytes

export interface NumberedChunk {
  readonly number: number
  /** Owns its whole buffer. */
  readonly data: Uint8Array<ArrayBuffer>
}

/** Bytes that chunk `number` of a region has: a full chunk, or what is left at the end. */
export const chunkLength = (regionSize: number, number: number): number => Math.min(CHUNK, regionSize - number * CHUNK)

/**
 * The chunks of a region, ascending. `seen` is told how far the region has been looked at. Throws a TypeError when the region breaks its contract
 * (pieces out of order or outside): a fault of the program, not of a file.
 */
export async function* cutChunks(region: MemoryRegion, seen: (offset: number) => void, signal?: AbortSignal): AsyncGenerator<NumberedChunk> {
  let open: { readonly number: number; readonly data: Uint8Array<ArrayBuffer> } | undefined
  let end = 0
  for await (const { offset, data } of region.chunks(signal)) {
    if (!Number.isSafeInteger(offset) || offset < end || offset + data.length > region.size)
      throw new TypeError(`memory region ${region.name}: a piece of ${data.length} bytes at ${offset} follows ${end} of ${region.size}`)
    end = offset + data.length
    for (let at = 0; at < data.length; ) {
      const number = Math.floor((offset + at) / CHUNK)
      const within = offset + at - number * CHUNK
      const length = chunkLength(region.size, number)
      const piece = data.subarray(at, at + Math.min(length - within, data.length - at))
      at += piece.length
      if (open && open.number !== number) {
        if (!isAllZero(open.data)) yield open
        open = undefined
      }
      if (piece.length === length) {
        if (!isAllZero(piece)) yield { number, data: new Uint8Array(piece) }
      } else {
        open ??= { number, data: new Uint8Array(length) }
        open.data.set(piece, within)
      }
    }
    signal?.throwIfAborted()
    seen(end)
  }
  if (open && !isAllZero(open.data)) yield open
  seen(region.size)
}

/** A region that can be saved, or an error that says why not. */
export function requireSavable(region: MemoryRegion): void {
  if (!Number.isSafeInteger(region.size) || region.size <= 0 || region.size > LIMITS.regionBytes)
    throw new SnapError('CANNOT_WRITE', `memory region ${region.name} has ${region.size} bytes; an archive holds 1 to ${LIMITS.regionBytes}`)
}
