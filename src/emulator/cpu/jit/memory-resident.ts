// Owns the part of the region compiler's Emit whose state stays in linear memory: vector registers, FPCR and FPSR, the vCPU's block. Knows no local.
import { global32, global64, ZERO } from '../interpreter/globals.ts'
import { AT } from '../interpreter/layout.ts'
import type { AccessSize, RegisterOperand } from '../semantics/emit.ts'
import {
  constant32,
  constant64,
  type I32Expression,
  type I64Expression,
  i32,
  load32,
  load64,
  load128,
  loadInteger,
  type V128Expression,
} from '../wasm/expression.ts'
import type { FunctionBuilder } from '../wasm/function-builder.ts'

export abstract class MemoryResident {
  protected readonly f: FunctionBuilder

  constructor(f: FunctionBuilder) {
    this.f = f
  }

  /** Number of the register that an operand of the current instruction names. */
  protected abstract register(operand: RegisterOperand): number

  #vector(operand: RegisterOperand, plus: number): number {
    return AT.vectors + ((this.register(operand) + plus) & 31) * 16
  }

  v(operand: RegisterOperand, plus = 0): V128Expression {
    return load128(ZERO, this.#vector(operand, plus))
  }

  setV(operand: RegisterOperand, value: V128Expression, plus = 0): void {
    this.f.store128(ZERO, value, this.#vector(operand, plus))
  }

  element(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus = 0): I64Expression {
    return loadInteger(bytes, false, ...this.#elementAt(operand, bytes, index, plus))
  }

  setElement(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, value: I64Expression, plus = 0): void {
    const [at, offset] = this.#elementAt(operand, bytes, index, plus)
    this.f.store(bytes, at, value, offset)
  }

  #elementAt(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus: number): readonly [I32Expression, number] {
    const register = this.#vector(operand, plus)
    return typeof index === 'number' ? [ZERO, register + index * bytes] : [i32.mul(index, constant32(bytes)), register]
  }

  setScalar(operand: RegisterOperand, value: I64Expression): void {
    const register = this.#vector(operand, 0)
    this.f.store(8, ZERO, value, register)
    this.f.store(8, ZERO, constant64(0n), register + 8)
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

  fixed32(address: number): I32Expression {
    return global32(address)
  }

  fixed64(address: number): I64Expression {
    return global64(address)
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
}
