// Owns the comparison of guest memory page by page: both sides are read once, in the order of their addresses, and never held whole.
import { isAllZero } from '../memory.ts'
import type { MemoryRegion } from '../snapshot.ts'
import type { StateChange } from './change.ts'
import { intersection, intervalsOf, overlaps, rangeName, sortedRegions, touches } from './memory-map.ts'

export const PAGE_BYTES = 4096
/** Ranges beyond these are counted and not listed: a report must not grow with a guest's memory. */
export const MOST_RANGES = 10_000

export interface MemoryDiff {
  /** Ranges of pages that differ, ascending: `before` and `after` say whether all of it is zero. At most MOST_RANGES. */
  readonly changes: readonly StateChange[]
  /** Bytes that both sides have. */
  readonly compared: number
  /** Pages that differ and ranges they make, all of them. */
  readonly pages: number
  readonly ranges: number
}

/**
 * Compares what stands at the addresses that both have; an absent chunk is zero. `first` stops at the first block of pages that differs. Undefined when regions of one side overlap: an address then has
 * two contents. Throws the signal's reason, what reading throws, and a TypeError when a region breaks its contract.
 */
export async function diffMemory(
  a: readonly MemoryRegion[],
  b: readonly MemoryRegion[],
  options: { readonly signal?: AbortSignal; readonly progress?: (done: number, total: number) => void; readonly first?: boolean } = {},
): Promise<MemoryDiff | undefined> {
  if (overlaps(a) || overlaps(b)) return undefined
  const shared = intersection(intervalsOf(a), intervalsOf(b))
  const compared = shared.reduce((sum, { start, end }) => sum + Number(end - start), 0)
  const ranges = new Ranges()
  const page = (at: bigint, x: Uint8Array | undefined, y: Uint8Array | undefined): void => {
    if (!touches(shared, at, at + BigInt(PAGE_BYTES))) return
    const [isZero, isZeroAfter] = [!x || isAllZero(x), !y || isAllZero(y)]
    if (!isZero || !isZeroAfter) ranges.add(at, isZero ? 'zero' : 'data', isZeroAfter ? 'zero' : 'data')
  }
  const [left, right] = [new Cursor(a, options.signal), new Cursor(b, options.signal)]
  let done = 0
  try {
    for (;;) {
      const [x, y] = [await left.block(), await right.block()]
      if (!x && !y) break
      const at = !y || (x && x.at <= y.at) ? (x?.at ?? 0n) : y.at
      const lengths = [x, y].flatMap(block => (!block ? [] : block.at === at ? [block.data.length] : [Number(block.at - at)]))
      const length = Math.min(...lengths)
      const [p, q] = [x?.at === at ? left.take(length) : undefined, y?.at === at ? right.take(length) : undefined]
      if (!p || !q || Buffer.compare(p, q) !== 0)
        for (let offset = 0; offset < length; offset += PAGE_BYTES) {
          const [m, n] = [p?.subarray(offset, offset + PAGE_BYTES), q?.subarray(offset, offset + PAGE_BYTES)]
          if (!m || !n || Buffer.compare(m, n) !== 0) page(at + BigInt(offset), m, n)
        }
      if (options.first && ranges.pages > 0) break
      done += length
      options.progress?.(Math.min(done, compared), compared)
    }
  } finally {
    await left.close()
    await right.close()
  }
  return { changes: ranges.changes(), compared, pages: ranges.pages, ranges: ranges.count }
}

class Ranges {
  readonly #listed: { start: bigint; end: bigint; before: string; after: string }[] = []
  #last: { start: bigint; end: bigint; before: string; after: string } | undefined
  pages = 0
  count = 0

  add(at: bigint, before: string, after: string): void {
    this.pages++
    const end = at + BigInt(PAGE_BYTES)
    if (this.#last?.end === at && this.#last.before === before && this.#last.after === after) this.#last.end = end
    else {
      this.#last = { start: at, end, before, after }
      this.count++
      if (this.count <= MOST_RANGES) this.#listed.push(this.#last)
    }
  }

  changes(): readonly StateChange[] {
    return this.#listed.map(({ start, end, before, after }) => ({
      kind: 'memory',
      name: rangeName(start, end),
      before,
      after,
      pages: Number((end - start) / BigInt(PAGE_BYTES)),
    }))
  }
}

interface Block {
  /** Guest physical address, at a page. */
  readonly at: bigint
  /** Whole pages. */
  readonly data: Uint8Array
}

/** One side's memory as whole pages, ascending. A block is valid until the next one is asked for. */
class Cursor {
  readonly #blocks: AsyncGenerator<Block, void>
  #current: Block | undefined
  #ended = false

  constructor(regions: readonly MemoryRegion[], signal: AbortSignal | undefined) {
    this.#blocks = wholePages(sortedRegions(regions), signal)
  }

  /** What is next, or undefined at the end. */
  async block(): Promise<Block | undefined> {
    if (this.#current || this.#ended) return this.#current
    const { value, done } = await this.#blocks.next()
    this.#ended = done === true
    this.#current = value ?? undefined
    return this.#current
  }

  /** The next `length` bytes of the block that was asked for. */
  take(length: number): Uint8Array | undefined {
    const block = this.#current
    if (!block) return undefined
    this.#current = length < block.data.length ? { at: block.at + BigInt(length), data: block.data.subarray(length) } : undefined
    return block.data.subarray(0, length)
  }

  async close(): Promise<void> {
    await this.#blocks.return()
  }
}

/** Pieces of any length and place become pages, the missing bytes of a page being zero. */
async function* wholePages(regions: readonly MemoryRegion[], signal: AbortSignal | undefined): AsyncGenerator<Block, void> {
  let open: { readonly at: bigint; readonly data: Uint8Array } | undefined
  for (const region of regions) {
    let end = 0
    for await (const { offset, data } of region.chunks(signal)) {
      signal?.throwIfAborted()
      if (!Number.isSafeInteger(offset) || offset < end || offset + data.length > region.size)
        throw new TypeError(`memory region ${region.name}: a piece of ${data.length} bytes at ${offset} follows ${end} of ${region.size}`)
      end = offset + data.length
      let at = region.start + BigInt(offset)
      for (let rest = data; rest.length > 0; ) {
        const within = Number(at & BigInt(PAGE_BYTES - 1))
        const isPart = within !== 0 || rest.length < PAGE_BYTES
        const length = isPart ? Math.min(PAGE_BYTES - within, rest.length) : rest.length - (rest.length % PAGE_BYTES)
        const page = at - BigInt(within)
        if (open && (!isPart || open.at !== page)) {
          yield open
          open = undefined
        }
        if (isPart) {
          open ??= { at: page, data: new Uint8Array(PAGE_BYTES) }
          open.data.set(rest.subarray(0, length), within)
        } else yield { at, data: rest.subarray(0, length) }
        at += BigInt(length)
        rest = rest.subarray(length)
      }
    }
  }
  if (open) yield open
}
