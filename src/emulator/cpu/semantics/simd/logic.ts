// Owns bitwise operations of whole vectors. Arm ARM C7.2 AND, BIC, ORR, ORN, EOR, BSL, BIT, BIF, NOT, RBIT.
import type { V128Expression } from '../../wasm/expression.ts'
import { v128 } from '../../wasm/vector.ts'
import type { Define, Lower } from '../op.ts'
import { half, write } from './part.ts'

type Logic = (n: V128Expression, m: V128Expression, d: () => V128Expression) => V128Expression
const LOGIC: Readonly<Record<string, Logic>> = {
  AND_v: (n, m) => v128.and(n, m),
  BIC_v: (n, m) => v128.andNot(n, m),
  ORR_v: (n, m) => v128.or(n, m),
  ORN_v: (n, m) => v128.or(n, v128.not(m)),
  EOR_v: (n, m) => v128.xor(n, m),
  BSL_v: (n, m, d) => v128.bitSelect(n, m, d()),
  BIT_v: (n, m, d) => v128.bitSelect(n, d(), m),
  BIF_v: (n, m, d) => v128.bitSelect(d(), n, m),
}

export function defineLogic(define: Define): void {
  for (const [name, logic] of Object.entries(LOGIC))
    define(name, e => {
      e.requireFp()
      write(
        e,
        logic(e.v('n'), e.v('m'), () => e.v('d')),
      )
    })
}

export const lowerLogic: Lower = (f, encoding) => ({ op: encoding.name, d: f.d, n: f.n, m: f.m, ...half(f.q) })
