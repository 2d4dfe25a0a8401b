import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aarch32Name, isAarch32Id, parseAarch32 } from '../../src/arch/catalogue/aarch32.ts'
import { registerName, registerRows } from '../../src/arch/catalogue/catalogue.ts'
import { findRegister } from '../../src/arch/catalogue/parse.ts'

test.each([
  [0x40200000200f0800n, 'A32_SCTLR'],
  [0x40200000000f0800n, 'A32_SCTLR_S'],
  [0x40200000200f6802n, 'A32_TPIDRURW'],
  [0x40200000200e0085n, 'A32_DBGBCR1'],
  [0x40300000200f0380n, 'A32_PAR_64'],
  [0x40300000200f0730n, 'A32_CNTHP_CVAL_64'],
  [0x40200000200e0298n, 'A32_p14_3_c0_c5_0'],
])('%s is %s', (id, name) => {
  expect(registerName(id)).toBe(name)
  expect(findRegister(name)).toBe(id)
  expect(findRegister(`0x${id.toString(16)}`)).toBe(id)
})

test('names of both instruction sets differ', () => {
  for (const { name } of registerRows()) expect(parseAarch32(name), name).toBeUndefined()
})

test('every id of the 32-bit ABI has one name of its own', () => {
  const anyId = fc.tuple(fc.nat(0xf7fff), fc.boolean(), fc.boolean()).map(([bits, wide, ns]) => {
    const id = (wide ? 0x4030_0000_0000_0000n : 0x4020_0000_0000_0000n) | BigInt(bits & 0xf7fff)
    return ns ? id | (1n << 29n) : id
  })
  fc.assert(
    fc.property(anyId, id => {
      expect(isAarch32Id(id)).toBe(true)
      expect(parseAarch32(aarch32Name(id) ?? '')).toBe(id)
    }),
    { seed: 32, numRuns: 3000 },
  )
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 64n) - 1n), id => {
      const name = aarch32Name(id)
      if (name !== undefined) expect(parseAarch32(name)).toBe(id)
    }),
    { seed: 33 },
  )
})
