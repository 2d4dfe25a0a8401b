// Owns products: FPMul, FPMulX, and the parts of a product for fused operations. Arm ARM.
import { constant32, extendU, I64, type I64Expression, i32, i64, local } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { f32, f64 } from '../../wasm/vector.ts'
import { type Format, SINGLE } from './format.ts'
import { returnInvalid, returnNaN } from './nan.ts'
import { NATIVE_D, NATIVE_S, productFits, returnNative, surelyNormal, whenNative } from './native.ts'
import { c64, either, fpcrMode, isInfinite, isZero, type Parts, parameter, signBits, signOf, squash, unpack, type Variable, variable, when } from './parts.ts'
import { roundTo } from './round.ts'

/** The upper and lower half of a 128-bit product of unsigned numbers. */
export function multiply128(f: FunctionBuilder, a: I64Expression, b: I64Expression): readonly [high: I64Expression, low: I64Expression] {
  const low32 = (value: I64Expression): I64Expression => i64.and(value, c64(0xffff_ffffn))
  const high32 = (value: I64Expression): I64Expression => i64.shrU(value, c64(32))
  const [aLow, aHigh, bLow, bHigh] = [f.keep(low32(a)), f.keep(high32(a)), f.keep(low32(b)), f.keep(high32(b))]
  const lowLow = f.keep(i64.mul(aLow, bLow))
  const highLow = f.keep(i64.mul(aHigh, bLow))
  const middle = f.keep(i64.add(i64.add(i64.mul(aLow, bHigh), high32(lowLow)), low32(highLow)))
  const high = f.keep(i64.add(i64.add(i64.mul(aHigh, bHigh), high32(highLow)), high32(middle)))
  return [high, f.keep(i64.or(i64.shl(middle, c64(32)), low32(lowLow)))]
}

/** Exponent and exact significand of a product: 128 bits for double precision (the upper half with its leading one at bit 62), else `low` is absent. */
export interface Product {
  readonly exponent: Variable<0x7f>
  readonly significand: Variable<0x7e>
  readonly low: Variable<0x7e> | undefined
}

export function productOf(f: FunctionBuilder, format: Format, a: Parts, b: Parts): Product {
  const exponent = variable(f, i32.add(a.exponent.value, b.exponent.value))
  const up = (): void => exponent.set(i32.add(exponent.value, constant32(1)))
  if (format.bytes < 8) {
    const half = (parts: Parts): I64Expression => i64.shrU(parts.significand.value, c64(31))
    const significand = variable(f, i64.mul(half(a), half(b)))
    when(f, i64.ltS(significand.value, c64(0)), () => {
      significand.set(i64.shrU(significand.value, c64(1))) // drops a zero: there are 48 bits at most
      up()
    })
    return { exponent, significand, low: undefined }
  }
  const [high, lower] = multiply128(f, i64.shl(a.significand.value, c64(1)), b.significand.value)
  const significand = variable(f, high)
  const low = variable(f, lower)
  when(
    f,
    i64.ltU(high, c64(1n << 62n)),
    () => {
      significand.set(i64.or(i64.shl(significand.value, c64(1)), i64.shrU(low.value, c64(63))))
      low.set(i64.shl(low.value, c64(1)))
    },
    up,
  )
  return { exponent, significand, low }
}
/** The significand with everything below as a sticky bit. */
export const sticky = ({ significand, low }: Pick<Product, 'significand' | 'low'>): I64Expression =>
  low === undefined ? significand.value : i64.or(significand.value, extendU(i64.ne(low.value, c64(0))))

const integerMultiply = (format: Format, extended: boolean): SharedFunction<typeof I64> => ({
  name: `fp.${extended ? 'mulx' : 'mul'}.integer.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [parameter(f, 0, I64), parameter(f, 1, I64)]
    squash(f, use, format, a, b)
    returnNaN(f, use, format, a.value, b.value)
    const sign = f.keep(signBits(format, i64.xor(a.value, b.value)))
    const anyZero = f.keep(either(isZero(format, a.value), isZero(format, b.value)))
    when(f, either(isInfinite(format, a.value), isInfinite(format, b.value)), () => {
      when(f, anyZero, () => {
        if (extended)
          f.return(i64.or(sign, c64(BigInt(format.bias + 1) << BigInt(format.fraction)))) // 2.0
        else returnInvalid(f, format)
      })
      f.return(i64.or(sign, c64(format.infinity)))
    })
    when(f, anyZero, () => f.return(sign))
    const x = unpack(f, format, a.value)
    const product = productOf(f, format, x, unpack(f, format, b.value))
    f.expression(use(roundTo(format), [signOf(format, sign), product.exponent.value, sticky(product), fpcrMode()]))
  },
})
export const multiply = (format: Format, extended = false): SharedFunction<typeof I64> => ({
  name: `fp.${extended ? 'mulx' : 'mul'}.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [local(I64, 0), local(I64, 1)]
    if (format.bytes > 2) {
      whenNative(f, format, [a, b], () => {
        if (format === SINGLE) {
          const product = f.keep(f64.mul(f64.promote(NATIVE_S.fromBits(a)), f64.promote(NATIVE_S.fromBits(b)))) // exact
          const rounded = f.keep(f32.demote(product))
          const bits = f.keep(NATIVE_S.bits(rounded))
          when(f, surelyNormal(format, bits), () => returnNative(f, bits, f64.eq(f64.promote(rounded), product), true))
        } else {
          const bits = f.keep(f64.bits(f64.mul(NATIVE_D.fromBits(a), NATIVE_D.fromBits(b))))
          when(f, surelyNormal(format, bits), () => returnNative(f, bits, productFits(a, b), false))
        }
      })
    }
    f.expression(use(integerMultiply(format, extended), [a, b]))
  },
})
export const multiplyExtended = (format: Format): SharedFunction<typeof I64> => multiply(format, true)
