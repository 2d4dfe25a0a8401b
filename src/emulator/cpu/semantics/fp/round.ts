// Owns rounding to a format: FPRound and FPRoundCV of the manual, with overflow, underflow (before rounding), flushing and alternative half precision.
import { constant32, extendU, I32, I64, i32, i64, local, wrap } from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { type Format, FPCR, FPSR, ROUNDING } from './format.ts'
import { both, c64, either, fpcrHas, jam, LEAD, parameter, raise, signed, variable, when } from './parts.ts'

/**
 * round(sign, exponent, significand, mode): the number as bits; the significand has its leading one at bit 62 and is followed by a sticky bit.
 * `conversion`: to half precision from another format, where FZ16 means nothing and AHP something.
 */
export const roundTo = (format: Format, conversion = false): SharedFunction<typeof I64> => ({
  name: `fp.round.${format.name}${conversion && format.bytes === 2 ? '.cv' : ''}`,
  params: [I32, I32, I64, I32],
  result: I64,
  build(f, use) {
    const toHalf = conversion && format.bytes === 2
    const [sign, mode] = [local(I32, 0), local(I32, 3)]
    const exponent = parameter(f, 1, I32)
    const significand = parameter(f, 2, I64)
    const shift = LEAD - format.fraction
    const halfway = c64(1n << BigInt(shift - 1))
    const negative = f.keep(signed(format, sign))
    exponent.set(i32.add(exponent.value, constant32(format.bias)))
    const tiny = variable(f, constant32(0))
    when(f, i32.ltS(exponent.value, constant32(1)), () => {
      if (!toHalf) {
        when(f, fpcrHas(format.flush), () => {
          raise(f, FPSR.underflow)
          f.return(negative)
        })
      }
      significand.set(jam(use, significand.value, i32.sub(constant32(1), exponent.value)))
      exponent.set(constant32(1))
      tiny.set(constant32(FPSR.underflow))
    })
    const rest = f.keep(i64.and(significand.value, c64((1n << BigInt(shift)) - 1n)))
    const integer = variable(f, i64.shrU(significand.value, c64(shift)))
    const flags = variable(f, constant32(0))
    // Whether the mode rounds numbers of this sign away from zero: up has the number 1, down 2.
    const away = f.keep(i32.eq(mode, i32.add(sign, constant32(ROUNDING.up))))
    const nearest = f.keep(i32.eqz(mode))
    when(f, i64.ne(rest, c64(0)), () => {
      flags.set(i32.or(tiny.value, constant32(FPSR.inexact)))
      const odd = wrap(i64.and(integer.value, c64(1)))
      const upward = either(away, both(nearest, either(i64.gtU(rest, halfway), both(i64.eq(rest, halfway), odd))))
      integer.set(i64.add(integer.value, extendU(upward)))
      when(f, i32.eq(mode, constant32(ROUNDING.odd)), () => integer.set(i64.or(integer.value, c64(1))))
    })
    // The hidden bit adds one to the exponent field, as a carry out of the fraction does.
    const result = variable(f, i64.add(i64.shl(extendU(i32.sub(exponent.value, constant32(1))), c64(format.fraction)), integer.value))
    const overflow = (): void =>
      when(f, i64.geU(result.value, c64(format.infinity)), () => {
        flags.set(constant32(FPSR.overflow | FPSR.inexact))
        result.set(i64.sub(c64(format.infinity), extendU(i32.eqz(either(nearest, away)))))
      })
    if (toHalf) {
      when(
        f,
        fpcrHas(FPCR.ahp),
        () =>
          when(f, i64.geU(result.value, c64(format.sign)), () => {
            flags.set(constant32(FPSR.invalid))
            result.set(c64(format.sign - 1n))
          }),
        overflow,
      )
    } else overflow()
    raise(f, flags.value)
    f.expression(i64.or(result.value, negative))
  },
})
