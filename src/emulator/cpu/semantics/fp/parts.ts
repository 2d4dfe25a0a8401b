// Owns what the softfloat functions are put together from: mutable locals, FPCR and FPSR, and the parts of a number. Values are bit patterns in an i64, zero-extended.
// A significand is an i64 with its leading one at bit 62: the number is significand * 2^(exponent - 62). Knows no operation.
import { AT } from '../../interpreter/layout.ts'
import {
  constant32,
  constant64,
  type Expression,
  extendU,
  I32,
  type I32Expression,
  I64,
  type I64Expression,
  i32,
  i64,
  load32,
  local,
  type ValueType,
  wrap,
} from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction, UseFunction } from '../../wasm/shared-function.ts'
import { type Format, FPCR, FPSR, ROUNDING } from './format.ts'

const ZERO = constant32(0)
/** Position of the leading one of a significand. */
export const LEAD = 62

export const fpcr = (): I32Expression => load32(ZERO, AT.fpcr)
export const fpsr = (): I32Expression => load32(ZERO, AT.fpsr)
export const fpcrMode = (): I32Expression => i32.and(i32.shrU(fpcr(), constant32(FPCR.modeShift)), constant32(3))
export const fpcrHas = (bits: number): I32Expression => i32.and(fpcr(), constant32(bits))
export const raise = (f: FunctionBuilder, bits: number | I32Expression): void =>
  f.store32(ZERO, i32.or(fpsr(), typeof bits === 'number' ? constant32(bits) : bits), AT.fpsr)

/** A local that changes. */
export interface Variable<T extends ValueType> {
  readonly value: Expression<T>
  set(to: Expression<T>): void
}
export function variable<T extends ValueType>(f: FunctionBuilder, initial: Expression<T>): Variable<T> {
  const index = f.newLocal(initial.type)
  f.set(index, initial)
  return { value: local(initial.type, index), set: to => f.set(index, to) }
}
export const parameter = <T extends ValueType>(f: FunctionBuilder, index: number, type: T): Variable<T> => ({
  value: local(type, index),
  set: to => f.set(index, to),
})

export function when(f: FunctionBuilder, condition: I32Expression, then: () => void, otherwise?: () => void): void {
  f.if(condition)
  then()
  if (otherwise) {
    f.else()
    otherwise()
  }
  f.end()
}

export const either = (a: I32Expression, b: I32Expression): I32Expression => i32.or(a, b)
export const both = (a: I32Expression, b: I32Expression): I32Expression => i32.and(a, b)
export const c64 = (value: bigint | number): I64Expression => constant64(BigInt(value))

export const magnitude = (format: Format, a: I64Expression): I64Expression => i64.and(a, c64(format.sign - 1n))
export const signBits = (format: Format, a: I64Expression): I64Expression => i64.and(a, c64(format.sign))
export const signOf = (format: Format, a: I64Expression): I32Expression => wrap(i64.shrU(a, c64(format.bits - 1)))
export const isNan = (format: Format, a: I64Expression): I32Expression => i64.gtU(magnitude(format, a), c64(format.infinity))
export const isInfinite = (format: Format, a: I64Expression): I32Expression => i64.eq(magnitude(format, a), c64(format.infinity))
export const isZero = (format: Format, a: I64Expression): I32Expression => i64.eqz(magnitude(format, a))
export const signed = (format: Format, sign: I32Expression): I64Expression => i64.shl(extendU(sign), c64(format.bits - 1))
/** A sum that is exactly zero is +0, but -0 when rounding down. */
export const exactZero = (format: Format): I64Expression => signed(format, i32.eq(fpcrMode(), constant32(ROUNDING.down)))

export interface Parts {
  readonly sign: Variable<typeof I32>
  readonly exponent: Variable<typeof I32>
  readonly significand: Variable<typeof I64>
}

/** Takes a number apart that is finite and not zero. (With an exponent field of all ones it is what alternative half precision says.) */
export function unpack(f: FunctionBuilder, format: Format, bits: I64Expression): Parts {
  const sign = variable(f, signOf(format, bits))
  const significand = variable(f, i64.and(bits, c64(format.fractionMask)))
  const exponent = variable(f, wrap(i64.shrU(magnitude(format, bits), c64(format.fraction))))
  when(
    f,
    exponent.value,
    () => {
      significand.set(i64.shl(i64.or(significand.value, c64(1n << BigInt(format.fraction))), c64(LEAD - format.fraction)))
      exponent.set(i32.sub(exponent.value, constant32(format.bias)))
    },
    () => {
      const zeros = f.keep(i64.clz(significand.value))
      significand.set(i64.shl(significand.value, i64.sub(zeros, c64(1))))
      exponent.set(i32.sub(constant32(63 + 1 - format.bias - format.fraction), wrap(zeros)))
    },
  )
  return { sign, exponent, significand }
}

/** Shifts right by any amount; a bit that falls out stays visible in the lowest. */
export const JAM: SharedFunction<typeof I64> = {
  name: 'fp.jam',
  params: [I64, I32],
  result: I64,
  build(f) {
    const [value, by] = [local(I64, 0), local(I32, 1)]
    when(f, i32.eqz(by), () => f.return(value))
    when(f, i32.gtU(by, constant32(63)), () => f.return(extendU(i64.ne(value, c64(0)))))
    const amount = extendU(by)
    f.expression(i64.or(i64.shrU(value, amount), extendU(i64.ne(i64.shl(value, i64.sub(c64(64), amount)), c64(0)))))
  },
}
export const jam = (use: UseFunction, value: I64Expression, by: I32Expression): I64Expression => use(JAM, [value, by])

/** A denormal operand becomes zero where FPCR says so, which half precision does without a flag. */
const squashFunction = (format: Format): SharedFunction<typeof I64> => ({
  name: `fp.squash.${format.name}`,
  params: [I64],
  result: I64,
  build(f) {
    const value = local(I64, 0)
    when(f, both(i64.eqz(i64.and(value, c64(format.infinity))), i64.ne(i64.and(value, c64(format.fractionMask)), c64(0))), () => {
      if (format.bytes !== 2) raise(f, FPSR.inputDenormal)
      f.return(signBits(format, value))
    })
    f.expression(value)
  },
})

/** Flushes operands where FPCR flushes. */
export function squash(f: FunctionBuilder, use: UseFunction, format: Format, ...operands: readonly Variable<typeof I64>[]): void {
  when(f, fpcrHas(format.flush), () => {
    for (const operand of operands) operand.set(use(squashFunction(format), [operand.value]))
  })
}
