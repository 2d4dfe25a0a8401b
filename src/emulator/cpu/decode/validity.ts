// Owns the rules that make a word of a row's picture UNDEFINED though its fixed bits fit (Arm ARM, "if … then UNDEFINED" of each encoding). Knows no semantics.
import { FP_VALIDITY } from './fp-validity.ts'
import type { ValidityRule } from './row.ts'
import { SIMD_VALIDITY } from './simd-validity.ts'

/** Values of the letters of a picture; a letter that the picture does not have reads as 0. */
export type Fields = Readonly<Record<FieldLetter, number>>
export type FieldLetter =
  | 's'
  | 'd'
  | 'n'
  | 'm'
  | 'a'
  | 't'
  | 'u'
  | 'w'
  | 'i'
  | 'h'
  | 'p'
  | 'f'
  | 'y'
  | 'b'
  | 'r'
  | 'e'
  | 'o'
  | 'g'
  | 'c'
  | 'z'
  | 'k'
  | 'j'
  | 'x'
  | 'q'
  | 'v'
  | 'l'
export const FIELD_LETTERS = 'sdnmatuwihpfybreogczkjxqvl'

export const VALIDITY: Readonly<Record<ValidityRule, (f: Fields) => boolean>> = {
  bitmask: f => (f.s === 1 || f.b === 0) && decodeBitmask(f.b, f.e, f.r) !== undefined,
  hw32: f => f.s === 1 || f.h < 2,
  bitfield: f => f.b === f.s && (f.s === 1 || (f.r < 32 && f.e < 32)),
  extract: f => f.b === f.s && (f.s === 1 || f.e < 32),
  shift32: f => f.s === 1 || f.y < 32,
  addShift: f => f.f !== 3 && (f.s === 1 || f.y < 32),
  extend: f => f.y <= 4,
  index: f => (f.o & 2) !== 0,
  crc: f => (f.x === 3) === (f.s === 1),
  halfOrWord: f => f.x === 1 || f.x === 2,
  ...SIMD_VALIDITY,
  ...FP_VALIDITY,
  evenPairs: f => f.w % 2 === 0 && f.t % 2 === 0,
}

/**
 * DecodeBitMasks of the manual for a logical immediate: the 64-bit pattern, or undefined for a reserved combination.
 * A 32-bit instruction uses the low half (the pattern repeats at least every 32 bits when N is 0).
 */
export function decodeBitmask(n: number, imms: number, immr: number): bigint | undefined {
  const length = 31 - Math.clz32((n << 6) | (~imms & 0x3f))
  if (length < 1) return undefined
  const size = 1 << length
  const ones = imms & (size - 1)
  if (ones === size - 1) return undefined
  const rotate = BigInt(immr & (size - 1))
  const bits = BigInt(size)
  const element = (1n << BigInt(ones + 1)) - 1n
  const rotated = BigInt.asUintN(size, (element >> rotate) | (element << (bits - rotate)))
  let pattern = 0n
  for (let at = 0n; at < 64n; at += bits) pattern |= rotated << at
  return pattern
}
