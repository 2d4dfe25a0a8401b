// Owns the estimates of reciprocals and reciprocal square roots, to 8 bits, for floating-point and unsigned fixed-point numbers, and FRECPX.
// Arm ARM FPRecipEstimate, RecipEstimate, FPRSqrtEstimate, RecipSqrtEstimate, UnsignedRecipEstimate, UnsignedRSqrtEstimate, FPRecpX.
import {
  constant32,
  type Expression,
  extendU,
  type F64,
  I32,
  type I32Expression,
  I64,
  type I64Expression,
  i32,
  i64,
  local,
  wrap,
} from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { f64 } from '../../wasm/vector.ts'
import { type Format, FPSR, ROUNDING } from './format.ts'
import { returnInvalid, returnNaN } from './nan.ts'
import { c64, either, fpcrHas, fpcrMode, isInfinite, isZero, LEAD, parameter, raise, signBits, squash, unpack, variable, when } from './parts.ts'

/** For 256 to 511, which stand for 1/2 to 1: 256 to 511, which stand for 1 to 2. */
const RECIPROCAL: SharedFunction<typeof I32> = {
  name: 'fp.estimate.recip',
  params: [I32],
  result: I32,
  build(f) {
    const a = i32.add(i32.shl(local(I32, 0), constant32(1)), constant32(1))
    f.expression(i32.shrU(i32.add(i32.divU(constant32(1 << 19), a), constant32(1)), constant32(1)))
  },
}

/** For 128 to 511, which stand for 1/4 to 1: 256 to 511, which stand for 1 to 2. */
const SQUARE_ROOT: SharedFunction<typeof I32> = {
  name: 'fp.estimate.rsqrt',
  params: [I32],
  result: I32,
  build(f) {
    const given = local(I32, 0)
    const odd = i32.add(i32.shl(given, constant32(1)), constant32(1))
    const wide = i32.shl(i32.add(i32.and(given, constant32(-2)), constant32(1)), constant32(1))
    const a = f.keep(extendU(i32.select(i32.ltU(given, constant32(256)), odd, wide)))
    // The largest b with a * b^2 < 2^28, from its square root, which the machine rounds to one of two neighbours at worst.
    const root = f64.sqrt(f64.div(f64.fromI64U(c64(1 << 28)), f64.fromI64U(a)))
    const b = variable(f, truncated(root))
    const tooLarge = (value: typeof b.value) => i64.geU(i64.mul(a, i64.mul(value, value)), c64(1 << 28))
    when(f, i32.eqz(tooLarge(i64.add(b.value, c64(1)))), () => b.set(i64.add(b.value, c64(1))))
    when(f, tooLarge(b.value), () => b.set(i64.sub(b.value, c64(1))))
    f.expression(i32.shrU(wrap(i64.add(b.value, c64(1))), constant32(1)))
  },
}
const truncated = (value: Expression<typeof F64>): I64Expression => ({ type: I64, op: 0xb1, a: value }) // i64.trunc_f64_u

const highBits = (significand: I64Expression, count: number): I32Expression => wrap(i64.shrU(significand, c64(LEAD + 1 - count)))

export const reciprocalEstimate = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.recpe.${format.name}`,
  params: [I64],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    squash(f, use, format, a)
    returnNaN(f, use, format, a.value)
    const negative = f.keep(signBits(format, a.value))
    when(f, isInfinite(format, a.value), () => f.return(negative))
    when(f, isZero(format, a.value), () => {
      raise(f, FPSR.divideByZero)
      f.return(i64.or(negative, c64(format.infinity)))
    })
    const { exponent, significand, sign } = unpack(f, format, a.value)
    // Below 2^-(bias + 1) the reciprocal is beyond the largest number.
    when(f, i32.ltS(exponent.value, constant32(-(format.bias + 1))), () => {
      raise(f, FPSR.overflow | FPSR.inexact)
      const infinite = either(i32.eqz(fpcrMode()), i32.eq(fpcrMode(), i32.add(sign.value, constant32(ROUNDING.up))))
      f.return(i64.or(negative, i64.sub(c64(format.infinity), extendU(i32.eqz(infinite)))))
    })
    when(f, i32.geS(exponent.value, constant32(format.bias - 1)), () =>
      when(f, fpcrHas(format.flush), () => {
        raise(f, FPSR.underflow)
        f.return(negative)
      }),
    )
    // 256 to 511 is a number of 1/2 to 1, whose reciprocal is 1 to 2: exponents add up to -1.
    const estimate = f.keep(extendU(use(RECIPROCAL, [highBits(significand.value, 9)])))
    const biased = f.keep(i32.sub(constant32(format.bias - 1), exponent.value))
    const fraction = (bits: I64Expression, down: number) => i64.shl(bits, c64(format.fraction - 8 - down))
    when(f, i32.gtS(biased, constant32(0)), () =>
      f.return(i64.or(negative, i64.add(i64.shl(extendU(i32.sub(biased, constant32(1))), c64(format.fraction)), fraction(estimate, 0)))),
    )
    f.expression(i64.or(negative, i64.select(biased, fraction(estimate, 2), fraction(estimate, 1))))
  },
})

export const squareRootEstimate = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.rsqrte.${format.name}`,
  params: [I64],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    squash(f, use, format, a)
    returnNaN(f, use, format, a.value)
    when(f, isZero(format, a.value), () => {
      raise(f, FPSR.divideByZero)
      f.return(i64.or(a.value, c64(format.infinity)))
    })
    when(f, i64.ne(signBits(format, a.value), c64(0)), () => returnInvalid(f, format))
    when(f, isInfinite(format, a.value), () => f.return(c64(0)))
    const { exponent, significand } = unpack(f, format, a.value)
    // As a number of 1/4 to 1 whose exponent is even: 1/2 to 1 when the exponent is odd.
    const odd = f.keep(i32.and(exponent.value, constant32(1)))
    const scaled = i32.select(odd, highBits(significand.value, 9), highBits(significand.value, 8))
    const estimate = f.keep(extendU(use(SQUARE_ROOT, [scaled])))
    const biased = i32.sub(constant32(format.bias - 1), i32.shrS(exponent.value, constant32(1)))
    f.expression(i64.or(i64.shl(extendU(biased), c64(format.fraction)), i64.shl(i64.and(estimate, c64(0xff)), c64(format.fraction - 8))))
  },
})

export const reciprocalExponent = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.recpx.${format.name}`,
  params: [I64],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    squash(f, use, format, a)
    returnNaN(f, use, format, a.value)
    const exponent = f.keep(i64.and(a.value, c64(format.infinity)))
    const largest = c64(format.infinity - (1n << BigInt(format.fraction)))
    f.expression(i64.or(signBits(format, a.value), i64.select(i64.eqz(exponent), largest, i64.xor(exponent, c64(format.infinity)))))
  },
})

/** Of an unsigned 32-bit number, 0.5 to 1 (or 0.25 to 1) as a fraction of 2^32. */
export const unsignedEstimate = (squareRoot: boolean): SharedFunction<typeof I64> => ({
  name: `fp.u${squareRoot ? 'rsqrte' : 'recpe'}`,
  params: [I64],
  result: I64,
  build(f, use) {
    const a = local(I64, 0)
    when(f, i64.ltU(a, c64(squareRoot ? 1 << 30 : 2 ** 31)), () => f.return(c64(0xffff_ffff)))
    const high = wrap(i64.shrU(a, c64(23)))
    f.expression(i64.shl(extendU(use(squareRoot ? SQUARE_ROOT : RECIPROCAL, [high])), c64(23)))
  },
})
