// Owns conversions between formats, to and from integers and fixed point, and rounding to integers. Arm ARM FPConvert, FPToFixed, FixedToFP, FPRoundInt.
import { constant32, extendU, I32, I64, type I64Expression, i32, i64, local, wrap } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { type Format, FPCR, FPSR, ROUNDING } from './format.ts'
import { isSignalling, returnNaN } from './nan.ts'
import {
  both,
  c64,
  either,
  fpcrHas,
  fpcrMode,
  isInfinite,
  isNan,
  isZero,
  jam,
  LEAD,
  magnitude,
  parameter,
  raise,
  signBits,
  signOf,
  squash,
  unpack,
  type Variable,
  variable,
  when,
} from './parts.ts'
import { roundTo } from './round.ts'

/** convert(a, mode): to another format. */
export const convert = (from: Format, to: Format): SharedFunction<typeof I64> => ({
  name: `fp.convert.${from.name}${to.name}`,
  params: [I64, I32],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    if (from.bytes > 2) squash(f, use, from, a)
    const toHalf = to.bytes === 2
    const move = (bits: I64Expression, distance: number): I64Expression => (distance < 0 ? i64.shrU(bits, c64(-distance)) : i64.shl(bits, c64(distance)))
    const sign = f.keep(move(signBits(from, a.value), to.bits - from.bits))
    const nan = (): void =>
      when(f, isNan(from, a.value), () => {
        if (toHalf) {
          when(f, fpcrHas(FPCR.ahp), () => {
            raise(f, FPSR.invalid)
            f.return(sign)
          })
        }
        when(f, isSignalling(from, a.value), () => raise(f, FPSR.invalid))
        when(f, fpcrHas(FPCR.dn), () => f.return(c64(to.defaultNaN)))
        const fraction = i64.and(a.value, c64(from.fractionMask))
        f.return(i64.or(i64.or(sign, c64(to.defaultNaN)), move(fraction, to.fraction - from.fraction)))
      })
    const infinite = (): void =>
      when(f, isInfinite(from, a.value), () => {
        if (toHalf) {
          when(f, fpcrHas(FPCR.ahp), () => {
            raise(f, FPSR.invalid)
            f.return(i64.or(sign, c64(to.sign - 1n)))
          })
        }
        f.return(i64.or(sign, c64(to.infinity)))
      })
    const special = (): void => {
      nan()
      infinite()
    }
    // Alternative half precision has neither: its largest exponent is one of numbers.
    if (from.bytes === 2) when(f, i32.eqz(fpcrHas(FPCR.ahp)), special)
    else special()
    when(f, isZero(from, a.value), () => f.return(sign))
    const parts = unpack(f, from, a.value)
    f.expression(use(roundTo(to, true), [parts.sign.value, parts.exponent.value, parts.significand.value, local(I32, 1)]))
  },
})

/** Whether a magnitude's last place is rounded up; `rest` is the fraction as 64 bits, `mode` one of ROUNDING. */
function roundsUp(mode: Variable<typeof I32>['value'], sign: Variable<typeof I32>['value'], integer: I64Expression, rest: I64Expression) {
  const half = c64(1n << 63n)
  const above = i64.gtU(rest, half)
  const tie = i64.eq(rest, half)
  const nearest = both(i32.eqz(mode), either(above, both(tie, wrap(i64.and(integer, c64(1))))))
  const away = both(i32.eq(mode, constant32(ROUNDING.away)), either(above, tie))
  const directed = both(i32.eq(mode, i32.add(sign, constant32(ROUNDING.up))), i64.ne(rest, c64(0)))
  return either(nearest, either(away, directed))
}

/** Splits a significand with this exponent into integer and fraction; exponents above 62 are the caller's. */
function split(
  f: FunctionBuilder,
  exponent: Variable<typeof I32>['value'],
  significand: I64Expression,
): readonly [integer: I64Expression, rest: I64Expression] {
  const integer = variable(f, c64(0))
  const rest = variable(f, c64(1)) // something below a half
  const by = f.keep(i32.sub(constant32(LEAD), exponent))
  when(
    f,
    i32.ltU(by, constant32(64)),
    () => {
      integer.set(i64.shrU(significand, extendU(by)))
      rest.set(i64.select(by, i64.shl(significand, i64.sub(c64(64), extendU(by))), c64(0)))
    },
    () => when(f, i32.eq(by, constant32(64)), () => rest.set(significand)),
  )
  return [integer.value, rest.value]
}

