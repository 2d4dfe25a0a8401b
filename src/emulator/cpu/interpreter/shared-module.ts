// Owns the compiled interpreter: generated and compiled at the first use in a process, shared by all engines. It holds no state of any VM.
import { allOperations } from '../semantics/instruction-set.ts'
import type { Op } from '../semantics/op.ts'
import { generateInterpreter } from './generate.ts'

export interface Interpreter {
  readonly module: WebAssembly.Module
  /** In the order of their codes. */
  readonly ops: readonly Op[]
}

let shared: Interpreter | undefined

export function sharedInterpreter(): Interpreter {
  if (shared) return shared
  const ops = allOperations()
  shared = { module: new WebAssembly.Module(generateInterpreter(ops)), ops }
  return shared
}
