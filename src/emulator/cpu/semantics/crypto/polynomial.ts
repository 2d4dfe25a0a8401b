// Owns the product of two 64-bit polynomials over {0, 1}. Arm ARM C7.2 PMULL, PMULL2 with 1Q results.
import { constant64, I64, type I64Expression, i64, local } from '../../wasm/expression.ts'
import type { FunctionBuilder } from '../../wasm/function-builder.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { extractLane64, replaceLane64, splat64 } from '../../wasm/vector.ts'
import type { Define, Lower } from '../op.ts'

const EVERY_FOURTH = 0x1111_1111_1111_1111n

/**
 * The low 64 bits of the product. With one bit in four, sums of an integer product stay below 16 in each four bits (but for the top, whose carry is lost), so
 * their lowest bits are the polynomial product of these parts; four by four parts make the whole.
 */
const PRODUCT_LOW: SharedFunction<typeof I64> = {
  name: 'polynomial product, low half',
  params: [I64, I64],
  result: I64,
  build(f) {
    const parts = (parameter: number): readonly I64Expression[] =>
      [0n, 1n, 2n, 3n].map(shift => f.keep(i64.and(local(I64, parameter), constant64(EVERY_FOURTH << shift))))
    const [a, b] = [parts(0), parts(1)]
    const collected = [0, 1, 2, 3].map(shift => {
      const products = a.map((part, i) => i64.mul(part, b[(shift - i) & 3]!))
      return i64.and(
        products.reduce((x, y) => i64.xor(x, y)),
        constant64(EVERY_FOURTH << BigInt(shift)),
      )
    })
    f.expression(collected.reduce((x, y) => i64.or(x, y)))
  },
}

function reversed(f: FunctionBuilder, value: I64Expression): I64Expression {
  const exchange = (from: I64Expression, by: bigint, low: bigint): I64Expression =>
    f.keep(i64.or(i64.and(i64.shrU(from, constant64(by)), constant64(low)), i64.shl(i64.and(from, constant64(low)), constant64(by))))
  const nibbles = exchange(exchange(exchange(value, 1n, 0x5555_5555_5555_5555n), 2n, 0x3333_3333_3333_3333n), 4n, 0x0f0f_0f0f_0f0f_0f0fn)
  const halves = exchange(exchange(nibbles, 8n, 0x00ff_00ff_00ff_00ffn), 16n, 0x0000_ffff_0000_ffffn)
  return i64.rotr(halves, constant64(32n))
}

/** The high 63 bits (bit 127 is always 0): reversing both operands reverses the product. */
const PRODUCT_HIGH: SharedFunction<typeof I64> = {
  name: 'polynomial product, high half',
  params: [I64, I64],
  result: I64,
  build(f, use) {
    const product = f.keep(use(PRODUCT_LOW, [reversed(f, local(I64, 0)), reversed(f, local(I64, 1))]))
    f.expression(i64.shrU(reversed(f, product), constant64(1n)))
  },
}

export function definePolynomial(define: Define): void {
  for (const half of [0, 1]) {
    define(`PMULL${half === 1 ? '2' : ''}_1Q`, e => {
      e.requireFp()
      const n = e.keep(extractLane64(e.v('n'), half))
      const m = e.keep(extractLane64(e.v('m'), half))
      e.setV('d', replaceLane64(splat64(e.call(PRODUCT_LOW, [n, m])), 1, e.call(PRODUCT_HIGH, [n, m])))
    })
  }
}

export const lowerPolynomial: Lower = f => ({ op: `PMULL${f.q === 1 ? '2' : ''}_1Q`, d: f.d, n: f.n, m: f.m })
