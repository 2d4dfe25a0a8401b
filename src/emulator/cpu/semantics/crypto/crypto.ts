// Owns the group of cryptographic operations. Knows no engine.
import type { OpGroup } from '../op.ts'
import { defineAes, lowerAes } from './aes.ts'
import { definePolynomial, lowerPolynomial } from './polynomial.ts'
import { defineSha, lowerSha } from './sha.ts'

export const CRYPTO: OpGroup = {
  name: 'crypto',
  define(define) {
    defineAes(define)
    defineSha(define)
    definePolynomial(define)
  },
  lower: { aes: lowerAes, sha: lowerSha, polynomialMultiplyLong: lowerPolynomial },
}
