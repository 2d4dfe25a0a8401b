// Owns what later versions added to integer code and system state: flag manipulation (FEAT_FlagM, FEAT_FlagM2) and the error barrier (FEAT_RAS).
// Arm ARM C6.2 CFINV, RMIF, SETF8, SETF16, AXFLAG, XAFLAG, ESB.
import { ENGINE_STATE, LINE } from '../engine-state.ts'
import { constant32, constant64, extendU, type I32Expression, i32, i64, wrap } from '../wasm/expression.ts'
import { type Emit, FLAGS } from './emit.ts'
import { type Define, type Lower, type OpGroup, source } from './op.ts'

const setNzcv = (e: Emit, value: I32Expression): void => e.setFlags(constant32(FLAGS.raw), extendU(value), constant64(0n))
const bit = (value: I32Expression, at: number): I32Expression => i32.and(i32.shrU(value, constant32(at)), constant32(1))
const at = (value: I32Expression, place: number): I32Expression => i32.shl(value, constant32(place))
const [N, Z, C, V] = [3, 2, 1, 0]

function define(define: Define): void {
  define('CFINV', e => setNzcv(e, i32.xor(e.nzcv(), constant32(1 << C))))
  // a is the mask of flags that are replaced, aux the rotation
  define('RMIF', e => {
    const rotated = wrap(i64.rotr(e.x('n'), extendU(e.aux())))
    const old = e.keep(e.nzcv())
    setNzcv(e, i32.or(i32.and(old, i32.not(e.small())), i32.and(rotated, e.small())))
  })
  for (const bits of [8, 16]) {
    define(`SETF${bits}`, e => {
      const value = e.keep(wrap(e.x('n')))
      const carry = i32.and(e.nzcv(), constant32(1 << C))
      const negative = e.keep(bit(value, bits - 1))
      const zero = i32.eqz(i32.and(value, constant32((1 << bits) - 1)))
      const overflow = i32.xor(bit(value, bits), negative)
      setNzcv(e, i32.or(i32.or(at(negative, N), at(zero, Z)), i32.or(carry, overflow)))
    })
  }
  define('AXFLAG', e => {
    const old = e.keep(e.nzcv())
    const v = e.keep(bit(old, V))
    setNzcv(e, i32.or(at(i32.or(bit(old, Z), v), Z), at(i32.and(bit(old, C), i32.eqz(v)), C)))
  })
  define('XAFLAG', e => {
    const old = e.keep(e.nzcv())
    const z = e.keep(bit(old, Z))
    const c = e.keep(bit(old, C))
    const notC = i32.eqz(c)
    const upper = i32.or(at(i32.and(notC, i32.eqz(z)), N), at(i32.and(z, c), Z))
    setNzcv(e, i32.or(upper, i32.or(at(i32.or(c, z), C), i32.and(notC, z))))
  })
  define('ESB', e => e.when(i32.and(e.state32(ENGINE_STATE.lines), constant32(LINE.serror)), () => e.trap()))
}

const lowerFlags: Lower = (f, encoding) => {
  if (encoding.name === 'RMIF') return { op: 'RMIF', n: source(f.n), a: f.z, aux: f.e }
  return { op: encoding.name, n: source(f.n) }
}

export const INTEGER_EXTENSIONS: OpGroup = {
  name: 'integer-extensions',
  define,
  lower: { flagManipulation: lowerFlags, errorBarrier: () => ({ op: 'ESB' }) },
}
