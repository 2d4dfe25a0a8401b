// Owns the interpreter's side of Emit: operands are loaded from the decoded record. One instance emits one handler, into the big function or its own.
import { type AccessSize, type Emit, FLAGS, type RegisterOperand } from '../semantics/emit.ts'
import {
  constant32,
  constant64,
  type Expression,
  I32,
  type I32Expression,
  type I64Expression,
  i32,
  i64,
  load8U32,
  load16U32,
  load32,
  load64,
  loadInteger,
  local,
  OP,
  type ValueType,
  wrap,
} from '../wasm/expression.ts'
import type { FunctionBuilder } from '../wasm/function-builder.ts'
import { AT, EXIT, RECORD, TABLE } from './layout.ts'
import { addressOf, global32, global64, type RuntimeFunctions, tableIndex } from './runtime-functions.ts'

const ZERO = constant32(0)

/** How a handler ends; differs between a place in the branch table and a function of its own. */
export interface HandlerEnd {
  /** Continue with this record (never 0). */
  next(record: I32Expression): void
  /** Continue with this record, or stop when it is 0: PC is stored and an exit code set. */
  nextOrStop(record: I32Expression): void
  /** Stop at this instruction: an exit code is set, PC is not stored yet. */
  leave(): void
}

export class HandlerEmitter implements Emit {
  readonly #f: FunctionBuilder
  readonly #runtime: RuntimeFunctions
  readonly #record: I32Expression
  readonly #near: boolean
  readonly #end: HandlerEnd
  #ended = false

  constructor(f: FunctionBuilder, runtime: RuntimeFunctions, record: I32Expression, near: boolean, end: HandlerEnd) {
    this.#f = f
    this.#runtime = runtime
    this.#record = record
    this.#near = near
    this.#end = end
  }

