// Owns the validity rules of floating-point rows (validity.ts): sizes that do not exist. Knows no semantics.
import type { FpRule } from './row.ts'
import type { Fields } from './validity.ts'

export const FP_VALIDITY: Readonly<Record<FpRule, (f: Fields) => boolean>> = {
  float2d: f => f.x === 0 || f.q === 1,
  fixedPoint: f => f.s === 1 || f.e >= 32,
}
