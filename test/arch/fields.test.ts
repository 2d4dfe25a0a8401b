import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generatedTables } from '../../scripts/arch/generate-register-tables.ts'
import { registerRows } from '../../src/arch/catalogue/catalogue.ts'
import { parseRegister } from '../../src/arch/catalogue/parse.ts'
import { decodeFields, diffFields, registerFields } from '../../src/arch/fields/fields.ts'
import { regBytes } from '../../src/arch/reg-id.ts'
import { FACTS, withoutFacts } from './recordings.ts'

const decoded = (name: string, value: bigint) =>
  Object.fromEntries(decodeFields(parseRegister(name), value).map(field => [field.name, field.meaning ?? field.value]))

test('fields of a register do not overlap and fit into it', () => {
  const faults = [...registerRows()].filter(row => {
    let above = regBytes(row.id) * 8
    return registerFields(row.id).some(field => {
      const isWrong = field.msb >= above || field.lsb > field.msb
      above = field.lsb
      return isWrong
    })
  })
  expect(faults.map(row => row.name)).toEqual([])
})

test('every named ID register has fields, and they cover every bit', () => {
  const ids = [...registerRows()].filter(row => /^(ID_|MVFR)/.test(row.name))
  expect(ids.length).toBeGreaterThan(40)
  for (const row of ids) {
    const bits = registerFields(row.id).reduce((sum, field) => sum + field.msb - field.lsb + 1, 0)
    expect([row.name, bits]).toEqual([row.name, 64])
  }
})

test('values have the meanings of the manual', () => {
  expect(decoded('ID_AA64PFR0_EL1', 0x1100_0000_1111_0112n)).toMatchObject({ CSV3: 'IMP', CSV2: 'IMP', SVE: 'NI', FP: 'FP16', EL1: 'IMP', EL0: 'AARCH32' })
  expect(decoded('PSCI_VERSION', 0x1_0003n)).toEqual({ MAJOR: 1n, MINOR: 3n })
  expect(decoded('WA1', 2n)).toEqual({ LEVEL: 'NOT_REQUIRED' })
  expect(decoded('WA2', 0x12n)).toEqual({ ENABLED: 1n, LEVEL: 'AVAIL' })
  expect(decoded('VENDOR_HYP_BMAP', 2n)).toEqual({ PTP: 1n, FUNC_FEAT: 0n })
  expect(decoded('CCSIDR_EL1[0]', 0x700f_e01an)).toMatchObject({ NumSets: 127n, Associativity: 3n, LineSize: 2n })
  expect(decoded('PSTATE', 0x3c5n)).toMatchObject({ M: 'EL1h', D: 1n, A: 1n, I: 1n, F: 1n })
  expect(decoded('TIMER_CTL', 5n)).toEqual({ ISTATUS: 1n, IMASK: 0n, ENABLE: 1n })
  expect(decoded('ZCR_EL1', 3n)).toEqual({ LEN: 3n })
  expect(decoded('MIDR_EL1', 0x410f_d083n)).toMatchObject({ Implementer: 'Arm', PartNum: 0xd08n, Revision: 3n })
  expect(decoded('SCTLR_EL1', 0xc5_0078n)).toMatchObject({ M: 0n, nTWE: 1n })
})

test('timer counters and values have no fields: their ids carry the encoding of another register', () => {
  expect(registerFields(parseRegister('TIMER_CNT'))).toEqual([])
  expect(registerFields(parseRegister('TIMER_CVAL'))).toEqual([])
})

test('reserved bits show up only when they are not what they should be', () => {
  expect(decoded('ZCR_EL1', (1n << 60n) | 3n)).toHaveProperty('RES0')
  expect(decoded('MPIDR_EL1', 0x8000_0000n)).not.toHaveProperty('RES1')
  expect(decoded('MPIDR_EL1', 0n)).toHaveProperty('RES1')
})

test('a difference is told by field, in names', () => {
  const change = diffFields(parseRegister('ID_AA64MMFR2_EL1'), 0x1221_0111_1201_1011n, 0x1221_0111_1001_1011n)
  expect(change).toMatchObject([{ name: 'NV', msb: 27, lsb: 24, before: 2n, after: 0n, beforeMeaning: 'NV2', afterMeaning: 'NI' }])
  expect(diffFields(parseRegister('TIMER_CTL'), 4n, 0n).map(field => field.name)).toEqual(['ISTATUS'])
  expect(diffFields(parseRegister('VENDOR_HYP_BMAP'), 0n, 0x10n).map(field => field.name)).toEqual(['other bits'])
  expect(diffFields(parseRegister('X0'), 1n, 2n)).toEqual([])
  expect(diffFields(parseRegister('WA1'), 1n, 1n)).toEqual([])
})

test.skipIf(withoutFacts)('the generated tables are what their generator makes of the facts', () => {
  for (const [path, text] of generatedTables(FACTS)) expect(readFileSync(path, 'utf8') === text, path).toBe(true)
})

test.skipIf(withoutFacts)('every register of the facts has a row, with the bits that the facts give it', () => {
  interface Fact {
    readonly id: string
    readonly name?: string
    readonly userVisible?: boolean
    readonly fields?: readonly { readonly name: string; readonly msb: number; readonly lsb: number; readonly values?: Readonly<Record<string, string>> }[]
  }
  const sysregs = JSON.parse(readFileSync(`${FACTS}/sysregs.json`, 'utf8')) as { readonly registers: readonly Fact[] }
  const idregs = JSON.parse(readFileSync(`${FACTS}/idregs.json`, 'utf8')) as Readonly<Record<'registers' | 'other', Readonly<Record<string, Fact>>>>
  const rows = new Map<bigint, string | undefined>([...registerRows()].map(row => [row.id, row.listed]))
  const visible = sysregs.registers.filter(fact => fact.userVisible)
  expect(visible).toHaveLength(314)
  expect(visible.filter(fact => rows.get(BigInt(fact.id)) === undefined)).toEqual([])
  for (const [name, fact] of [...Object.entries(idregs.registers), ...Object.entries(idregs.other)]) {
    expect(rows.has(BigInt(fact.id)), name).toBe(true)
    if (name === 'ICH_VMCR_EL2' || !fact.fields?.length || ['FPCR', 'FPSR'].includes(name)) continue // two layouts under one name; core registers
    const mine = registerFields(parseRegister(name)).map(({ name, msb, lsb, values }) => [name, msb, lsb, values ? [...values] : []])
    const theirs = fact.fields.map(({ name, msb, lsb, values }) => [
      name,
      msb,
      lsb,
      Object.entries(values ?? {}).map(([number, text]) => [Number(number), text]),
    ])
    expect([name, mine]).toEqual([name, theirs])
  }
})
