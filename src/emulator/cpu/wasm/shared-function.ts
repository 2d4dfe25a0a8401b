// Owns functions that several operations of a module call: described once, built into each module that needs them. Knows no instruction set.
import { call, type Expression, type ValueType } from './expression.ts'
import { FunctionBuilder } from './function-builder.ts'
import type { ModuleBuilder } from './module-builder.ts'

/** A function with one result. It may call others through `use`; it reads and writes linear memory only. */
export interface SharedFunction<T extends ValueType = ValueType> {
  readonly name: string
  readonly params: readonly ValueType[]
  readonly result: T
  /** Emits the body; the result is the last expression, or returned. Parameters are locals 0 and up. */
  readonly build: (f: FunctionBuilder, use: UseFunction) => void
}
export type UseFunction = <T extends ValueType>(what: SharedFunction<T>, args: readonly Expression[]) => Expression<T>

/** The functions of one module. Calls may be recursive. */
export class SharedFunctions {
  readonly #module: ModuleBuilder
  readonly #indices = new Map<string, number>()

  constructor(module: ModuleBuilder) {
    this.#module = module
  }

  readonly use: UseFunction = (what, args) => call(what.result, this.#index(what), args)

  #index(what: SharedFunction): number {
    const known = this.#indices.get(what.name)
    if (known !== undefined) return known
    const index = this.#module.declare(what.params, [what.result])
    this.#indices.set(what.name, index)
    const f = new FunctionBuilder(what.params, [what.result])
    what.build(f, this.use)
    this.#module.define(index, f)
    return index
  }
}
