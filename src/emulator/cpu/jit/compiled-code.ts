// Owns the compiled regions of one engine: which slots lead to which, in which module; putting them into records and taking them out. When the slots are used up the
// oldest module makes room, so the memory for code is bounded. Knows no instruction and no control flow.

import { MAXIMUM_MEMORY_PAGES, REGION_PARAMS } from '../interpreter/generate.ts'
import { AT, MARK, PAGE_MARKS, PAGE_WORDS, RECORD, SLOT } from '../interpreter/layout.ts'
import type { Operations } from '../interpreter/operations.ts'
import { I32 } from '../wasm/expression.ts'
import { ModuleBuilder } from '../wasm/module-builder.ts'
import { SharedFunctions } from '../wasm/shared-function.ts'
import { compileRegion } from './compile-region.ts'
import { defineNzcvOf } from './flags.ts'
import { type RecordReader, type Region, wordsOf } from './region.ts'

/** Each instance of a module costs, whatever is in it: V8 keeps a copy of the function table for it. */
const MOST_MODULES = 256

const slotsOf = (regions: readonly Region[]): number => regions.reduce((sum, { entries }) => sum + entries.length, 0)

/** A region in use. */
export interface CompiledRegion {
  readonly region: Region
  readonly firstSlot: number
}
interface CompiledModule {
  readonly firstSlot: number
  readonly slots: number
}

export class CompiledCode {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #reader: RecordReader
  readonly #operations: Operations
  readonly #slots: number
  /** How many slots are used, SLOT.limit at most. */
  readonly #places: number
  /** In order of their slots, which go round: the oldest first. */
  #modules: CompiledModule[] = []
  #nextSlot = 0
  /** By the page's records. */
  readonly #pages = new Map<number, CompiledRegion[]>()

  constructor(memory: ArrayBuffer, reader: RecordReader, operations: Operations, slots: number, places: number) {
    this.#view = new DataView(memory)
    this.#bytes = new Uint8Array(memory)
    this.#reader = reader
    this.#operations = operations
    this.#slots = slots
    this.#places = places
  }

  /** The regions of the page with these records. */
  ofPage(records: number): readonly CompiledRegion[] {
    return this.#pages.get(records) ?? []
  }

  /** Compiles these regions as one module and lets their entries lead to them. They have no more entries than there are places. */
  add(regions: readonly Region[]): void {
    const slots = slotsOf(regions)
    const first = this.#takeSlots(slots)
    const { interpreter, imports } = this.#operations
    const module = new ModuleBuilder()
    module.importMemory('engine', 'memory', MAXIMUM_MEMORY_PAGES)
    const { view } = this.#reader
    const functions = { use: new SharedFunctions(module).use, nzcvOf: defineNzcvOf(module) }
    const type = module.typeIndex(REGION_PARAMS, [I32])
    const context = { view, functions, type, firstRegion: interpreter.firstRegion, firstPlace: interpreter.cold, slots: this.#slots }
    const table: number[] = []
    const compiled = regions.map((region): CompiledRegion => {
      const firstSlot = first + table.length
      const index = module.declare(REGION_PARAMS, [I32])
      module.define(index, compileRegion(region, firstSlot, context))
      for (const _ of region.entries) table.push(index)
      return { region, firstSlot }
    })
    const least = interpreter.cold + first + slots
    if (imports.engine.table.length < least) imports.engine.table.grow(least - imports.engine.table.length)
    module.importTable('engine', 'table', least)
    module.elements(interpreter.cold + first, table)
    new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), imports)
    this.#modules.push({ firstSlot: first, slots })
    for (const each of compiled) this.#enter(each)
  }

  /** A range of slots, which goes round; modules that have some of it are dropped. */
  #takeSlots(count: number): number {
    if (this.#nextSlot + count > this.#places) this.#nextSlot = 0
    const first = this.#nextSlot
    this.#nextSlot += count
    const tooMany = this.#modules.length - MOST_MODULES + 1
    const inTheWay = this.#modules.filter((module, i) => i < tooMany || (module.firstSlot < first + count && first < module.firstSlot + module.slots))
    for (const module of inTheWay) this.#dropModule(module)
    this.#modules = this.#modules.filter(module => !inTheWay.includes(module))
    this.#view.setUint32(AT.slotCount, Math.max(this.#view.getUint32(AT.slotCount, true), this.#nextSlot), true)
    return first
  }

  #enter(compiled: CompiledRegion): void {
    const { region, firstSlot } = compiled
    const view = this.#view
    region.entries.forEach((block, i) => {
      const record = region.records + region.blocks[block]!.word * RECORD.bytes
      const slot = this.#slots + (firstSlot + i) * SLOT.bytes
      view.setUint16(slot + SLOT.op, this.#reader.operationCode(record), true)
      view.setUint32(slot + SLOT.record, record, true)
      view.setUint32(slot + SLOT.page, region.records, true)
      view.setUint16(record + RECORD.op, this.#operations.interpreter.firstRegion + firstSlot + i, true)
    })
    for (const word of wordsOf(region)) this.#bytes[region.records + PAGE_MARKS + word] = MARK.compiled
    const others = this.#pages.get(region.records)
    if (others) others.push(compiled)
    else this.#pages.set(region.records, [compiled])
  }

  /** Generated code dropped the regions of some pages: they are forgotten here too. */
  sweep(): void {
    if (this.#view.getUint32(AT.regionsDropped, true) === 0) return
    this.#view.setUint32(AT.regionsDropped, 0, true)
    for (const [records, regions] of this.#pages) {
      if (this.#view.getUint32(this.#slots + regions[0]!.firstSlot * SLOT.bytes + SLOT.page, true) === 0) this.#pages.delete(records)
    }
  }

  /** The regions of this page are entered no more. */
  dropPage(records: number): void {
    this.sweep()
    for (const compiled of this.#pages.get(records) ?? []) this.#leave(compiled)
    this.#pages.delete(records)
    this.#bytes.fill(0, records + PAGE_MARKS, records + PAGE_MARKS + PAGE_WORDS)
  }

  /** All decoded pages are about to be forgotten. */
  dropAll(): void {
    for (const records of [...this.#pages.keys()]) this.dropPage(records)
    for (const module of this.#modules) this.#release(module)
    this.#modules = []
    this.#nextSlot = 0
  }

  #leave({ region, firstSlot }: CompiledRegion): void {
    const view = this.#view
    for (let slot = firstSlot; slot < firstSlot + region.entries.length; slot++) {
      const at = this.#slots + slot * SLOT.bytes
      if (view.getUint32(at + SLOT.page, true) === 0) continue
      view.setUint16(view.getUint32(at + SLOT.record, true) + RECORD.op, view.getUint16(at + SLOT.op, true), true)
      view.setUint32(at + SLOT.page, 0, true)
    }
  }

  #dropModule(module: CompiledModule): void {
    this.sweep()
    for (const [records, regions] of this.#pages) {
      const kept = regions.filter(compiled => {
        const mine = compiled.firstSlot >= module.firstSlot && compiled.firstSlot < module.firstSlot + module.slots
        if (mine) this.#leave(compiled)
        return !mine
      })
      if (kept.length === regions.length) continue
      if (kept.length === 0) this.dropPage(records)
      else this.#pages.set(records, kept)
    }
    this.#release(module)
  }

  #release({ firstSlot, slots }: CompiledModule): void {
    const { table } = this.#operations.imports.engine
    for (let slot = firstSlot; slot < firstSlot + slots; slot++) table.set(this.#operations.interpreter.cold + slot, null)
  }
}
