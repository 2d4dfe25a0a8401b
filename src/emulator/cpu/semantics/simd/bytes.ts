// Owns operations on whole registers, seen as bits or bytes: logic, bit counts and reversal, polynomial products. Arm ARM C7.2.
import type { V128Expression } from '../../wasm/expression.ts'
import { i8x16, shuffle, v128 } from '../../wasm/vector.ts'
import type { Define, Lower } from '../op.ts'
import { laneBytes, polynomialMultiply, reverseBits } from './lanes.ts'
import { half, write } from './part.ts'
import { type Operands, operands } from './same.ts'

const MEANINGS: Readonly<Record<string, (o: Operands) => V128Expression>> = {
  AND: o => v128.and(o.n(), o.m()),
  BIC: o => v128.andNot(o.n(), o.m()),
  ORR: o => v128.or(o.n(), o.m()),
  ORN: o => v128.or(o.n(), v128.not(o.m())),
  EOR: o => v128.xor(o.n(), o.m()),
  BSL: o => v128.bitSelect(o.n(), o.m(), o.d()),
  BIT: o => v128.bitSelect(o.n(), o.d(), o.m()),
  BIF: o => v128.bitSelect(o.d(), o.n(), o.m()),
  NOT: o => v128.not(o.n()),
  RBIT: o => reverseBits(o.k, o.n()),
  CNT: o => i8x16.popcount(o.n()),
  PMUL: o => polynomialMultiply(o.k, 0, o.n(), o.m()),
}

/** Containers and elements that are reversed in them, as base-2 logarithms of bytes. */
const REVERSALS = [
  ['REV16', 1, [0]],
  ['REV32', 2, [0, 1]],
  ['REV64', 3, [0, 1, 2]],
] as const

export function defineBytes(define: Define): void {
  for (const [name, meaning] of Object.entries(MEANINGS))
    define(`${name}_v`, e => {
      e.requireFp()
      write(e, meaning(operands(e, 0)))
    })
  for (const [name, container, sizes] of REVERSALS)
    for (const size of sizes)
      define(`${name}_v${size}`, e => {
        e.requireFp()
        const n = e.keep(e.v('n'))
        const last = (1 << (container - size)) - 1
        write(
          e,
          shuffle(
            n,
            n,
            laneBytes(size, 16 >> size, i => i ^ last),
          ),
        )
      })
}

export const lowerBytes: Lower = (f, { name }) => ({ op: name, d: f.d, n: f.n, m: f.m, ...half(f.q) })
/** REV16 has no size, REV32 one bit of it. */
export const lowerReverse: Lower = (f, { name }) => ({ op: `${name}${f.x}`, d: f.d, n: f.n, ...half(f.q) })
