// Owns what is known about the pages of one RAM block: where in the file the last copy of each stands, or, for guests too large for that, only
// whether it holds anything. Knows no file.

/** Pages a leaf stands for. A multiple of the pages in 1 MiB, whatever the page size. */
export const LEAF_PAGES = 4096

/** How the bytes of a page stand in the file. */
export const PAGE_KIND = { plain: 0, deflated: 1, xbzrle: 2, filled: 3 } as const
export type PageKind = (typeof PAGE_KIND)[keyof typeof PAGE_KIND]

/** A page that was sent as zeros, and one that never was: both read as zeros. */
const ZERO = 0
/** Offset and kind in one exact number; an offset is at most 2^51. */
export const pageEntry = (offset: number, kind: PageKind): number => offset * 4 + kind
export const entryOffset = (entry: number): number => Math.floor(entry / 4)
export const entryKind = (entry: number): number => entry % 4

/** Leaves that all tables of one guest may allocate together. */
export interface LeafBudget {
  left: number
}

export class PageTable {
  readonly #from: number
  readonly #to: number
  readonly #budget: LeafBudget
  readonly #leaves = new Map<number, Float64Array>()
  #lastNumber = -1
  #last: Float64Array | undefined
  #present = 0
  #overflowed = false

  /** Remembers pages in [from, to) and takes no notice of others. */
  constructor(from: number, to: number, budget: LeafBudget) {
    this.#from = from
    this.#to = to
    this.#budget = budget
  }

  /** Pages that hold something. */
  get present(): number {
    return this.#present
  }
  /** True when the budget ended: what the table says is not complete. */
  get overflowed(): boolean {
    return this.#overflowed
  }

  set(page: number, entry: number): void {
    if (page < this.#from || page >= this.#to) return
    const leaf = this.#leaf(page, entry !== ZERO)
    if (!leaf) return
    const at = page % LEAF_PAGES
    const before = leaf[at] as number
    if ((before === ZERO) !== (entry === ZERO)) this.#present += entry === ZERO ? -1 : 1
    leaf[at] = entry
  }

  zero(page: number): void {
    this.set(page, ZERO)
  }

  /** The entry of a page; 0 when it holds zeros. */
  get(page: number): number {
    return this.#leaves.get(Math.floor(page / LEAF_PAGES))?.[page % LEAF_PAGES] ?? ZERO
  }

  /** Leaves with pages that hold something, by ascending page. */
  *leaves(): Generator<{ readonly first: number; readonly entries: Float64Array }> {
    for (const number of [...this.#leaves.keys()].sort((a, b) => a - b)) {
      const entries = this.#leaves.get(number)
      if (entries) yield { first: number * LEAF_PAGES, entries }
    }
  }

  #leaf(page: number, create: boolean): Float64Array | undefined {
    const number = Math.floor(page / LEAF_PAGES)
    if (number === this.#lastNumber) return this.#last
    let leaf = this.#leaves.get(number)
    if (!leaf && create) {
      if (this.#budget.left <= 0) {
        this.#overflowed = true
        return undefined
      }
      this.#budget.left--
      leaf = new Float64Array(LEAF_PAGES)
      this.#leaves.set(number, leaf)
    }
    if (leaf) {
      this.#last = leaf
      this.#lastNumber = number
    }
    return leaf
  }
}

/** One bit a page, for guests whose index would be too large: enough to count what is present. */
export class PageBits {
  readonly #groups = new Map<number, Uint32Array>()
  readonly #budget: LeafBudget
  #present = 0
  #overflowed = false

  constructor(budget: LeafBudget) {
    this.#budget = budget
  }

  get present(): number {
    return this.#present
  }
  get overflowed(): boolean {
    return this.#overflowed
  }

  set(page: number, entry: number): void {
    const number = Math.floor(page / LEAF_PAGES)
    let group = this.#groups.get(number)
    if (!group) {
      if (entry === ZERO) return
      if (this.#budget.left <= 0) {
        this.#overflowed = true
        return
      }
      this.#budget.left--
      group = new Uint32Array(LEAF_PAGES / 32)
      this.#groups.set(number, group)
    }
    const bit = page % LEAF_PAGES
    const mask = (1 << (bit & 31)) >>> 0
    const word = group[bit >> 5] as number
    const was = (word & mask) !== 0
    if (was === (entry !== ZERO)) return
    this.#present += was ? -1 : 1
    group[bit >> 5] = was ? word & ~mask : word | mask
  }
}
