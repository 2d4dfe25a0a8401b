// Owns the decoded pages in linear memory: which guest page has records where, decoding on demand, forgetting. Knows no meaning of an operation.
import type { Decoder } from './decode/table.ts'
import { AT, MARK, OP_NEXT_PAGE, PAGE_MARKS, PAGE_RECORD_BYTES, PAGE_WORDS, RECORD } from './interpreter/layout.ts'
import type { Operations } from './interpreter/operations.ts'
import type { RamRegion } from './linear-memory.ts'
import type { LookUpTables } from './look-up-tables.ts'
import { lower } from './semantics/instruction-set.ts'
import { type LowerContext, type Lowered, REGISTER } from './semantics/op.ts'

/** Most instructions decoded at once: straight-line code is likely to be executed. */
const DECODE_AHEAD = 64
/** Words whose meaning is remembered; a power of 2. */
const KNOWN_WORDS = 1 << 15
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

export class DecodeCache {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #base: number
  readonly #capacity: number
  readonly #decoder: Decoder
  readonly #context: LowerContext
  readonly #tables: LookUpTables
  readonly #operations: Operations
  readonly #known: (Lowered | undefined)[] = new Array(KNOWN_WORDS)
  readonly #knownWords = new Uint32Array(KNOWN_WORDS)
  readonly #user: DecodedPagesUser | undefined
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
    const first = Number(address & 0xfffn) >>> 2
    const pageStart = this.pageOf(records)
    for (let word = first; word < PAGE_WORDS && word < first + DECODE_AHEAD; word++) {
      const record = records + word * RECORD.bytes
      if (word > first && this.#view.getUint16(record + RECORD.op, true) !== 0) return
      const instruction = this.#view.getUint32(pageStart + word * 4, true)
      const lowered = this.#lowered(instruction)
      this.#write(record, lowered, word)
      if (ENDS_RUN.has(lowered.op)) return
    }
  }

  /** What a word means does not depend on where it is, and the same words come again and again. */
  #lowered(instruction: number): Lowered {
    const place = (instruction ^ (instruction >>> 15)) & (KNOWN_WORDS - 1)
    const known = this.#known[place]
    if (known && this.#knownWords[place] === instruction) return known
    const lowered = lower(this.#decoder.decode(instruction), instruction, this.#context)
    this.#known[place] = lowered
    this.#knownWords[place] = instruction
    return lowered
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
    if (lowered.offset !== undefined || INDIRECT.has(op)) view.setUint16(record + RECORD.taken, view.getUint32(AT.hotThreshold, true), true)
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
