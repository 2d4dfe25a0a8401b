// Owns shifts by an immediate. Arm ARM C7.2. aux is the amount to the left, or the amount to the right less one (which is at least one).
import type { I32Expression, V128Expression } from '../../wasm/expression.ts'
import { v128 } from '../../wasm/vector.ts'
import type { Define, Lower, Lowered } from '../op.ts'
import { every, lanes, largest, negative, ONES, type Saturated, SIZES, type Size, shiftRight, shiftRightRounding, widen } from './lanes.ts'
import { ALL, half, LOW_HALF, lowest, type Part, write, writeHalf, writeHalfSaturated, writeSaturated } from './part.ts'
import { baseName, type Operands, operands } from './same.ts'
import { narrowSaturating, type Saturation, truncate } from './wide.ts'

type Meaning = (o: Operands, by: I32Expression) => V128Expression | Saturated

const right = (o: Operands, by: I32Expression, signed: boolean): V128Expression => shiftRight(o.size, signed, o.n(), by)
const rounded = (o: Operands, by: I32Expression, signed: boolean): V128Expression => shiftRightRounding(o.k, o.size, signed, o.n(), by)

/** To the left; what does not come back when shifted to the right has saturated. */
function leftSaturating(o: Operands, by: I32Expression, signed: boolean): Saturated {
  const ops = lanes(o.size)
  const shifted = o.k(ops.shl(o.n(), by))
  const lost = o.k(ops.ne((signed ? ops.shrS : ops.shrU)(shifted, by), o.n()))
  const limit = signed ? v128.xor(negative(o.size, o.n()), largest(o.size)) : ONES
  return { value: v128.bitSelect(limit, shifted, lost), saturated: lost }
}
/** SQSHLU: a negative number saturates to zero, whatever the amount. */
function leftToUnsigned(o: Operands, by: I32Expression): Saturated {
  const below = o.k(negative(o.size, o.n()))
  const { value, saturated } = leftSaturating(o, by, false)
  return { value: v128.andNot(value, below), saturated: v128.or(saturated, below) }
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  SSHR: (o, by) => right(o, by, true),
  USHR: (o, by) => right(o, by, false),
  SRSHR: (o, by) => rounded(o, by, true),
  URSHR: (o, by) => rounded(o, by, false),
  SSRA: (o, by) => lanes(o.size).add(o.d(), right(o, by, true)),
  USRA: (o, by) => lanes(o.size).add(o.d(), right(o, by, false)),
  SRSRA: (o, by) => lanes(o.size).add(o.d(), rounded(o, by, true)),
  URSRA: (o, by) => lanes(o.size).add(o.d(), rounded(o, by, false)),
  SHL: (o, by) => lanes(o.size).shl(o.n(), by),
  // The mask is what ones become when shifted likewise.
  SLI: (o, by) => v128.bitSelect(lanes(o.size).shl(o.n(), by), o.d(), lanes(o.size).shl(ONES, by)),
  SRI: (o, by) => v128.bitSelect(right(o, by, false), o.d(), shiftRight(o.size, false, every(o.size, -1n), by)),
  SQSHL: (o, by) => leftSaturating(o, by, true),
  UQSHL: (o, by) => leftSaturating(o, by, false),
  SQSHLU: leftToUnsigned,
}

/** Name, whether the wide lanes are shifted as signed numbers, rounded, and what saturates. */
const NARROWING: readonly (readonly [name: string, signed: boolean, rounding: boolean, how?: Saturation])[] = [
  ['SHRN', false, false],
  ['RSHRN', false, true],
  ['SQSHRN', true, false, 'signed'],
  ['SQRSHRN', true, true, 'signed'],
  ['UQSHRN', false, false, 'unsigned'],
  ['UQRSHRN', false, true, 'unsigned'],
  ['SQSHRUN', true, false, 'signedToUnsigned'],
  ['SQRSHRUN', true, true, 'signedToUnsigned'],
]

export function defineShifts(define: Define): void {
  for (const [name, meaning] of Object.entries(MEANINGS))
    for (const size of SIZES)
      define(`${name}_i${size}`, e => {
        e.requireFp()
        const result = meaning(operands(e, size), e.aux())
        if ('saturated' in result) writeSaturated(e, result)
        else write(e, result)
      })
  for (const size of [0, 1, 2] as const)
    for (const high of [false, true]) {
      const suffix = `${size}_${high ? 'high' : 'low'}`
      for (const [name, signed, rounding, how] of NARROWING)
        define(`${name}_i${suffix}`, e => {
          e.requireFp()
          const o = operands(e, (size + 1) as Size)
          const shifted = o.k(rounding ? rounded(o, e.aux(), signed) : right(o, e.aux(), signed))
          if (how) writeHalfSaturated(e, high, narrowSaturating(o.k, size, how, shifted))
          else writeHalf(e, high, truncate(size, shifted))
        })
      for (const signed of [false, true])
        define(`${signed ? 'S' : 'U'}SHLL_i${suffix}`, e => {
          e.requireFp()
          write(e, lanes((size + 1) as Size).shl(widen(size, high, signed, e.v('n')), e.aux()))
        })
    }
}

const LEFT = /^(SHL|SLI|SQSHL|UQSHL|SQSHLU|[SU]SHLL)$/
/** immh:immb, field l: its highest set bit is the size, the rest the amount, counted from there or down from twice the width. */
function shift(name: string, l: number): { readonly base: string; readonly size: Size; readonly aux: number } {
  const base = baseName(name)
  const size = (31 - Math.clz32(l >> 3)) as Size
  return { base, size, aux: LEFT.test(base) ? l - (8 << size) : (16 << size) - l - 1 }
}

export const lowerVectorShift: Lower = (f, { name }) => {
  const { base, size, aux } = shift(name, f.l)
  return { op: `${base}_i${size}`, d: f.d, n: f.n, aux, ...half(f.q) }
}
export const lowerScalarShift: Lower = (f, { name }) => {
  const { base, size, aux } = shift(name, f.l)
  return { op: `${base}_i${size}`, d: f.d, n: f.n, aux, ...lowest(size) }
}
const halves = (name: string, l: number, d: number, n: number, q: number, part: Part): Lowered => {
  const { base, size, aux } = shift(name, l)
  return { op: `${base}_i${size}_${q === 1 ? 'high' : 'low'}`, d, n, aux, ...part }
}
export const lowerVectorShiftNarrow: Lower = (f, { name }) => halves(name, f.l, f.d, f.n, f.q, LOW_HALF)
export const lowerVectorShiftLong: Lower = (f, { name }) => halves(name, f.l, f.d, f.n, f.q, ALL)
export const lowerScalarShiftNarrow: Lower = (f, { name }) => halves(name, f.l, f.d, f.n, 0, lowest(shift(name, f.l).size))
