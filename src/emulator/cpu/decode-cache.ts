// Owns the decoded pages in linear memory: which guest page has records where, decoding on demand, forgetting. Knows no meaning of an operation.
import type { Decoder } from './decode/table.ts'
import { AT, OP_NEXT_PAGE, PAGE_RECORD_BYTES, PAGE_WORDS, RECORD, TABLE } from './interpreter/layout.ts'
import type { Operations } from './interpreter/operations.ts'
import type { RamRegion } from './linear-memory.ts'
import type { LookUpTables } from './look-up-tables.ts'
import { lower } from './semantics/instruction-set.ts'
import { type LowerContext, type Lowered, REGISTER } from './semantics/op.ts'

/** Most instructions decoded at once: straight-line code is likely to be executed. */
const DECODE_AHEAD = 64
/** Semantics after which control does not continue. */
const ENDS_RUN = new Set(['B', 'B.near', 'BR', 'TRAP'])

/** Where records are in linear memory, and how many pages of them there may be. */
export interface DecodedPages {
  readonly base: number
  readonly capacity: number
}

export class DecodeCache {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #base: number
  readonly #capacity: number
  readonly #decoder: Decoder
  readonly #context: LowerContext
  readonly #tables: LookUpTables
  readonly #operations: Operations
  /** Code-map entries of the pages in use, in order of their records: what to clear when the cache is full. */
  readonly #used: number[] = []

  constructor(memory: ArrayBuffer, pages: DecodedPages, decoder: Decoder, context: LowerContext, tables: LookUpTables, operations: Operations) {
    this.#view = new DataView(memory)
    this.#bytes = new Uint8Array(memory)
    this.#base = pages.base
    this.#capacity = pages.capacity
    this.#decoder = decoder
    this.#context = context
    this.#tables = tables
    this.#operations = operations
    this.#forgetAll()
  }

  /** Makes the page of this guest address known to generated code. `region` holds it. */
  enterPage(address: bigint, region: RamRegion): void {
    const page = Number((address - region.start) >> 12n)
    const entry = region.codeMap + page * 4
    let records = this.#view.getUint32(entry, true)
    if (records === 0) {
      if (this.#used.length === this.#capacity) this.#forgetAll()
      records = this.#base + this.#used.length * PAGE_RECORD_BYTES
      this.#used.push(entry)
      this.#bytes.fill(0, records, records + PAGE_RECORD_BYTES)
      this.#view.setUint16(records + PAGE_WORDS * RECORD.bytes + RECORD.op, OP_NEXT_PAGE, true)
      this.#view.setUint32(entry, records, true)
      this.#tables.forgetWrites() // stores to the page have to make records undecoded
    }
    const hash = this.#view.getUint32(AT.codeHash, true) + ((Number(address & 0xffff_ffffn) >>> TABLE.indexShift) & TABLE.indexMask)
    this.#view.setBigUint64(hash, address & ~0xfffn, true)
    this.#view.setUint32(hash + TABLE.value, records, true)
  }

  /** Decodes the instruction at this guest address, whose page is known, and those that follow it in a straight line. */
  decodeFrom(address: bigint, region: RamRegion): void {
    const offset = Number(address - region.start)
    const records = this.#view.getUint32(region.codeMap + (offset >>> 12) * 4, true)
    const first = (offset >>> 2) & (PAGE_WORDS - 1)
    const pageStart = region.linear + offset - first * 4
    for (let word = first; word < PAGE_WORDS && word < first + DECODE_AHEAD; word++) {
      const record = records + word * RECORD.bytes
      if (word > first && this.#view.getUint16(record + RECORD.op, true) !== 0) return
      const instruction = this.#view.getUint32(pageStart + word * 4, true)
      const lowered = lower(this.#decoder.decode(instruction), instruction, this.#context)
      this.#write(record, lowered, word)
      if (ENDS_RUN.has(lowered.op)) return
    }
  }

  #write(record: number, lowered: Lowered, word: number): void {
    const view = this.#view
    let { op } = lowered
    let imm = lowered.imm ?? 0n
    if (lowered.offset !== undefined) {
      const to = word + lowered.offset / 4
      const near = to >= 0 && to < PAGE_WORDS
      imm = BigInt(near ? (lowered.offset / 4) * RECORD.bytes : lowered.offset)
      if (near) op = `${op}.near`
    }
    view.setUint16(record + RECORD.op, this.#operations.code(op), true)
    view.setUint8(record + RECORD.d, lowered.d ?? REGISTER.discard)
    view.setUint8(record + RECORD.n, lowered.n ?? REGISTER.zero)
    view.setUint8(record + RECORD.m, lowered.m ?? REGISTER.zero)
    view.setUint8(record + RECORD.a, lowered.a ?? REGISTER.zero)
    view.setUint16(record + RECORD.aux, lowered.b ?? lowered.aux ?? 0, true)
    view.setBigInt64(record + RECORD.imm, BigInt.asIntN(64, imm), true)
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
      this.#bytes.fill(0, records + from * RECORD.bytes, records + (to + 1) * RECORD.bytes)
    }
  }

  #forgetAll(): void {
    for (const entry of this.#used) this.#view.setUint32(entry, 0, true)
    this.#used.length = 0
    this.#tables.forgetCode()
    // Pages without records may be written fast again; the table fills itself.
  }
}
