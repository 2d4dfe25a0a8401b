// Owns guest memory that lies in files of its own: a full memory file, and diffs over it. Reads a piece at a time, on demand. Opens nothing.
// Source: facts/vmm-formats.md §1.8: the regions back to back in their order, or at the offsets that releases before v1.11 save.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { CHUNK_BYTES, isAllZero } from '../../../model/memory.ts'
import type { MemoryChunk, MemoryRange, MemoryRegion } from '../../../model/snapshot.ts'
import type { Source } from '../../source/source.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'
import type { MemoryRegionState } from './state.ts'

/** The granule in which a diff replaces what is under it: the smallest page of an arm64 host. */
const PAGE = 4096

interface Placed {
  readonly name: string
  readonly start: bigint
  readonly size: number
  readonly offset: number
}

/** The regions, each with its place in the memory file. Throws INPUT_CORRUPT when a number is beyond any machine, LIMIT_EXCEEDED for too many. */
export function placeRegions(regions: readonly MemoryRegionState[], file: string): readonly Placed[] {
  if (regions.length > FIRECRACKER_LIMITS.memoryRegions)
    throw new SnapError('LIMIT_EXCEEDED', `${file} has ${regions.length} memory regions; at most ${FIRECRACKER_LIMITS.memoryRegions} are read`, { file })
  let next = 0n
  return regions.map((region, i) => {
    const offset = region.offset ?? next
    next = offset + region.size
    if (next > BigInt(FIRECRACKER_LIMITS.memoryBytes) || region.baseAddress + region.size > 1n << 64n)
      throw new SnapError('INPUT_CORRUPT', `${file}: memory region ${i} of ${region.size} bytes at ${region.baseAddress} is beyond any machine`, { file })
    const kind = region.regionType === 'Hotpluggable' ? 'hotplug' : 'ram'
    return { name: regions.length === 1 ? kind : `${kind}${i}`, start: region.baseAddress, size: Number(region.size), offset: Number(offset) }
  })
}

/**
 * Guest memory out of `layers`: a full memory file, then the diffs over it in order. A page of a diff counts when it is not all zero, because where
 * a file has holes cannot be seen from here; that is a finding. Throws INPUT_CORRUPT when a layer is not as long as the regions, LIMIT_EXCEEDED.
 */
export function guestMemory(
  regions: readonly MemoryRegionState[],
  layers: readonly Source[],
  file: string,
): { readonly memory: readonly MemoryRegion[]; readonly findings: readonly Finding[] } {
  const placed = placeRegions(regions, file)
  if (layers.length > FIRECRACKER_LIMITS.memoryLayers)
    throw new SnapError('LIMIT_EXCEEDED', `${layers.length} memory files are named; at most ${FIRECRACKER_LIMITS.memoryLayers} are read`, { file })
  const end = placed.reduce((most, { offset, size }) => Math.max(most, offset + size), 0)
  for (const { name, size } of layers)
    if (size !== end)
      throw new SnapError(
        'INPUT_CORRUPT',
        `${name} has ${size} bytes; ${file} describes ${end} bytes of guest memory`,
        { file: name, offset: Math.min(size, end) },
        { hint: 'name the memory file that was saved together with this state file' },
      )
  const [full, ...diffs] = layers
  const memory = placed.map(({ name, start, size, offset }) => ({
    name,
    start,
    size,
    chunks: (signal?: AbortSignal, range?: MemoryRange) => chunks(layers, offset, size, signal, range),
    // With diffs over it no file holds the memory as it is.
    ...(full && diffs.length === 0 ? { storedAt: (at: number) => (at < size ? { file: full.name, at: offset + at } : undefined) } : {}),
  }))
  const findings: Finding[] = diffs.map(({ name }) => ({
    severity: 'warning',
    code: 'diff-by-content',
    message: `${name} is laid over the memory before it page by page; a page that it sets to zero cannot be told from one that it leaves alone`,
    hint: 'merge with `snapshot-editor edit-memory rebase` and name the result, if the guest may have cleared memory since the full snapshot',
  }))
  return { memory, findings }
}

async function* chunks(layers: readonly Source[], offset: number, size: number, signal?: AbortSignal, range?: MemoryRange): AsyncGenerator<MemoryChunk> {
  const [base, ...diffs] = layers
  const from = Math.floor((range?.from ?? 0) / CHUNK_BYTES) * CHUNK_BYTES
  for (let at = from; at < Math.min(size, range?.to ?? size); at += CHUNK_BYTES) {
    signal?.throwIfAborted()
    const length = Math.min(CHUNK_BYTES, size - at)
    const data = await base!.read(offset + at, length)
    for (const diff of diffs) overlay(data, await diff.read(offset + at, length))
    if (!isAllZero(data)) yield { offset: at, data }
  }
}

function overlay(data: Uint8Array, diff: Uint8Array): void {
  if (isAllZero(diff)) return
  for (let at = 0; at < diff.length; at += PAGE) {
    const page = diff.subarray(at, Math.min(at + PAGE, diff.length))
    if (!isAllZero(page)) data.set(page, at)
  }
}
