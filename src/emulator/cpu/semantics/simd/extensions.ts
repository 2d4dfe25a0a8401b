// Owns the group of integer vector operations that later versions of the architecture added. Knows no engine.
import type { OpGroup } from '../op.ts'
import { defineDotProduct, lowerDotProduct } from './dot-product.ts'
import { defineMultiplyAccumulateHigh, lowerMultiplyAccumulateHigh } from './multiply-accumulate-high.ts'

export const SIMD_EXTENSIONS: OpGroup = {
  name: 'simd-extensions',
  define(define) {
    defineMultiplyAccumulateHigh(define)
    defineDotProduct(define)
  },
  lower: { multiplyAccumulateHigh: lowerMultiplyAccumulateHigh, dotProduct: lowerDotProduct },
}
