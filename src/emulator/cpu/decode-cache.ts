// Owns the decoded pages in linear memory: which guest page has records where, decoding on demand, forgetting. Knows no meaning of an operation.
import type { Decoder } from './decode/table.ts'
import { AT, MARK, OP_NEXT_PAGE, PAGE_MARKS, PAGE_RECORD_BYTES, PAGE_WORDS, RECORD } from './interpreter/layout.ts'
import type { Operations } from './interpreter/operations.ts'
import type { RamRegion } from './linear-memory.ts'
import type { LookUpTables } from './look-up-tables.ts'
import { lower } from './semantics/instruction-set.ts'
import { type LowerContext, REGISTER } from './semantics/op.ts'

/** Most instructions decoded at once: straight-line code is likely to be executed. */
const DECODE_AHEAD = 64
/** Semantics after which control does not continue. */
const ENDS_RUN = new Set(['B', 'B.near', 'BR', 'TRAP'])
/** Branches whose target is in a register. */
const INDIRECT = new Set(['BR', 'BLR'])

/** Where records are in linear memory, and how many pages of them there may be. */
export interface DecodedPages {
  readonly base: number
  readonly capacity: number
}

/** Who has made something from decoded pages and must hear of changes: a page's (by its records), or all. */
export interface DecodedPagesUser {
  forgetPage(records: number): void
  forgetAll(): void
}

/** What a word becomes, but for its place: parts of the record as it will stand in memory. */
interface Template {
  readonly code: number
  /** Operation code of a branch within the page. */
  readonly near: number
  readonly registers: number
  readonly others: number
  readonly aux: number
  readonly low: number
  readonly high: number
  /** Distance of a branch in bytes. */
  readonly offset: number | undefined
  readonly branches: boolean
  readonly ends: boolean
}
const MOST_TEMPLATES = 1 << 17

export class DecodeCache {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #base: number
  readonly #capacity: number
  readonly #decoder: Decoder
  readonly #context: LowerContext
  readonly #tables: LookUpTables
  readonly #operations: Operations
  readonly #user: DecodedPagesUser | undefined
  readonly #templates = new Map<number, Template>()
  /** The pages in use, in order of their records: their code-map entries, to clear when the cache is full, and where their bytes are. */
  readonly #used: { readonly entry: number; readonly linear: number }[] = []

  constructor(
    memory: ArrayBuffer,
    pages: DecodedPages,
    decoder: Decoder,
    context: LowerContext,
    tables: LookUpTables,
    operations: Operations,
    user?: DecodedPagesUser,
  ) {
    this.#view = new DataView(memory)
    this.#bytes = new Uint8Array(memory)
    this.#base = pages.base
    this.#capacity = pages.capacity
    this.#decoder = decoder
    this.#context = context
    this.#tables = tables
    this.#operations = operations
    this.#user = user
    this.#forgetAll()
  }

