// Owns additions and subtractions: immediate, shifted, extended, with carry, and address formation. Arm ARM C6.2 ADD, SUB, ADC, SBC, ADR.
import { constant32, constant64, type Expression, extendU, type I32, type I64, type I64Expression, i32, i64, signExtend64, wrap } from '../wasm/expression.ts'
import { type Emit, FLAGS } from './emit.ts'
import { type Define, type Lower, signed, source, target } from './op.ts'
import { bothWidths, type Width } from './width.ts'

type Any = typeof I32 | typeof I64
const SHIFTS = ['shl', 'shrU', 'shrS', 'rotr'] as const

/** d = a ± b, with flags when asked. `discard`: only the flags are wanted (CMP, CMN). */
function addSub<T extends Any>(w: Width<T>, e: Emit, form: Form, a: Expression<T>, b: Expression<T>, discard = false): void {
  const compute = form.sub ? w.int.sub : w.int.add
  if (!form.flags) {
    w.write(e, compute(a, b))
    return
  }
  const left = e.keep(w.signed(a))
  const right = e.keep(w.signed(b))
  if (!discard) w.write(e, compute(w.fromX(left), w.fromX(right)))
  const kind = form.sub ? (w.bits === 64 ? FLAGS.sub64 : FLAGS.sub32) : w.bits === 64 ? FLAGS.add64 : FLAGS.add32
  e.setFlags(constant32(kind), left, right)
}

interface Form {
  readonly name: 'ADD' | 'ADDS' | 'SUB' | 'SUBS'
  readonly sub: boolean
  readonly flags: boolean
}
/** By bits 30:29 of the word. */
const FORMS: readonly Form[] = [
  { name: 'ADD', sub: false, flags: false },
  { name: 'ADDS', sub: false, flags: true },
  { name: 'SUB', sub: true, flags: false },
  { name: 'SUBS', sub: true, flags: true },
]

/** ExtendReg of the manual, option 0 to 7: uxtb uxth uxtw uxtx sxtb sxth sxtw sxtx. */
export function extend(option: number, value: I64Expression): I64Expression {
  const low = option & 3
  if (low === 3) return value
  if (option >= 4) return signExtend64(low === 0 ? 1 : low === 1 ? 2 : 4, value)
  return i64.and(value, constant64([0xffn, 0xffffn, 0xffff_ffffn][low]!))
}

/** Whether the extension keeps every bit of a register of this width: then it is a plain or shifted register. */
const keepsAll = (bits: 32 | 64, option: number): boolean => (option & 3) >= (bits === 64 ? 3 : 2)

export function defineAddSubtract(define: Define): void {
  define('ADR', e => e.setX('d', i64.add(e.pc(), e.imm())), { hot: true })
  define('ADRP', e => e.setX('d', i64.add(i64.and(e.pc(), constant64(~0xfffn)), e.imm())), { hot: true })
  bothWidths(w => {
    for (const form of FORMS) {
      const name = `${form.name}_${w.suffix}`
      define(`${name}_imm`, e => addSub(w, e, form, w.read(e, 'n'), w.imm(e)), { hot: true })
      define(`${name}_reg`, e => addSub(w, e, form, w.read(e, 'n'), w.read(e, 'm')), { hot: true })
      if (form.flags) {
        define(`${name}_imm_discard`, e => addSub(w, e, form, w.read(e, 'n'), w.imm(e), true), { hot: form.sub })
        define(`${name}_reg_discard`, e => addSub(w, e, form, w.read(e, 'n'), w.read(e, 'm'), true), { hot: form.sub })
      }
      for (const shift of [0, 1, 2]) {
        const run = (e: Emit): void => addSub(w, e, form, w.read(e, 'n'), w.int[SHIFTS[shift]!](w.read(e, 'm'), w.amount(e.aux())))
        define(`${name}_shift${shift}`, run, { hot: !form.flags || shift === 0 })
      }
      for (let option = 0; option < 8; option++) {
        if (keepsAll(w.bits, option)) continue
        const run = (e: Emit): void => addSub(w, e, form, w.read(e, 'n'), w.int.shl(w.fromX(extend(option, e.x('m'))), w.amount(e.aux())))
        define(`${name}_ext${option}`, run, { hot: !form.flags && (option === 2 || option === 6) })
      }
      define(`${form.sub ? 'SBC' : 'ADC'}${form.flags ? 'S' : ''}_${w.suffix}`, e => withCarry(w, e, form))
    }
  })
}

