// Owns the part of Emit whose state stays in linear memory for both engines: vector registers, FPCR and FPSR, the vCPU's block. Knows no general register
// and not how an operand names a vector register.
import type { AccessSize, RegisterOperand } from '../semantics/emit.ts'
import {
  constant32,
  constant64,
  constantOf,
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
import { global32, global64, ZERO } from './globals.ts'
import { AT } from './layout.ts'

export abstract class ResidentState {
  protected readonly f: FunctionBuilder

  constructor(f: FunctionBuilder) {
    this.f = f
  }

  /** Where the vector register of an operand is, `plus` behind it: an address and what is to be added to it. */
  protected abstract vectorAt(operand: RegisterOperand, plus: number): readonly [at: I32Expression, offset: number]

  #elementAt(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus: number): readonly [I32Expression, number] {
    const [at, offset] = this.vectorAt(operand, plus)
    return typeof index === 'number' ? [at, offset + index * bytes] : [i32.add(at, i32.mul(index, constant32(bytes))), offset]
  }

  v(operand: RegisterOperand, plus = 0): V128Expression {
    return load128(...this.vectorAt(operand, plus))
  }

  setV(operand: RegisterOperand, value: V128Expression, plus = 0): void {
    const [at, offset] = this.vectorAt(operand, plus)
    this.f.store128(at, value, offset)
  }

  element(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus = 0): I64Expression {
    return loadInteger(bytes, false, ...this.#elementAt(operand, bytes, index, plus))
  }

  setElement(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, value: I64Expression, plus = 0): void {
    const [at, offset] = this.#elementAt(operand, bytes, index, plus)
    this.f.store(bytes, at, value, offset)
  }

  setScalar(operand: RegisterOperand, value: I64Expression): void {
    const [at, offset] = this.vectorAt(operand, 0)
    const register = constantOf(at) === undefined ? this.f.keep(at) : at
    this.f.store(8, register, value, offset)
    this.f.store(8, register, constant64(0n), offset + 8)
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