  /** Gives the page of this physical address, which `region` holds, records if it has none. */
  enterPage(physical: bigint, region: RamRegion): void {
    const page = Number((physical - region.start) >> 12n)
    const entry = region.codeMap + page * 4
    if (this.#view.getUint32(entry, true) !== 0) return
    if (this.#used.length === this.#capacity) this.#forgetAll()
    const records = this.#base + this.#used.length * PAGE_RECORD_BYTES
    this.#used.push({ entry, linear: region.linear + page * 4096 })
    this.#bytes.fill(0, records, records + PAGE_RECORD_BYTES)
    this.#view.setUint16(records + PAGE_WORDS * RECORD.bytes + RECORD.op, OP_NEXT_PAGE, true)
    this.#view.setUint32(entry, records, true)
    this.#tables.forgetWrites() // stores to the page have to make records undecoded
  }

  /** Linear address of the bytes that these records were decoded from. */
  pageOf(records: number): number {
    return this.#used[(records - this.#base) / PAGE_RECORD_BYTES]!.linear
  }

  /** Decodes the instruction at this address of the page with these records, and those that follow it in a straight line. */
  decodeFrom(records: number, address: bigint): void {
    const view = this.#view
    const first = Number(address & 0xfffn) >>> 2
    const pageStart = this.pageOf(records)
    for (let word = first; word < PAGE_WORDS && word < first + DECODE_AHEAD; word++) {
      const record = records + word * RECORD.bytes
      if (word > first && view.getUint16(record + RECORD.op, true) !== 0) return
      const template = this.#template(view.getUint32(pageStart + word * 4, true))
      this.#write(record, template, word)
      if (template.ends) return
    }
  }

  /** Most words of code have been met before, and mean the same everywhere but for where a branch leads. */
  #template(instruction: number): Template {
    const known = this.#templates.get(instruction)
    if (known) return known
    const lowered = lower(this.#decoder.decode(instruction), instruction, this.#context)
    const { op, offset } = lowered
    const imm = BigInt.asUintN(64, lowered.imm ?? 0n)
    const template = {
      code: this.#operations.code(op),
      near: offset === undefined ? 0 : this.#operations.code(`${op}.near`),
      registers: (lowered.d ?? REGISTER.discard) | ((lowered.n ?? REGISTER.zero) << 8),
      others: (lowered.m ?? REGISTER.zero) | ((lowered.a ?? REGISTER.zero) << 8),
      aux: lowered.b ?? lowered.aux ?? 0,
      low: Number(imm & 0xffff_ffffn),
      high: Number(imm >> 32n),
      offset,
      branches: offset !== undefined || INDIRECT.has(op),
      ends: ENDS_RUN.has(op),
    }
    if (this.#templates.size === MOST_TEMPLATES) this.#templates.clear()
    this.#templates.set(instruction, template)
    return template
  }

  #write(record: number, { code, near, registers, others, aux, low, high, offset, branches }: Template, word: number): void {
    const view = this.#view
    const to = offset === undefined ? -1 : word + offset / 4
    const isNear = to >= 0 && to < PAGE_WORDS
    const distance = offset === undefined ? 0 : isNear ? (offset / 4) * RECORD.bytes : offset
    view.setUint32(record, (isNear ? near : code) | (registers << 16), true)
    view.setUint32(record + RECORD.m, (branches ? view.getUint32(AT.hotThreshold, true) : others) | (aux << 16), true)
    view.setUint32(record + RECORD.imm, offset === undefined ? low : distance, true)
    view.setUint32(record + RECORD.imm + 4, offset === undefined ? high : distance < 0 ? -1 : 0, true)
  }

  /** Guest memory in [offset, offset + length) of the region was written from outside: its words are decoded again when reached. */
  forget(region: RamRegion, offset: number, length: number): void {
    if (length === 0) return
    const lastWord = (offset + length - 1) >>> 2
    for (let page = offset >>> 12; page <= (offset + length - 1) >>> 12; page++) {
      const records = this.#view.getUint32(region.codeMap + page * 4, true)
      if (records === 0) continue
      const from = Math.max(offset >>> 2, page * PAGE_WORDS) - page * PAGE_WORDS
      const to = Math.min(lastWord, page * PAGE_WORDS + PAGE_WORDS - 1) - page * PAGE_WORDS
      if (this.#bytes.subarray(records + PAGE_MARKS + from, records + PAGE_MARKS + to + 1).some(mark => mark & MARK.compiled)) this.#user?.forgetPage(records)
      this.#bytes.fill(0, records + from * RECORD.bytes, records + (to + 1) * RECORD.bytes)
    }
  }

  #forgetAll(): void {
    this.#user?.forgetAll()
    for (const { entry } of this.#used) this.#view.setUint32(entry, 0, true)
    this.#used.length = 0
    this.#tables.forgetCode()
    // Pages without records may be written fast again; the table fills itself.
  }
}