/** AddWithCarry of the manual; SBC adds the inverted operand. The 32-bit carries come from the 64-bit sum. */
function withCarry<T extends Any>(w: Width<T>, e: Emit, form: Form): void {
  const zeroExtended = (operand: 'n' | 'm', invert: boolean): I64Expression => {
    const value = invert ? i64.not(e.x(operand)) : e.x(operand)
    return e.keep(w.bits === 64 ? value : i64.and(value, constant64(0xffff_ffffn)))
  }
  const a = zeroExtended('n', false)
  const b = zeroExtended('m', form.sub)
  const carryIn = e.keep(extendU(i32.and(i32.shrU(e.nzcv(), constant32(1)), constant32(1))))
  const partial = e.keep(i64.add(a, b))
  const sum = e.keep(i64.add(partial, carryIn))
  w.write(e, w.fromX(sum))
  if (!form.flags) return
  const top = BigInt(w.bits - 1)
  const bit = (value: I64Expression, at: bigint) => wrap(i64.and(i64.shrU(value, constant64(at)), constant64(1n)))
  const negative = bit(sum, top)
  const overflow = bit(i64.and(i64.xor(a, sum), i64.xor(b, sum)), top)
  const zero = w.bits === 64 ? i64.eqz(sum) : i32.eqz(wrap(sum))
  const carry = w.bits === 64 ? i32.or(i64.ltU(partial, a), i64.ltU(sum, partial)) : bit(sum, 32n)
  const shl = (value: ReturnType<typeof bit>, by: number) => i32.shl(value, constant32(by))
  e.setFlags(constant32(FLAGS.raw), extendU(i32.or(i32.or(shl(negative, 3), shl(zero, 2)), i32.or(shl(carry, 1), overflow))), constant64(0n))
}

const nameOf = (s: number, word: number): string => `${FORMS[(word >>> 29) & 3]!.name}_${s === 1 ? 'X' : 'W'}`
const setsFlags = (word: number): boolean => ((word >>> 29) & 1) === 1

export const lowerPcRelative: Lower = (f, encoding) => {
  const distance = signed(f.i * 4 + f.p, 21)
  return { op: encoding.name, d: target(f.d), imm: encoding.name === 'ADRP' ? BigInt(distance) << 12n : BigInt(distance) }
}

export const lowerAddSubImmediate: Lower = (f, _, word) => {
  const flags = setsFlags(word)
  return {
    op: `${nameOf(f.s, word)}_imm${flags && f.d === 31 ? '_discard' : ''}`,
    d: flags ? target(f.d) : f.d,
    n: f.n,
    imm: BigInt(f.h ? f.i << 12 : f.i),
  }
}

export const lowerAddSubShifted: Lower = (f, _, word) => {
  const form = f.y !== 0 ? `shift${f.f}` : f.d === 31 && setsFlags(word) ? 'reg_discard' : 'reg'
  return { op: `${nameOf(f.s, word)}_${form}`, d: target(f.d), n: source(f.n), m: source(f.m), aux: f.y }
}

export const lowerAddSubExtended: Lower = (f, _, word) => {
  const form = keepsAll(f.s === 1 ? 64 : 32, f.o) ? (f.y === 0 ? 'reg' : 'shift0') : `ext${f.o}`
  return { op: `${nameOf(f.s, word)}_${form}`, d: setsFlags(word) ? target(f.d) : f.d, n: f.n, m: source(f.m), aux: f.y }
}

export const lowerAddSubCarry: Lower = (f, encoding) => ({
  op: `${encoding.name}_${f.s === 1 ? 'X' : 'W'}`,
  d: target(f.d),
  n: source(f.n),
  m: source(f.m),
})
