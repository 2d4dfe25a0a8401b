// Owns the one pass through guest memory that looks for byte strings. Knows nothing of what they mean; reads each chunk once, keeps none.
import type { Snapshot } from '../../model/snapshot.ts'
import type { Work } from '../work.ts'

export interface Needle {
  readonly bytes: Uint8Array
  /** Hits at other addresses do not count. */
  readonly alignment: number
  /** Of all hits that `accept` takes; the search for this needle then ends. */
  readonly most: number
  /** Looks at the hit and what follows in its chunk (at least 256 bytes, unless memory ends before or is zero there). */
  accept?(from: Uint8Array): boolean
}

export interface Scan {
  /** By needle: guest physical addresses, ascending. */
  readonly hits: readonly (readonly bigint[])[]
  /** Bytes that were looked at. */
  readonly searched: number
}

/** What of a chunk is kept for the next: a hit must have this much behind it to be looked at. */
const TAIL = 256

/** Finds the needles in all regions. Bounded: one chunk and its predecessor's tail in memory, `most` hits a needle. */
export async function scanMemory(memory: Snapshot['memory'], needles: readonly Needle[], { signal, progress }: Work): Promise<Scan> {
  const hits = needles.map((): bigint[] => [])
  let searched = 0
  for (const { name, start, size, chunks } of memory) {
    let tail: Buffer = Buffer.alloc(0)
    let next = 0
    for await (const { offset, data } of chunks(signal)) {
      // What was kept ends where this begins, or memory is zero between them.
      if (offset !== next) {
        search(tail, start + BigInt(next - tail.length), needles, hits, 0)
        tail = Buffer.alloc(0)
      }
      const view = Buffer.from(data.buffer, data.byteOffset, data.length)
      // Hits that begin in the tail first, on a small copy; then the chunk itself, uncopied, but for its own tail.
      if (tail.length > 0)
        search(Buffer.concat([tail, view.subarray(0, TAIL)]), start + BigInt(offset - tail.length), needles, hits, Math.min(TAIL, view.length))
      const whole = Math.max(0, view.length - TAIL)
      search(view, start + BigInt(offset), needles, hits, view.length - whole)
      tail = Buffer.from(view.subarray(whole))
      next = offset + data.length
      searched += data.length
      progress?.({ label: `searching ${name}`, done: next, total: size, unit: 'bytes' })
    }
    search(tail, start + BigInt(next - tail.length), needles, hits, 0)
  }
  return { hits: hits.map(list => [...new Set(list)].sort((a, b) => (a < b ? -1 : 1))), searched }
}

/** Hits that begin before the last `rest` bytes. */
function search(bytes: Buffer, address: bigint, needles: readonly Needle[], hits: readonly bigint[][], rest: number): void {
  const end = bytes.length - rest
  needles.forEach(({ bytes: needle, alignment, most, accept }, number) => {
    const list = hits[number] as bigint[]
    for (let at = bytes.indexOf(needle); at >= 0 && at < end && list.length < most; at = bytes.indexOf(needle, at + 1)) {
      const place = address + BigInt(at)
      if (place % BigInt(alignment) === 0n && (accept?.(bytes.subarray(at)) ?? true)) list.push(place)
    }
  })
}
