// Owns the operands of floating-point tests: of the format that the instruction works on, at the borders of everything, and related to each other so that sums cancel, end
// in halfway cases, and products overflow or vanish. Knows no engine and no reference.
import type { Encoding } from '../../src/emulator/cpu/decode/table.ts'
import type { Random } from './words.ts'

/** Bytes, and bits of exponent and fraction. */
interface Shape {
  readonly bytes: 2 | 4 | 8
  readonly exponent: number
  readonly fraction: number
}
const HALF: Shape = { bytes: 2, exponent: 5, fraction: 10 }
const SINGLE: Shape = { bytes: 4, exponent: 8, fraction: 23 }
const DOUBLE: Shape = { bytes: 8, exponent: 11, fraction: 52 }

const wide = (random: Random): bigint => (BigInt(random()) << 32n) | BigInt(random())
const one = (bits: number): bigint => 1n << BigInt(bits)

function pack(shape: Shape, sign: number, exponent: bigint, fraction: bigint): bigint {
  const largest = one(shape.exponent) - 1n
  const within = exponent < 0n ? 0n : exponent > largest ? largest : exponent
  return (BigInt(sign) << BigInt(shape.bytes * 8 - 1)) | (within << BigInt(shape.fraction)) | (fraction & (one(shape.fraction) - 1n))
}

/** Bits of a fraction: few, many, runs, one past the places of a narrower format. */
function fraction(shape: Shape, random: Random): bigint {
  const all = one(shape.fraction) - 1n
  const any = wide(random) & all
  switch (random() % 10) {
    case 0:
      return 0n
    case 1:
      return 1n
    case 2:
      return all
    case 3:
      return all - 1n
    case 4:
      return one(random() % shape.fraction) & all
    case 5:
      return (all << BigInt(random() % shape.fraction)) & all
    case 6: {
      // Halfway between two numbers of a narrower format, and beside.
      const dropped = random() % (shape.fraction - 1)
      return ((any << BigInt(dropped + 1)) | (one(dropped) + BigInt((random() % 3) - 1))) & all
    }
    default:
      return any
  }
}

function number(shape: Shape, random: Random): bigint {
  const largest = one(shape.exponent) - 1n
  const bias = largest >> 1n
  const sign = random() & 1
  const near = (exponent: bigint, by: number): bigint => exponent + BigInt((random() % (2 * by + 1)) - by)
  const bits = fraction(shape, random)
  switch (random() % 20) {
    case 0:
      return pack(shape, sign, 0n, 0n)
    case 1:
    case 2:
      return pack(shape, sign, 0n, bits)
    case 3:
      return pack(shape, sign, 0n, bits >> BigInt(random() % shape.fraction))
    case 4:
      return pack(shape, sign, largest, 0n)
    case 5:
      return pack(shape, sign, largest, bits | one(shape.fraction - 1))
    case 6:
      return pack(shape, sign, largest, bits & (one(shape.fraction - 1) - 1n))
    case 7:
      return pack(shape, sign, near(1n, 2), bits)
    case 8:
      return pack(shape, sign, near(largest - 1n, 2), bits)
    case 9:
      return pack(shape, sign, wide(random) % largest, bits)
    case 10: // where integers of 16, 32 and 64 bits end, and where all numbers are integers
      return pack(shape, sign, near(bias + [15n, 16n, 31n, 32n, 63n, 64n][random() % 6]!, 1), bits)
    case 11:
      return pack(shape, sign, near(bias + BigInt(shape.fraction), 2), bits)
    case 12: // where narrower formats end
      return pack(shape, sign, near(bias + [15n, -14n, -24n, 127n, -126n, -149n][random() % 6]!, 2), bits)
    case 13: // where products of two equal ones end
      return pack(shape, sign, near(bias + (random() & 1 ? bias / 2n : -bias / 2n), shape.bytes === 2 ? 3 : 30), bits)
    case 14:
    case 15:
      return pack(shape, sign, near(bias, 1), bits)
    default:
      return pack(shape, sign, near(bias, 6), bits)
  }
}

