// Owns bitfield moves and extract. Arm ARM C6.2 SBFM, BFM, UBFM, EXTR. The decoder picks the case; each is a shift or two and a mask.
import { constant32, i32 } from '../wasm/expression.ts'
import { type Define, type Lower, source, target } from './op.ts'
import { bothWidths } from './width.ts'

export function defineBitfield(define: Define): void {
  bothWidths(w => {
    const s = w.suffix
    const hot = { hot: true }
    define(`LSR_${s}`, e => w.write(e, w.int.shrU(w.read(e, 'n'), w.amount(e.aux()))), hot)
    define(`LSL_${s}`, e => w.write(e, w.int.shl(w.read(e, 'n'), w.amount(e.aux()))), hot)
    define(`ASR_${s}`, e => w.write(e, w.int.shrS(w.read(e, 'n'), w.amount(e.aux()))), hot)
    // imm is the mask of the field at bit 0
    define(`UBFX_${s}`, e => w.write(e, w.int.and(w.int.shrU(w.read(e, 'n'), w.amount(e.aux())), w.imm(e))), hot)
    define(`UBFIZ_${s}`, e => w.write(e, w.int.shl(w.int.and(w.read(e, 'n'), w.imm(e)), w.amount(e.aux()))), hot)
    // left by aux, then arithmetically right by small: SBFX, SBFIZ and the sign extensions
    define(`SBFM_${s}`, e => w.write(e, w.int.shrS(w.int.shl(w.read(e, 'n'), w.amount(e.aux())), w.amount(e.small()))), hot)
    // imm is the mask of the destination bits
    const insert = (right: boolean) => (e: Parameters<Parameters<Define>[1]>[0]) => {
      const moved = w.int[right ? 'shrU' : 'shl'](w.read(e, 'n'), w.amount(e.aux()))
      w.write(e, w.int.or(w.int.and(w.read(e, 'd'), w.int.not(w.imm(e))), w.int.and(moved, w.imm(e))))
    }
    define(`BFI_${s}`, insert(false), hot)
    define(`BFXIL_${s}`, insert(true), hot)
    define(`ROR_${s}`, e => w.write(e, w.int.rotr(w.read(e, 'n'), w.amount(e.aux()))), hot)
    const extract = (e: Parameters<Parameters<Define>[1]>[0]) => {
      const low = w.int.shrU(w.read(e, 'm'), w.amount(e.aux()))
      const high = w.int.shl(w.read(e, 'n'), w.amount(i32.sub(constant32(w.bits), e.aux())))
      w.write(e, w.int.or(low, high))
    }
    define(`EXTR_${s}`, extract, hot)
  })
}

const ones = (count: number): bigint => (1n << BigInt(count)) - 1n

export const lowerBitfield: Lower = (f, encoding) => {
  const bits = f.s === 1 ? 64 : 32
  const s = f.s === 1 ? 'X' : 'W'
  const registers = { d: target(f.d), n: source(f.n) }
  const extracts = f.e >= f.r // bits r..e move to bit 0; otherwise bits 0..e move to bit (bits - r)
  const width = extracts ? f.e - f.r + 1 : f.e + 1
  const up = bits - f.r
  if (encoding.name === 'UBFM') {
    if (f.e === bits - 1) return { op: `LSR_${s}`, ...registers, aux: f.r }
    if (f.e + 1 === f.r) return { op: `LSL_${s}`, ...registers, aux: up }
    return { op: extracts ? `UBFX_${s}` : `UBFIZ_${s}`, ...registers, aux: extracts ? f.r : up, imm: ones(width) }
  }
  if (encoding.name === 'SBFM') {
    if (f.e === bits - 1) return { op: `ASR_${s}`, ...registers, aux: f.r }
    const left = bits - 1 - f.e
    return { op: `SBFM_${s}`, ...registers, aux: left, a: extracts ? left + f.r : left - up }
  }
  // BFM
  return extracts ? { op: `BFXIL_${s}`, ...registers, aux: f.r, imm: ones(width) } : { op: `BFI_${s}`, ...registers, aux: up, imm: ones(width) << BigInt(up) }
}

export const lowerExtract: Lower = f => {
  const s = f.s === 1 ? 'X' : 'W'
  if (f.n === f.m) return { op: `ROR_${s}`, d: target(f.d), n: source(f.n), aux: f.e }
  if (f.e === 0) return { op: `MOV_${s}`, d: target(f.d), m: source(f.m) }
  return { op: `EXTR_${s}`, d: target(f.d), n: source(f.n), m: source(f.m), aux: f.e }
}
