// Owns which part of the 128 bits an instruction is about: the whole register, its low half (Q = 0), or one element (scalar forms). The operation computes
// all lanes and keeps what the record says, so that one operation serves the three: imm is the mask of the low 64 bits, operand `a` is 1 for the upper 64 as well.
import { constant32, constant64, constantOf, extendU, i32, i64, type V128Expression } from '../../wasm/expression.ts'
import { constant128, extractLane64, replaceLane64, splat64, v128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Lowered } from '../op.ts'
import type { Saturated } from './lanes.ts'

export type Part = Pick<Lowered, 'imm' | 'a'>
export const ALL: Part = { imm: -1n, a: 1 }
export const LOW_HALF: Part = { imm: -1n, a: 0 }
export const half = (q: number): Part => (q === 1 ? ALL : LOW_HALF)
/** The lowest element; `size` is the base-2 logarithm of its bytes. */
export const lowest = (size: number): Part => ({ imm: (1n << BigInt(8 << size)) - 1n, a: 0 })

/** The value with everything cleared that is not part of the instruction. */
export function masked(e: Emit, value: V128Expression): V128Expression {
  const low = constantOf(e.imm())
  const upper = constantOf(e.small())
  if (low === undefined || upper === undefined) return v128.and(value, replaceLane64(splat64(e.imm()), 1, i64.sub(constant64(0n), extendU(e.small()))))
  if (low === -1n && upper === 1n) return value
  const bytes = Array.from({ length: 16 }, (_, i) => (i < 8 ? Number((BigInt.asUintN(64, low) >> BigInt(8 * i)) & 0xffn) : upper === 1n ? 255 : 0))
  return v128.and(value, constant128(bytes))
}

/** Writes the destination: the instruction's part of the value, zero above. */
export const write = (e: Emit, value: V128Expression): void => e.setV('d', masked(e, value))

const QC = 27
/** Sets FPSR.QC when any bit is set. */
export const raiseSaturation = (e: Emit, saturated: V128Expression): void => e.raiseFpsr(i32.shl(v128.anyTrue(saturated), constant32(QC)))

/** The same for what may have saturated: lanes outside the instruction's part do not count. */
export function writeSaturated(e: Emit, { value, saturated }: Saturated): void {
  const kept = e.keep(value)
  raiseSaturation(e, masked(e, saturated))
  write(e, kept)
}

/** Writes the low half of a value: to the low half of the destination, cleared above, or to its high half and nothing else ("2" instructions). */
export function writeHalf(e: Emit, high: boolean, value: V128Expression): void {
  if (high) e.setV('d', replaceLane64(e.v('d'), 1, extractLane64(value, 0)))
  else write(e, value)
}

export function writeHalfSaturated(e: Emit, high: boolean, { value, saturated }: Saturated): void {
  const kept = e.keep(value)
  const what = high ? replaceLane64(saturated, 1, constant64(0n)) : masked(e, saturated)
  raiseSaturation(e, what)
  writeHalf(e, high, kept)
}