  /** Continues with the next instruction unless the handler has branched. */
  finish(): void {
    if (!this.#ended) this.#end.next(i32.add(this.#record, constant32(RECORD.bytes)))
  }

  #slot(operand: RegisterOperand): I32Expression {
    return i32.shl(load8U32(this.#record, RECORD[operand]), constant32(3))
  }

  x(operand: RegisterOperand): I64Expression {
    return load64(this.#slot(operand), AT.registers)
  }

  setX(operand: RegisterOperand, value: I64Expression): void {
    this.#f.store(8, this.#slot(operand), value, AT.registers)
  }

  imm(): I64Expression {
    return load64(this.#record, RECORD.imm)
  }

  aux(): I32Expression {
    return load16U32(this.#record, RECORD.aux)
  }

  small(): I32Expression {
    return load8U32(this.#record, RECORD.a)
  }

  pc(): I64Expression {
    return addressOf(this.#record)
  }

  keep<T extends ValueType>(value: Expression<T>): Expression<T> {
    return value.op === OP.const32 || value.op === OP.const64 || value.op === OP.localGet ? value : this.#f.keep(value)
  }

  when(condition: I32Expression, then: () => void, otherwise?: () => void): void {
    this.#f.if(condition)
    then()
    if (otherwise) {
      this.#f.else()
      otherwise()
    }
    this.#f.end()
  }

  setFlags(kind: I32Expression, a: I64Expression, b: I64Expression): void {
    this.#f.store(8, ZERO, a, AT.flagA)
    this.#f.store(8, ZERO, b, AT.flagB)
    this.#f.store32(ZERO, kind, AT.flagKind)
  }

  /**
   * Most conditions follow a subtraction or a logical operation, whose two values answer them by one comparison; the others compute all flags.
   * Carry conditions (codes 2, 3, 8, 9) do so only after subtractions: logical operations clear the carry.
   */
  condition(code: number): I32Expression {
    const pair = code >> 1
    const compare = COMPARISONS[pair]
    if (!compare) return this.#runtime.condition(code)
    const f = this.#f
    const result = f.newLocal(I32)
    const limit = pair === 1 || pair === 4 ? FLAGS.logic : FLAGS.add64
    f.if(i32.ltU(global32(AT.flagKind), constant32(limit)))
    const holds = compare(global64(AT.flagA), global64(AT.flagB))
    f.set(result, code & 1 ? i32.eqz(holds) : holds)
    f.else()
    f.set(result, this.#runtime.condition(code))
    f.end()
    return local(I32, result)
  }

  nzcv(): I32Expression {
    return this.#runtime.nzcv()
  }

  /** Linear address of an access, through the look-up table. An access that crosses a page has the next page's address in its tag and misses. */
  #linear(address: I64Expression, bytes: number, alignment: number, write: boolean): I32Expression {
    const f = this.#f
    const at = this.keep(address)
    const entry = f.keep(tableIndex(at))
    const table = write ? AT.writeTlb : AT.readTlb
    const result = f.newLocal(I32)
    const lastByte = bytes > 1 ? i64.add(at, constant64(BigInt(bytes - 1))) : at
    f.if(i64.eq(load64(entry, table), i64.and(lastByte, constant64(~0xfffn))))
    f.set(result, i32.add(wrap(at), load32(entry, table + TABLE.value)))
    f.else()
    f.set(result, this.#runtime.access(at, bytes, alignment, write))
    f.if(i32.eqz(local(I32, result)))
    this.#end.leave()
    f.end()
    f.end()
    return local(I32, result)
  }

  load(size: AccessSize, signed: boolean, address: I64Expression): I64Expression {
    return loadInteger(size, signed, this.#linear(address, size, size, false))
  }

  loadPair(size: 4 | 8, signed: boolean, address: I64Expression): readonly [I64Expression, I64Expression] {
    const linear = this.#linear(address, size * 2, size, false)
    return [loadInteger(size, signed, linear), loadInteger(size, signed, linear, size)]
  }

  store(size: AccessSize, address: I64Expression, value: I64Expression): void {
    this.#f.store(size, this.#linear(address, size, size, true), value)
  }

  storePair(size: 4 | 8, address: I64Expression, first: I64Expression, second: I64Expression): void {
    const linear = this.#linear(address, size * 2, size, true)
    this.#f.store(size, linear, first)
    this.#f.store(size, linear, second, size)
  }

  zero64(address: I64Expression): void {
    const linear = this.#linear(address, 64, 1, true)
    for (let offset = 0; offset < 64; offset += 8) this.#f.store(8, linear, constant64(0n), offset)
  }

  requireAligned(size: number, address: I64Expression, write: boolean): void {
    if (size === 1) return
    this.when(i32.and(wrap(address), constant32(size - 1)), () => {
      this.#f.store(8, ZERO, address, AT.exitAddress)
      this.#f.store32(ZERO, constant32(size | (write ? 0x100 : 0)), AT.exitAccess)
      this.#exit(EXIT.alignment)
    })
  }

  checkStackAlignment(): void {
    this.when(i32.and(wrap(this.x('n')), global32(AT.stackMask)), () => this.#exit(EXIT.stackAlignment))
  }

  jump(): void {
    this.#branch()
    this.#ended = true
  }

  jumpIf(condition: I32Expression): void {
    this.when(condition, () => this.#branch())
  }

  jumpTo(address: I64Expression): void {
    this.#end.nextOrStop(this.#runtime.goTo(address))
    this.#ended = true
  }

  #branch(): void {
    if (this.#near) this.#end.next(i32.add(this.#record, load32(this.#record, RECORD.imm)))
    else this.#end.nextOrStop(this.#runtime.goTo(i64.add(this.pc(), this.imm())))
  }

  state32(offset: number): I32Expression {
    return load32(global32(AT.block), offset)
  }

  setState32(offset: number, value: I32Expression): void {
    this.#f.store32(global32(AT.block), value, offset)
  }

  state64(offset: I32Expression): I64Expression {
    return load64(i32.add(global32(AT.block), offset))
  }

  setState64(offset: I32Expression, value: I64Expression): void {
    this.#f.store(8, i32.add(global32(AT.block), offset), value)
  }

  trap(): void {
    this.#exit(EXIT.trap)
  }

  #exit(code: number): void {
    this.#f.store32(ZERO, constant32(code), AT.exit)
    this.#end.leave()
  }
}

/** By condition pair (code / 2): what the operands of a subtraction, or a logical result and zero, say. */
const COMPARISONS: readonly (((a: I64Expression, b: I64Expression) => I32Expression) | undefined)[] = [
  i64.eq, // eq
  i64.geU, // cs
  undefined, // mi
  undefined, // vs
  i64.gtU, // hi
  i64.geS, // ge
  i64.gtS, // gt
]
