// Owns what one pass over the guest memory leaves behind: per block, how much is present and where each page stands. Memory is bounded: a guest too
// large to index is only counted, and indexed in windows when its memory is read.
import type { Source } from '../../source/source.ts'
import { QEMU_LIMITS } from './limits.ts'
import { entryKind, LEAF_PAGES, type LeafBudget, PAGE_KIND, PageBits, PageTable } from './page-table.ts'
import type { PageSink } from './ram-scan.ts'
import { beyondLimit } from './window.ts'

/** Of each XBZRLE page, the entry it is a change of. */
export class XbzrleChain {
  readonly #source: Source
  readonly #before = new Map<number, number>()

  constructor(source: Source) {
    this.#source = source
  }

  add(entry: number, before: number): void {
    if (this.#before.size >= QEMU_LIMITS.xbzrlePages)
      throw beyondLimit(this.#source, `more than ${QEMU_LIMITS.xbzrlePages} XBZRLE pages`, Math.floor(entry / 4))
    this.#before.set(entry, before)
  }
  before(entry: number): number {
    return this.#before.get(entry) ?? 0
  }
}

const leafBudget = (): LeafBudget => ({ left: QEMU_LIMITS.indexedPages / LEAF_PAGES })

/** Indexes the pages of all blocks, or counts them when there are too many. */
export class RamIndex implements PageSink {
  readonly #budget = leafBudget()
  readonly #bitBudget: LeafBudget = { left: QEMU_LIMITS.countedGroups }
  readonly #tables: (PageTable | undefined)[] = []
  readonly #bits: (PageBits | undefined)[] = []
  readonly chain: XbzrleChain
  readonly #source: Source
  /** True once there are too many pages to remember the place of each. */
  #coarse = false

  constructor(source: Source) {
    this.#source = source
    this.chain = new XbzrleChain(source)
  }

  get isWhole(): boolean {
    return !this.#coarse
  }

  page(block: number, page: number, entry: number): void {
    if (this.#coarse) {
      this.#count(block, page, entry)
      return
    }
    let table = this.#tables[block]
    if (!table) {
      table = new PageTable(0, Number.MAX_SAFE_INTEGER, this.#budget)
      this.#tables[block] = table
    }
    if (entry !== 0 && entryKind(entry) === PAGE_KIND.xbzrle) this.chain.add(entry, table.get(page))
    table.set(page, entry)
    if (table.overflowed) this.#coarsen(block, page, entry)
  }

  table(block: number): PageTable | undefined {
    return this.#tables[block]
  }

  /** Pages of a block that hold something. */
  present(block: number): number {
    return (this.#coarse ? this.#bits[block] : this.#tables[block])?.present ?? 0
  }

  #coarsen(block: number, page: number, entry: number): void {
    this.#coarse = true
    this.#tables.forEach((table, number) => {
      for (const { first, entries } of table?.leaves() ?? [])
        for (let i = 0; i < entries.length; i++) if (entries[i]) this.#count(number, first + i, entries[i] as number)
      this.#tables[number] = undefined
    })
    this.#count(block, page, entry)
  }

  #count(block: number, page: number, entry: number): void {
    let bits = this.#bits[block]
    if (!bits) {
      bits = new PageBits(this.#bitBudget)
      this.#bits[block] = bits
    }
    bits.set(page, entry)
    if (bits.overflowed) throw beyondLimit(this.#source, 'its memory is spread too thin to be counted', Math.floor(entry / 4))
  }
}

/** Indexes the pages [from, to) of one block: what a guest too large for RamIndex is read with, window by window. */
export class WindowIndex implements PageSink {
  readonly #block: number
  readonly table: PageTable
  readonly chain: XbzrleChain

  constructor(source: Source, block: number, from: number, to: number) {
    this.#block = block
    this.table = new PageTable(from, to, leafBudget())
    this.chain = new XbzrleChain(source)
  }

  page(block: number, page: number, entry: number): void {
    if (block !== this.#block) return
    if (entry !== 0 && entryKind(entry) === PAGE_KIND.xbzrle) this.chain.add(entry, this.table.get(page))
    this.table.set(page, entry)
  }
}
/** Pages per window: never more leaves than a table's budget. */
export const WINDOW_PAGES = QEMU_LIMITS.indexedPages
