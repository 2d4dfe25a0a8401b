// The safe-value rule of feature ID registers, on its own.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fieldMask, idFields } from '../../src/builds/id-fields.ts'
import { IdFieldCache } from '../../src/builds/id-values.ts'

const AA64PFR0 = 0xc020
const CTR = 0xd801
const cache = new IdFieldCache()
const ALL = 0xffff_ffff_ffff_ffffn

test('no two fields of a register overlap', () => {
  for (let encoding = 0xc000; encoding < 0xe000; encoding++) {
    let seen = 0n
    for (const field of idFields(encoding) ?? []) {
      expect(seen & fieldMask(field), encoding.toString(16)).toBe(0n)
      seen |= fieldMask(field)
    }
  }
})

test('the limit itself is always accepted, whatever is writable', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0xc008, max: 0xc03f }), fc.bigInt(0n, ALL), fc.bigInt(0n, ALL), (encoding, limit, writable) => {
      expect(cache.accepts(encoding, limit, limit, writable, 0n)).toBe(true)
    }),
    { seed: 3 },
  )
})

test('a bit outside the writable fields never changes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0xc008, max: 0xc03f }), fc.bigInt(0n, ALL), fc.integer({ min: 0, max: 63 }), (encoding, limit, bit) => {
      expect(cache.accepts(encoding, limit ^ (1n << BigInt(bit)), limit, 0n, 0n)).toBe(false)
    }),
    { seed: 4 },
  )
})

test('unsigned fields go down, signed ones down to -1, exact ones only to their safe value', () => {
  const accepts = (value: bigint, limit: bigint): boolean => cache.accepts(AA64PFR0, value, limit, ALL, 0n)
  expect([accepts(1n, 2n), accepts(3n, 2n), accepts(0n, 2n)]).toEqual([true, false, true])
  // FP and AdvSIMD: 0xf is "not implemented", below 0.
  expect([accepts(0xfn << 16n, 0n), accepts(0n, 0xfn << 16n), accepts(1n << 16n, 0n)]).toEqual([true, false, false])
  const ctr = (value: bigint, limit: bigint): boolean => cache.accepts(CTR, value, limit, ALL, 0n)
  // L1Ip: PIPT (3) may become VIPT (2), not the other way.
  expect([ctr(2n << 14n, 3n << 14n), ctr(3n << 14n, 2n << 14n)]).toEqual([true, false])
  // CWG: greater is safe, 0 is "unknown" and always safe.
  expect([ctr(5n << 24n, 4n << 24n), ctr(3n << 24n, 4n << 24n), ctr(0n, 4n << 24n)]).toEqual([true, false, true])
})
