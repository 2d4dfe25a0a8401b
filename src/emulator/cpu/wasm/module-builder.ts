// Owns a WebAssembly module: types, imports, functions, elements of an imported table, exports, as bytes. Knows no instruction set.
import { ByteWriter } from './byte-writer.ts'
import type { ValueType } from './expression.ts'
import type { FunctionBuilder } from './function-builder.ts'

const SECTION = { type: 1, import: 2, function: 3, export: 7, element: 9, code: 10 } as const
const KIND = { function: 0, table: 1, memory: 2 } as const
const FUNCREF = 0x70

export class ModuleBuilder {
  readonly #types: string[] = []
  readonly #importedFunctions: { readonly module: string; readonly name: string; readonly type: number }[] = []
  readonly #functions: { readonly type: number; readonly exportAs: string | undefined; body: FunctionBuilder | undefined }[] = []
  #memory: { readonly module: string; readonly name: string; readonly maximumPages: number } | undefined
  #table: { readonly module: string; readonly name: string; readonly least: number } | undefined
  #elements: { readonly offset: number; readonly functions: readonly number[] } | undefined

  typeIndex(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params}:${results}`
    const known = this.#types.indexOf(key)
    return known >= 0 ? known : this.#types.push(key) - 1
  }

  /** Imports the memory: at least one page, at most `maximumPages` of 64 KiB. */
  importMemory(module: string, name: string, maximumPages: number): void {
    this.#memory = { module, name, maximumPages }
  }

  /** Index of an imported function. All imports come before the first declared function. */
  importFunction(module: string, name: string, params: readonly ValueType[], results: readonly ValueType[]): number {
    if (this.#functions.length > 0) throw new Error('functions are imported before the first one is declared')
    return this.#importedFunctions.push({ module, name, type: this.typeIndex(params, results) }) - 1
  }

  /** Index of a function that define() will give a body. */
  declare(params: readonly ValueType[], results: readonly ValueType[], exportAs?: string): number {
    return this.#importedFunctions.length + this.#functions.push({ type: this.typeIndex(params, results), exportAs, body: undefined }) - 1
  }

  define(index: number, body: FunctionBuilder): void {
    const declared = this.#functions[index - this.#importedFunctions.length]
    if (!declared || declared.type !== this.typeIndex(body.params, body.results)) throw new Error(`function ${index} was declared with another type`)
    declared.body = body
  }

  /** Imports table 0: functions that call_indirect reaches by index, at least `least` places. */
  importTable(module: string, name: string, least: number): void {
    this.#table = { module, name, least }
  }

  /** Functions of this module that its instances put into the table, from `offset` on. */
  elements(offset: number, functions: readonly number[]): void {
    this.#elements = { offset, functions }
  }

  bytes(): Uint8Array {
    const out = new ByteWriter()
    out.bytes([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])
    const section = (id: number, write: (content: ByteWriter) => void): void => {
      const content = new ByteWriter()
      write(content)
      out.byte(id)
      out.sized(content)
    }
    section(SECTION.type, content => {
      content.u32(this.#types.length)
      for (const key of this.#types) {
        content.byte(0x60)
        for (const list of key.split(':')) {
          const types = list === '' ? [] : list.split(',').map(Number)
          content.u32(types.length)
          content.bytes(types)
        }
      }
    })
    section(SECTION.import, content => {
      content.u32(this.#importedFunctions.length + (this.#memory ? 1 : 0) + (this.#table ? 1 : 0))
      for (const { module, name, type } of this.#importedFunctions) {
        content.name(module)
        content.name(name)
        content.byte(KIND.function)
        content.u32(type)
      }
      if (this.#memory) {
        content.name(this.#memory.module)
        content.name(this.#memory.name)
        content.bytes([KIND.memory, 1, 1]) // limits with a maximum, at least one page
        content.u32(this.#memory.maximumPages)
      }
      if (this.#table) {
        content.name(this.#table.module)
        content.name(this.#table.name)
        content.bytes([KIND.table, FUNCREF, 0]) // limits without a maximum
        content.u32(this.#table.least)
      }
    })
    section(SECTION.function, content => {
      content.u32(this.#functions.length)
      for (const { type } of this.#functions) content.u32(type)
    })
    section(SECTION.export, content => {
      const exported = this.#functions.flatMap(({ exportAs }, i) => (exportAs === undefined ? [] : [{ exportAs, index: this.#importedFunctions.length + i }]))
      content.u32(exported.length)
      for (const { exportAs, index } of exported) {
        content.name(exportAs)
        content.byte(KIND.function)
        content.u32(index)
      }
    })
    const elements = this.#elements
    if (elements) {
      section(SECTION.element, content => {
        content.bytes([1, 0, 0x41]) // one segment of table 0 at offset i32.const
        content.s32(elements.offset)
        content.byte(0x0b)
        content.u32(elements.functions.length)
        for (const index of elements.functions) content.u32(index)
      })
    }
    section(SECTION.code, content => {
      content.u32(this.#functions.length)
      for (const { body } of this.#functions) {
        if (!body) throw new Error('a declared function has no body')
        content.sized(body.body())
      }
    })
    return out.written().slice()
  }
}
