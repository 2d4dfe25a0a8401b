// Owns copies between elements and general registers, and constants. Arm ARM C7.2 DUP, INS, SMOV, UMOV, MOVI, MVNI, ORR and BIC (immediate), FMOV (vector, immediate).
import { constant64, constantOf, extendU, type I64Expression, i64, signExtend64, type V128Expression, wrap } from '../../wasm/expression.ts'
import { replaceLane64, splat, splat64, v128 } from '../../wasm/vector.ts'
import type { AccessSize, Emit } from '../emit.ts'
import { type Define, type Lower, source, target } from '../op.ts'
import { SIZES, type Size } from './lanes.ts'
import { half, lowest, write } from './part.ts'

const bytesOf = (size: number): AccessSize => (1 << size) as AccessSize
const splatOf = (size: Size, value: I64Expression): V128Expression => (size === 3 ? splat64(value) : splat((1 << size) as 1, wrap(value)))

/** A 64-bit pattern in the low half, and in the high one where operand `a` says so. */
function repeated(e: Emit): V128Expression {
  const both = splat64(e.imm())
  const upper = constantOf(e.small())
  if (upper === 1n) return both
  return replaceLane64(both, 1, upper === 0n ? constant64(0n) : i64.and(e.imm(), i64.sub(constant64(0n), extendU(e.small()))))
}

export function defineCopies(define: Define): void {
  for (const size of SIZES) {
    const bytes = bytesOf(size)
    // aux is the index
    define(`DUP_v${size}`, e => {
      e.requireFp()
      write(e, splatOf(size, e.element('n', bytes, e.aux())))
    })
    define(`DUP_x${size}`, e => {
      e.requireFp()
      write(e, splatOf(size, e.x('n')))
    })
    define(`INS_x${size}`, e => {
      e.requireFp()
      e.setElement('d', bytes, e.aux(), e.x('n'))
    })
    // operand `a` is the source's index
    define(`INS_v${size}`, e => {
      e.requireFp()
      e.setElement('d', bytes, e.aux(), e.element('n', bytes, e.small()))
    })
    define(`UMOV_${size}`, e => {
      e.requireFp()
      e.setX('d', e.element('n', bytes, e.aux()))
    })
    if (size === 3) continue
    define(`SMOV_X${size}`, e => {
      e.requireFp()
      e.setX('d', signExtend64((1 << size) as 1, e.element('n', bytes, e.aux())))
    })
    if (size === 2) continue
    define(`SMOV_W${size}`, e => {
      e.requireFp()
      e.setX('d', extendU(wrap(signExtend64((1 << size) as 1, e.element('n', bytes, e.aux())))))
    })
  }
  define('MOVI', e => {
    e.requireFp()
    e.setV('d', repeated(e))
  })
  const lowHalf = (e: Emit, value: V128Expression): V128Expression => {
    const upper = constantOf(e.small())
    if (upper === 1n) return value
    const mask = i64.sub(constant64(0n), extendU(e.small()))
    return v128.and(value, replaceLane64(splat64(constant64(-1n)), 1, mask))
  }
  define('ORR_vi', e => {
    e.requireFp()
    e.setV('d', lowHalf(e, v128.or(e.v('d'), splat64(e.imm()))))
  })
  define('BIC_vi', e => {
    e.requireFp()
    e.setV('d', lowHalf(e, v128.andNot(e.v('d'), splat64(e.imm()))))
  })
}

/** Size and index of imm5: the lowest set bit, and what stands above it. */
const lane = (imm5: number): { readonly size: number; readonly index: number } => {
  const size = 31 - Math.clz32(imm5 & -imm5)
  return { size, index: imm5 >> (size + 1) }
}

export const lowerDuplicate: Lower = (f, { name }) => {
  const { size, index } = lane(f.i)
  if (name === 'DUP_x') return { op: `DUP_x${size}`, d: f.d, n: source(f.n), ...half(f.q) }
  return { op: `DUP_v${size}`, d: f.d, n: f.n, aux: index, ...(name === 'DUP_s' ? lowest(size) : half(f.q)) }
}
export const lowerToGeneral: Lower = (f, { name }) => {
  const { size, index } = name === 'UMOV_X' ? { size: 3, index: f.h } : lane(f.i)
  return { op: `${name.startsWith('UMOV') ? 'UMOV_' : name}${size}`, d: target(f.d), n: f.n, aux: index }
}
export const lowerInsert: Lower = (f, { name }) => {
  const { size, index } = lane(f.i)
  return name === 'INS_x' ? { op: `INS_x${size}`, d: f.d, n: source(f.n), aux: index } : { op: `INS_v${size}`, d: f.d, n: f.n, aux: index, a: f.r >> size }
}

const repeat = (value: bigint, bits: number): bigint => {
  let pattern = 0n
  for (let at = 0; at < 64; at += bits) pattern |= BigInt.asUintN(bits, value) << BigInt(at)
  return pattern
}
/** VFPExpandImm of the manual: sign, exponent from three bits around its bias, four bits of fraction. */
export function expandFloat(imm8: number, size: 1 | 2 | 3): bigint {
  const [exponentBits, fractionBits] = size === 1 ? [5, 10] : size === 2 ? [8, 23] : [11, 52]
  const b = (imm8 >> 6) & 1
  const exponent = ((b ^ 1) << (exponentBits - 1)) | ((b ? 2 ** (exponentBits - 3) - 1 : 0) << 2) | ((imm8 >> 4) & 3)
  return (
    (BigInt(imm8 >> 7) << BigInt(exponentBits + fractionBits)) | (BigInt(exponent) << BigInt(fractionBits)) | (BigInt(imm8 & 15) << BigInt(fractionBits - 4))
  )
}

/** The 64-bit pattern of a modified immediate, before MVNI inverts it. AdvSIMDExpandImm of the manual. */
function pattern(name: string, imm8: number, y: number): bigint {
  const value = BigInt(imm8)
  const shifted = value << BigInt(8 * y)
  switch (name.replace(/^.*_i?/, '')) {
    case 'B':
      return repeat(value, 8)
    case 'H':
      return name.startsWith('FMOV') ? repeat(expandFloat(imm8, 1), 16) : repeat(shifted, 16)
    case 'S':
      return name.startsWith('FMOV') ? repeat(expandFloat(imm8, 2), 32) : repeat(shifted, 32)
    case 'M': {
      const bits = BigInt(8 << y) // ones come in from the right
      return repeat((value << bits) | ((1n << bits) - 1n), 32)
    }
    default:
      return name.startsWith('FMOV')
        ? expandFloat(imm8, 3)
        : [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, i) => sum | ((imm8 >> i) & 1 ? 0xffn << BigInt(8 * i) : 0n), 0n)
  }
}

export const lowerImmediate: Lower = (f, { name }) => {
  const imm = pattern(name, (f.p << 5) | f.i, f.y)
  const whole = name === 'MOVI_2D' || name === 'FMOV_iD' ? 1 : f.q
  if (name.startsWith('ORR') || name.startsWith('BIC')) return { op: `${name.slice(0, 3)}_vi`, d: f.d, imm, a: f.q }
  return { op: 'MOVI', d: f.d, imm: name.startsWith('MVNI') ? ~imm : imm, a: whole }
}
