// Owns quotients and square roots. Arm ARM FPDiv, FPSqrt. The integer code lets the machine divide two normal numbers, which it does exactly as IEEE 754 says, and finds the
// rest with integers; so it needs no long division.
import { constant32, extendS, extendU, type F64, I64, type I64Expression, i32, i64, local } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { f32, f64 } from '../../wasm/vector.ts'
import { type Format, FPSR, SINGLE } from './format.ts'
import { returnInvalid, returnNaN } from './nan.ts'
import { NATIVE_D, NATIVE_S, productFits, returnNative, surelyNormal, whenNative } from './native.ts'
import { both, c64, fpcrMode, isInfinite, isZero, parameter, raise, signBits, signOf, squash, unpack, when } from './parts.ts'
import { roundTo } from './round.ts'

const HIDDEN = 1n << 52n
/** The significand of a double between 1/2 and 2, as an integer with its leading one at bit 52. */
const integerOf = (f: FunctionBuilder, value: { type: typeof F64; op: number }): I64Expression =>
  f.keep(i64.or(i64.and(f64.bits(value), c64(HIDDEN - 1n)), c64(HIDDEN)))
/** A significand from its upper 53 bits, rounded to nearest, and the sign of what is missing: just below, exact, or just above. */
const corrected = (upper: I64Expression, rest: I64Expression): I64Expression =>
  i64.add(i64.shl(upper, c64(10)), extendS(i32.sub(i64.gtS(rest, c64(0)), i64.ltS(rest, c64(0)))))

const integerDivide = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.div.integer.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [parameter(f, 0, I64), parameter(f, 1, I64)]
    squash(f, use, format, a, b)
    returnNaN(f, use, format, a.value, b.value)
    const sign = f.keep(signBits(format, i64.xor(a.value, b.value)))
    when(f, isInfinite(format, a.value), () => {
      when(f, isInfinite(format, b.value), () => returnInvalid(f, format))
      f.return(i64.or(sign, c64(format.infinity)))
    })
    when(f, isZero(format, b.value), () => {
      when(f, isZero(format, a.value), () => returnInvalid(f, format))
      raise(f, FPSR.divideByZero)
      f.return(i64.or(sign, c64(format.infinity)))
    })
    when(f, i32.or(isZero(format, a.value), isInfinite(format, b.value)), () => f.return(sign))
    const [x, y] = [unpack(f, format, a.value), unpack(f, format, b.value)]
    const dividend = f.keep(i64.shrU(x.significand.value, c64(10)))
    const divisor = f.keep(i64.shrU(y.significand.value, c64(10)))
    const quotient = integerOf(f, f64.div(f64.fromI64U(dividend), f64.fromI64U(divisor)))
    const less = f.keep(i64.ltU(dividend, divisor)) // then the quotient is below 1
    const rest = f.keep(i64.sub(i64.shl(dividend, i64.add(c64(52), extendU(less))), i64.mul(quotient, divisor)))
    const exponent = i32.sub(i32.sub(x.exponent.value, y.exponent.value), less)
    f.expression(use(roundTo(format), [signOf(format, sign), exponent, corrected(quotient, rest), fpcrMode()]))
  },
})

export const divide = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.div.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [local(I64, 0), local(I64, 1)]
    if (format.bytes > 2) {
      whenNative(f, format, [a, b], () => {
        if (format === SINGLE) {
          const [x, y] = [f.keep(NATIVE_S.fromBits(a)), f.keep(NATIVE_S.fromBits(b))]
          const quotient = f.keep(f32.div(x, y))
          const bits = f.keep(NATIVE_S.bits(quotient))
          const exact = f64.eq(f64.mul(f64.promote(quotient), f64.promote(y)), f64.promote(x))
          when(f, surelyNormal(format, bits), () => returnNative(f, bits, exact, true))
        } else {
          const [x, y] = [f.keep(NATIVE_D.fromBits(a)), f.keep(NATIVE_D.fromBits(b))]
          const quotient = f.keep(f64.div(x, y))
          const bits = f.keep(f64.bits(quotient))
          const exact = both(productFits(bits, b), f64.eq(f64.mul(quotient, y), x))
          when(f, surelyNormal(format, bits), () => returnNative(f, bits, exact, false))
        }
      })
    }
    f.expression(use(integerDivide(format), [a, b]))
  },
})

const integerSquareRoot = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.sqrt.integer.${format.name}`,
  params: [I64],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    squash(f, use, format, a)
    returnNaN(f, use, format, a.value)
    when(f, isZero(format, a.value), () => f.return(a.value))
    when(f, signOf(format, a.value), () => returnInvalid(f, format))
    when(f, isInfinite(format, a.value), () => f.return(a.value))
    const { exponent, significand } = unpack(f, format, a.value)
    // Between 1 and 4, with 52 bits behind the point, so that the root is between 1 and 2.
    const odd = extendU(i32.and(exponent.value, constant32(1)))
    const radicand = f.keep(i64.shl(i64.shrU(significand.value, c64(10)), odd))
    const root = integerOf(f, f64.sqrt(f64.mul(f64.fromI64U(radicand), f64.fromBits(c64((1023n - 52n) << 52n)))))
    const rest = f.keep(i64.sub(i64.shl(radicand, c64(52)), i64.mul(root, root)))
    f.expression(use(roundTo(format), [constant32(0), i32.shrS(exponent.value, constant32(1)), corrected(root, rest), fpcrMode()]))
  },
})

export const squareRoot = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.sqrt.${format.name}`,
  params: [I64],
  result: I64,
  build(f, use) {
    const a = local(I64, 0)
    if (format.bytes > 2) {
      whenNative(f, format, [a], () => {
        if (format === SINGLE) {
          const x = f.keep(NATIVE_S.fromBits(a))
          const root = f.keep(f32.sqrt(x))
          const bits = f.keep(NATIVE_S.bits(root))
          const wide = f.keep(f64.promote(root))
          when(f, surelyNormal(format, bits), () => returnNative(f, bits, f64.eq(f64.mul(wide, wide), f64.promote(x)), true))
        } else {
          const x = f.keep(NATIVE_D.fromBits(a))
          const root = f.keep(f64.sqrt(x))
          const bits = f.keep(f64.bits(root))
          when(f, surelyNormal(format, bits), () => returnNative(f, bits, both(productFits(bits, bits), f64.eq(f64.mul(root, root), x)), false))
        }
      })
    }
    f.expression(use(integerSquareRoot(format), [a]))
  },
})
