// Owns when hot code is compiled, and what together: at counts of executed instructions, so that a run is the same every time, though results never depend on it:
// a region does what the interpreter does, instruction by instruction. Knows no instruction.
import { ARRIVALS_COUNTED, AT, HOT_RECORDS, MARK, PAGE_RECORD_BYTES, RECORD, SLOT } from '../interpreter/layout.ts'
import type { Operations } from '../interpreter/operations.ts'
import type { LinearMemory } from '../linear-memory.ts'
import { CompiledCode } from './compiled-code.ts'
import { findRegion, RecordReader, type Region } from './region.ts'

export interface JitOptions {
  /** How often a branch is taken before its target is hot, 1 to 65535. */
  readonly threshold?: number
  /** Hot records that are enough for a module, 1 to 64. */
  readonly batch?: number
  /** Instructions after which generated code comes back: to compile, and to go on in what V8 has optimised meanwhile. */
  readonly slice?: number
  /** Places of entry into compiled code, 64 to 4096: what bounds its memory. At least as many as `batch`. */
  readonly places?: number
}

const DEFAULT_THRESHOLD = 4000
/** Instructions of a region. */
const MOST_INSTRUCTIONS = 400
const DEFAULT_BATCH = 32
/** The count of instructions after which fewer hot records must do. */
const PATIENCE = 4_000_000
const DEFAULT_SLICE = 100_000

export class Jit {
  readonly #view: DataView
  readonly #base: number
  readonly #code: CompiledCode
  readonly #reader: RecordReader
  readonly slice: number
  readonly #batch: number
  #waited = 0

  constructor(
    linear: LinearMemory,
    operations: Operations,
    { threshold = DEFAULT_THRESHOLD, batch = DEFAULT_BATCH, slice = DEFAULT_SLICE, places = SLOT.limit }: JitOptions,
  ) {
    const { buffer } = linear.memory
    this.#view = new DataView(buffer)
    this.slice = slice
    this.#batch = batch
    this.#base = linear.decodedPages
    this.#reader = new RecordReader(this.#view, linear.slots, operations.interpreter.firstRegion)
    this.#code = new CompiledCode(buffer, this.#reader, operations, linear.slots, places)
    this.#view.setUint32(AT.hotThreshold, threshold, true)
    this.#view.setUint32(AT.hotArrivals, Math.min(MARK.arrivals, Math.ceil(threshold / ARRIVALS_COUNTED)), true)
    this.#view.setUint32(AT.hotCount, 0, true)
  }

  /** Between two pieces of generated code, after `executed` more instructions. */
  afterRun(executed: number): void {
    const waiting = this.#view.getUint32(AT.hotCount, true)
    if (waiting === 0) return
    this.#waited += executed
    if (waiting >= this.#batch || this.#waited >= PATIENCE) this.#compile(waiting)
  }

  /** The code of the page with these records changes: what was compiled from it is entered no more. */
  forgetPage(records: number): void {
    this.#code.dropPage(records)
  }

  /** All decoded pages are about to be forgotten. */
  forgetAll(): void {
    this.#code.dropAll()
    this.#view.setUint32(AT.hotCount, 0, true)
  }

  #compile(waiting: number): void {
    this.#waited = 0
    this.#code.sweep()
    const byPage = new Map<number, number[]>()
    for (let i = 0; i < waiting && i < HOT_RECORDS; i++) {
      const record = this.#view.getUint32(AT.hot + 4 * i, true)
      const records = record - ((record - this.#base) % PAGE_RECORD_BYTES)
      const words = byPage.get(records) ?? []
      words.push((record - records) / RECORD.bytes)
      byPage.set(records, words)
    }
    this.#view.setUint32(AT.hotCount, 0, true)
    const regions = [...byPage].flatMap(([records, words]) => this.#regionsOf(records, words))
    if (regions.length > 0) this.#code.add(regions)
  }

  /** Regions for the hot words of a page that do not begin one yet. */
  #regionsOf(records: number, hot: readonly number[]): readonly Region[] {
    const entries = ({ entries, blocks }: Region): readonly number[] => entries.map(block => blocks[block]!.word)
    const known = new Set(this.#code.ofPage(records).flatMap(({ region }) => entries(region)))
    const found: Region[] = []
    for (let words = hot.filter(word => !known.has(word)); words.length > 0; ) {
      const region = findRegion(this.#reader, records, words, MOST_INSTRUCTIONS)
      if (region.blocks.length > 0) found.push(region)
      const entered = new Set([words[0], ...entries(region)])
      words = words.filter(word => !entered.has(word))
    }
    return found
  }
}
