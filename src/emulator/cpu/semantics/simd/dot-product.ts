// Owns dot products of four bytes. Arm ARM C7.2 SDOT, UDOT.
import { type V128Expression, wrap } from '../../wasm/expression.ts'
import { extendAddPairwise, extendMultiply, i32x4, shuffle, splat } from '../../wasm/vector.ts'
import type { Define, Lower } from '../op.ts'
import { half, write } from './part.ts'

/** Every other 32-bit lane of two vectors. */
const every = (first: 0 | 1, a: V128Expression, b: V128Expression): V128Expression =>
  shuffle(
    a,
    b,
    Array.from({ length: 16 }, (_, at) => (2 * (at >> 2) + first) * 4 + (at & 3)),
  )

export function defineDotProduct(define: Define): void {
  for (const [name, signed] of [
    ['SDOT', true],
    ['UDOT', false],
  ] as const) {
    for (const indexed of [false, true]) {
      define(`${name}${indexed ? '_indexed' : ''}`, e => {
        e.requireFp()
        const n = e.keep(e.v('n'))
        const m = e.keep(indexed ? splat(4, wrap(e.element('m', 4, e.aux()))) : e.v('m'))
        const pairs = [false, true].map(high => e.keep(extendAddPairwise(2, signed, extendMultiply(1, high, signed, n, m)))) as [V128Expression, V128Expression]
        write(e, i32x4.add(e.v('d'), i32x4.add(every(0, ...pairs), every(1, ...pairs))))
      })
    }
  }
}

export const lowerDotProduct: Lower = (f, encoding) => {
  const name = encoding.name.slice(0, 4)
  if (encoding.name.endsWith('_v')) return { op: name, d: f.d, n: f.n, m: f.m, ...half(f.q) }
  return { op: `${name}_indexed`, d: f.d, n: f.n, m: f.m, aux: (f.h << 1) | f.l, ...half(f.q) }
}
