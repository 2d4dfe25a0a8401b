// Owns the compiled interpreter: generated and compiled at the first use in a process, shared by all engines. It holds no state of any VM.
import { type DefinedGroup, operationGroups } from '../semantics/instruction-set.ts'
import type { Op } from '../semantics/op.ts'
import { generateGroup, generateInterpreter } from './generate.ts'
import { FIRST_OP } from './layout.ts'

export interface SharedGroup extends DefinedGroup {
  /** Operation code of its first operation. */
  readonly firstCode: number
  /** Compiled now, if it has not been yet. */
  module(): WebAssembly.Module
}

export interface Interpreter {
  readonly groups: readonly SharedGroup[]
  /** Number of operations in the branch table; the others stand in the function table, in the order of their codes. */
  readonly hot: number
  /** Number of handlers in the table; compiled regions follow. */
  readonly cold: number
  /** Operation code of the first slot of compiled regions. */
  readonly firstRegion: number
  /** By operation code; the first FIRST_OP are none. */
  readonly operations: readonly (Op | undefined)[]
  readonly codes: ReadonlyMap<string, { readonly code: number; readonly group: number }>
}

let shared: Interpreter | undefined

export function sharedInterpreter(): Interpreter {
  if (shared) return shared
  const defined = operationGroups()
  const base: readonly Op[] = defined[0]!.ops
  const hot = base.filter(op => op.hot).length
  const codes = new Map<string, { code: number; group: number }>()
  let next = FIRST_OP
  const firstRegion = FIRST_OP + defined.reduce((sum, group) => sum + group.ops.length, 0)
  const groups = defined.map((group, number): SharedGroup => {
    const firstCode = next
    next += group.ops.length
    group.ops.forEach((op, i) => void codes.set(op.name, { code: firstCode + i, group: number }))
    let module: WebAssembly.Module | undefined
    const generate = () => (number === 0 ? generateInterpreter(base, firstRegion) : generateGroup(group.ops, firstCode - FIRST_OP - hot))
    return { ...group, firstCode, module: () => (module ??= new WebAssembly.Module(generate())) }
  })
  const operations = [...new Array<undefined>(FIRST_OP).fill(undefined), ...defined.flatMap(group => group.ops)]
  shared = { groups, hot, cold: next - FIRST_OP - hot, firstRegion, operations, codes }
  return shared
}
