// Owns arithmetic on all lanes of a vector that WebAssembly does not have, or not for every width. Knows no instruction and no register.
// Sizes are base-2 logarithms of a lane's bytes. Values that are used more than once go through `k` (Emit.keep).

import type { Expression } from '../../wasm/expression.ts'
import { constant32, type I32Expression, type V128Expression, type ValueType } from '../../wasm/expression.ts'
import { constant128, extend128, extendMultiply, i8x16, type LaneOps, lanesOf, repeated64, shuffle, v128 } from '../../wasm/vector.ts'

export type Size = 0 | 1 | 2 | 3
export const SIZES = [0, 1, 2, 3] as const
export type Keep = <T extends ValueType>(value: Expression<T>) => Expression<T>
type Binary = (a: V128Expression, b: V128Expression) => V128Expression

export const lanes = (size: Size): LaneOps => lanesOf((1 << size) as 1)
export const bitsOf = (size: Size): number => 8 << size

/** The same number in every lane. */
export function every(size: Size, value: bigint): V128Expression {
  const bits = bitsOf(size)
  let pattern = 0n
  for (let at = 0; at < 64; at += bits) pattern |= BigInt.asUintN(bits, value) << BigInt(at)
  return repeated64(pattern)
}
export const ONES: V128Expression = repeated64(-1n)
export const smallest = (size: Size): V128Expression => every(size, 1n << BigInt(bitsOf(size) - 1))
export const largest = (size: Size): V128Expression => every(size, (1n << BigInt(bitsOf(size) - 1)) - 1n)

/** Ones where the lane is negative. */
export const negative = (size: Size, a: V128Expression): V128Expression => lanes(size).shrS(a, constant32(bitsOf(size) - 1))

export function greaterUnsigned(size: Size, a: V128Expression, b: V128Expression): V128Expression {
  const { gtS, gtU } = lanes(size)
  return gtU ? gtU(a, b) : gtS(v128.xor(a, smallest(size)), v128.xor(b, smallest(size)))
}
export function notLessUnsigned(size: Size, a: V128Expression, b: V128Expression): V128Expression {
  const { geS, geU } = lanes(size)
  return geU ? geU(a, b) : geS(v128.xor(a, smallest(size)), v128.xor(b, smallest(size)))
}

/** Products modulo the lane width. 64-bit lanes have no instruction, 8-bit ones come from 16-bit products. */
export function multiply(k: Keep, size: Size, a: V128Expression, b: V128Expression): V128Expression {
  const { mul } = lanes(size)
  if (mul) return mul(a, b)
  const [left, right] = [k(a), k(b)]
  return unzip(0, 0, extendMultiply(1, false, false, left, right), extendMultiply(1, true, false, left, right))
}

/** The value, and ones (or at least not zero) in the lanes that saturated. */
export interface Saturated {
  readonly value: V128Expression
  readonly saturated: V128Expression
}

/** Where `overflow` is all ones: the largest value for a left operand that is not negative, else the smallest. */
function clamped(k: Keep, size: Size, value: V128Expression, overflow: V128Expression, left: V128Expression): Saturated {
  const mask = k(overflow)
  return { value: v128.bitSelect(v128.xor(negative(size, left), largest(size)), value, mask), saturated: mask }
}

export function addSaturating(k: Keep, size: Size, signed: boolean, first: V128Expression, second: V128Expression): Saturated {
  const ops = lanes(size)
  const [a, b] = [k(first), k(second)]
  const sum = k(ops.add(a, b))
  const native = signed ? ops.addSatS : ops.addSatU
  if (native) {
    const value = k(native(a, b))
    return { value, saturated: v128.xor(value, sum) }
  }
  if (signed) return clamped(k, size, sum, negative(size, v128.and(v128.xor(sum, a), v128.xor(sum, b))), a)
  const carry = k(greaterUnsigned(size, a, sum))
  return { value: v128.or(sum, carry), saturated: carry }
}

export function subtractSaturating(k: Keep, size: Size, signed: boolean, first: V128Expression, second: V128Expression): Saturated {
  const ops = lanes(size)
  const [a, b] = [k(first), k(second)]
  const difference = k(ops.sub(a, b))
  const native = signed ? ops.subSatS : ops.subSatU
  if (native) {
    const value = k(native(a, b))
    return { value, saturated: v128.xor(value, difference) }
  }
  if (signed) return clamped(k, size, difference, negative(size, v128.and(v128.xor(a, b), v128.xor(a, difference))), a)
  const borrow = k(greaterUnsigned(size, b, a))
  return { value: v128.andNot(difference, borrow), saturated: borrow }
}

/** -a, or |a|, where the smallest number has no opposite. */
export function negateSaturating(k: Keep, size: Size, a: V128Expression, value: V128Expression): Saturated {
  const minimum = k(lanes(size).eq(a, smallest(size)))
  return { value: v128.xor(value, minimum), saturated: minimum } // the wrapped value is the smallest: its complement is the largest
}

/** Doubled products of the low or high half of the lanes, saturated in lanes of twice the width. */
export function doubleMultiplyLong(k: Keep, size: 1 | 2, high: boolean, a: V128Expression, b: V128Expression): Saturated {
  const wide = (size + 1) as Size
  const product = k(extendMultiply((1 << size) as 2, high, true, a, b))
  // Only the square of the smallest number overflows when doubled, to the smallest of the wide ones.
  const doubled = k(lanes(wide).shl(product, constant32(1)))
  return negateSaturating(k, wide, doubled, doubled)
}