/** A number that has to do with another one: the same, its opposite, neighbours, a last place of it, its like in the sum of exponents. */
function related(shape: Shape, other: bigint, random: Random): bigint {
  const signBit = one(shape.bytes * 8 - 1)
  const exponent = (other >> BigInt(shape.fraction)) & (one(shape.exponent) - 1n)
  const bias = (one(shape.exponent) - 1n) >> 1n
  const sign = random() & 1
  const bits = fraction(shape, random)
  const step = BigInt((random() % 5) - 2)
  switch (random() % 6) {
    case 0:
      return other ^ (random() & 1 ? signBit : 0n)
    case 1:
      return BigInt.asUintN(shape.bytes * 8, (other ^ (random() & 1 ? signBit : 0n)) + step)
    case 2:
    case 3:
      return pack(shape, sign, exponent - BigInt(shape.fraction) + step, bits)
    case 4: // a product beside the least normal number, and among the denormal ones
      return pack(shape, sign, bias - exponent + 1n + step - BigInt(random() % (shape.fraction + 2)) * BigInt(random() & 1), bits)
    default: // a product beside the largest number
      return pack(shape, sign, 3n * bias - exponent + step, bits)
  }
}

const scratch = new DataView(new ArrayBuffer(8))
/** n * m as the machine rounds it, negated: an addend that cancels. Half precision is left alone. */
function opposite(shape: Shape, n: bigint, m: bigint): bigint {
  const get = (bits: bigint): number => {
    if (shape.bytes === 8) scratch.setBigUint64(0, bits)
    else scratch.setUint32(0, Number(bits))
    return shape.bytes === 8 ? scratch.getFloat64(0) : scratch.getFloat32(0)
  }
  const product = -(get(n) * get(m))
  if (shape.bytes === 8) {
    scratch.setFloat64(0, product)
    return scratch.getBigUint64(0)
  }
  scratch.setFloat32(0, product)
  return BigInt(scratch.getUint32(0))
}

/** By what the row is called: the format of its sources. */
function shapeOf(row: Encoding, word: number): Shape {
  if (/(_H|FCVT_H[SD]|FMOV_RH)$/.test(row.name)) return HALF
  if (/(_S|FCVT_S[DH]|FMOV_WS)$/.test(row.name)) return SINGLE
  if (/(_D|FCVT_D[SH]|FCVTXN(_e)?|FMOV_X.*)$/.test(row.name)) return DOUBLE
  const x = row.fields(word).x
  if (row.name === 'FCVTL') return x === 1 ? SINGLE : HALF
  return x === 1 ? DOUBLE : SINGLE
}

/** Puts such operands into the vector registers that the word reads, and integers beside powers of two into the general one. */
export function aimFloats(row: Encoding, word: number, state: { readonly x: BigUint64Array; readonly v: Uint8Array }, random: Random): void {
  const shape = shapeOf(row, word)
  const view = new DataView(state.v.buffer, state.v.byteOffset)
  const put = (register: number, at: number, bits: bigint): void => {
    const place = register * 16 + at
    if (shape.bytes === 8) view.setBigUint64(place, bits, true)
    else if (shape.bytes === 4) view.setUint32(place, Number(bits), true)
    else view.setUint16(place, Number(bits), true)
  }
  const f = row.fields(word)
  if (row.semantics === 'fpFromInteger') {
    const value = (wide(random) >> BigInt(random() & 63)) | (one(random() & 63) - BigInt(random() % 3))
    if (f.n < 31) state.x[f.n] = BigInt.asUintN(64, random() & 1 ? value : -value)
  }
  const third = row.picture.includes('a') ? f.a : f.d
  for (let at = 0; at < 16; at += shape.bytes) {
    const n = number(shape, random)
    const m = random() % 3 === 0 ? related(shape, n, random) : number(shape, random)
    const addend = random() % 3 === 0 && shape.bytes > 2 ? opposite(shape, n, m) : random() & 1 ? related(shape, n, random) : number(shape, random)
    put(third, at, addend)
    if (row.picture.includes('m')) put(f.m, at, m)
    put(f.n, at, n)
  }
}
