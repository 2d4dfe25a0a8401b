import fc from 'fast-check'
import { expect, test } from 'vitest'
import { registerName, registerRows } from '../../src/arch/catalogue/catalogue.ts'
import { globMatcher } from '../../src/arch/catalogue/glob.ts'
import { matchRegisters } from '../../src/arch/catalogue/match.ts'
import { findRegister, parseRegister, suggestRegisters } from '../../src/arch/catalogue/parse.ts'
import { type RegId, regId } from '../../src/arch/reg-id.ts'
import type { SnapError } from '../../src/errors.ts'

const listed = [...registerRows()].filter(row => row.listed !== undefined).map(row => row.id)
const matched = (pattern: string, ids: readonly RegId[] = listed) => matchRegisters(pattern, ids).map(registerName)

test.each([
  ['KVM_REG_ARM_PSCI_VERSION', 0x6030_0000_0014_0000n],
  ['psci_version', 0x6030_0000_0014_0000n],
  ['  Kvm_Reg_Arm_Psci_Version ', 0x6030_0000_0014_0000n],
  ['0x6030000000140000', 0x6030_0000_0014_0000n],
  ['0X6030000000140000', 0x6030_0000_0014_0000n],
  ['wa2', 0x6030_0000_0014_0002n],
  ['sve_vls', 0x6060_0000_0015_ffffn],
  ['id_aa64pfr0_el1', 0x6030_0000_0013_c020n],
  ['S3_0_C0_C4_0', 0x6030_0000_0013_c020n],
  ['s3_0_0_4_0', 0x6030_0000_0013_c020n],
  ['apiakeylo_el1', 0x6030_0000_0013_c108n],
  ['ccsidr_el1[3]', 0x6020_0000_0011_0003n],
  ['x7', 0x6030_0000_0010_000en],
  ['coproc 0x17 index 0x3 u32', 0x6020_0000_0017_0003n],
])('%s is a register', (text, id) => {
  expect(parseRegister(text)).toBe(id)
})

test.each([
  '',
  ' ',
  'PSCI',
  '0x',
  '0x12',
  '0x5030000000140000',
  '0x16030000000140000',
  'S4_0_C0_C4_0',
  'S3_0_C16_C4_0',
  'S3_9_C0_C4_0',
  'coproc 0x17 index 0x3 u100',
  'X31',
  'x'.repeat(10_000),
])('%s is no register', text => {
  expect(findRegister(text)).toBeUndefined()
  expect(() => parseRegister(text)).toThrow(expect.objectContaining({ code: 'REG_ID_INVALID' }))
})

test('a misspelled name gets near names, best first', () => {
  expect(suggestRegisters('PSCI_VERISON')[0]).toBe('KVM_REG_ARM_PSCI_VERSION')
  expect(suggestRegisters('ID_AA64PFR0')[0]).toBe('ID_AA64PFR0_EL1')
  expect(suggestRegisters('SCTLR_EL')).toContain('SCTLR_EL1')
  expect(suggestRegisters('zzzzzzzzzzzz')).toEqual([])
  try {
    parseRegister('PSCI_VERISON')
    expect.unreachable()
  } catch (error) {
    expect((error as SnapError).hint).toContain('did you mean KVM_REG_ARM_PSCI_VERSION')
  }
})

test('a pattern chooses from the list, in the order of the list', () => {
  expect(matched('*PSCI*')).toEqual(['KVM_REG_ARM_PSCI_VERSION'])
  expect(matched('psci_*')).toEqual(['KVM_REG_ARM_PSCI_VERSION'])
  expect(matched('x[0-2]')).toEqual(['X0', 'X1', 'X2'])
  expect(matched('x[!0-8]')).toEqual(['X9'])
  expect(matched('DBGB[VC]R?_EL1')).toHaveLength(20)
  expect(matched('*_BMAP*')).toHaveLength(4)
  expect(matched('CCSIDR_EL1[0]')).toEqual(['CCSIDR_EL1[0]'])
  expect(matched('ccsidr*')).toHaveLength(14)
  expect(matched('0x6030000000140000')).toEqual(['KVM_REG_ARM_PSCI_VERSION'])
  expect(matched('S3_0_C0_C4_*')).toEqual([
    'ID_AA64PFR0_EL1',
    'ID_AA64PFR1_EL1',
    'ID_AA64PFR2_EL1',
    'S3_0_C0_C4_3',
    'ID_AA64ZFR0_EL1',
    'ID_AA64SMFR0_EL1',
    'S3_0_C0_C4_6',
    'ID_AA64FPFR0_EL1',
  ])
  expect(matched('pir*', [...listed].reverse())).toEqual([...matched('pir*')].reverse())
})

test('a pattern for registers that the list lacks chooses nothing; one that no register can match is an error', () => {
  expect(matched('psci_version', [])).toEqual([])
  expect(matched('*EL2', [regId(0x6030_0000_0014_0000n)])).toEqual([])
  expect(matched('S3_7_*', [])).toEqual([])
  expect(matched('coproc*', [])).toEqual([])
  expect(matched('coproc 0x17*', [regId(0x6030_0000_0017_0003n)])).toEqual(['coproc 0x17 index 0x0003'])
  for (const pattern of ['PSCI_VERISON', 'PSCY*', 'ID_AA64PFR0', '*'.repeat(300), '[zz]*qq'])
    expect(() => matched(pattern), pattern).toThrow(expect.objectContaining({ code: 'REG_ID_INVALID' }))
})

/** The same pattern by dynamic programming over the compiled pieces' meaning: an independent, obviously right matcher for * and ?. */
function slowMatch(pattern: string, name: string): boolean {
  let reach = new Set([0])
  for (const char of pattern.toLowerCase()) {
    const next = new Set<number>()
    for (const at of reach) {
      if (char === '*') for (let i = at; i <= name.length; i++) next.add(i)
      else if (at < name.length && (char === '?' || char === name[at]?.toLowerCase())) next.add(at + 1)
    }
    reach = next
  }
  return reach.has(name.length)
}

test('stars and question marks match what they should', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '_', '1'), maxLength: 12 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '_', '1', '*', '?'), maxLength: 10 })
  fc.assert(
    fc.property(pattern, letters, (glob, name) => globMatcher(glob)(name) === slowMatch(glob, name)),
    { seed: 20261123, numRuns: 20_000 },
  )
})

test('a hostile pattern costs no more than its length times the name', () => {
  const matches = globMatcher(`${'a*'.repeat(2000)}b`)
  expect(matches('a'.repeat(20_000))).toBe(false)
})

test('an unclosed bracket stands for itself', () => {
  expect(globMatcher('x[0')('x[0')).toBe(true)
  expect(globMatcher('x[]]')('x]')).toBe(true)
})