/** The high halves of doubled products, rounded or not. */
export function doubleMultiplyHigh(k: Keep, size: 1 | 2, rounding: boolean, first: V128Expression, second: V128Expression): Saturated {
  const [a, b] = [k(first), k(second)]
  const wide = (size + 1) as Size
  const ops = lanes(wide)
  const half = every(wide, 1n << BigInt(bitsOf(size) - 2))
  const part = (high: boolean): V128Expression => {
    const product = extendMultiply((1 << size) as 2, high, true, a, b)
    return ops.shl(rounding ? ops.add(product, half) : product, constant32(1))
  }
  const value = k(unzip(size, 1, part(false), part(true)))
  const minimum = smallest(size)
  const both = k(v128.and(lanes(size).eq(a, minimum), lanes(size).eq(b, minimum)))
  return { value: v128.xor(value, both), saturated: both }
}

/** Shift by a number of 0 to `bits`, given as itself less one where it is at least one: WebAssembly takes amounts modulo the width. */
export const shiftRight = (size: Size, signed: boolean, a: V128Expression, lessOne: I32Expression): V128Expression => {
  const shift = signed ? lanes(size).shrS : lanes(size).shrU
  return shift(shift(a, lessOne), constant32(1))
}
/** The same, rounded: half of the last place is added before, without overflow. */
export function shiftRightRounding(k: Keep, size: Size, signed: boolean, a: V128Expression, lessOne: I32Expression): V128Expression {
  const { add, shrS, shrU } = lanes(size)
  const shift = signed ? shrS : shrU
  const almost = k(shift(a, lessOne))
  return add(shift(almost, constant32(1)), v128.and(almost, every(size, 1n)))
}

/** Every second lane of b:a, from the even (0) or odd (1) ones. */
export function unzip(size: Size, which: 0 | 1, a: V128Expression, b: V128Expression): V128Expression {
  return shuffle(
    a,
    b,
    laneBytes(size, 16 >> size, i => 2 * i + which),
  )
}

/** Byte numbers for shuffle(): lane i of `count` lanes comes from lane `from(i)` of both operands together; the rest is lane 0. */
export function laneBytes(size: Size, count: number, from: (lane: number) => number): readonly number[] {
  const bytes = 1 << size
  return Array.from({ length: 16 }, (_, i) => {
    const lane = i >> size
    return lane < count ? from(lane) * bytes + (i & (bytes - 1)) : i & (bytes - 1)
  })
}

/** Lanes of twice the width, from the low or high half. */
export const widen = (size: 0 | 1 | 2, high: boolean, signed: boolean, a: V128Expression): V128Expression => extend128((1 << size) as 1, high, signed, a)

/** Carry-less products of bytes, the low 8 bits of each; or, in 16-bit lanes, all of the products of their low bytes. */
export function polynomialMultiply(k: Keep, size: 0 | 1, a: V128Expression, b: V128Expression): V128Expression {
  const ops = lanes(size)
  const [left, right] = [k(a), k(b)]
  const terms = Array.from({ length: 8 }, (_, bit) =>
    v128.and(ops.shl(left, constant32(bit)), negative(size, ops.shl(right, constant32(bitsOf(size) - 1 - bit)))),
  )
  return terms.reduce((sum, term) => k(v128.xor(sum, term)))
}

/** Number of leading zeros in each lane. */
export function countLeadingZeros(k: Keep, size: Size, a: V128Expression): V128Expression {
  let smeared = k(a)
  for (let by = 1; by < bitsOf(size); by *= 2) smeared = k(v128.or(smeared, lanes(size).shrU(smeared, constant32(by))))
  return countOnes(k, size, v128.not(smeared))
}

/** Ones in each lane. */
export function countOnes(k: Keep, size: Size, a: V128Expression): V128Expression {
  let counts = i8x16.popcount(a)
  for (let narrow = 0; narrow < size; narrow++) {
    const wide = lanes((narrow + 1) as Size)
    const kept = k(counts)
    const bits = constant32(8 << narrow)
    counts = wide.add(wide.shrU(kept, bits), wide.shrU(wide.shl(kept, bits), bits))
  }
  return counts
}

/** Sums of neighbouring lanes, of twice the width. */
export function addPairsLong(k: Keep, size: 0 | 1 | 2, signed: boolean, a: V128Expression): V128Expression {
  const ops = lanes((size + 1) as Size)
  const shift = signed ? ops.shrS : ops.shrU
  const bits = constant32(bitsOf(size))
  const kept = k(a)
  return ops.add(shift(kept, bits), shift(ops.shl(kept, bits), bits))
}

const NIBBLE_REVERSED = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]
/** The bits of every byte in opposite order. */
export function reverseBits(k: Keep, a: V128Expression): V128Expression {
  const kept = k(a)
  const low = v128.and(kept, every(0, 15n))
  const high = i8x16.shrU(kept, constant32(4))
  return v128.or(i8x16.swizzle(constant128(NIBBLE_REVERSED.map(nibble => nibble << 4)), low), i8x16.swizzle(constant128(NIBBLE_REVERSED), high))
}

/** All lanes combined by `op`, in lane 0 of the result. `count` lanes are there. */
export function fold(k: Keep, size: Size, count: number, a: V128Expression, op: Binary): V128Expression {
  let rest = k(a)
  for (let half = count >> 1; half > 0; half >>= 1)
    rest = k(
      op(
        rest,
        shuffle(
          rest,
          rest,
          laneBytes(size, half, i => i + half),
        ),
      ),
    )
  return rest
}
