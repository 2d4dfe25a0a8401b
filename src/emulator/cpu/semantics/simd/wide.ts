// Owns operations whose results have lanes of another width than their operands: long, wide, narrow. Arm ARM C7.2.
// Long ones take the low or the high half of their operands, narrow ones write the low or the high half of their destination: "2" in the mnemonic, Q in the word.
import { constant32, type V128Expression } from '../../wasm/expression.ts'
import { extendMultiply, shuffle, v128, ZERO_128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'
import {
  addSaturating,
  bitsOf,
  doubleMultiplyLong,
  every,
  greaterUnsigned,
  type Keep,
  laneBytes,
  lanes,
  polynomialMultiply,
  type Saturated,
  type Size,
  subtractSaturating,
  widen,
} from './lanes.ts'
import { ALL, LOW_HALF, lowest, write, writeHalf, writeHalfSaturated, writeSaturated } from './part.ts'
import { baseName, elementEverywhere, elementOperand, type Operands, operands } from './same.ts'

type Narrow = 0 | 1 | 2
const NARROW = [0, 1, 2] as const
/** `o.size` is that of the narrow lanes; `high`: which half. */
type Long = (o: Operands, high: boolean) => V128Expression | Saturated

const wideOf = (o: Operands) => lanes((o.size + 1) as Size)
const widened = (o: Operands, high: boolean, signed: boolean, value: V128Expression): V128Expression => widen(o.size as Narrow, high, signed, value)
const addLong =
  (how: 'add' | 'sub', signed: boolean): Long =>
  (o, high) =>
    wideOf(o)[how](widened(o, high, signed, o.n()), widened(o, high, signed, o.m()))
const addWide =
  (how: 'add' | 'sub', signed: boolean): Long =>
  (o, high) =>
    wideOf(o)[how](o.n(), widened(o, high, signed, o.m()))
/** A difference without sign fits the narrow lane, unsigned. */
const differenceLong = (o: Operands, high: boolean, signed: boolean): V128Expression => {
  const { maxS, maxU, minS, minU, sub } = lanes(o.size)
  const [max, min] = signed ? [maxS!, minS!] : [maxU!, minU!]
  return widened(o, high, false, sub(max(o.n(), o.m()), min(o.n(), o.m())))
}
const product = (o: Operands, high: boolean, signed: boolean): V128Expression => extendMultiply((1 << o.size) as 1, high, signed, o.n(), o.m())

const LONG: Readonly<Record<string, Long>> = {
  SADDL: addLong('add', true),
  UADDL: addLong('add', false),
  SSUBL: addLong('sub', true),
  USUBL: addLong('sub', false),
  SADDW: addWide('add', true),
  UADDW: addWide('add', false),
  SSUBW: addWide('sub', true),
  USUBW: addWide('sub', false),
  SABDL: (o, high) => differenceLong(o, high, true),
  UABDL: (o, high) => differenceLong(o, high, false),
  SABAL: (o, high) => wideOf(o).add(o.d(), differenceLong(o, high, true)),
  UABAL: (o, high) => wideOf(o).add(o.d(), differenceLong(o, high, false)),
  SHLL: (o, high) => wideOf(o).shl(widened(o, high, false, o.n()), constant32(bitsOf(o.size))),
}
const MULTIPLY: Readonly<Record<string, Long>> = {
  SMULL: (o, high) => product(o, high, true),
  UMULL: (o, high) => product(o, high, false),
  SMLAL: (o, high) => wideOf(o).add(o.d(), product(o, high, true)),
  UMLAL: (o, high) => wideOf(o).add(o.d(), product(o, high, false)),
  SMLSL: (o, high) => wideOf(o).sub(o.d(), product(o, high, true)),
  UMLSL: (o, high) => wideOf(o).sub(o.d(), product(o, high, false)),
}
const SATURATING: Readonly<Record<string, Long>> = {
  SQDMULL: (o, high) => doubleMultiplyLong(o.k, o.size as 1 | 2, high, o.n(), o.m()),
  SQDMLAL: (o, high) => accumulated(o, high, addSaturating),
  SQDMLSL: (o, high) => accumulated(o, high, subtractSaturating),
}
/** Product and sum saturate one after the other, and each counts. */
function accumulated(o: Operands, high: boolean, how: typeof addSaturating): Saturated {
  const doubled = doubleMultiplyLong(o.k, o.size as 1 | 2, high, o.n(), o.m())
  const sum = how(o.k, (o.size + 1) as Size, true, o.d(), doubled.value)
  return { value: sum.value, saturated: v128.or(doubled.saturated, sum.saturated) }
}

/** Every lane of the low half of the result is the low half of a wide lane. */
export const truncate = (size: Narrow, value: V128Expression): V128Expression =>
  shuffle(
    value,
    value,
    laneBytes(size, 8 >> size, i => 2 * i),
  )
const upperHalves = (k: Keep, size: Narrow, value: V128Expression): V128Expression => {
  const kept = k(value)
  return shuffle(
    kept,
    kept,
    laneBytes(size, 8 >> size, i => 2 * i + 1),
  )
}

export type Saturation = 'signed' | 'unsigned' | 'signedToUnsigned'
/** Wide lanes saturated to narrow ones, in the low half; so is what says which saturated. */
export function narrowSaturating(k: Keep, size: Narrow, how: Saturation, value: V128Expression): Saturated {
  const wide = (size + 1) as Size
  const { gtS } = lanes(wide)
  const a = k(value)
  const top = (1n << BigInt(bitsOf(size) - (how === 'signed' ? 1 : 0))) - 1n
  const over = k(how === 'unsigned' ? greaterUnsigned(wide, a, every(wide, top)) : gtS(a, every(wide, top)))
  const limited = v128.bitSelect(every(wide, top), a, over)
  if (how === 'unsigned') return narrowed(k, size, limited, over)
  const bottom = how === 'signed' ? every(wide, -top - 1n) : ZERO_128
  const under = k(gtS(bottom, a))
  return narrowed(k, size, v128.bitSelect(bottom, limited, under), v128.or(over, under))
}
const narrowed = (k: Keep, size: Narrow, value: V128Expression, saturated: V128Expression): Saturated => ({
  value: truncate(size, k(value)),
  saturated: truncate(size, k(saturated)),
})

const NARROWING: Readonly<Record<string, (o: Operands) => V128Expression>> = {
  XTN: o => truncate(o.size as Narrow, o.n()),
  ADDHN: o => upperHalves(o.k, o.size as Narrow, wideOf(o).add(o.n(), o.m())),
  SUBHN: o => upperHalves(o.k, o.size as Narrow, wideOf(o).sub(o.n(), o.m())),
  RADDHN: o => upperHalves(o.k, o.size as Narrow, wideOf(o).add(wideOf(o).add(o.n(), o.m()), roundingHalf(o))),
  RSUBHN: o => upperHalves(o.k, o.size as Narrow, wideOf(o).add(wideOf(o).sub(o.n(), o.m()), roundingHalf(o))),
}
const roundingHalf = (o: Operands): V128Expression => every((o.size + 1) as Size, 1n << BigInt(bitsOf(o.size) - 1))
const NARROWING_SATURATING: Readonly<Record<string, Saturation>> = { SQXTN: 'signed', UQXTN: 'unsigned', SQXTUN: 'signedToUnsigned' }

const HALVES = [
  ['low', false],
  ['high', true],
] as const

export function defineWide(define: Define): void {
  const add = (name: string, meaning: Long, size: Narrow, m?: (e: Emit) => V128Expression): void => {
    for (const [suffix, high] of HALVES)
      define(`${name}${size}_${suffix}`, e => {
        e.requireFp()
        const result = meaning(operands(e, size, m), high)
        if ('saturated' in result) writeSaturated(e, result)
        else write(e, result)
      })
  }
  const byElement = (name: string, meaning: Long): void => {
    for (const size of [1, 2] as const) add(`${name}_e`, meaning, size, e => elementEverywhere(e, size))
  }
  for (const [name, meaning] of Object.entries(LONG)) for (const size of NARROW) add(`${name}_v`, meaning, size)
  for (const [name, meaning] of Object.entries(MULTIPLY)) {
    for (const size of NARROW) add(`${name}_v`, meaning, size)
    byElement(name, meaning)
  }
  for (const [name, meaning] of Object.entries(SATURATING)) {
    for (const size of [1, 2] as const) add(`${name}_v`, meaning, size)
    byElement(name, meaning)
  }
  add('PMULL_v', (o, high) => polynomialMultiply(o.k, 1, widened(o, high, false, o.n()), widened(o, high, false, o.m())), 0)
  for (const size of NARROW)
    for (const [suffix, high] of HALVES) {
      for (const [name, meaning] of Object.entries(NARROWING))
        define(`${name}_v${size}_${suffix}`, e => {
          e.requireFp()
          writeHalf(e, high, meaning(operands(e, size)))
        })
      for (const [name, how] of Object.entries(NARROWING_SATURATING))
        define(`${name}_v${size}_${suffix}`, e => {
          e.requireFp()
          const o = operands(e, size)
          writeHalfSaturated(e, high, narrowSaturating(o.k, size, how, o.n()))
        })
    }
}

const which = (q: number): string => (q === 1 ? 'high' : 'low')

export const lowerVectorLong: Lower = (f, { name }) => ({ op: `${baseName(name)}_v${f.x}_${which(f.q)}`, d: f.d, n: f.n, m: f.m, ...ALL })
export const lowerScalarLong: Lower = (f, { name }) => ({ op: `${baseName(name)}_v${f.x}_low`, d: f.d, n: f.n, m: f.m, ...lowest(f.x + 1) })
export const lowerVectorLongElement: Lower = (f, { name }, word) => {
  const size = (word >>> 22) & 3
  return { op: `${baseName(name)}_e${size}_${which(f.q)}`, d: f.d, n: f.n, ...elementOperand(f, size), ...ALL }
}
export const lowerScalarLongElement: Lower = (f, { name }, word) => {
  const size = (word >>> 22) & 3
  return { op: `${baseName(name)}_e${size}_low`, d: f.d, n: f.n, ...elementOperand(f, size), ...lowest(size + 1) }
}
export const lowerVectorNarrow: Lower = (f, { name }) => ({ op: `${baseName(name)}_v${f.x}_${which(f.q)}`, d: f.d, n: f.n, m: f.m, ...LOW_HALF })
export const lowerScalarNarrow: Lower = (f, { name }) => ({ op: `${baseName(name)}_v${f.x}_low`, d: f.d, n: f.n, ...lowest(f.x) })
