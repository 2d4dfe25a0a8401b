// Owns the two register widths: how a W or X register is read, written and computed with. Knows no instruction.
import {
  type Expression,
  extendS,
  extendU,
  type I32,
  type I32Expression,
  type I64,
  type I64Expression,
  type IntegerOps,
  i32,
  i64,
  wrap,
} from '../wasm/expression.ts'
import type { Emit, RegisterOperand } from './emit.ts'

/** `T` is I32 for W registers. `suffix` names operations: ADD_W, ADD_X. */
export interface Width<T extends typeof I32 | typeof I64> {
  readonly bits: 32 | 64
  readonly suffix: 'W' | 'X'
  readonly int: IntegerOps<T>
  read(e: Emit, operand: RegisterOperand): Expression<T>
  /** Writes the destination `d`, zero-extended. */
  write(e: Emit, value: Expression<T>): void
  imm(e: Emit): Expression<T>
  /** A shift amount in this width. */
  amount(value: I32Expression): Expression<T>
  fromX(value: I64Expression): Expression<T>
  /** Sign-extended, as flags keep their operands. */
  signed(value: Expression<T>): I64Expression
}

export const W: Width<typeof I32> = {
  bits: 32,
  suffix: 'W',
  int: i32,
  read: (e, operand) => wrap(e.x(operand)),
  write: (e, value) => e.setX('d', extendU(value)),
  imm: e => wrap(e.imm()),
  amount: value => value,
  fromX: wrap,
  signed: extendS,
}

export const X: Width<typeof I64> = {
  bits: 64,
  suffix: 'X',
  int: i64,
  read: (e, operand) => e.x(operand),
  write: (e, value) => e.setX('d', value),
  imm: e => e.imm(),
  amount: extendU,
  fromX: value => value,
  signed: value => value,
}

/** Runs a definition for both widths. */
export function bothWidths(define: <T extends typeof I32 | typeof I64>(width: Width<T>) => void): void {
  define(W)
  define(X)
}
