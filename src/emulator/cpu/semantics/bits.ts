// Owns bit and byte reversal, leading-bit counts and CRC32. Arm ARM C6.2 RBIT, REV*, CLZ, CLS, CRC32*.
import { constant32, constant64, extendU, type I32Expression, type I64Expression, i32, i64, wrap } from '../wasm/expression.ts'
import type { Emit } from './emit.ts'
import { type Define, type Lower, source, target } from './op.ts'
import { bothWidths } from './width.ts'

const mask = (pattern: bigint) => constant64(pattern * 0x1_0000_0001n)
/** Exchanges neighbouring groups of `by` bits; `low` is the pattern of the lower group of each pair in 32 bits. */
const swap = (e: Emit, value: I64Expression, by: bigint, low: bigint): I64Expression =>
  e.keep(i64.or(i64.and(i64.shrU(value, constant64(by)), mask(low)), i64.shl(i64.and(value, mask(low)), constant64(by))))
const swapBytes = (e: Emit, value: I64Expression) => swap(e, value, 8n, 0x00ff_00ffn)
const swapHalves = (e: Emit, value: I64Expression) => swap(e, value, 16n, 0x0000_ffffn)
const swapWords = (value: I64Expression) => i64.rotr(value, constant64(32n))
const low32 = (value: I64Expression) => i64.and(value, constant64(0xffff_ffffn))

export function defineBits(define: Define): void {
  const n = (e: Emit) => e.keep(e.x('n'))
  const bits = (e: Emit) => swap(e, swap(e, swap(e, n(e), 1n, 0x5555_5555n), 2n, 0x3333_3333n), 4n, 0x0f0f_0f0fn)
  const reversed32 = (e: Emit, value: I64Expression) => swapHalves(e, swapBytes(e, value))
  define('RBIT_X', e => e.setX('d', swapWords(reversed32(e, bits(e)))))
  define('RBIT_W', e => e.setX('d', low32(reversed32(e, bits(e)))))
  define('REV_X', e => e.setX('d', swapWords(reversed32(e, n(e)))), { hot: true })
  define('REV32_X', e => e.setX('d', reversed32(e, n(e))))
  define('REV_W', e => e.setX('d', low32(reversed32(e, n(e)))), { hot: true })
  define('REV16_X', e => e.setX('d', swapBytes(e, n(e))))
  define('REV16_W', e => e.setX('d', low32(swapBytes(e, n(e)))))
  bothWidths(w => {
    define(`CLZ_${w.suffix}`, e => w.write(e, w.int.clz(w.read(e, 'n'))), { hot: true })
    // Bits below the sign bit that equal it: leading zeros of value XOR its sign, less the sign bit itself.
    const cls = (e: Emit): void => {
      const value = e.keep(w.read(e, 'n'))
      w.write(e, w.int.sub(w.int.clz(w.int.xor(value, w.int.shrS(value, w.int.const(w.bits - 1)))), w.int.const(1)))
    }
    define(`CLS_${w.suffix}`, cls)
  })
  for (const [suffix, polynomial] of [
    ['', 0xedb8_8320],
    ['C', 0x82f6_3b78],
  ] as const) {
    for (const [letter, bytes] of [
      ['B', 1],
      ['H', 2],
      ['W', 4],
      ['X', 8],
    ] as const) {
      define(`CRC32${suffix}${letter}`, e => e.setX('d', extendU(crc(e, wrap(e.x('n')), e.x('m'), bytes, polynomial))))
    }
  }
}

/** Bit-reflected CRC of `bytes` bytes of data, least significant first: eight shift-and-subtract steps a byte. */
function crc(e: Emit, start: I32Expression, data: I64Expression, bytes: number, polynomial: number): I32Expression {
  let sum = e.keep(start)
  const input = e.keep(data)
  for (let byte = 0; byte < bytes; byte++) {
    sum = e.keep(i32.xor(sum, wrap(i64.and(i64.shrU(input, constant64(BigInt(byte * 8))), constant64(0xffn)))))
    for (let bit = 0; bit < 8; bit++) {
      const odd = i32.sub(constant32(0), i32.and(sum, constant32(1)))
      sum = e.keep(i32.xor(i32.shrU(sum, constant32(1)), i32.and(odd, constant32(polynomial))))
    }
  }
  return sum
}

export const lowerOneSource: Lower = (f, encoding, word) => {
  const name = encoding.name.replace(/_[WX]$/, '')
  return { op: `${name}_${word >>> 31 === 1 ? 'X' : 'W'}`, d: target(f.d), n: source(f.n) }
}

export const lowerCrc32: Lower = (f, encoding) => ({ op: encoding.name, d: target(f.d), n: source(f.n), m: source(f.m) })
