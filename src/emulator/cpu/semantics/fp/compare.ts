// Owns comparisons, minima and maxima. Arm ARM FPCompare, FPCompareEQ/GE/GT, FPMax, FPMin, FPMaxNum, FPMinNum.
import { constant32, I32, I64, type I64Expression, i32, i64, local } from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { type Format, FPSR } from './format.ts'
import { isSignalling, returnNaN } from './nan.ts'
import { both, c64, either, isNan, isZero, parameter, raise, squash, when } from './parts.ts'

/** Orders bit patterns as signed numbers, -0 just below +0. */
function orderKey(format: Format, a: I64Expression): I64Expression {
  const wide = i64.shl(a, c64(64 - format.bits))
  return i64.xor(wide, i64.shrU(i64.shrS(wide, c64(63)), c64(1)))
}

const NZCV = { less: 8, equal: 6, greater: 2, unordered: 3 } as const

/** compare(a, b, signal): N Z C V in bits 3 to 0. With `signal`, quiet NaNs are invalid too. */
export const compare = (format: Format): SharedFunction<typeof I32> => ({
  name: `fp.compare.${format.name}`,
  params: [I64, I64, I32],
  result: I32,
  build(f, use) {
    const [a, b] = [parameter(f, 0, I64), parameter(f, 1, I64)]
    squash(f, use, format, a, b)
    when(f, either(isNan(format, a.value), isNan(format, b.value)), () => {
      const signalling = either(isSignalling(format, a.value), isSignalling(format, b.value))
      when(f, either(signalling, local(I32, 2)), () => raise(f, FPSR.invalid))
      f.return(constant32(NZCV.unordered))
    })
    const equal = either(i64.eq(a.value, b.value), both(isZero(format, a.value), isZero(format, b.value)))
    when(f, equal, () => f.return(constant32(NZCV.equal)))
    f.expression(i32.select(i64.ltS(orderKey(format, a.value), orderKey(format, b.value)), constant32(NZCV.less), constant32(NZCV.greater)))
  },
})

/** test(a, b): all ones of the format's width when it holds. Quiet NaNs are invalid operands except for equality. */
export const compareMask = (format: Format, kind: 'eq' | 'ge' | 'gt'): SharedFunction<typeof I64> => ({
  name: `fp.cm${kind}.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const flags = f.keep(use(compare(format), [local(I64, 0), local(I64, 1), constant32(kind === 'eq' ? 0 : 1)]))
    const equal = i32.eq(flags, constant32(NZCV.equal))
    const greater = i32.eq(flags, constant32(NZCV.greater))
    const holds = kind === 'eq' ? equal : kind === 'gt' ? greater : either(equal, greater)
    f.expression(i64.select(holds, c64((1n << BigInt(format.bits)) - 1n), c64(0)))
  },
})

export type Extreme = 'max' | 'min' | 'maxnm' | 'minnm'

/** The `nm` kinds prefer a number to one quiet NaN. */
export const extreme = (format: Format, kind: Extreme): SharedFunction<typeof I64> => ({
  name: `fp.${kind}.${format.name}`,
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const [a, b] = [parameter(f, 0, I64), parameter(f, 1, I64)]
    const maximum = kind.startsWith('max')
    squash(f, use, format, a, b)
    if (kind.endsWith('nm')) {
      // The least number of all is never chosen, unless it is the other operand itself.
      const never = c64(maximum ? format.sign | format.infinity : format.infinity)
      const quiet = (x: I64Expression) => both(isNan(format, x), i32.eqz(isSignalling(format, x)))
      const [quietA, quietB] = [f.keep(quiet(a.value)), f.keep(quiet(b.value))]
      when(f, both(quietA, i32.eqz(quietB)), () => a.set(never))
      when(f, both(quietB, i32.eqz(quietA)), () => b.set(never))
    }
    returnNaN(f, use, format, a.value, b.value)
    const less = i64.ltS(orderKey(format, a.value), orderKey(format, b.value))
    f.expression(maximum ? i64.select(less, b.value, a.value) : i64.select(less, a.value, b.value))
  },
})
