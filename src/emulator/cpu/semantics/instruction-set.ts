// Owns the list of all operations and the map from a row's semantics key to its lowering. Knows no engine.
import { once } from '../../../arch/once.ts'
import type { SemanticsKey } from '../decode/row.ts'
import type { Encoding } from '../decode/table.ts'
import { ATOMICS } from './atomics.ts'
import { BASE } from './base.ts'
import { CRYPTO } from './crypto/crypto.ts'
import { FLOATING_POINT } from './fp/fp.ts'
import { INTEGER_EXTENSIONS } from './integer-extensions.ts'
import { type Define, type Lower, type LowerContext, type Lowered, type Op, type OpGroup, TRAP } from './op.ts'
import { SIMD_EXTENSIONS } from './simd/extensions.ts'
import { SIMD_MEMORY, SIMD_PERMUTE, SIMD_SAME, SIMD_SHIFT, SIMD_STRUCTURES, SIMD_WIDE } from './simd/groups.ts'

/** In the order of operation codes; the first is the interpreter's own. */
const GROUPS: readonly OpGroup[] = [
  BASE,
  ATOMICS,
  INTEGER_EXTENSIONS,
  SIMD_MEMORY,
  SIMD_STRUCTURES,
  SIMD_SAME,
  SIMD_WIDE,
  SIMD_SHIFT,
  SIMD_PERMUTE,
  SIMD_EXTENSIONS,
  CRYPTO,
  ...FLOATING_POINT,
]

export interface DefinedGroup {
  readonly name: string
  /** Hot ones first. */
  readonly ops: readonly Op[]
}

/** Every operation by group. Its position is stable within a release only, and never saved. */
export const operationGroups = once((): readonly DefinedGroup[] => {
  const names = new Set<string>()
  return GROUPS.map((group, number) => {
    const ops: Op[] = []
    const define: Define = (name, run, { hot = false, near = false } = {}) => {
      if (names.has(name)) throw new Error(`operation ${name} is defined twice`)
      if (hot && number > 0) throw new Error(`${name} is hot, but ${group.name} is not the interpreter's own group`)
      names.add(name)
      ops.push({ name, hot, near, run })
    }
    group.define(define)
    return { name: group.name, ops: [...ops.filter(op => op.hot), ...ops.filter(op => !op.hot)] }
  })
})

/** All of them, group after group. */
export const allOperations = (): readonly Op[] => operationGroups().flatMap(group => group.ops)

const lowerings = once((): ReadonlyMap<SemanticsKey, Lower> => {
  const found = new Map<SemanticsKey, Lower>()
  for (const { name, lower } of GROUPS)
    for (const [key, each] of Object.entries(lower) as [SemanticsKey, Lower][]) {
      if (found.has(key)) throw new Error(`${key} is lowered twice, the second time by ${name}`)
      found.set(key, each)
    }
  return found
})

/** The operation and operands of a word; an undefined encoding traps. */
export function lower(encoding: Encoding | undefined, word: number, context: LowerContext): Lowered {
  if (!encoding) return TRAP
  const found = lowerings().get(encoding.semantics)
  if (!found) throw new Error(`nothing lowers ${encoding.semantics} (${encoding.name})`)
  return found(encoding.fields(word), encoding, word, context)
}
