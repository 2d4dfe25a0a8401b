// Owns operations between lanes of the same width, on vectors and scalars: two registers, three registers, three with the last by element. Arm ARM C7.2.

import type { V128Expression } from '../../wasm/expression.ts'
import { constant32, wrap } from '../../wasm/expression.ts'
import { splat, v128, ZERO_128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'
import {
  addPairsLong,
  addSaturating,
  countLeadingZeros,
  doubleMultiplyHigh,
  greaterUnsigned,
  type Keep,
  lanes,
  multiply,
  negateSaturating,
  negative,
  notLessUnsigned,
  type Saturated,
  SIZES,
  type Size,
  smallest,
  subtractSaturating,
} from './lanes.ts'
import { half, lowest, write, writeSaturated } from './part.ts'
import { shiftByLane } from './shift-by-lane.ts'

/** Operands of one instruction, read when first used. */
export interface Operands {
  readonly e: Emit
  readonly k: Keep
  readonly size: Size
  n(): V128Expression
  m(): V128Expression
  d(): V128Expression
}

export function operands(e: Emit, size: Size, m: (e: Emit) => V128Expression = () => e.v('m')): Operands {
  const k: Keep = value => e.keep(value)
  const read = (value: () => V128Expression) => {
    let kept: V128Expression | undefined
    return () => (kept ??= k(value()))
  }
  return { e, k, size, n: read(() => e.v('n')), m: read(() => m(e)), d: read(() => e.v('d')) }
}

type Meaning = (o: Operands) => V128Expression | Saturated
const isSaturated = (result: V128Expression | Saturated): result is Saturated => 'saturated' in result

const difference = (o: Operands, signed: boolean): V128Expression => {
  const { maxS, maxU, minS, minU, sub } = lanes(o.size)
  return signed ? sub(maxS!(o.n(), o.m()), minS!(o.n(), o.m())) : sub(maxU!(o.n(), o.m()), minU!(o.n(), o.m()))
}
/** (n + m) / 2 or (n - m) / 2 without losing the carry: what both have, and half of what one has. */
const halving = (o: Operands, signed: boolean, how: 'add' | 'round' | 'sub'): V128Expression => {
  const ops = lanes(o.size)
  const [n, m] = [o.n(), o.m()]
  const one = (signed ? ops.shrS : ops.shrU)(v128.xor(n, m), constant32(1))
  if (how === 'add') return ops.add(v128.and(n, m), one)
  return how === 'round' ? ops.sub(v128.or(n, m), one) : ops.sub(one, v128.andNot(m, n))
}
const byLane = (o: Operands, signed: boolean, rounding: boolean): V128Expression =>
  shiftByLane(o.e, o.size, { signed, rounding, saturating: false }, o.n(), o.m()).value
const byLaneSaturating = (o: Operands, signed: boolean, rounding: boolean): Saturated =>
  shiftByLane(o.e, o.size, { signed, rounding, saturating: true }, o.n(), o.m())

/** To be accumulated into the destination, added. */
const accumulated = (o: Operands, value: V128Expression): V128Expression => lanes(o.size).add(o.d(), value)

const up = (size: Size): 0 | 1 | 2 => size as 0 | 1 | 2
const pairSums = (o: Operands, signed: boolean): V128Expression => addPairsLong(o.k, up(o.size), signed, o.n())
const wider = (size: Size): Size => (size + 1) as Size

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ADD: o => lanes(o.size).add(o.n(), o.m()),
  SUB: o => lanes(o.size).sub(o.n(), o.m()),
  SHADD: o => halving(o, true, 'add'),
  UHADD: o => halving(o, false, 'add'),
  SRHADD: o => halving(o, true, 'round'),
  URHADD: o => halving(o, false, 'round'),
  SHSUB: o => halving(o, true, 'sub'),
  UHSUB: o => halving(o, false, 'sub'),
  SQADD: o => addSaturating(o.k, o.size, true, o.n(), o.m()),
  UQADD: o => addSaturating(o.k, o.size, false, o.n(), o.m()),
  SQSUB: o => subtractSaturating(o.k, o.size, true, o.n(), o.m()),
  UQSUB: o => subtractSaturating(o.k, o.size, false, o.n(), o.m()),
  CMGT: o => lanes(o.size).gtS(o.n(), o.m()),
  CMGE: o => lanes(o.size).geS(o.n(), o.m()),
  CMHI: o => greaterUnsigned(o.size, o.n(), o.m()),
  CMHS: o => notLessUnsigned(o.size, o.n(), o.m()),
  CMEQ: o => lanes(o.size).eq(o.n(), o.m()),
  CMTST: o => lanes(o.size).ne(v128.and(o.n(), o.m()), ZERO_128),
  SSHL: o => byLane(o, true, false),
  USHL: o => byLane(o, false, false),
  SRSHL: o => byLane(o, true, true),
  URSHL: o => byLane(o, false, true),
  SQSHL: o => byLaneSaturating(o, true, false),
  UQSHL: o => byLaneSaturating(o, false, false),
  SQRSHL: o => byLaneSaturating(o, true, true),
  UQRSHL: o => byLaneSaturating(o, false, true),
  // two registers
  CMGT_zero: o => lanes(o.size).gtS(o.n(), ZERO_128),
  CMGE_zero: o => lanes(o.size).geS(o.n(), ZERO_128),
  CMEQ_zero: o => lanes(o.size).eq(o.n(), ZERO_128),
  CMLE_zero: o => lanes(o.size).geS(ZERO_128, o.n()),
  CMLT_zero: o => negative(o.size, o.n()),
  ABS: o => lanes(o.size).abs(o.n()),
  NEG: o => lanes(o.size).neg(o.n()),
  SQABS: o => negateSaturating(o.k, o.size, o.n(), lanes(o.size).abs(o.n())),
  SQNEG: o => negateSaturating(o.k, o.size, o.n(), lanes(o.size).neg(o.n())),
  // A signed accumulator is an unsigned one counted from the smallest number, and the other way round.
  SUQADD: o => fromSmallest(o, false),
  USQADD: o => fromSmallest(o, true),
}
/** Not of 64-bit elements. */
const TO_32: Readonly<Record<string, Meaning>> = {
  SMAX: o => lanes(o.size).maxS!(o.n(), o.m()),
  UMAX: o => lanes(o.size).maxU!(o.n(), o.m()),
  SMIN: o => lanes(o.size).minS!(o.n(), o.m()),
  UMIN: o => lanes(o.size).minU!(o.n(), o.m()),
  SABD: o => difference(o, true),
  UABD: o => difference(o, false),
  SABA: o => accumulated(o, difference(o, true)),
  UABA: o => accumulated(o, difference(o, false)),
  MUL: o => multiply(o.k, o.size, o.n(), o.m()),
  MLA: o => accumulated(o, multiply(o.k, o.size, o.n(), o.m())),
  MLS: o => lanes(o.size).sub(o.d(), multiply(o.k, o.size, o.n(), o.m())),
  CLZ: o => countLeadingZeros(o.k, o.size, o.n()),
  CLS: o => lanes(o.size).add(countLeadingZeros(o.k, o.size, v128.xor(o.n(), negative(o.size, o.n()))), ALL_ONES),
  SADDLP: o => pairSums(o, true),
  UADDLP: o => pairSums(o, false),
  SADALP: o => lanes(wider(o.size)).add(o.d(), pairSums(o, true)),
  UADALP: o => lanes(wider(o.size)).add(o.d(), pairSums(o, false)),
}
const H_S: Readonly<Record<string, Meaning>> = {
  SQDMULH: o => doubleMultiplyHigh(o.k, o.size as 1 | 2, false, o.n(), o.m()),
  SQRDMULH: o => doubleMultiplyHigh(o.k, o.size as 1 | 2, true, o.n(), o.m()),
}
/** In 64-bit lanes nothing halves or counts. */
const ONLY_TO_32 = new Set(['SHADD', 'UHADD', 'SRHADD', 'URHADD', 'SHSUB', 'UHSUB'])
const BY_ELEMENT = ['MUL', 'MLA', 'MLS', 'SQDMULH', 'SQRDMULH']

