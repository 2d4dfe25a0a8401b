// Owns a copy of a memory region that outlives the VM which it was in. Knows no format.
import type { MemoryRegion } from '../model/snapshot.ts'

/** What is not zero in it, copied. */
export async function copied(region: MemoryRegion): Promise<MemoryRegion> {
  const chunks: { readonly offset: number; readonly data: Uint8Array }[] = []
  for await (const { offset, data } of region.chunks()) chunks.push({ offset, data: data.slice() })
  const { name, start, size } = region
  return { name, start, size, chunks: () => chunks }
}
