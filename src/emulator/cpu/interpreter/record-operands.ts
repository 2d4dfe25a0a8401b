// Owns the operands of a handler as the decoded record names them: registers, immediates, where vectors are. Knows no access and no branch.
import type { RegisterOperand } from '../semantics/emit.ts'
import { constant32, type I32Expression, type I64Expression, i32, load8U32, load16U32, load64 } from '../wasm/expression.ts'
import type { FunctionBuilder } from '../wasm/function-builder.ts'
import { AT, RECORD } from './layout.ts'
import { ResidentState } from './resident-state.ts'
import { addressOf } from './runtime-functions.ts'

export abstract class RecordOperands extends ResidentState {
  protected readonly record: I32Expression

  constructor(f: FunctionBuilder, record: I32Expression) {
    super(f)
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

  protected vectorAt(operand: RegisterOperand, plus: number): readonly [I32Expression, number] {
    const number = load8U32(this.record, RECORD[operand])
    return [i32.shl(plus === 0 ? number : i32.and(i32.add(number, constant32(plus)), constant32(31)), constant32(4)), AT.vectors]
  }
}
