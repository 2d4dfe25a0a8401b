// Owns the group of integer operations on vectors. Knows no engine.
import type { OpGroup } from '../op.ts'
import { defineLogic, lowerLogic } from './logic.ts'

export const SIMD_INTEGER: OpGroup = {
  name: 'simd-integer',
  define(define) {
    defineLogic(define)
  },
  lower: {
    vectorLogic: lowerLogic,
  },
}
