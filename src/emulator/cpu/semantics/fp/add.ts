// Owns addition and subtraction. Arm ARM FPAdd, FPSub.
import { constant32, type Expression, type F32, type F64, I32, I64, i32, i64, local, wrap } from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import type { Format } from './format.ts'
import { returnInvalid, returnNaN } from './nan.ts'
import { finite, NATIVE_D, NATIVE_S, type NativeOps, returnNative, sumError, surelyNormal, whenNative } from './native.ts'
import { c64, exactZero, fpcrMode, isInfinite, isZero, jam, parameter, squash, unpack, when } from './parts.ts'
import { roundTo } from './round.ts'

/** sum(sign, exponent, significand, and the same of another): of two numbers that are not zero, rounded as FPCR says. */
export const sumOf = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.sum.${format.name}`,
  params: [I32, I32, I64, I32, I32, I64],
  result: I64,
  build(f, use) {
    const [sign, exponent, significand] = [parameter(f, 0, I32), parameter(f, 1, I32), parameter(f, 2, I64)]
    const [sign2, exponent2, significand2] = [parameter(f, 3, I32), parameter(f, 4, I32), parameter(f, 5, I64)]
    when(f, i32.ltS(exponent.value, exponent2.value), () => {
      for (const [one, other] of [
        [sign, sign2],
        [exponent, exponent2],
      ] as const) {
        const kept = f.keep(one.value)
        one.set(other.value)
        other.set(kept)
      }
      const kept = f.keep(significand.value)
      significand.set(significand2.value)
      significand2.set(kept)
    })
    significand2.set(jam(use, significand2.value, i32.sub(exponent.value, exponent2.value)))
    when(
      f,
      i32.eq(sign.value, sign2.value),
      () => {
        significand.set(i64.add(significand.value, significand2.value))
        when(f, i64.ltS(significand.value, c64(0)), () => {
          significand.set(i64.or(i64.shrU(significand.value, c64(1)), i64.and(significand.value, c64(1))))
          exponent.set(i32.add(exponent.value, constant32(1)))
        })
      },
      () => {
        significand.set(i64.sub(significand.value, significand2.value))
        when(f, i64.eqz(significand.value), () => f.return(exactZero(format)))
        when(f, i64.ltS(significand.value, c64(0)), () => {
          significand.set(i64.sub(c64(0), significand.value))
          sign.set(i32.xor(sign.value, constant32(1)))
        })
        const by = f.keep(i64.sub(i64.clz(significand.value), c64(1)))
        significand.set(i64.shl(significand.value, by))
        exponent.set(i32.sub(exponent.value, wrap(by)))
      },
    )
    f.expression(use(roundTo(format), [sign.value, exponent.value, significand.value, fpcrMode()]))
  },
})

/** a + (b with its sign inverted where `invert` has the sign bit); NaNs keep theirs. */
const integerAdd = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.add.integer.${format.name}`,
  params: [I64, I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [parameter(f, 0, I64), parameter(f, 1, I64)]
    squash(f, use, format, a, b)
    returnNaN(f, use, format, a.value, b.value)
    b.set(i64.xor(b.value, local(I64, 2)))
    when(f, isInfinite(format, a.value), () => {
      when(f, i64.eq(b.value, i64.xor(a.value, c64(format.sign))), () => returnInvalid(f, format))
      f.return(a.value)
    })
    when(f, isInfinite(format, b.value), () => f.return(b.value))
    when(f, isZero(format, a.value), () => {
      when(f, isZero(format, b.value), () => f.return(i64.select(i64.eq(a.value, b.value), a.value, exactZero(format))))
      f.return(b.value)
    })
    when(f, isZero(format, b.value), () => f.return(a.value))
    const [x, y] = [unpack(f, format, a.value), unpack(f, format, b.value)]
    const args = [x, y].flatMap(({ sign, exponent, significand }) => [sign.value, exponent.value, significand.value])
    f.expression(use(sumOf(format), args))
  },
})

function nativeSum<T extends typeof F32 | typeof F64>(
  f: Parameters<SharedFunction['build']>[0],
  format: Format,
  ops: NativeOps<T>,
  subtract: boolean,
  flushing: boolean,
): void {
  const a: Expression<T> = f.keep(ops.fromBits(local(I64, 0)))
  const b: Expression<T> = f.keep(subtract ? ops.fromBits(i64.xor(local(I64, 1), c64(format.sign))) : ops.fromBits(local(I64, 1)))
  const sum = f.keep(ops.add(a, b))
  const bits = f.keep(ops.bits(sum))
  // A sum is never tiny and inexact, so any finite one will do unless it would be flushed.
  when(f, flushing ? surelyNormal(format, bits) : finite(format, bits), () => returnNative(f, bits, isZeroOf(ops, sumError(f, ops, a, b, sum)), false))
}
const isZeroOf = <T extends typeof F32 | typeof F64>(ops: NativeOps<T>, value: Expression<T>) => ops.eq(value, ops.fromBits(c64(0)))

export const add = (format: Format, subtract = false): SharedFunction<typeof I64> => ({
  name: `fp.${subtract ? 'sub' : 'add'}.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    if (format.bytes > 2) {
      whenNative(f, format, [local(I64, 0), local(I64, 1)], flushing => {
        if (format.bytes === 4) nativeSum(f, format, NATIVE_S, subtract, flushing)
        else nativeSum(f, format, NATIVE_D, subtract, flushing)
      })
    }
    f.expression(use(integerAdd(format), [local(I64, 0), local(I64, 1), c64(subtract ? format.sign : 0n)]))
  },
})
export const subtract = (format: Format): SharedFunction<typeof I64> => add(format, true)
