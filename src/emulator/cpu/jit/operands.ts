// Owns the registers, flags, immediates and temporaries of the instruction that a region compiler emits: operands are constants of the decoded record, the registers
// of the region that are used most are locals, flags are kept as the operation that set them. Knows no memory access and no branch.
import { global32, global64, ZERO } from '../interpreter/globals.ts'
import { AT, RECORD } from '../interpreter/layout.ts'
import { ResidentState } from '../interpreter/resident-state.ts'
import { FLAGS, type RegisterOperand } from '../semantics/emit.ts'
import { REGISTER } from '../semantics/op.ts'
import {
  constant32,
  constant64,
  constantOf,
  type Expression,
  extendU,
  I32,
  type I32Expression,
  I64,
  type I64Expression,
  i32,
  i64,
  local,
  OP,
  type ValueType,
} from '../wasm/expression.ts'
import type { FunctionBuilder } from '../wasm/function-builder.ts'
import type { UseFunction } from '../wasm/shared-function.ts'
import type { Changes } from './dirty.ts'
import { conditionOf, nzcvOf } from './flags.ts'

/** How the flags were last set, as far as it is known. `otherwise`: they are that NZCV where the kind in the local is `raw`. */
export interface FlagState {
  readonly kind: number
  readonly otherwise?: number
}

/** What is known where control is. */
export interface Known {
  flags: FlagState | undefined
  /** The stack pointer in use is aligned, or nobody asks. */
  stackChecked: boolean
  /** FP and SIMD do not trap. */
  fpChecked: boolean
}
export const NOTHING_KNOWN: Readonly<Known> = { flags: undefined, stackChecked: false, fpChecked: false }

/** Where an instruction's operands are: a decoded record, and where it is. */
export interface Place {
  readonly record: number
  /** Offset in its page. */
  readonly offset: number
  /** How many instructions of its block have been counted though they are not executed when this one leaves, itself included. */
  readonly undone: number
}

export interface RegionFunctions {
  readonly use: UseFunction
  nzcvOf(kind: I32Expression, a: I64Expression, b: I64Expression): I32Expression
}

export abstract class Operands extends ResidentState {
  readonly #view: DataView
  readonly #functions: RegionFunctions
  /** Locals of registers; those without one are in memory. */
  readonly #registers: ReadonlyMap<number, number>
  protected readonly flags: { readonly kind: number; readonly a: number; readonly b: number }
  /** VA of the page, of which the region is a part. */
  readonly page: number
  /** Locals of temporaries: one is good until the next instruction. Reading any other later may give something else. */
  readonly #temporaries = new Set<number>()
  readonly #free = new Map<ValueType, number[]>()
  #taken: { readonly type: ValueType; readonly index: number }[] = []
  protected place: Place = { record: 0, offset: 0, undone: 0 }
  known: Known = { ...NOTHING_KNOWN }

  constructor(f: FunctionBuilder, view: DataView, functions: RegionFunctions, registers: readonly number[]) {
    super(f)
    this.#view = view
    this.#functions = functions
    this.#registers = new Map(registers.map(register => [register, f.newLocal(I64)]))
    this.flags = { a: f.newLocal(I64), b: f.newLocal(I64), kind: f.newLocal(I32) }
    this.page = f.newLocal(I64)
  }