/** toFixed(a, fractionBits, mode): an integer of this width, saturated, zero-extended. */
export const toFixed = (format: Format, bits: 16 | 32 | 64, unsigned: boolean): SharedFunction<typeof I64> => ({
  name: `fp.to${unsigned ? 'u' : 's'}${bits}.${format.name}`,
  params: [I64, I32, I32],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    const mode = local(I32, 2)
    squash(f, use, format, a)
    when(f, isNan(format, a.value), () => {
      raise(f, FPSR.invalid)
      f.return(c64(0))
    })
    const all = (1n << BigInt(bits)) - 1n
    const sign = f.keep(signOf(format, a.value))
    const saturate = (): void => {
      raise(f, FPSR.invalid)
      f.return(unsigned ? i64.select(sign, c64(0), c64(all)) : i64.select(sign, c64((all + 1n) >> 1n), c64(all >> 1n)))
    }
    when(f, isInfinite(format, a.value), saturate)
    when(f, isZero(format, a.value), () => f.return(c64(0)))
    const { exponent, significand } = unpack(f, format, a.value)
    exponent.set(i32.add(exponent.value, local(I32, 1)))
    when(f, i32.gtS(exponent.value, constant32(63)), saturate)
    const integer = variable(f, c64(0))
    const inexact = variable(f, constant32(0))
    when(
      f,
      i32.eq(exponent.value, constant32(63)),
      () => integer.set(i64.shl(significand.value, c64(1))), // no format has 64 bits of fraction
      () => {
        const [whole, rest] = split(f, exponent.value, significand.value)
        integer.set(i64.add(whole, extendU(roundsUp(mode, sign, whole, rest))))
        inexact.set(i64.ne(rest, c64(0)))
      },
    )
    const limit = unsigned ? i64.select(sign, c64(0), c64(all)) : i64.add(c64(all >> 1n), extendU(sign))
    when(f, i64.gtU(integer.value, limit), saturate)
    when(f, inexact.value, () => raise(f, FPSR.inexact))
    f.expression(i64.and(i64.select(sign, i64.sub(c64(0), integer.value), integer.value), c64(all)))
  },
})

/** fromFixed(value, fractionBits): of a 64-bit integer, rounded as FPCR says. */
export const fromFixed = (format: Format, unsigned: boolean): SharedFunction<typeof I64> => ({
  name: `fp.from${unsigned ? 'u' : 's'}.${format.name}`,
  params: [I64, I32],
  result: I64,
  build(f, use) {
    const value = parameter(f, 0, I64)
    when(f, i64.eqz(value.value), () => f.return(c64(0)))
    const sign = variable(f, constant32(0))
    if (!unsigned)
      when(f, i64.ltS(value.value, c64(0)), () => {
        sign.set(constant32(1))
        value.set(i64.sub(c64(0), value.value))
      })
    const zeros = f.keep(wrap(i64.clz(value.value)))
    const exponent = i32.sub(i32.sub(constant32(63), zeros), local(I32, 1))
    value.set(i64.select(zeros, i64.shl(value.value, extendU(i32.sub(zeros, constant32(1)))), jam(use, value.value, constant32(1))))
    f.expression(use(roundTo(format), [sign.value, exponent, value.value, fpcrMode()]))
  },
})

/** roundToIntegral(a, mode, exact): with `exact` a change is inexact. */
export const roundToIntegral = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.rint.${format.name}`,
  params: [I64, I32, I32],
  result: I64,
  build(f, use) {
    const a = parameter(f, 0, I64)
    const [mode, exact] = [local(I32, 1), local(I32, 2)]
    squash(f, use, format, a)
    returnNaN(f, use, format, a.value)
    when(f, either(isInfinite(format, a.value), isZero(format, a.value)), () => f.return(a.value))
    const exponent = f.keep(i32.sub(wrap(i64.shrU(magnitude(format, a.value), c64(format.fraction))), constant32(format.bias)))
    when(f, i32.gtS(exponent, constant32(format.fraction - 1)), () => f.return(a.value))
    const { sign, exponent: trueExponent, significand } = unpack(f, format, a.value)
    const [whole, rest] = split(f, trueExponent.value, significand.value)
    when(f, i64.eqz(rest), () => f.return(a.value))
    when(f, exact, () => raise(f, FPSR.inexact))
    const integer = f.keep(i64.add(whole, extendU(roundsUp(mode, sign.value, whole, rest))))
    when(f, i64.eqz(integer), () => f.return(signBits(format, a.value)))
    const zeros = f.keep(i64.clz(integer))
    const fraction = i64.shrU(i64.shl(integer, zeros), c64(63 - format.fraction)) // with the hidden bit
    const biased = i64.shl(i64.sub(c64(63 + format.bias - 1), zeros), c64(format.fraction))
    f.expression(i64.or(signBits(format, a.value), i64.add(biased, fraction)))
  },
})
