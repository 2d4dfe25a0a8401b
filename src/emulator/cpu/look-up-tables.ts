// Owns the vCPUs' look-up tables in linear memory: which ones a vCPU uses now, and forgetting. Filling them is generated code's.
// An entry is right until something it was made from changes; whoever changes that forgets it here. Knows no translation and no instruction.
import { AT, BANKS, TABLE, TABLES } from './interpreter/layout.ts'

/** One set of tables (TABLES), for one translation regime of one vCPU. */
export interface Bank {
  readonly at: number
  /** Whether there may be an entry in it. */
  used: boolean
}

/** Pages of 4096 bytes in a look-up table's reach: an entry's tag without the top byte, which may be a tag of the guest's. */
const TOP_BYTE = 0xff00_0000
const PAGES_2M = 512
const PAGES_1G = 512 * 512

export class LookUpTables {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** By vCPU. */
  readonly banks: readonly (readonly Bank[])[]

  /** `tables`: linear address of each vCPU's banks. */
  constructor(memory: ArrayBuffer, tables: readonly number[]) {
    this.#bytes = new Uint8Array(memory)
    this.#view = new DataView(memory)
    this.banks = tables.map(at => Array.from({ length: BANKS }, (_, i): Bank => ({ at: at + i * TABLES.bytes, used: true })))
    for (const banks of this.banks) for (const bank of banks) this.forgetBank(bank)
  }

  /** The tables that generated code uses from now on. */
  select(bank: Bank, { el, pan, unprivileged }: { readonly el: 0 | 1; readonly pan: boolean; readonly unprivileged: 'el0' | 'own' }): void {
    const { at } = bank
    bank.used = true
    const own = at + (el === 0 ? TABLES.el0 : pan ? TABLES.el1Pan : TABLES.el1)
    this.#view.setUint32(AT.bank, at, true)
    this.#view.setUint32(AT.tlb, own, true)
    this.#view.setUint32(AT.unprivilegedTlb, unprivileged === 'own' ? own : at + TABLES.el0, true)
    this.#view.setUint32(AT.codeHash, at + (el === 0 ? TABLES.codeEl0 : TABLES.codeEl1), true)
  }

  /** Everything in it; it stays in use when generated code uses it. */
  forgetBank(bank: Bank): void {
    if (!bank.used) return
    const { at } = bank
    this.#bytes.fill(0xff, at, at + TABLES.blocks)
    this.#bytes.fill(0, at + TABLES.blocks, at + TABLES.bytes)
    bank.used = this.#view.getUint32(AT.bank, true) === at
  }

  /** Everything that this vCPU remembers. */
  forgetVcpu(vcpu: number): void {
    for (const bank of this.banks[vcpu]!) this.forgetBank(bank)
  }

  /** What is remembered of `count` virtual pages of 4096 bytes from the one with this number on (bits 55:12 of its address), whole blocks where it is a piece of one. */
  forgetPages(bank: Bank, page: number, count: number): void {
    if (!bank.used) return
    const { at } = bank
    if (this.#bytes[at + TABLES.hugeBlocks]) {
      this.forgetBank(bank)
      return
    }
    if (this.#bytes[at + TABLES.blocks2M + (Math.floor(page / PAGES_2M) & TABLES.blockMask)]) this.#forgetRegion(bank, page, PAGES_2M)
    if (this.#bytes[at + TABLES.blocks1G + (Math.floor(page / PAGES_1G) & TABLES.blockMask)]) this.#forgetRegion(bank, page, PAGES_1G)
    for (let each = page; each < page + count; each++) {
      const index = (each & (TABLE.entries - 1)) * 16
      const low = (each * 4096) % 2 ** 32
      const high = Math.floor(each / 2 ** 20)
      for (let table = at; table < at + TABLES.blocks; table += TABLE.bytes) {
        const entry = table + index
        if (this.#view.getUint32(entry, true) === low && (this.#view.getUint32(entry + 4, true) & ~TOP_BYTE) === high) this.#empty(entry)
      }
    }
  }

  /** Every entry of the aligned region of so many pages that `page` is in. */
  #forgetRegion({ at }: Bank, page: number, pages: number): void {
    const region = Math.floor(page / pages)
    for (let entry = at; entry < at + TABLES.blocks; entry += 16) {
      const low = this.#view.getUint32(entry, true)
      const high = this.#view.getUint32(entry + 4, true) & ~TOP_BYTE
      if (Math.floor((high * 2 ** 20 + (low >>> 12)) / pages) === region) this.#empty(entry)
    }
  }

  #empty(entry: number): void {
    this.#view.setInt32(entry, -1, true)
    this.#view.setInt32(entry + 4, -1, true)
  }

  /** Where stores may go without a check, on all vCPUs: some page now holds decoded code. */
  forgetWrites(): void {
    for (const { at, used } of this.banks.flat()) {
      if (!used) continue
      for (const context of [TABLES.el0, TABLES.el1, TABLES.el1Pan]) this.#bytes.fill(0xff, at + context + TABLE.bytes, at + context + 2 * TABLE.bytes)
    }
  }

  /** Which pages have records, on all vCPUs. */
  forgetCode(): void {
    for (const { at, used } of this.banks.flat()) if (used) this.#bytes.fill(0xff, at + TABLES.codeEl0, at + TABLES.blocks)
  }
}