const ALL_ONES = v128.not(ZERO_128)

function fromSmallest(o: Operands, signed: boolean): Saturated {
  const { value, saturated } = addSaturating(o.k, o.size, signed, v128.xor(o.d(), smallest(o.size)), o.n())
  return { value: v128.xor(value, smallest(o.size)), saturated }
}

function finish(e: Emit, result: V128Expression | Saturated): void {
  if (isSaturated(result)) writeSaturated(e, result)
  else write(e, result)
}

export function defineSame(define: Define): void {
  const add = (name: string, meaning: Meaning, sizes: readonly Size[]): void => {
    for (const size of sizes)
      define(`${name}_v${size}`, e => {
        e.requireFp()
        finish(e, meaning(operands(e, size)))
      })
  }
  for (const [name, meaning] of Object.entries(MEANINGS)) add(name, meaning, ONLY_TO_32.has(name) ? [0, 1, 2] : SIZES)
  for (const [name, meaning] of Object.entries(TO_32)) add(name, meaning, [0, 1, 2])
  for (const [name, meaning] of Object.entries(H_S)) add(name, meaning, [1, 2])
  for (const name of BY_ELEMENT)
    for (const size of [1, 2] as const)
      define(`${name}_e${size}`, e => {
        e.requireFp()
        finish(e, (TO_32[name] ?? H_S[name])!(operands(e, size, () => elementEverywhere(e, size))))
      })
}

/** The element of register m that aux numbers, in every lane. */
export const elementEverywhere = (e: Emit, size: 1 | 2): V128Expression => splat((1 << size) as 2, wrap(e.element('m', (1 << size) as 2, e.aux())))

/** `SQADD` of `SQADD_v`. */
export const baseName = (name: string): string => name.replace(/_[a-z]+[HS]?$/, '')

export const lowerVectorSame: Lower = (f, { name }) => ({ op: `${baseName(name)}_v${f.x}`, d: f.d, n: f.n, m: f.m, ...half(f.q) })
export const lowerScalarSame: Lower = (f, { name }, word) => {
  const size = (word >>> 22) & 3
  return { op: `${baseName(name)}_v${size}`, d: f.d, n: f.n, m: f.m, ...lowest(size) }
}

/** Register and index of an instruction by element: H:L:M of 16-bit ones, whose register has four bits, H:L of 32-bit ones. */
export const elementOperand = (f: Parameters<Lower>[0], size: number): { readonly m: number; readonly aux: number } =>
  size === 1 ? { m: f.m & 15, aux: (f.h << 2) | (f.l << 1) | (f.m >> 4) } : { m: f.m, aux: (f.h << 1) | f.l }
const elementSize = (word: number): 1 | 2 => ((word >>> 22) & 3) as 1 | 2

export const lowerVectorElement: Lower = (f, { name }, word) => {
  const size = elementSize(word)
  return { op: `${baseName(name)}_e${size}`, d: f.d, n: f.n, ...elementOperand(f, size), ...half(f.q) }
}
export const lowerScalarElement: Lower = (f, { name }, word) => {
  const size = elementSize(word)
  return { op: `${baseName(name)}_e${size}`, d: f.d, n: f.n, ...elementOperand(f, size), ...lowest(size) }
}
