// Owns shifts whose amount differs from lane to lane. WebAssembly shifts all lanes alike, so each bit of the amounts chooses lanes to be shifted by its weight.
// Knows no instruction and no register.
import { constant32, local, V128, type V128Expression } from '../../wasm/expression.ts'
import type { SharedFunction } from '../../wasm/shared-function.ts'
import { v128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import { bitsOf, every, lanes, negative, ONES, type Saturated, type Size } from './lanes.ts'

type Direction = 'shl' | 'shrS' | 'shrU'

/** f(values, amounts): amounts of the width and above give zero, or copies of the sign; what negative ones give means nothing. */
function shiftBy(size: Size, direction: Direction): SharedFunction<typeof V128> {
  return {
    name: `shiftBy_${direction}${size}`,
    params: [V128, V128],
    result: V128,
    build(f) {
      const ops = lanes(size)
      const bits = bitsOf(size)
      const [value, amounts] = [local(V128, 0), local(V128, 1)]
      const shifted = f.newLocal(V128)
      const current = local(V128, shifted)
      f.set(shifted, value)
      for (let bit = 0; 1 << bit < bits; bit++) {
        const chosen = negative(size, ops.shl(amounts, constant32(bits - 1 - bit)))
        f.set(shifted, v128.bitSelect(ops[direction](current, constant32(1 << bit)), current, chosen))
      }
      const tooFar = f.keep(ops.gtS(amounts, every(size, BigInt(bits - 1))))
      f.expression(direction === 'shrS' ? v128.bitSelect(negative(size, value), current, tooFar) : v128.andNot(current, tooFar))
    },
  }
}

const functions = new Map<string, SharedFunction<typeof V128>>()
function shift(e: Emit, size: Size, direction: Direction, value: V128Expression, amounts: V128Expression): V128Expression {
  const key = `${direction}${size}`
  let found = functions.get(key)
  if (!found) {
    found = shiftBy(size, direction)
    functions.set(key, found)
  }
  return e.keep(e.call(found, [value, amounts]))
}

export interface LaneShift {
  readonly signed: boolean
  readonly rounding: boolean
  readonly saturating: boolean
}

/** SSHL and its family: each lane to the left by the signed low byte of its amount, to the right where that is negative. */
export function shiftByLane(e: Emit, size: Size, { signed, rounding, saturating }: LaneShift, values: V128Expression, amounts: V128Expression): Saturated {
  const ops = lanes(size)
  const toByte = constant32(bitsOf(size) - 8)
  const value = e.keep(values)
  const by = e.keep(size === 0 ? amounts : ops.shrS(ops.shl(amounts, toByte), toByte))
  const right = signed ? 'shrS' : 'shrU'
  const toRight = e.keep(negative(size, by))
  const left = shift(e, size, 'shl', value, by)
  // One place less than wanted: -by - 1
  const almost = shift(e, size, right, value, v128.not(by))
  const half = ops[right](almost, constant32(1))
  const rounded = rounding ? ops.add(half, v128.and(almost, every(size, 1n))) : half
  const result = v128.bitSelect(rounded, left, toRight)
  if (!saturating) return { value: result, saturated: toRight }
  const lost = e.keep(v128.andNot(ops.ne(shift(e, size, right, left, by), value), toRight))
  const limit = signed ? v128.xor(negative(size, value), every(size, (1n << BigInt(bitsOf(size) - 1)) - 1n)) : ONES
  return { value: v128.bitSelect(limit, result, lost), saturated: lost }
}
