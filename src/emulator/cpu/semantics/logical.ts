// Owns bitwise logic and moves of constants. Arm ARM C6.2 AND, BIC, ORR, ORN, EOR, EON, ANDS, BICS, MOVN, MOVZ, MOVK.
import { decodeBitmask } from '../decode/validity.ts'
import { constant32, constant64, type Expression, type I32, type I64, i64 } from '../wasm/expression.ts'
import { type Emit, FLAGS } from './emit.ts'
import { type Define, type Lower, REGISTER, source, target } from './op.ts'
import { bothWidths, type Width } from './width.ts'

type Any = typeof I32 | typeof I64
/** By bits 30:29 of the word. */
const NAMES = ['AND', 'ORR', 'EOR', 'ANDS'] as const
const COMPUTE = { AND: 'and', ORR: 'or', EOR: 'xor', ANDS: 'and' } as const
const SHIFTS = ['shl', 'shrU', 'shrS', 'rotr'] as const

function logic<T extends Any>(w: Width<T>, e: Emit, name: (typeof NAMES)[number], b: Expression<T>): void {
  const value = w.int[COMPUTE[name]](w.read(e, 'n'), b)
  if (name !== 'ANDS') {
    w.write(e, value)
    return
  }
  const result = e.keep(w.signed(value))
  w.write(e, w.fromX(result))
  e.setFlags(constant32(FLAGS.logic), result, constant64(0n))
}

export function defineLogical(define: Define): void {
  define('CONSTANT', e => e.setX('d', e.imm()), { hot: true })
  define('MOV_X', e => e.setX('d', e.x('m')), { hot: true })
  define('MOV_W', e => e.setX('d', i64.and(e.x('m'), constant64(0xffff_ffffn))), { hot: true })
  bothWidths(w => {
    for (const name of NAMES) {
      define(`${name}_${w.suffix}_imm`, e => logic(w, e, name, w.imm(e)), { hot: true })
      for (const inverted of [false, true]) {
        const base = `${name}${inverted ? 'N' : ''}_${w.suffix}`
        const operand: typeof w.int.not = value => (inverted ? w.int.not(value) : value)
        define(`${base}_reg`, e => logic(w, e, name, operand(w.read(e, 'm'))), { hot: true })
        SHIFTS.forEach((shift, i) => {
          const run = (e: Emit): void => logic(w, e, name, operand(w.int[shift](w.read(e, 'm'), w.amount(e.aux()))))
          define(`${base}_shift${i}`, run, { hot: !inverted && name !== 'ANDS' && i !== 2 })
        })
      }
    }
    // MOVK keeps the other bits of d; imm holds the new ones in place, aux their position.
    const movk = (e: Emit): void => {
      const hole = w.int.not(w.int.shl(w.int.const(0xffff), w.amount(e.aux())))
      w.write(e, w.int.or(w.int.and(w.read(e, 'd'), hole), w.imm(e)))
    }
    define(`MOVK_${w.suffix}`, movk, { hot: true })
  })
}

export const lowerLogicalImmediate: Lower = (f, _, word) => {
  const pattern = decodeBitmask(f.b, f.e, f.r)!
  const name = NAMES[(word >>> 29) & 3]!
  const imm = f.s === 1 ? pattern : pattern & 0xffff_ffffn
  if (name === 'ORR' && f.n === 31) return { op: 'CONSTANT', d: f.d, imm }
  return { op: `${name}_${f.s === 1 ? 'X' : 'W'}_imm`, d: name === 'ANDS' ? target(f.d) : f.d, n: source(f.n), imm }
}

export const lowerLogicalShifted: Lower = (f, _, word) => {
  const inverted = ((word >>> 21) & 1) === 1
  const name = NAMES[(word >>> 29) & 3]!
  const suffix = f.s === 1 ? 'X' : 'W'
  const registers = { d: target(f.d), n: source(f.n), m: source(f.m), aux: f.y }
  if (name === 'ORR' && !inverted && f.n === 31 && f.y === 0) return { op: `MOV_${suffix}`, ...registers }
  return { op: `${name}${inverted ? 'N' : ''}_${suffix}_${f.y === 0 ? 'reg' : `shift${f.f}`}`, ...registers }
}

export const lowerMoveWide: Lower = (f, encoding) => {
  const shift = f.h * 16
  const value = BigInt(f.i) << BigInt(shift)
  const d = target(f.d)
  if (encoding.name === 'MOVK') return { op: f.s === 1 ? 'MOVK_X' : 'MOVK_W', d: f.d === 31 ? REGISTER.discard : d, imm: value, aux: shift }
  const moved = encoding.name === 'MOVN' ? ~value : value
  return { op: 'CONSTANT', d, imm: f.s === 1 ? moved : moved & 0xffff_ffffn }
}
