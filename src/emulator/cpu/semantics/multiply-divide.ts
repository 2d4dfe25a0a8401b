// Owns data processing with two and three sources: division, variable shifts, multiplication. Arm ARM C6.2 UDIV to UMULH.
import { constant64, extendS, extendU, type I64Expression, i32, i64, wrap } from '../wasm/expression.ts'
import type { Emit } from './emit.ts'
import { type Define, type Lower, source, target } from './op.ts'
import { bothWidths } from './width.ts'

const VARIABLE_SHIFTS = { LSLV: 'shl', LSRV: 'shrU', ASRV: 'shrS', RORV: 'rotr' } as const

export function defineMultiplyDivide(define: Define): void {
  const hot = { hot: true }
  bothWidths(w => {
    const s = w.suffix
    for (const [name, shift] of Object.entries(VARIABLE_SHIFTS)) define(`${name}_${s}`, e => w.write(e, w.int[shift](w.read(e, 'n'), w.read(e, 'm'))), hot)
    // Division by zero gives zero; WebAssembly would trap, so a harmless divisor stands in.
    const udiv = (e: Emit): void => {
      const b = e.keep(w.read(e, 'm'))
      const quotient = w.int.divU(w.read(e, 'n'), w.int.select(w.int.eqz(b), w.int.const(1), b))
      w.write(e, w.int.select(w.int.eqz(b), w.int.const(0), quotient))
    }
    define(`UDIV_${s}`, udiv, hot)
    // The most negative number divided by -1 is itself, and also would trap: dividing by -1 is done by negation.
    const sdiv = (e: Emit): void => {
      const a = e.keep(w.read(e, 'n'))
      const b = e.keep(w.read(e, 'm'))
      const minusOne = e.keep(w.int.eq(b, w.int.const(-1)))
      const quotient = w.int.divS(a, w.int.select(i32.or(w.int.eqz(b), minusOne), w.int.const(1), b))
      w.write(e, w.int.select(w.int.eqz(b), w.int.const(0), w.int.select(minusOne, w.int.sub(w.int.const(0), a), quotient)))
    }
    define(`SDIV_${s}`, sdiv, hot)
    define(`MUL_${s}`, e => w.write(e, w.int.mul(w.read(e, 'n'), w.read(e, 'm'))), hot)
    define(`MADD_${s}`, e => w.write(e, w.int.add(w.read(e, 'a'), w.int.mul(w.read(e, 'n'), w.read(e, 'm')))), hot)
    define(`MSUB_${s}`, e => w.write(e, w.int.sub(w.read(e, 'a'), w.int.mul(w.read(e, 'n'), w.read(e, 'm')))), hot)
  })
  for (const signed of [false, true]) {
    const widen = signed ? extendS : extendU
    const product = (e: Emit): I64Expression => i64.mul(widen(wrap(e.x('n'))), widen(wrap(e.x('m'))))
    define(`${signed ? 'S' : 'U'}MADDL`, e => e.setX('d', i64.add(e.x('a'), product(e))), hot)
    define(`${signed ? 'S' : 'U'}MSUBL`, e => e.setX('d', i64.sub(e.x('a'), product(e))), hot)
  }
  define('UMULH', e => e.setX('d', unsignedHigh(e, e.keep(e.x('n')), e.keep(e.x('m')))), hot)
  const smulh = (e: Emit): void => {
    const a = e.keep(e.x('n'))
    const b = e.keep(e.x('m'))
    const correction = (sign: I64Expression, other: I64Expression) => i64.and(i64.shrS(sign, constant64(63n)), other)
    e.setX('d', i64.sub(i64.sub(unsignedHigh(e, a, b), correction(a, b)), correction(b, a)))
  }
  define('SMULH', smulh)
}

/** The high 64 bits of an unsigned 128-bit product, from four 32-bit ones. */
function unsignedHigh(e: Emit, a: I64Expression, b: I64Expression): I64Expression {
  const low = (value: I64Expression) => i64.and(value, constant64(0xffff_ffffn))
  const high = (value: I64Expression) => i64.shrU(value, constant64(32n))
  const [al, ah, bl, bh] = [e.keep(low(a)), e.keep(high(a)), e.keep(low(b)), e.keep(high(b))] as const
  const middle = e.keep(i64.add(i64.mul(ah, bl), high(i64.mul(al, bl))))
  const carry = e.keep(i64.add(i64.mul(al, bh), low(middle)))
  return i64.add(i64.add(i64.mul(ah, bh), high(middle)), high(carry))
}

export const lowerTwoSource: Lower = (f, encoding) => ({
  op: `${encoding.name}_${f.s === 1 ? 'X' : 'W'}`,
  d: target(f.d),
  n: source(f.n),
  m: source(f.m),
})

export const lowerThreeSource: Lower = (f, encoding) => {
  const registers = { d: target(f.d), n: source(f.n), m: source(f.m), a: source(f.a) }
  if (encoding.name !== 'MADD' && encoding.name !== 'MSUB') return { op: encoding.name, ...registers }
  const name = encoding.name === 'MADD' && f.a === 31 ? 'MUL' : encoding.name
  return { op: `${name}_${f.s === 1 ? 'X' : 'W'}`, ...registers }
}
