// Owns what vector registers hold before a test: for integers and floating point of every width, values at which something changes. Knows no instruction.
import type { Random } from './words.ts'

const SIZES = [1, 2, 4, 8] as const
const all = (bytes: number): bigint => (1n << BigInt(bytes * 8)) - 1n
const top = (bytes: number): bigint => 1n << BigInt(bytes * 8 - 1)
const INTEGERS: readonly ((bytes: number) => bigint)[] = [
  () => 0n,
  () => 1n,
  () => 2n,
  all,
  bytes => all(bytes) - 1n,
  top,
  bytes => top(bytes) - 1n,
  bytes => top(bytes) + 1n,
  bytes => all(bytes) >> BigInt(bytes * 4), // the largest value of half the width, unsigned, and signed
  bytes => all(bytes) >> BigInt(bytes * 4 + 1),
  bytes => (all(bytes) << BigInt(bytes * 4 - 1)) & all(bytes),
]

/** Widths of exponent and fraction. */
const FORMATS = { 2: [5, 10], 4: [8, 23], 8: [11, 52] } as const

/** A floating-point number: special, or with an exponent in the middle, at either end, or near that of a power of two that fixed-point conversions meet. */
function float(bytes: 2 | 4 | 8, random: Random): bigint {
  const [exponentBits, fractionBits] = FORMATS[bytes]
  const largest = (1n << BigInt(exponentBits)) - 1n
  const bias = largest >> 1n
  const wide = (BigInt(random()) << 32n) | BigInt(random())
  const mask = (1n << BigInt(fractionBits)) - 1n
  const kind = random() & 15
  const exponent =
    kind < 3
      ? 0n
      : kind < 5
        ? largest
        : kind === 5
          ? 1n
          : kind === 6
            ? largest - 1n
            : kind < 13
              ? bias - 4n + BigInt(random() & 7)
              : (wide >> 13n) % (largest + 1n)
  const shape = random() & 7
  const quiet = 1n << BigInt(fractionBits - 1)
  const fraction =
    shape < 3
      ? 0n
      : shape === 3
        ? mask
        : shape === 4
          ? 1n
          : shape === 5
            ? quiet
            : shape === 6
              ? wide & mask & ~((1n << BigInt(fractionBits >> 1)) - 1n)
              : wide & mask
  return (BigInt(random() & 1) << BigInt(bytes * 8 - 1)) | (exponent << BigInt(fractionBits)) | fraction
}

/** 16 bytes: random, or elements of one width with values at edges, or floating-point numbers of one format; now and then all elements the same. */
function randomVector(random: Random): Uint8Array {
  const bytes = new Uint8Array(16)
  const kind = random() % 10
  if (kind === 0) {
    for (let i = 0; i < 16; i++) bytes[i] = random() & 0xff
    return bytes
  }
  const size = SIZES[kind < 6 ? random() & 3 : 1 + (random() % 3)]!
  const value = (): bigint => {
    if (kind >= 6) return float(size as 2, random)
    const choice = random() % (INTEGERS.length + 6)
    const wide = (BigInt(random()) << 32n) | BigInt(random())
    // Small ones of both signs are shift amounts.
    if (choice < 2) return BigInt.asUintN(size * 8, BigInt((random() % 160) - 80))
    return INTEGERS[choice - 6]?.(size) ?? wide & all(size)
  }
  const same = (random() & 15) === 0 ? value() : undefined
  for (let at = 0; at < 16; at += size) {
    const element = same ?? value()
    for (let i = 0; i < size; i++) bytes[at + i] = Number((element >> BigInt(8 * i)) & 0xffn)
  }
  return bytes
}

/**
 * All 32 registers. One state in four has nothing but extremes of one width, so that two of them meet: only the smallest number times itself overflows when doubled.
 */
export function randomVectors(random: Random): Uint8Array {
  const registers = new Uint8Array(32 * 16)
  if ((random() & 3) !== 0) {
    for (let i = 0; i < 32; i++) registers.set(randomVector(random), i * 16)
    return registers
  }
  const size = SIZES[random() & 3]!
  const extremes = [top(size), top(size), top(size) - 1n, all(size), 0n, 1n]
  for (let at = 0; at < registers.length; at += size) {
    const element = extremes[random() % extremes.length]!
    for (let i = 0; i < size; i++) registers[at + i] = Number((element >> BigInt(8 * i)) & 0xffn)
  }
  return registers
}
