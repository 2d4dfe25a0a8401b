// The estimates of reciprocals and reciprocal square roots against the manual's tables, computed as it says (RecipEstimate, RecipSqrtEstimate): every half-precision number,
// every entry at every exponent of the others, every entry of the unsigned ones.
import { expect, test } from 'vitest'
import { reciprocalEstimate, squareRootEstimate, unsignedEstimate } from '../../../../src/emulator/cpu/semantics/fp/estimate.ts'
import { DOUBLE, FORMATS, type Format, FPSR, HALF, SINGLE } from '../../../../src/emulator/cpu/semantics/fp/format.ts'
import { compileFunctions, withControl } from './functions.ts'
import type { Control } from './values.ts'

const functions = compileFunctions([
  ...FORMATS.flatMap(format => [reciprocalEstimate(format), squareRootEstimate(format)]),
  unsignedEstimate(false),
  unsignedEstimate(true),
])
const plain: Control = { mode: 0, flush: false, defaultNaN: false }

/** 256 <= a < 512 */
const recipEstimate = (a: number): number => (Math.floor(2 ** 19 / (a * 2 + 1)) + 1) >> 1
/** 128 <= a < 512 */
function recipSqrtEstimate(given: number): number {
  const a = given < 256 ? given * 2 + 1 : ((given >> 1) * 2 + 1) * 2
  let b = 512
  while (a * (b + 1) * (b + 1) < 2 ** 28) b++
  return (b + 1) >> 1
}

interface Parts {
  readonly exponent: number
  /** 52 bits, whatever the format. */
  readonly fraction: bigint
}
const ALL_52 = (1n << 52n) - 1n
const partsOf = (format: Format, bits: bigint): Parts => ({
  exponent: Number((bits & format.infinity) >> BigInt(format.fraction)),
  fraction: (bits & format.fractionMask) << BigInt(52 - format.fraction),
})
const packed = (format: Format, sign: bigint, exponent: number, fraction: bigint): bigint =>
  sign | (BigInt(exponent) << BigInt(format.fraction)) | (fraction >> BigInt(52 - format.fraction))

/** FPRecipEstimate of a number that is finite and not zero, rounding to nearest, without flushing. */
function reciprocal(format: Format, bits: bigint): { bits: bigint; flags: number } {
  let { exponent, fraction } = partsOf(format, bits)
  const sign = bits & format.sign
  const tiny = exponent === 0 && fraction >> 50n === 0n // below 2^-(bias + 1)
  if (tiny) return { bits: sign | format.infinity, flags: FPSR.overflow | FPSR.inexact }
  if (exponent === 0) {
    if (fraction >> 51n === 0n) {
      exponent = -1
      fraction = (fraction << 2n) & ALL_52
    } else fraction = (fraction << 1n) & ALL_52
  }
  const scaled = 256 + Number(fraction >> 44n)
  const resultExponent = 2 * format.bias - 1 - exponent
  const estimate = BigInt(recipEstimate(scaled) & 255) << 44n
  if (resultExponent === 0) return { bits: packed(format, sign, 0, (1n << 51n) | (estimate >> 1n)), flags: 0 }
  if (resultExponent === -1) return { bits: packed(format, sign, 0, (1n << 50n) | (estimate >> 2n)), flags: 0 }
  return { bits: packed(format, sign, resultExponent, estimate), flags: 0 }
}

/** FPRSqrtEstimate of a positive number. */
function reciprocalRoot(format: Format, bits: bigint): { bits: bigint; flags: number } {
  let { exponent, fraction } = partsOf(format, bits)
  if (exponent === 0) {
    while (fraction >> 51n === 0n) {
      fraction <<= 1n
      exponent--
    }
    fraction = (fraction << 1n) & ALL_52
  }
  const scaled = exponent % 2 === 0 ? 256 + Number(fraction >> 44n) : 128 + Number(fraction >> 45n)
  const resultExponent = Math.floor((3 * format.bias - 1 - exponent) / 2)
  return { bits: packed(format, 0n, resultExponent, BigInt(recipSqrtEstimate(scaled) & 255) << 44n), flags: 0 }
}

/** Every exponent of the format (denormal numbers with every leading bit) with every value of the eight bits that count, and what lies below once clear, once set. */
function* interesting(format: Format): Generator<bigint> {
  const places = BigInt(format.fraction)
  const largest = Number(format.infinity >> places)
  const step = format === DOUBLE ? 37 : 1
  for (let exponent = 1; exponent < largest; exponent += exponent < 4 || exponent > largest - 4 ? 1 : step) {
    for (let top = 0n; top < 256n; top++) {
      const base = (BigInt(exponent) << places) | (top << (places - 8n))
      yield base
      yield base | ((1n << (places - 8n)) - 1n)
    }
  }
  for (let lead = 0n; lead < places; lead++) {
    for (let top = 0n; top < 256n; top++) yield (1n << lead) | (lead >= 8n ? top << (lead - 8n) : top >> (8n - lead))
  }
}

test.each([SINGLE, DOUBLE])('$name: every entry', format => {
  for (const bits of interesting(format)) {
    for (const [what, expected] of [
      [reciprocalEstimate, reciprocal],
      [squareRootEstimate, reciprocalRoot],
    ] as const) {
      const [ours, theirs] = [withControl(format, plain, 0, () => functions(what(format), [bits])), expected(format, bits)]
      if (ours.bits !== theirs.bits || ours.flags !== theirs.flags) expect({ of: bits, ...ours }).toEqual({ of: bits, ...theirs })
    }
  }
})

test('H: every number', () => {
  for (let bits = 1n; bits < HALF.infinity; bits++) {
    expect(withControl(HALF, plain, 0, () => functions(squareRootEstimate(HALF), [bits]))).toEqual(reciprocalRoot(HALF, bits))
    for (const signed of [bits, bits | HALF.sign]) {
      expect(withControl(HALF, plain, 0, () => functions(reciprocalEstimate(HALF), [signed]))).toEqual(reciprocal(HALF, signed))
    }
  }
})

test('unsigned: every entry', () => {
  for (let top = 0; top < 512; top++) {
    for (const below of [0, 0x7f_ffff]) {
      const operand = BigInt(top * 2 ** 23 + below)
      const of = (entry: number): bigint => BigInt(entry) << 23n
      expect(functions(unsignedEstimate(false), [operand])).toBe(top < 256 ? 0xffff_ffffn : of(recipEstimate(top)))
      expect(functions(unsignedEstimate(true), [operand])).toBe(top < 128 ? 0xffff_ffffn : of(recipSqrtEstimate(top)))
    }
  }
})
