// Owns the rounding doubling multiply accumulate instructions. Arm ARM C7.2 SQRDMLAH, SQRDMLSH. In n bits: ((d << n) ± 2ab + (1 << n - 1)) >> n, saturated;
// computed as ((d << n - 1) ± ab + (1 << n - 2)) >> n - 1, which twice as many bits hold.
import { constant32, type V128Expression, wrap } from '../../wasm/expression.ts'
import { extend128, extendMultiply, i32x4, i64x2, narrow, repeated64, shuffle, splat, v128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'
import { half, lowest, masked, type Part } from './part.ts'

const FPSR_QC = constant32(1 << 27)
const FORMS = [
  ['SQRDMLAH', 'add'],
  ['SQRDMLSH', 'sub'],
] as const

/** The saturated result, and a vector that is zero in the lanes that were not saturated. */
type Accumulated = readonly [result: V128Expression, saturated: V128Expression]

function halfwords(e: Emit, form: 'add' | 'sub', d: V128Expression, n: V128Expression, m: V128Expression): Accumulated {
  const wide = [false, true].map(high => {
    const base = i32x4.add(i32x4.shl(extend128(2, high, true, d), constant32(15)), splat(4, constant32(1 << 14)))
    return e.keep(i32x4.shrS(i32x4[form](base, extendMultiply(2, high, true, n, m)), constant32(15)))
  })
  const result = e.keep(narrow(4, true, wide[0]!, wide[1]!))
  // Where it was saturated, the low half of the wide value is not the result: 17 bits lost one.
  const low = shuffle(wide[0]!, wide[1]!, everyOther(2))
  return [result, v128.xor(result, low)]
}

function words(e: Emit, form: 'add' | 'sub', d: V128Expression, n: V128Expression, m: V128Expression): Accumulated {
  const most = repeated64(0x7fff_ffffn)
  const least = repeated64(-0x8000_0000n)
  const wide: V128Expression[] = []
  const clamped = [false, true].map(high => {
    const base = i64x2.add(i64x2.shl(extend128(4, high, true, d), constant32(31)), repeated64(1n << 30n))
    const value = e.keep(i64x2.shrS(i64x2[form](base, extendMultiply(4, high, true, n, m)), constant32(31)))
    wide.push(value)
    const below = e.keep(v128.bitSelect(most, value, i64x2.gtS(value, most)))
    return e.keep(v128.bitSelect(least, below, i64x2.gtS(least, below)))
  })
  const result = e.keep(shuffle(clamped[0]!, clamped[1]!, everyOther(4)))
  return [result, v128.xor(result, shuffle(wide[0]!, wide[1]!, everyOther(4)))]
}

/** The low halves of lanes of twice `bytes`, from two vectors. */
const everyOther = (bytes: number): readonly number[] => Array.from({ length: 16 }, (_, at) => Math.floor(at / bytes) * bytes * 2 + (at % bytes))

export function defineMultiplyAccumulateHigh(define: Define): void {
  for (const [name, form] of FORMS) {
    for (const bytes of [2, 4] as const) {
      const accumulate = bytes === 2 ? halfwords : words
      for (const indexed of [false, true]) {
        define(`${name}_${bytes}${indexed ? '_indexed' : ''}`, e => {
          e.requireFp()
          const m = indexed ? splat(bytes, wrap(e.element('m', bytes, e.aux()))) : e.v('m')
          const [result, saturated] = accumulate(e, form, e.keep(e.v('d')), e.keep(e.v('n')), e.keep(m))
          e.when(v128.anyTrue(masked(e, saturated)), () => e.raiseFpsr(FPSR_QC))
          e.setV('d', masked(e, result))
        })
      }
    }
  }
}

export const lowerMultiplyAccumulateHigh: Lower = (f, encoding) => {
  const [, name, form, element] = /^(SQRDML[AS]H)_([vs])([HS]?)$/.exec(encoding.name)!
  const size = element === '' ? f.x : element === 'H' ? 1 : 2
  const part: Part = form === 's' ? lowest(size) : half(f.q)
  if (element === '') return { op: `${name}_${1 << size}`, d: f.d, n: f.n, m: f.m, ...part }
  const index = size === 1 ? (f.h << 2) | (f.l << 1) | (f.m >> 4) : (f.h << 1) | f.l
  return { op: `${name}_${1 << size}_indexed`, d: f.d, n: f.n, m: size === 1 ? f.m & 15 : f.m, aux: index, ...part }
}
