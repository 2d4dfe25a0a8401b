// Owns the way from an indexed RAM block to its bytes: groups of pages are read with as few reads as their places in the file allow.
import { CHUNK_BYTES, isAllZero, touches } from '../../../model/memory.ts'
import type { MemoryChunk, MemoryRange } from '../../../model/snapshot.ts'
import type { Source } from '../../source/source.ts'
import { entryKind, entryOffset, PAGE_KIND, type PageTable } from './page-table.ts'
import type { XbzrleChain } from './ram-index.ts'
import { beyondLimit, corrupt } from './window.ts'
import { applyXbzrle } from './xbzrle.ts'

/** Pages that stand this close in the file are read together. */
const GAP = 1 << 16
const SPAN = 1 << 21
/** Deltas that one page may need at most: one a pass, and QEMU sends a page whole again when its cache drops it. */
const LONGEST_CHAIN = 65_536

export interface Pages {
  readonly source: Source
  readonly table: PageTable
  readonly chain: XbzrleChain
  readonly pageSize: number
  /** Bytes of the block. */
  readonly size: number
}

/** The block's bytes, at most 1 MiB at a time, ascending; groups that hold nothing are left out. */
export async function* pageChunks(pages: Pages, signal?: AbortSignal, range?: MemoryRange): AsyncGenerator<MemoryChunk> {
  const { pageSize, size, table } = pages
  const perGroup = CHUNK_BYTES / pageSize
  for (const { first, entries } of table.leaves())
    for (let group = 0; group < entries.length; group += perGroup) {
      if (!touches(range, (first + group) * pageSize, CHUNK_BYTES)) continue
      const list: (readonly [number, number])[] = []
      for (let i = 0; i < perGroup; i++) {
        const entry = entries[group + i] as number
        if (entry !== 0) list.push([i, entry])
      }
      const [lowest] = list
      const highest = list.at(-1)
      if (!lowest || !highest) continue
      signal?.throwIfAborted()
      const offset = (first + group + lowest[0]) * pageSize
      const data = new Uint8Array(Math.min((highest[0] + 1 - lowest[0]) * pageSize, size - offset))
      await readPages(pages, list, data, lowest[0])
      if (!isAllZero(data)) yield { offset, data }
    }
}

async function readPages(pages: Pages, list: readonly (readonly [number, number])[], data: Uint8Array, from: number): Promise<void> {
  const { source, pageSize } = pages
  const place = (page: number) => data.subarray((page - from) * pageSize, (page - from + 1) * pageSize)
  const plain = list.filter(([, entry]) => entryKind(entry) === PAGE_KIND.plain).sort(([, a], [, b]) => a - b)
  for (let i = 0; i < plain.length; ) {
    const start = entryOffset(plain[i]?.[1] ?? 0)
    let end = start + pageSize
    let next = i + 1
    for (; next < plain.length; next++) {
      const at = entryOffset(plain[next]?.[1] ?? 0)
      if (at > end + GAP || at + pageSize - start > SPAN) break
      end = Math.max(end, at + pageSize)
    }
    const bytes = await source.read(start, end - start)
    for (; i < next; i++) {
      const [page, entry] = plain[i] as readonly [number, number]
      const at = entryOffset(entry) - start
      const target = place(page)
      target.set(bytes.subarray(at, at + target.length))
    }
  }
  for (const [page, entry] of list) {
    if (entryKind(entry) === PAGE_KIND.plain) continue
    const target = place(page)
    target.set((await readPage(pages, entry)).subarray(0, target.length))
  }
}

/** One page, however it is stored. */
export async function readPage(pages: Omit<Pages, 'table' | 'size'>, entry: number): Promise<Uint8Array> {
  const deltas: number[] = []
  let base = entry
  while (base !== 0 && entryKind(base) === PAGE_KIND.xbzrle) {
    deltas.push(base)
    if (deltas.length > LONGEST_CHAIN) throw beyondLimit(pages.source, `a page was changed more than ${LONGEST_CHAIN} times`, entryOffset(entry))
    base = pages.chain.before(base)
  }
  const page = base === 0 ? new Uint8Array(pages.pageSize) : await readWhole(pages, base)
  for (const delta of deltas.reverse()) {
    const at = entryOffset(delta)
    // one read: a delta is never longer than a page
    const bytes = await pages.source.read(at, Math.min(3 + pages.pageSize, pages.source.size - at))
    const length = ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0)
    if (!applyXbzrle(page, bytes.subarray(3, 3 + length))) throw corrupt(pages.source, 'an XBZRLE page does not decode', at)
  }
  return page
}

async function readWhole({ source, pageSize }: Pick<Pages, 'source' | 'pageSize'>, entry: number): Promise<Uint8Array> {
  const at = entryOffset(entry)
  switch (entryKind(entry)) {
    case PAGE_KIND.plain:
      return source.read(at, pageSize)
    case PAGE_KIND.filled:
      return new Uint8Array(pageSize).fill((await source.read(at, 1))[0] ?? 0)
    default: {
      const head = await source.read(at, 4)
      const length = new DataView(head.buffer, head.byteOffset, 4).getUint32(0)
      const { inflateSync } = await import('node:zlib')
      try {
        const page = inflateSync(await source.read(at + 4, length), { maxOutputLength: pageSize })
        if (page.length === pageSize) return page
      } catch (cause) {
        if (!(cause instanceof Error) || cause.name === 'SnapError') throw cause
      }
      throw corrupt(source, 'a compressed page does not unpack to one page', at)
    }
  }
}
