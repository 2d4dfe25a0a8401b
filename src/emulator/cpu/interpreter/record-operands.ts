// Owns the operands of a handler: registers, immediates, vectors, FPCR and FPSR, the vCPU's block, as the decoded record names them. Knows no access and no branch.
import type { AccessSize, RegisterOperand } from '../semantics/emit.ts'
import {
  constant32,
  constant64,
  type I32Expression,
  type I64Expression,
  i32,
  load8U32,
  load16U32,
  load32,
  load64,
  load128,
  loadInteger,
  type V128Expression,
} from '../wasm/expression.ts'
import type { FunctionBuilder } from '../wasm/function-builder.ts'
import { global32, global64, ZERO } from './globals.ts'
import { AT, RECORD } from './layout.ts'
import { addressOf } from './runtime-functions.ts'

export abstract class RecordOperands {
  protected readonly f: FunctionBuilder
  protected readonly record: I32Expression

  constructor(f: FunctionBuilder, record: I32Expression) {
    this.f = f
    this.record = record
  }

  #slot(operand: RegisterOperand): I32Expression {
    return i32.shl(load8U32(this.record, RECORD[operand]), constant32(3))
  }

  x(operand: RegisterOperand): I64Expression {
    return load64(this.#slot(operand), AT.registers)
  }

  setX(operand: RegisterOperand, value: I64Expression): void {
    this.f.store(8, this.#slot(operand), value, AT.registers)
  }

  imm(): I64Expression {
    return load64(this.record, RECORD.imm)
  }

  aux(): I32Expression {
    return load16U32(this.record, RECORD.aux)
  }

  small(): I32Expression {
    return load8U32(this.record, RECORD.a)
  }

  pc(): I64Expression {
    return addressOf(this.record)
  }

  #vector(operand: RegisterOperand, plus: number): I32Expression {
    const number = load8U32(this.record, RECORD[operand])
    return i32.shl(plus === 0 ? number : i32.and(i32.add(number, constant32(plus)), constant32(31)), constant32(4))
  }

  #elementAt(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus: number): readonly [I32Expression, number] {
    const register = this.#vector(operand, plus)
    if (typeof index === 'number') return [register, AT.vectors + index * bytes]
    return [i32.add(register, i32.mul(index, constant32(bytes))), AT.vectors]
  }

  v(operand: RegisterOperand, plus = 0): V128Expression {
    return load128(this.#vector(operand, plus), AT.vectors)
  }

  setV(operand: RegisterOperand, value: V128Expression, plus = 0): void {
    this.f.store128(this.#vector(operand, plus), value, AT.vectors)
  }

  element(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus = 0): I64Expression {
    return loadInteger(bytes, false, ...this.#elementAt(operand, bytes, index, plus))
  }

  setElement(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, value: I64Expression, plus = 0): void {
    const [at, offset] = this.#elementAt(operand, bytes, index, plus)
    this.f.store(bytes, at, value, offset)
  }

  setScalar(operand: RegisterOperand, value: I64Expression): void {
    const register = this.f.keep(this.#vector(operand, 0))
    this.f.store(8, register, value, AT.vectors)
    this.f.store(8, register, constant64(0n), AT.vectors + 8)
  }

  fpcr(): I32Expression {
    return global32(AT.fpcr)
  }

  fpsr(): I32Expression {
    return global32(AT.fpsr)
  }

  raiseFpsr(bits: I32Expression): void {
    this.f.store32(ZERO, i32.or(global32(AT.fpsr), bits), AT.fpsr)
  }

  state32(offset: number): I32Expression {
    return load32(global32(AT.block), offset)
  }

  setState32(offset: number, value: I32Expression): void {
    this.f.store32(global32(AT.block), value, offset)
  }

  state64(offset: I32Expression): I64Expression {
    return load64(i32.add(global32(AT.block), offset))
  }

  setState64(offset: I32Expression, value: I64Expression): void {
    this.f.store(8, i32.add(global32(AT.block), offset), value)
  }

  fixed32(address: number): I32Expression {
    return global32(address)
  }

  fixed64(address: number): I64Expression {
    return global64(address)
  }
}
