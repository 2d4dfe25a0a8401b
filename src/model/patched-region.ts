// Owns guest memory with a few bytes of it changed: a MemoryRegion over another one, which stays as it is. Knows no format.
import type { MemoryChunk, MemoryRegion } from './snapshot.ts'

/** Bytes that take the place of others in a region, or in a device that is kept as bytes. */
export interface BytePatch {
  /** Of the region or device. */
  readonly name: string
  readonly in: 'memory' | 'device'
  /** Where the region begins in the guest: regions may share a name. */
  readonly start?: bigint
  readonly offset: number
  readonly bytes: Uint8Array
}

/** The patches must lie in chunks that the region has: what was not saved is zero, and stays so. */
export function patchedRegion(region: MemoryRegion, patches: readonly Pick<BytePatch, 'offset' | 'bytes'>[]): MemoryRegion {
  if (patches.length === 0) return region
  return {
    ...region,
    async *chunks(signal, range) {
      for await (const chunk of region.chunks(signal, range)) yield patchedChunk(chunk, patches)
    },
  }
}

function patchedChunk({ offset, data }: MemoryChunk, patches: readonly Pick<BytePatch, 'offset' | 'bytes'>[]): MemoryChunk {
  const end = offset + data.length
  const own = patches.filter(each => each.offset < end && each.offset + each.bytes.length > offset)
  if (own.length === 0) return { offset, data }
  const copy = new Uint8Array(data)
  applyPatches(copy, offset, own)
  return { offset, data: copy }
}

/** Changes `bytes`, which begin at `start`, by what of the patches lies in them. */
export function applyPatches(bytes: Uint8Array, start: number, patches: readonly Pick<BytePatch, 'offset' | 'bytes'>[]): void {
  const end = start + bytes.length
  for (const patch of patches) {
    const first = Math.max(patch.offset, start)
    const last = Math.min(patch.offset + patch.bytes.length, end)
    if (first < last) bytes.set(patch.bytes.subarray(first - patch.offset, last - patch.offset), first - start)
  }
}
