// Owns the guards under which the machine's own arithmetic gives the manual's result: round to nearest, nothing to flush, a result that is normal. Then the only
// flag can be Inexact, which is found out without rounding again. Everything else is left to the integer code.
import { constant32, type Expression, extendU, F32, F64, type I32Expression, I64, type I64Expression, i32, i64, wrap } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import { f32, f64 } from '../../wasm/vector.ts'
import { type Format, FPCR, FPSR } from './format.ts'
import { both, c64, fpcrHas, fpsr, raise, when } from './parts.ts'

type Native = typeof F32 | typeof F64
/** The float operations that this needs, of one width, with bit patterns as i64. */
export interface NativeOps<T extends Native> {
  readonly type: T
  fromBits(bits: I64Expression): Expression<T>
  bits(value: Expression<T>): I64Expression
  add(a: Expression<T>, b: Expression<T>): Expression<T>
  sub(a: Expression<T>, b: Expression<T>): Expression<T>
  mul(a: Expression<T>, b: Expression<T>): Expression<T>
  div(a: Expression<T>, b: Expression<T>): Expression<T>
  sqrt(a: Expression<T>): Expression<T>
  eq(a: Expression<T>, b: Expression<T>): I32Expression
}
export const NATIVE_S: NativeOps<typeof F32> = { ...f32, type: F32, fromBits: bits => f32.fromBits(wrap(bits)), bits: value => extendU(f32.bits(value)) }
export const NATIVE_D: NativeOps<typeof F64> = { ...f64, type: F64 }

/**
 * Emits the fast path for round to nearest, twice: where nothing is flushed, and (with `flushing`, when a denormal result must not be taken) where denormal numbers
 * are and no operand is one.
 */
export function whenNative(f: FunctionBuilder, format: Format, operands: readonly I64Expression[], then: (flushing: boolean) => void): void {
  when(
    f,
    i32.eqz(fpcrHas(FPCR.mode | FPCR.fz)),
    () => then(false),
    () => {
      const normal = operands.map(operand => i64.ne(i64.and(operand, c64(format.infinity)), c64(0))).reduce(both)
      when(f, both(normal, i32.eqz(fpcrHas(FPCR.mode))), () => then(true))
    },
  )
}

/** A finite result that neither is denormal nor was rounded up from a denormal number. */
export const surelyNormal = (format: Format, bits: I64Expression): I32Expression => {
  const two = 2n << BigInt(format.fraction)
  return i64.ltU(i64.sub(i64.and(bits, c64(format.infinity)), c64(two)), c64(format.infinity - two))
}
export const finite = (format: Format, bits: I64Expression): I32Expression => i64.ne(i64.and(bits, c64(format.infinity)), c64(format.infinity))

const trailingZeros = (a: I64Expression): I64Expression => ({ type: I64, op: 0x7a, a }) // i64.ctz
/** Zero bits at the low end of the significand. */
const spare = (bits: I64Expression): I64Expression => trailingZeros(i64.or(bits, c64(1n << 52n)))
/** Whether a product of two doubles has at most 53 bits. */
export const productFits = (a: I64Expression, b: I64Expression): I32Expression => i64.geU(i64.add(spare(a), spare(b)), c64(53))

/** The error of a sum, exactly (Knuth); not zero or NaN where intermediate results overflow. */
export function sumError<T extends Native>(f: FunctionBuilder, ops: NativeOps<T>, a: Expression<T>, b: Expression<T>, sum: Expression<T>): Expression<T> {
  const bPart = f.keep(ops.sub(sum, a))
  return ops.add(ops.sub(a, ops.sub(sum, bPart)), ops.sub(b, bPart))
}

/** Returns the result with Inexact as found; nothing is returned where a cheap test does not find out and the flag is not set yet. */
export function returnNative(f: FunctionBuilder, result: I64Expression, exact: I32Expression, certain: boolean): void {
  if (certain) {
    when(f, i32.eqz(exact), () => raise(f, FPSR.inexact))
    f.return(result)
  } else when(f, i32.or(i32.and(fpsr(), constant32(FPSR.inexact)), exact), () => f.return(result))
}
