// Owns the SHA-1 and SHA-256 instructions: four rounds, or four words of the message schedule, at a time. Arm ARM C7.2 SHA1*, SHA256*; FIPS 180-4.
import { constant32, extendU, type I32Expression, i32, type V128Expression } from '../../wasm/expression.ts'
import { constant128, extractLane32, i32x4, replaceLane32, shuffle, v128, ZERO_128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'

type Words = readonly [I32Expression, I32Expression, I32Expression, I32Expression]
type Mix = (x: I32Expression, y: I32Expression, z: I32Expression) => I32Expression

const choose: Mix = (x, y, z) => i32.xor(i32.and(i32.xor(y, z), x), z)
const parity: Mix = (x, y, z) => i32.xor(i32.xor(x, y), z)
const majority: Mix = (x, y, z) => i32.or(i32.and(x, y), i32.and(i32.or(x, y), z))
const right = (value: I32Expression, by: number): I32Expression => i32.rotr(value, constant32(by))
const left = (value: I32Expression, by: number): I32Expression => right(value, 32 - by)
const sum = (...values: readonly I32Expression[]): I32Expression => values.reduce((a, b) => i32.add(a, b))
const xor3 = (value: I32Expression, a: number, b: number, c: number): I32Expression => i32.xor(i32.xor(right(value, a), right(value, b)), right(value, c))

const words = (e: Emit, value: V128Expression): Words => {
  const kept = e.keep(value)
  return [0, 1, 2, 3].map(lane => e.keep(extractLane32(kept, lane))) as unknown as Words
}
const vector = (words: Words): V128Expression => words.reduce<V128Expression>((value, word, lane) => replaceLane32(value, lane, word), ZERO_128)

/** Four rounds of SHA-1; the words of x are a to d of the standard. */
function sha1Rounds(e: Emit, mix: Mix): void {
  let [a, b, c, d] = words(e, e.v('d'))
  let y = e.keep(extractLane32(e.v('n'), 0))
  for (const word of words(e, e.v('m'))) {
    const next = e.keep(sum(y, left(a, 5), mix(b, c, d), word))
    ;[y, d, c, b, a] = [d, c, e.keep(left(b, 30)), a, next]
  }
  e.setV('d', vector([a, b, c, d]))
}

/** Four rounds of SHA-256; x is a to d of the standard and y e to h. */
function sha256Rounds(e: Emit, which: 'x' | 'y'): void {
  let x = words(e, e.v(which === 'x' ? 'd' : 'n'))
  let y = words(e, e.v(which === 'x' ? 'n' : 'd'))
  for (const word of words(e, e.v('m'))) {
    const t = e.keep(sum(y[3], xor3(y[0], 6, 11, 25), choose(y[0], y[1], y[2]), word))
    const newY = e.keep(sum(x[3], t))
    const newX = e.keep(sum(t, xor3(x[0], 2, 13, 22), majority(x[0], x[1], x[2])))
    x = [newX, x[0], x[1], x[2]]
    y = [newY, y[0], y[1], y[2]]
  }
  e.setV('d', vector(which === 'x' ? x : y))
}

/** 32-bit lanes of a (0 to 3) and b (4 to 7). */
const lanes = (a: V128Expression, b: V128Expression, ...from: readonly number[]): V128Expression =>
  shuffle(
    a,
    b,
    from.flatMap(lane => [0, 1, 2, 3].map(byte => lane * 4 + byte)),
  )
const rotateLanes = (value: V128Expression, by: number): V128Expression => v128.or(i32x4.shrU(value, constant32(by)), i32x4.shl(value, constant32(32 - by)))
/** The small sigmas of SHA-256: two rotations and a shift. */
const sigma = (value: V128Expression, a: number, b: number, shift: number): V128Expression =>
  v128.xor(v128.xor(rotateLanes(value, a), rotateLanes(value, b)), i32x4.shrU(value, constant32(shift)))
const LOW_HALF = constant128([255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0])

export function defineSha(define: Define): void {
  const instruction = (name: string, body: (e: Emit) => void): void =>
    define(name, e => {
      e.requireFp()
      body(e)
    })
  instruction('SHA1C', e => sha1Rounds(e, choose))
  instruction('SHA1P', e => sha1Rounds(e, parity))
  instruction('SHA1M', e => sha1Rounds(e, majority))
  instruction('SHA1H', e => e.setScalar('d', extendU(left(extractLane32(e.v('n'), 0), 30))))
  instruction('SHA1SU0', e => {
    const d = e.keep(e.v('d'))
    e.setV('d', v128.xor(v128.xor(lanes(d, e.v('n'), 2, 3, 4, 5), d), e.v('m')))
  })
  // The last word depends on the first one of the same four.
  instruction('SHA1SU1', e => {
    const t = e.keep(v128.xor(e.v('d'), lanes(e.v('n'), ZERO_128, 1, 2, 3, 4)))
    const once = e.keep(rotateLanes(t, 31))
    e.setV('d', v128.xor(once, lanes(ZERO_128, e.keep(rotateLanes(once, 31)), 0, 0, 0, 4)))
  })
  instruction('SHA256H', e => sha256Rounds(e, 'x'))
  instruction('SHA256H2', e => sha256Rounds(e, 'y'))
  instruction('SHA256SU0', e => {
    const d = e.keep(e.v('d'))
    const t = e.keep(lanes(d, e.v('n'), 1, 2, 3, 4))
    e.setV('d', i32x4.add(sigma(t, 7, 18, 3), d))
  })
  // The upper two words depend on the lower two.
  instruction('SHA256SU1', e => {
    const m = e.keep(e.v('m'))
    const base = e.keep(i32x4.add(e.v('d'), lanes(e.v('n'), m, 1, 2, 3, 4)))
    const low = e.keep(v128.and(i32x4.add(base, sigma(e.keep(lanes(m, m, 2, 3, 2, 3)), 17, 19, 10)), LOW_HALF))
    const high = i32x4.add(base, sigma(e.keep(lanes(low, low, 0, 1, 0, 1)), 17, 19, 10))
    e.setV('d', v128.bitSelect(low, high, LOW_HALF))
  })
}

export const lowerSha: Lower = (f, encoding) => ({ op: encoding.name, d: f.d, n: f.n, m: f.m })
