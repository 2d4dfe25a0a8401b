// Owns the AES rounds. Arm ARM C7.2 AESE, AESD, AESMC, AESIMC; FIPS 197. A state is 16 bytes, column after column; byte i is row i % 4 of column i / 4.
import { constant32, local, V128, type V128Expression } from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { constant128, i8x16, shuffle, splat, v128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'

/** Product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 0, shifted = a; bit < 8; bit++, shifted = (shifted << 1) ^ (shifted & 0x80 ? 0x11b : 0)) if ((b >> bit) & 1) product ^= shifted
  return product
}

/** SubBytes: the inverse in the field, then an affine map of its bits. */
function substitution(): readonly number[] {
  return Array.from({ length: 256 }, (_, value) => {
    let inverse = 1
    for (let power = 0; power < 254; power++) inverse = multiply(inverse, value)
    let result = 0x63
    for (let rotation = 0; rotation < 5; rotation++) result ^= ((inverse << rotation) | (inverse >> (8 - rotation))) & 0xff
    return result
  })
}

/** A table of 256 bytes applied to 16: a lane outside of a row of 16 entries looks up zero there, so the rows are simply put together. */
function lookUp(name: string, table: () => readonly number[]): SharedFunction<typeof V128> {
  return {
    name,
    params: [V128],
    result: V128,
    build(f) {
      const entries = table()
      let found: V128Expression | undefined
      for (let row = 0; row < 256; row += 16) {
        const index = row === 0 ? local(V128, 0) : v128.xor(local(V128, 0), splat(1, constant32(row)))
        const part = i8x16.swizzle(constant128(entries.slice(row, row + 16)), index)
        found = found ? v128.or(found, part) : part
      }
      f.expression(found!)
    },
  }
}

const SUBSTITUTE = lookUp('AES SubBytes', substitution)
const SUBSTITUTE_INVERSE = lookUp('AES InvSubBytes', () => {
  const forward = substitution()
  return forward.map((_, value) => forward.indexOf(value))
})

const places = (from: (row: number, column: number) => number): readonly number[] =>
  Array.from({ length: 16 }, (_, at) => {
    const row = at % 4
    return row + 4 * (from(row, at >> 2) & 3)
  })
const SHIFT_ROWS = places((row, column) => column + row)
const SHIFT_ROWS_BACK = places((row, column) => column - row)
/** Every byte replaced by the one `by` rows below, in its column. */
const rows = (value: V128Expression, by: number): V128Expression => {
  const from = Array.from({ length: 16 }, (_, at) => (at & ~3) + ((at + by) & 3))
  return shuffle(value, value, from)
}

/** Every byte times x in the field. */
const double = (value: V128Expression): V128Expression =>
  v128.xor(i8x16.shl(value, constant32(1)), v128.and(i8x16.shrS(value, constant32(7)), splat(1, constant32(0x1b))))

/** Each column times the matrix whose first row is 2 3 1 1. */
function mixColumns(e: Emit, value: V128Expression): V128Expression {
  const next = e.keep(rows(value, 1))
  const others = v128.xor(rows(value, 2), rows(value, 3))
  return v128.xor(double(e.keep(v128.xor(value, next))), v128.xor(next, others))
}

export function defineAes(define: Define): void {
  const round = (name: string, places: readonly number[], table: SharedFunction<typeof V128>): void =>
    define(name, e => {
      e.requireFp()
      const state = e.keep(v128.xor(e.v('d'), e.v('n')))
      e.setV('d', e.call(table, [shuffle(state, state, places)]))
    })
  round('AESE', SHIFT_ROWS, SUBSTITUTE)
  round('AESD', SHIFT_ROWS_BACK, SUBSTITUTE_INVERSE)
  define('AESMC', e => {
    e.requireFp()
    e.setV('d', mixColumns(e, e.keep(e.v('n'))))
  })
  // The inverse matrix (14 11 13 9) is that of MixColumns times 5 0 4 0.
  define('AESIMC', e => {
    e.requireFp()
    const state = e.keep(e.v('n'))
    const twice = e.keep(double(e.keep(v128.xor(state, rows(state, 2)))))
    e.setV('d', mixColumns(e, e.keep(v128.xor(state, double(twice)))))
  })
}

export const lowerAes: Lower = (f, encoding) => ({ op: encoding.name, d: f.d, n: f.n })
