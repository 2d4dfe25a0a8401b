// Owns what an operation does, found by running its semantics against an Emit that only takes notes: which operands are read and written, how it ends.
// Knows no encoding and emits nothing.
import { once } from '../../../arch/once.ts'
import type { BlockPart, Emit, LoadedBlock, RegisterOperand } from '../semantics/emit.ts'
import { allOperations } from '../semantics/instruction-set.ts'
import type { Op } from '../semantics/op.ts'
import {
  constantOf,
  type Expression,
  I32,
  type I32Expression,
  I64,
  type I64Expression,
  local,
  V128,
  type V128Expression,
  type ValueType,
} from '../wasm/expression.ts'

export interface OperationSummary {
  readonly op: Op
  /** General registers. */
  readonly reads: ReadonlySet<RegisterOperand>
  readonly writes: ReadonlySet<RegisterOperand>
  readonly readsFlags: boolean
  /** The kind (FLAGS) when it is always the same one; `unknown` when flags are set in another way. */
  readonly setsFlags: number | 'unknown' | undefined
  /** Accesses of memory. */
  readonly accesses: 'reads' | 'writes' | 'both' | undefined
  /** How it ends: with the next instruction; by a branch that is always taken, or sometimes; to a computed address; in the runtime, always. */
  readonly end: 'next' | 'jump' | 'jumpIf' | 'jumpTo' | 'trap'
}

const SOME_32 = local(I32, 0)
const SOME_64 = local(I64, 0)
const SOME_128 = local(V128, 0)

class NoteTaker implements Emit {
  readonly reads = new Set<RegisterOperand>()
  readonly writes = new Set<RegisterOperand>()
  readsFlags = false
  setsFlags: OperationSummary['setsFlags']
  accesses: OperationSummary['accesses']
  end: OperationSummary['end'] = 'next'
  #conditional = 0

  x(operand: RegisterOperand): I64Expression {
    this.reads.add(operand)
    return SOME_64
  }
  setX(operand: RegisterOperand): void {
    this.writes.add(operand)
  }
  imm = (): I64Expression => SOME_64
  aux = (): I32Expression => SOME_32
  small = (): I32Expression => SOME_32
  pc = (): I64Expression => SOME_64
  keep<T extends ValueType>(value: Expression<T>): Expression<T> {
    return local(value.type, 0)
  }
  when(_: I32Expression, then: () => void, otherwise?: () => void): void {
    this.#conditional++
    then()
    otherwise?.()
    this.#conditional--
  }
  setFlags(kind: I32Expression): void {
    const known = constantOf(kind)
    this.setsFlags = known === undefined || this.#conditional > 0 || this.setsFlags !== undefined ? 'unknown' : Number(known)
  }
  condition(): I32Expression {
    this.readsFlags = true
    return SOME_32
  }
  nzcv(): I32Expression {
    this.readsFlags = true
    return SOME_32
  }
  #access(kind: 'reads' | 'writes'): I64Expression {
    this.accesses = this.accesses === undefined || this.accesses === kind ? kind : 'both'
    return SOME_64
  }
  load = (): I64Expression => this.#access('reads')
  loadPair = (): readonly [I64Expression, I64Expression] => [this.#access('reads'), SOME_64]
  store = (): void => void this.#access('writes')
  storePair = (): void => void this.#access('writes')
  load128(): V128Expression {
    this.#access('reads')
    return SOME_128
  }
  store128 = (): void => void this.#access('writes')
  loadBlock(): LoadedBlock {
    this.#access('reads')
    return { integer: () => SOME_64, vector: () => SOME_128 }
  }
  storeBlock = (_: number, __: number, ___: I64Expression, ____: readonly BlockPart[]): void => void this.#access('writes')
  zero64 = (): void => void this.#access('writes')
  requireAligned = (): void => {}
  checkStackAlignment(): void {
    this.reads.add('n')
  }
  requireFp = (): void => {}
  v = (): V128Expression => SOME_128
  setV = (): void => {}
  element = (): I64Expression => SOME_64
  setElement = (): void => {}
  setScalar = (): void => {}
  fpcr = (): I32Expression => SOME_32
  fpsr = (): I32Expression => SOME_32
  raiseFpsr = (): void => {}
  call<T extends ValueType>(what: { readonly result: T }): Expression<T> {
    return local(what.result, 0)
  }
  attempted = (): I32Expression => SOME_32
  fixed32 = (): I32Expression => SOME_32
  fixed64 = (): I64Expression => SOME_64
  jump = (): void => this.#ends('jump')
  jumpIf = (): void => this.#ends('jumpIf')
  jumpTo = (): void => this.#ends('jumpTo')
  state32 = (): I32Expression => SOME_32
  setState32 = (): void => {}
  state64 = (): I64Expression => SOME_64
  setState64 = (): void => {}
  trap(): void {
    if (this.#conditional === 0) this.end = 'trap'
  }

  #ends(end: 'jump' | 'jumpIf' | 'jumpTo'): void {
    if (this.#conditional > 0) throw new Error('a branch inside when(): use jumpIf')
    this.end = end
  }
}

function summarize(op: Op): OperationSummary {
  const notes = new NoteTaker()
  op.run(notes)
  const { reads, writes, readsFlags, setsFlags, accesses, end } = notes
  if (end !== 'next' && end !== 'trap' && (reads.has('m') || reads.has('a')))
    throw new Error(`${op.name} branches and has an operand where branches are counted`)
  return { op, reads, writes, readsFlags, setsFlags, accesses, end }
}

/** In the order of operation codes, from the first operation on. */
export const operationSummaries = once((): readonly OperationSummary[] => allOperations().map(summarize))
