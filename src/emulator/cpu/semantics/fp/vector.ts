// Owns the floating-point instructions on vectors, and on scalars in the encodings of vectors: the lanes of LANES in every arrangement, pairs, by element, across,
// narrowing and widening. Arm ARM C7.2. An instruction reads all its lanes before it writes: the destination may be a source.
import { constant32, type I32Expression, type I64Expression, i64 } from '../../wasm/expression.ts'
import { replaceLane64, splat64 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'
import { convert, fromFixed, toFixed } from './convert.ts'
import { DOUBLE, type Format, HALF, ROUNDING, SINGLE } from './format.ts'
import { currentMode, LANES, type LaneOperands, widened } from './lanes.ts'
import { c64 } from './parts.ts'
import { defineElement, formatOf } from './scalar.ts'

/** Elements of one format in 64 or 128 bits: 2S, 4S, 2D, 4H, 8H. */
interface Arrangement {
  readonly name: string
  readonly format: Format
  readonly lanes: number
}
const arrangement = (format: Format, lanes: number): Arrangement => ({ name: `${lanes}${format.name}`, format, lanes })
const arrangements = (formats: readonly Format[]): readonly Arrangement[] =>
  formats.flatMap(format => (format === DOUBLE ? [arrangement(format, 2)] : [arrangement(format, 8 / format.bytes), arrangement(format, 16 / format.bytes)]))
const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

/** Writes these elements, zero-extended each, and zero above them. */
function setLanes(e: Emit, format: Format, lanes: readonly I64Expression[]): void {
  const perHalf = 8 / format.bytes
  const half = (from: number): I64Expression =>
    e.keep(
      lanes
        .slice(from, from + perHalf)
        .map((lane, i) => i64.shl(lane, c64(i * format.bits)))
        .reduce((a, b) => i64.or(a, b)),
    )
  const low = half(0)
  if (lanes.length <= perHalf) e.setScalar('d', low)
  else e.setV('d', replaceLane64(splat64(low), 1, half(perHalf)))
}

const operandsAt = (e: Emit, { bytes }: Format, index: number): LaneOperands => ({
  n: e.element('n', bytes, index),
  m: e.element('m', bytes, index),
  a: c64(0),
  d: e.element('d', bytes, index),
})

/** Mnemonics of two and of three registers, with a form for one element where the second list has them. */
const VECTOR = [
  ...['FADD', 'FSUB', 'FMUL', 'FMULX', 'FDIV', 'FMLA', 'FMLS', 'FABD', 'FMAX', 'FMIN', 'FMAXNM', 'FMINNM', 'FCMEQ', 'FCMGE', 'FCMGT', 'FACGE', 'FACGT'],
  ...['FRECPS', 'FRSQRTS', 'FABS', 'FNEG', 'FSQRT', 'FCMEQ_zero', 'FCMGE_zero', 'FCMGT_zero', 'FCMLE_zero', 'FCMLT_zero', 'FRECPE', 'FRSQRTE'],
]
const CONVERTING = [
  ...['FRINTN', 'FRINTP', 'FRINTM', 'FRINTZ', 'FRINTA', 'FRINTX', 'FRINTI', 'SCVTF', 'UCVTF'],
  ...['FCVTNS', 'FCVTNU', 'FCVTPS', 'FCVTPU', 'FCVTMS', 'FCVTMU', 'FCVTZS', 'FCVTZU', 'FCVTAS', 'FCVTAU'],
]
/** FMUL stands here for its form by element; FADD and the others of two operands have a place among scalars. */
const ELEMENT = [
  ...['FMULX', 'FABD', 'FCMEQ', 'FCMGE', 'FCMGT', 'FACGE', 'FACGT', 'FRECPS', 'FRSQRTS'],
  ...['FCMEQ_zero', 'FCMGE_zero', 'FCMGT_zero', 'FCMLE_zero', 'FCMLT_zero', 'FRECPE', 'FRSQRTE', 'FRECPX', 'SCVTF', 'UCVTF'],
  ...['FCVTNS', 'FCVTNU', 'FCVTPS', 'FCVTPU', 'FCVTMS', 'FCVTMU', 'FCVTZS', 'FCVTZU', 'FCVTAS', 'FCVTAU'],
]
const BY_ELEMENT = ['FMUL', 'FMULX', 'FMLA', 'FMLS']
const PAIRWISE = ['FADD', 'FMAX', 'FMIN', 'FMAXNM', 'FMINNM']
const ACROSS = ['FMAX', 'FMIN', 'FMAXNM', 'FMINNM']

function defineLanes(define: Define, names: readonly string[], formats: readonly Format[]): void {
  for (const { name, format, lanes } of arrangements(formats)) {
    for (const mnemonic of names) {
      define(`${mnemonic}_${name}`, e => {
        e.requireFp()
        const results = numbers(lanes).map(i => e.keep(LANES[mnemonic]!(e, format, operandsAt(e, format, i))))
        setLanes(e, format, results)
      })
    }
  }
}

export function defineVector(define: Define, formats: readonly Format[]): void {
  defineLanes(define, VECTOR, formats)
  for (const { name, format, lanes } of arrangements(formats)) {
    for (const mnemonic of PAIRWISE) {
      define(`${mnemonic}P_${name}`, e => {
        e.requireFp()
        // The elements of n, then those of m, in pairs.
        const at = (i: number): I64Expression => e.element(i < lanes ? 'n' : 'm', format.bytes, i % lanes)
        setLanes(
          e,
          format,
          numbers(lanes).map(i => e.keep(lane(e, mnemonic, format, at(2 * i), at(2 * i + 1)))),
        )
      })
    }
    for (const mnemonic of BY_ELEMENT) {
      define(`${mnemonic}_${name}_element`, e => {
        e.requireFp()
        const m = e.keep(e.element('m', format.bytes, e.aux()))
        const results = numbers(lanes).map(i => e.keep(LANES[mnemonic]!(e, format, { ...operandsAt(e, format, i), m })))
        setLanes(e, format, results)
      })
    }
  }
}

const lane = (e: Emit, mnemonic: string, format: Format, n: I64Expression, m: I64Expression): I64Expression =>
  LANES[mnemonic]!(e, format, { n, m, a: c64(0), d: c64(0) })

/** One element; pairs of one register; all elements of one register, by halves. */
export function defineElements(define: Define, formats: readonly Format[]): void {
  for (const format of formats) {
    for (const mnemonic of ELEMENT) defineElement(define, mnemonic, format)
    for (const mnemonic of BY_ELEMENT) {
      define(`${mnemonic}_${format.name}_element`, e => {
        e.requireFp()
        const m = e.element('m', format.bytes, e.aux())
        e.setScalar('d', e.keep(LANES[mnemonic]!(e, format, { ...operandsAt(e, format, 0), m })))
      })
    }
    for (const mnemonic of PAIRWISE) {
      define(`${mnemonic}P_${format.name}`, e => {
        e.requireFp()
        e.setScalar('d', e.keep(lane(e, mnemonic, format, e.element('n', format.bytes, 0), e.element('n', format.bytes, 1))))
      })
    }
  }
  for (const { name, format, lanes } of arrangements(formats).filter(each => each.lanes > 2)) {
    for (const mnemonic of ACROSS) {
      define(`${mnemonic}V_${name}`, e => {
        e.requireFp()
        let values: readonly I64Expression[] = numbers(lanes).map(i => e.keep(e.element('n', format.bytes, i)))
        // Reduce() of the manual takes each half first, which is the same tree as neighbours from below.
        while (values.length > 1) {
          const current = values
          values = numbers(current.length / 2).map(i => e.keep(lane(e, mnemonic, format, current[2 * i]!, current[2 * i + 1]!)))
        }
        e.setScalar('d', values[0]!)
      })
    }
  }
}

/** aux: fraction bits. */
function defineFixed(define: Define, name: string, format: Format, lanes: number): void {
  for (const unsigned of [false, true]) {
    const letter = unsigned ? 'U' : 'S'
    const all = (e: Emit, of: (n: I64Expression, fractionBits: I32Expression) => I64Expression): void => {
      e.requireFp()
      setLanes(
        e,
        format,
        numbers(lanes).map(i => e.keep(of(e.element('n', format.bytes, i), e.aux()))),
      )
    }
    define(`FCVTZ${letter}_${name}_fixed`, e =>
      all(e, (n, fractionBits) => e.call(toFixed(format, format.bits, unsigned), [n, fractionBits, constant32(ROUNDING.zero)])),
    )
    define(`${letter}CVTF_${name}_fixed`, e =>
      all(e, (n, fractionBits) => e.call(fromFixed(format, unsigned), [unsigned ? n : widened(format.bytes, n), fractionBits])),
    )
  }
}

export function defineConversions(define: Define, formats: readonly Format[]): void {
  defineLanes(define, CONVERTING, formats)
  for (const { name, format, lanes } of arrangements(formats)) defineFixed(define, name, format, lanes)
  for (const format of formats) defineFixed(define, format.name, format, 1)
}

/** Between elements of one format and of the next larger one, in the low or the high half of the narrower register; and estimates of integers. */
export function defineWidths(define: Define): void {
  for (const [narrow, wide] of [
    [HALF, SINGLE],
    [SINGLE, DOUBLE],
  ] as const) {
    const lanes = 16 / wide.bytes
    for (const high of [false, true]) {
      define(`FCVTL_${narrow.name}${high ? '_high' : ''}`, e => {
        e.requireFp()
        const at = (i: number) => e.element('n', narrow.bytes, high ? i + lanes : i)
        setLanes(
          e,
          wide,
          numbers(lanes).map(i => e.keep(e.call(convert(narrow, wide), [at(i), currentMode(e)]))),
        )
      })
      for (const odd of wide === DOUBLE ? [false, true] : [false]) {
        define(`FCVT${odd ? 'X' : ''}N_${narrow.name}${high ? '_high' : ''}`, e => {
          e.requireFp()
          const mode = odd ? constant32(ROUNDING.odd) : currentMode(e)
          const results = numbers(lanes).map(i => e.keep(e.call(convert(wide, narrow), [e.element('n', wide.bytes, i), mode])))
          if (high) setLanes(e, narrow, [...numbers(lanes).map(i => e.element('d', narrow.bytes, i)), ...results])
          else setLanes(e, narrow, results)
        })
      }
    }
  }
  define('FCVTXN_element', e => {
    e.requireFp()
    e.setScalar('d', e.keep(e.call(convert(DOUBLE, SINGLE), [e.element('n', 8, 0), constant32(ROUNDING.odd)])))
  })
  defineLanes(define, ['URECPE', 'URSQRTE'], [SINGLE])
}

/** Names: mnemonic, perhaps _zero, then _v or _e, perhaps _H. */
export const lowerVector: Lower = (f, { name }) => {
  const format = formatOf(name, f.x)
  const operands = { d: f.d, n: f.n, m: f.m }
  const bare = name.replace(/_H$/, '')
  const mnemonic = bare.slice(0, -2)
  if (bare.endsWith('_e')) return { op: `${mnemonic}_${format.name}`, ...operands }
  return { op: `${mnemonic}_${lanesOf(format, f.q)}`, ...operands }
}
const lanesOf = (format: Format, q: number): string => `${(q === 1 ? 16 : 8) / format.bytes}${format.name}`

/** Names: mnemonic, then _v (with _H) or the format of a scalar. */
export const lowerPairwise: Lower = (f, { name }) => {
  const [mnemonic = '', form = ''] = name.split('_')
  const operands = { d: f.d, n: f.n, m: f.m }
  if (form === 'v') return { op: `${mnemonic}_${lanesOf(formatOf(name, f.x), f.q)}`, ...operands }
  return { op: `${mnemonic}_${form}`, ...operands }
}

export const lowerAcross: Lower = (f, { name }) => {
  const half = name.endsWith('_H')
  return { op: `${name.split('_')[0]}_${half ? lanesOf(HALF, f.q) : '4S'}`, d: f.d, n: f.n }
}

const BY_LETTER: Readonly<Record<string, Format>> = { H: HALF, S: SINGLE, D: DOUBLE }

/** Names: mnemonic, _vi or _ei, format. The register is 4 bits long where the index takes the fifth. */
export const lowerElement: Lower = (f, { name }) => {
  const [mnemonic = '', form = '', letter = ''] = name.split('_')
  const format = BY_LETTER[letter]!
  const index = letter === 'H' ? (f.h << 2) | (f.l << 1) | (f.m >> 4) : letter === 'S' ? (f.h << 1) | f.l : f.h
  const shape = form === 'ei' ? letter : lanesOf(format, letter === 'D' ? 1 : f.q)
  return { op: `${mnemonic}_${shape}_element`, d: f.d, n: f.n, m: letter === 'H' ? f.m & 15 : f.m, aux: index }
}

export const lowerNarrow: Lower = (f, { name }) => {
  if (name === 'FCVTXN_e') return { op: 'FCVTXN_element', d: f.d, n: f.n }
  const narrow = name === 'FCVTXN' || f.x === 1 ? 'S' : 'H'
  return { op: `${name}_${narrow}${f.q === 1 ? '_high' : ''}`, d: f.d, n: f.n }
}

export const lowerWiden: Lower = (f, { name }) => ({ op: `${name}_${f.x === 1 ? 'S' : 'H'}${f.q === 1 ? '_high' : ''}`, d: f.d, n: f.n })

/** Names: mnemonic, _fixed, _v or _e, format. The field e is what the fraction bits fall short of the width. */
export const lowerVectorFixed: Lower = (f, { name }) => {
  const [mnemonic = '', , form = '', letter = ''] = name.split('_')
  const format = BY_LETTER[letter]!
  const shape = form === 'e' ? letter : lanesOf(format, letter === 'D' ? 1 : f.q)
  return { op: `${mnemonic}_${shape}_fixed`, d: f.d, n: f.n, aux: format.bits - f.e }
}
