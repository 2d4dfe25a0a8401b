// PSTATE in words, held against the fields that the catalogue knows of the same register.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeFields } from '../../src/arch/fields/fields.ts'
import { exceptionLevel, pstateParts, showPstate } from '../../src/arch/pstate.ts'
import { PSTATE_ID } from '../../src/arch/reg-id.ts'

test.each([
  [0x3c5n, 'EL1h nzcv, DAIF masked'],
  [0x6000_0000n, 'EL0t nZCv'],
  [0x8040_1005n, 'EL1h Nzcv, PAN, SSBS'],
  [0x805n | (1n << 20n), 'EL1h nzcv, IL, BTYPE=2'],
  [0x1d3n, 'EL1 svc nzcv, AIF masked'],
  [0x230n, 'EL0 usr nzcv, E, T'],
  [0x3c9n, 'EL2h nzcv, DAIF masked'],
  [0x3c7n, '0x7 nzcv, DAIF masked'],
])('0x%s is %s', (value, words) => {
  expect(showPstate(value)).toBe(words)
})

test('a mode that there is not has no exception level', () => {
  expect(pstateParts(2n)).toMatchObject({ mode: '0x2' })
  expect(pstateParts(2n).el).toBeUndefined()
  expect(exceptionLevel(0x14n)).toBe('0x14')
})

describe('AArch64 says what the fields of PSTATE say', () => {
  const bits = ['N', 'Z', 'C', 'V', 'D', 'A', 'I', 'F', 'TCO', 'DIT', 'UAO', 'PAN', 'SS', 'IL', 'ALLINT', 'SSBS']
  test('for every value', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 0xffff_ffffn }), fc.constantFrom(0n, 4n, 5n, 8n, 9n), (random, mode) => {
        const value = (random & ~0x1fn) | mode
        const fields = new Map(decodeFields(PSTATE_ID, value).map(field => [field.name, field]))
        const { flags, masked, others, mode: name } = pstateParts(value)
        const set = new Set([...[...flags].filter(flag => flag < 'a'), ...masked, ...others.map(each => each.replace(/=.*/, ''))])
        for (const bit of bits) expect([bit, set.has(bit)]).toEqual([bit, fields.get(bit)?.value === 1n])
        expect(set.has('BTYPE')).toBe(fields.get('BTYPE')?.value !== 0n)
        expect(name).toBe(fields.get('M')?.meaning)
      }),
      { seed: 1 },
    )
  })
})
