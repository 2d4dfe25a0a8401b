// Owns branches. Arm ARM C6.2 B, BL, B.cond, CBZ, TBZ, BR, BLR, RET. Each direct branch exists twice: `.near` stays inside the page.
import { constant64, extendU, i32, i64, wrap } from '../wasm/expression.ts'
import { CONDITIONS } from './conditional.ts'
import type { Emit } from './emit.ts'
import { type Define, type Lower, signed, source, target } from './op.ts'
import { bothWidths } from './width.ts'

const LINK = 30

export function defineBranches(define: Define): void {
  const direct = (name: string, run: (e: Emit) => void): void => {
    define(name, run, { hot: true })
    define(`${name}.near`, run, { hot: true, near: true })
  }
  const link = (e: Emit): void => e.setX('d', i64.add(e.pc(), constant64(4n)))
  direct('B', e => e.jump())
  direct('BL', e => {
    link(e)
    e.jump()
  })
  for (let code = 0; code < CONDITIONS; code++) direct(`B_${code}`, e => e.jumpIf(e.condition(code)))
  bothWidths(w => {
    direct(`CBZ_${w.suffix}`, e => e.jumpIf(w.int.eqz(w.read(e, 'n'))))
    direct(`CBNZ_${w.suffix}`, e => e.jumpIf(w.int.ne(w.read(e, 'n'), w.int.const(0))))
  })
  const bit = (e: Emit) => wrap(i64.and(i64.shrU(e.x('n'), extendU(e.aux())), constant64(1n)))
  direct('TBZ', e => e.jumpIf(i32.eqz(bit(e))))
  direct('TBNZ', e => e.jumpIf(bit(e)))
  define('BR', e => e.jumpTo(e.x('n')), { hot: true })
  const branchAndLink = (e: Emit): void => {
    const to = e.keep(e.x('n'))
    link(e)
    e.jumpTo(to)
  }
  define('BLR', branchAndLink, { hot: true })
}

export const lowerBranchImmediate: Lower = (f, encoding) => ({ op: encoding.name, d: target(encoding.name === 'BL' ? LINK : 31), offset: signed(f.i, 26) * 4 })
export const lowerBranchConditional: Lower = f => ({ op: f.c >= CONDITIONS ? 'B' : `B_${f.c}`, offset: signed(f.i, 19) * 4 })
export const lowerCompareBranch: Lower = (f, encoding) => ({ op: `${encoding.name}_${f.s === 1 ? 'X' : 'W'}`, n: source(f.t), offset: signed(f.i, 19) * 4 })
export const lowerTestBranch: Lower = (f, encoding) => ({ op: encoding.name, n: source(f.t), aux: f.b * 32 + f.y, offset: signed(f.i, 14) * 4 })
export const lowerBranchRegister: Lower = (f, encoding) => ({
  op: encoding.name === 'BLR' ? 'BLR' : 'BR',
  d: target(encoding.name === 'BLR' ? LINK : 31),
  n: source(f.n),
})
