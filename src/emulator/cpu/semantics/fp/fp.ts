// Owns the groups of floating-point operations: by what is likely to be used together, so that a guest compiles little that it does not need. Knows no engine.
import type { OpGroup } from '../op.ts'
import { DOUBLE, HALF, SINGLE } from './format.ts'
import * as scalar from './scalar.ts'
import * as vector from './vector.ts'

const FLOATS = [SINGLE, DOUBLE]

const SCALAR: OpGroup = {
  name: 'fp-scalar',
  define(define) {
    scalar.defineScalar(define, FLOATS)
    scalar.defineMoves(define)
  },
  lower: {
    fpScalar: scalar.lowerScalar,
    fpCompare: scalar.lowerCompare,
    fpSelect: scalar.lowerSelect,
    fpImmediate: scalar.lowerImmediate,
    fpToInteger: scalar.lowerToInteger,
    fpFromInteger: scalar.lowerFromInteger,
    fpConvert: scalar.lowerConvert,
    fpMove: scalar.lowerMove,
  },
}

const VECTOR: OpGroup = {
  name: 'fp-vector',
  define: define => vector.defineVector(define, FLOATS),
  lower: {
    fpVector: vector.lowerVector,
    fpPairwise: vector.lowerPairwise,
    fpElement: vector.lowerElement,
  },
}

/** One element in the encodings of vectors. */
const ELEMENTS: OpGroup = {
  name: 'fp-elements',
  define: define => vector.defineElements(define, FLOATS),
  lower: { fpAcross: vector.lowerAcross },
}

const CONVERSIONS: OpGroup = {
  name: 'fp-conversions',
  define(define) {
    vector.defineConversions(define, FLOATS)
    vector.defineWidths(define)
  },
  lower: {
    fpNarrow: vector.lowerNarrow,
    fpWiden: vector.lowerWiden,
    fpVectorFixed: vector.lowerVectorFixed,
  },
}

/** FEAT_FP16, which has an instruction for nearly every one above. */
const HALVES: readonly OpGroup[] = [
  { name: 'fp-half-scalar', define: define => scalar.defineScalar(define, [HALF]), lower: {} },
  { name: 'fp-half-vector', define: define => vector.defineVector(define, [HALF]), lower: {} },
  { name: 'fp-half-elements', define: define => vector.defineElements(define, [HALF]), lower: {} },
  { name: 'fp-half-conversions', define: define => vector.defineConversions(define, [HALF]), lower: {} },
]

export const FLOATING_POINT: readonly OpGroup[] = [SCALAR, VECTOR, ELEMENTS, CONVERSIONS, ...HALVES]
