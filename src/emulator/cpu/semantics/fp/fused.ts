// Owns the fused multiply-add: FPMulAdd of the manual, and the steps of Newton's iteration made from it (FPRecipStepFused, FPRSqrtStepFused).
import { constant32, type Expression, extendU, I32, I64, type I64Expression, i32, i64, local, wrap } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction, UseFunction } from '../../wasm/shared-function.ts'
import { f32, f64 } from '../../wasm/vector.ts'
import { sumOf } from './add.ts'
import { DOUBLE, type Format, SINGLE } from './format.ts'
import { productOf, sticky } from './multiply.ts'
import { isSignalling, returnInvalid, returnNaN } from './nan.ts'
import { NATIVE_D, NATIVE_S, returnNative, sumError, surelyNormal, whenNative } from './native.ts'
import {
  both,
  c64,
  either,
  exactZero,
  fpcrMode,
  isInfinite,
  isNan,
  isZero,
  jam,
  type Parts,
  parameter,
  signBits,
  signOf,
  squash,
  unpack,
  type Variable,
  variable,
  when,
} from './parts.ts'
import { roundTo } from './round.ts'

/** fma(addend, a, b, halvings): (addend + a * b) / 2^halvings, rounded once. */
const integerFused = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.fma.integer.${format.name}`,
  params: [I64, I64, I64, I32],
  result: I64,
  build(f, use) {
    const [addend, a, b] = [parameter(f, 0, I64), parameter(f, 1, I64), parameter(f, 2, I64)]
    const halvings = local(I32, 3)
    squash(f, use, format, addend, a, b)
    const infiniteProduct = f.keep(either(isInfinite(format, a.value), isInfinite(format, b.value)))
    const zeroProduct = f.keep(either(isZero(format, a.value), isZero(format, b.value)))
    const invalidProduct = both(infiniteProduct, zeroProduct)
    const quietAddend = both(isNan(format, addend.value), i32.eqz(isSignalling(format, addend.value)))
    when(f, both(quietAddend, invalidProduct), () => returnInvalid(f, format))
    returnNaN(f, use, format, addend.value, a.value, b.value)
    const sign = f.keep(signBits(format, i64.xor(a.value, b.value)))
    const opposite = i64.ne(sign, signBits(format, addend.value))
    when(f, infiniteProduct, () => {
      when(f, either(zeroProduct, both(isInfinite(format, addend.value), opposite)), () => returnInvalid(f, format))
      f.return(i64.or(sign, c64(format.infinity)))
    })
    when(f, isInfinite(format, addend.value), () => f.return(addend.value))
    when(f, zeroProduct, () => {
      when(f, isZero(format, addend.value), () => f.return(i64.select(opposite, exactZero(format), addend.value)))
      when(f, i32.eqz(halvings), () => f.return(addend.value))
      const { sign, exponent, significand } = unpack(f, format, addend.value)
      f.return(use(roundTo(format), [sign.value, i32.sub(exponent.value, halvings), significand.value, fpcrMode()]))
    })
    const x = unpack(f, format, a.value)
    const product = productOf(f, format, x, unpack(f, format, b.value))
    product.exponent.set(i32.sub(product.exponent.value, halvings))
    const productSign = f.keep(signOf(format, sign))
    when(f, isZero(format, addend.value), () => f.return(use(roundTo(format), [productSign, product.exponent.value, sticky(product), fpcrMode()])))
    const y = unpack(f, format, addend.value)
    y.exponent.set(i32.sub(y.exponent.value, halvings))
    if (product.low === undefined) {
      const args = [productSign, product.exponent.value, product.significand.value, y.sign.value, y.exponent.value, y.significand.value]
      f.expression(use(sumOf(format), args))
    } else wideSum(f, use, { sign: variable(f, productSign), exponent: product.exponent, significand: product.significand }, product.low, y)
  },
})

/** Shifts a number of 128 bits right by any amount; a bit that falls out stays visible in the lowest. */
function jam128(f: FunctionBuilder, use: UseFunction, high: Variable<typeof I64>, low: Variable<typeof I64>, by: Expression<typeof I32>): void {
  when(f, by, () =>
    when(
      f,
      i32.gtU(by, constant32(63)),
      () => {
        const lost = f.keep(extendU(i64.ne(low.value, c64(0))))
        low.set(i64.or(jam(use, high.value, i32.sub(by, constant32(64))), lost))
        high.set(c64(0))
      },
      () => {
        const amount = f.keep(extendU(by))
        const back = f.keep(i64.sub(c64(64), amount))
        const lost = f.keep(extendU(i64.ne(i64.shl(low.value, back), c64(0))))
        low.set(i64.or(i64.or(i64.shrU(low.value, amount), i64.shl(high.value, back)), lost))
        high.set(i64.shrU(high.value, amount))
      },
    ),
  )
}

/** The sum of a product of 128 bits and a number, rounded. Both have their leading one at bit 62 of the upper half. */
function wideSum(f: FunctionBuilder, use: UseFunction, product: Parts, low: Variable<typeof I64>, addend: Parts): void {
  const lowAddend = variable(f, c64(0))
  const apart = f.keep(i32.sub(product.exponent.value, addend.exponent.value))
  const { sign, exponent, significand: high } = product
  when(
    f,
    i32.ltS(apart, constant32(0)),
    () => {
      jam128(f, use, high, low, f.keep(i32.sub(constant32(0), apart)))
      exponent.set(addend.exponent.value)
    },
    () => jam128(f, use, addend.significand, lowAddend, apart),
  )
  when(
    f,
    i32.eq(sign.value, addend.sign.value),
    () => {
      low.set(i64.add(low.value, lowAddend.value))
      high.set(i64.add(i64.add(high.value, addend.significand.value), extendU(i64.ltU(low.value, lowAddend.value))))
      when(f, i64.ltS(high.value, c64(0)), () => {
        low.set(i64.or(i64.or(i64.shrU(low.value, c64(1)), i64.and(low.value, c64(1))), i64.shl(high.value, c64(63))))
        high.set(i64.shrU(high.value, c64(1)))
        exponent.set(i32.add(exponent.value, constant32(1)))
      })
    },
    () => {
      const borrow = f.keep(extendU(i64.ltU(low.value, lowAddend.value)))
      low.set(i64.sub(low.value, lowAddend.value))
      high.set(i64.sub(i64.sub(high.value, addend.significand.value), borrow))
      when(f, i64.eqz(i64.or(high.value, low.value)), () => f.return(exactZero(DOUBLE)))
      when(f, i64.ltS(high.value, c64(0)), () => {
        high.set(i64.sub(i64.sub(c64(0), high.value), extendU(i64.ne(low.value, c64(0)))))
        low.set(i64.sub(c64(0), low.value))
        sign.set(i32.xor(sign.value, constant32(1)))
      })
      when(f, i64.eqz(high.value), () => {
        // At least one bit more has to come from the lower half than a shift by less than 64 brings.
        high.set(i64.shrU(low.value, c64(1)))
        low.set(i64.shl(low.value, c64(63)))
        exponent.set(i32.sub(exponent.value, constant32(63)))
        when(f, i64.eqz(high.value), () => {
          high.set(i64.shrU(low.value, c64(1)))
          low.set(c64(0))
          exponent.set(i32.sub(exponent.value, constant32(63)))
        })
      })
      const by = f.keep(i64.sub(i64.clz(high.value), c64(1)))
      when(f, i64.ne(by, c64(0)), () => {
        high.set(i64.or(i64.shl(high.value, by), i64.shrU(low.value, i64.sub(c64(64), by))))
        low.set(i64.shl(low.value, by))
        exponent.set(i32.sub(exponent.value, wrap(by)))
      })
    },
  )
  f.expression(use(roundTo(DOUBLE), [sign.value, exponent.value, sticky({ significand: high, low }), fpcrMode()]))
}

/** fma(addend, a, b). Callers invert the signs of addend and a where the instruction says so. */
export const fusedMultiplyAdd = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.fma.${format.name}`,
  params: [I64, I64, I64],
  result: I64,
  build(f, use) {
    const [addend, a, b] = [local(I64, 0), local(I64, 1), local(I64, 2)]
    if (format === SINGLE) whenNative(f, format, [addend, a, b], () => nativeFused(f, addend, a, b))
    f.expression(use(integerFused(format), [addend, a, b, constant32(0)]))
  },
})

