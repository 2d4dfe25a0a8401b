// Owns reading a piece of guest memory by guest physical address: only what it needs is asked of the regions. Knows no format.
import type { MemoryRegion, Snapshot } from './snapshot.ts'

/** The region that holds the byte at `address`. */
export function regionAt(memory: Snapshot['memory'], address: bigint): MemoryRegion | undefined {
  return memory.find(({ start, size }) => start <= address && address < start + BigInt(size))
}

/**
 * At most `length` bytes from `address`, fewer where the region ends; undefined when the address is in no region. Bytes that were not saved are zero.
 * The caller bounds `length`.
 */
export async function readMemory(memory: Snapshot['memory'], address: bigint, length: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const region = regionAt(memory, address)
  if (!region) return undefined
  const from = Number(address - region.start)
  const bytes = new Uint8Array(Math.min(length, region.size - from))
  const to = from + bytes.length
  for await (const { offset, data } of region.chunks(signal, { from, to })) {
    if (offset >= to) break
    const first = Math.max(from, offset)
    const last = Math.min(to, offset + data.length)
    if (first < last) bytes.set(data.subarray(first - offset, last - offset), first - from)
  }
  return bytes
}