  /** Emits what must happen where the region is entered: registers and flags become locals. */
  enter(): void {
    for (const [register, index] of this.#registers) this.f.set(index, global64(AT.registers + 8 * register))
    this.f.set(this.flags.a, global64(AT.flagA))
    this.f.set(this.flags.b, global64(AT.flagB))
    this.f.set(this.flags.kind, global32(AT.flagKind))
    this.f.set(this.page, global64(AT.pageAddress))
  }

  /** Emits what must happen where it is left after these changes. */
  leave({ registers, flags }: Changes): void {
    for (const [register, index] of this.#registers) if ((registers >>> register) & 1) this.f.store(8, ZERO, local(I64, index), AT.registers + 8 * register)
    if (!flags) return
    this.f.store(8, ZERO, local(I64, this.flags.a), AT.flagA)
    this.f.store(8, ZERO, local(I64, this.flags.b), AT.flagB)
    this.f.store32(ZERO, local(I32, this.flags.kind), AT.flagKind)
  }

  /** The instruction here is emitted next. */
  protected moveTo(place: Place): void {
    for (const { type, index } of this.#taken) this.#freeOf(type).push(index)
    this.#taken = []
    this.place = place
  }

  #freeOf(type: ValueType): number[] {
    let list = this.#free.get(type)
    if (!list) this.#free.set(type, (list = []))
    return list
  }

  protected vectorAt(operand: RegisterOperand, plus: number): readonly [I32Expression, number] {
    return [ZERO, AT.vectors + ((this.register(operand) + plus) & 31) * 16]
  }

  /** Number of the register that an operand of the current instruction names. */
  protected register(operand: RegisterOperand): number {
    return this.#view.getUint8(this.place.record + RECORD[operand])
  }

  x(operand: RegisterOperand): I64Expression {
    const register = this.register(operand)
    if (register === REGISTER.zero) return constant64(0n)
    const index = this.#registers.get(register)
    return index === undefined ? global64(AT.registers + 8 * register) : local(I64, index)
  }

  setX(operand: RegisterOperand, value: I64Expression): void {
    const register = this.register(operand)
    if (register === REGISTER.zero || register === REGISTER.discard) return
    const index = this.#registers.get(register)
    if (index === undefined) this.f.store(8, ZERO, value, AT.registers + 8 * register)
    else this.f.set(index, value)
    if (register === REGISTER.sp && !this.#keepsStackAligned()) this.known.stackChecked = false
  }

  /** The stack pointer moves by an immediate multiple of 16. */
  #keepsStackAligned(): boolean {
    const { record } = this.place
    return this.register('n') === REGISTER.sp && this.register('m') === REGISTER.zero && (this.#view.getUint8(record + RECORD.imm) & 15) === 0
  }

  imm(): I64Expression {
    return constant64(this.#view.getBigInt64(this.place.record + RECORD.imm, true))
  }

  aux(): I32Expression {
    return constant32(this.#view.getUint16(this.place.record + RECORD.aux, true))
  }

  small(): I32Expression {
    return constant32(this.register('a'))
  }

  pc(): I64Expression {
    return i64.add(local(I64, this.page), constant64(BigInt(this.place.offset)))
  }

  keep<T extends ValueType>(value: Expression<T>): Expression<T> {
    if (constantOf(value) !== undefined || (value.op === OP.localGet && this.#temporaries.has(value.n!))) return value
    const index = this.#freeOf(value.type).pop() ?? this.f.newLocal(value.type)
    this.#taken.push({ type: value.type, index })
    this.#temporaries.add(index)
    this.f.set(index, value)
    return local(value.type, index)
  }

  when(condition: I32Expression, then: () => void, otherwise?: () => void): void {
    const constant = constantOf(condition)
    if (constant !== undefined) {
      if (constant !== 0n) then()
      else otherwise?.()
      return
    }
    const before = this.known
    const branch = (body: () => void): Known => {
      this.known = { ...before }
      body()
      return this.known
    }
    this.f.if(condition)
    const first = branch(then)
    let second = before
    if (otherwise) {
      this.f.else()
      second = branch(otherwise)
    }
    this.f.end()
    this.known = {
      flags: first.flags === second.flags ? first.flags : undefined,
      stackChecked: first.stackChecked && second.stackChecked,
      fpChecked: first.fpChecked && second.fpChecked,
    }
  }

  #a = (): I64Expression => local(I64, this.flags.a)
  #b = (): I64Expression => local(I64, this.flags.b)
  #kind = (): I32Expression => local(I32, this.flags.kind)

  setFlags(kind: I32Expression, a: I64Expression, b: I64Expression): void {
    const state = flagState(kind, a)
    this.f.set(this.flags.a, a)
    this.f.set(this.flags.b, b)
    this.f.set(this.flags.kind, kind)
    this.known.flags = state
  }

  condition(code: number): I32Expression {
    const known = this.known.flags
    if (!known) return conditionOf(FLAGS.raw, code, this.keep(extendU(this.nzcv())), constant64(0n))
    const holds = conditionOf(known.kind, code, this.#a(), this.#b())
    if (known.otherwise === undefined) return holds
    const other = conditionOf(FLAGS.raw, code, constant64(BigInt(known.otherwise)), constant64(0n))
    return i32.select(i32.ne(this.#kind(), constant32(FLAGS.raw)), holds, other)
  }

  nzcv(): I32Expression {
    const known = this.known.flags
    if (!known || known.otherwise !== undefined) return this.#functions.nzcvOf(this.#kind(), this.#a(), this.#b())
    return nzcvOf(known.kind, this.#a(), this.#b())
  }
}

/** Conditional compares choose between a kind with operands and a constant NZCV. */
function flagState(kind: I32Expression, a: I64Expression): FlagState | undefined {
  const known = constantOf(kind)
  if (known !== undefined) return { kind: Number(known) }
  if (kind.op !== OP.select || a.op !== OP.select) return undefined
  const [either, or] = [constantOf(kind.a!), constantOf(kind.b!)]
  const nzcv = constantOf(a.b!)
  return either !== undefined && or === BigInt(FLAGS.raw) && nzcv !== undefined ? { kind: Number(either), otherwise: Number(nzcv) } : undefined
}