/** The product is exact in double precision. The sum is rounded to odd there, so that rounding it again to single precision is right (Boldo and Melquiond). */
function nativeFused(f: FunctionBuilder, addend: I64Expression, a: I64Expression, b: I64Expression): void {
  const wide = (bits: I64Expression) => f.keep(f64.promote(NATIVE_S.fromBits(bits)))
  const product = f.keep(f64.mul(wide(a), wide(b)))
  const other = wide(addend)
  const sum = f.keep(f64.add(product, other))
  const error = f.keep(sumError(f, NATIVE_D, product, other, sum))
  const exact = f.keep(f64.eq(error, f64.fromBits(c64(0))))
  const bits = variable(f, f64.bits(sum))
  when(f, both(i32.eqz(exact), i64.eqz(i64.and(bits.value, c64(1)))), () => {
    // One step away from zero when the error has the sign of the sum, towards zero otherwise.
    const apart = i64.shrS(i64.xor(f64.bits(error), bits.value), c64(63))
    bits.set(i64.add(bits.value, i64.or(apart, c64(1))))
  })
  const rounded = f.keep(f32.demote(f64.fromBits(bits.value)))
  const result = f.keep(NATIVE_S.bits(rounded))
  when(f, surelyNormal(SINGLE, result), () => returnNative(f, result, both(exact, f64.eq(f64.promote(rounded), sum)), true))
}

/** step(a, b): `constant - a * b`, halved `halvings` times; infinity times zero counts as zero. */
const step = (format: Format, name: string, constant: bigint, whenInvalid: bigint, halvings: number): SharedFunction<typeof I64> => ({
  name: `fp.${name}.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [parameter(f, 0, I64), parameter(f, 1, I64)]
    squash(f, use, format, a, b)
    const crossed = (x: I64Expression, y: I64Expression) => both(isInfinite(format, x), isZero(format, y))
    when(f, either(crossed(a.value, b.value), crossed(b.value, a.value)), () => f.return(c64(whenInvalid)))
    f.expression(use(integerFused(format), [c64(constant), i64.xor(a.value, c64(format.sign)), b.value, constant32(halvings)]))
  },
})
const bitsOf = (format: Format, exponent: number, fraction: bigint): bigint => (BigInt(format.bias + exponent) << BigInt(format.fraction)) | fraction
const two = (format: Format): bigint => bitsOf(format, 1, 0n)
/** 1.5 and 3 have the highest bit of the fraction set, which is the quiet bit of NaNs. */
export const reciprocalStep = (format: Format): SharedFunction<typeof I64> => step(format, 'recps', two(format), two(format), 0)
export const squareRootStep = (format: Format): SharedFunction<typeof I64> =>
  step(format, 'rsqrts', bitsOf(format, 1, format.quiet), bitsOf(format, 0, format.quiet), 1)
