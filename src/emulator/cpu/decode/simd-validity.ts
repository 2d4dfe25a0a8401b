// Owns the rules that make words of SIMD rows UNDEFINED: element sizes that an instruction does not have, shifts, indices. Arm ARM C7.2. Knows no semantics.
import type { SimdRule } from './row.ts'
import type { Fields } from './validity.ts'

/** imm5 (field i): its lowest set bit says how large the element is. */
const laneUpTo = (f: Fields, bits: number): boolean => (f.i & bits) !== 0

export const SIMD_VALIDITY: Readonly<Record<SimdRule, (f: Fields) => boolean>> = {
  not1d: f => f.x !== 3 || f.q === 1,
  notD: f => f.x !== 3,
  across: f => f.x < 2 || (f.x === 2 && f.q === 1),
  // immh:immb (field l); immh zero is another group of instructions
  shift: f => f.l >= 8 && (f.l < 64 || f.q === 1),
  shiftHalf: f => f.l >= 8 && f.l < 64,
  shift64: f => f.l >= 64,
  shiftScalar: f => f.l >= 8,
  lane: f => laneUpTo(f, 15) && (laneUpTo(f, 7) || f.q === 1),
  laneAny: f => laneUpTo(f, 15),
  lane16: f => laneUpTo(f, 3),
  lane32: f => laneUpTo(f, 7),
  ext: f => f.i < 8 || f.q === 1,
}
