// The pure walker on what the CPU's own tests do not reach: 52-bit addresses, features that take something away, attributes, and each level's status codes.
import { describe, expect, test } from 'vitest'
import { type TranslationFeatures, translationFeatures } from '../../../src/arch/translation/features.ts'
import { permitted } from '../../../src/arch/translation/permissions.ts'
import { type TranslationRegisters, translationRegime } from '../../../src/arch/translation/regime.ts'
import { branchTarget, translate } from '../../../src/arch/translation/walk.ts'

const NONE = translationFeatures((crm, op2) => (crm === 7 && op2 === 0 ? 0x24n : 0n))
const READ = { kind: 'read', privileged: true, pan: false } as const
const USER = { ...READ, privileged: false }
const ROOT = 0x8000_0000n
const PAGE = 0x403n
/** T0SZ 25 and T1SZ 25, 4K granules, IPS 44 bits: three levels. */
const TCR = 25n | (25n << 16n) | (2n << 30n) | (4n << 32n)

function regimeOf(change: Partial<TranslationRegisters> = {}, features: Partial<TranslationFeatures> = {}) {
  return translationRegime({ sctlr: 1n, tcr: TCR, ttbr0: ROOT, ttbr1: ROOT, mair: 0x04_44_00_ffn, ...change }, { ...NONE, ...features })
}
const memory = (words: Readonly<Record<string, bigint>>) => (address: bigint) => words[address.toString(16)] ?? 0n
/** Three levels of tables that lead address 0 to this last descriptor. */
const leading = (last: bigint, bits = 0n) => memory({ '80000000': 0x8000_1003n | bits, '80001000': 0x8000_2003n, '80002000': last })

describe('ID registers', () => {
  test('say which granules and sizes there are', () => {
    const of = (mmfr0: bigint) => translationFeatures((crm, op2) => (crm === 7 && op2 === 0 ? mmfr0 : 0n))
    expect(of(0x1124n)).toMatchObject({ physicalBits: 44, asidBits: 16, granule4K: 'present', granule16K: 'absent', granule64K: 'present' })
    expect(of(0xf_0000_0000n | 0x0f20_0006n)).toMatchObject({ physicalBits: 52, asidBits: 8, granule4K: 'present', granule16K: 'wide', granule64K: 'absent' })
    expect(of(0x1000_0000n).granule4K).toBe('wide')
    expect(of(0xf000_0000n).granule4K).toBe('absent')
  })

  test('a granule that is absent is the smallest that is there', () => {
    const regime = regimeOf({ tcr: TCR | (2n << 14n) }, { granule16K: 'absent' })
    expect(regime.halves.map(({ granuleBits }) => granuleBits)).toEqual([12, 12])
  })
})

describe('a mapping', () => {
  test('has the way to it, its attributes and its size', () => {
    const { steps, mapping } = translate(regimeOf(), 0x123n, READ, leading(0x4444_5000n | PAGE | (2n << 2n) | (3n << 8n)))
    expect(steps.map(({ level, kind, descriptorAddress }) => [level, kind, descriptorAddress])).toEqual([
      [1, 'table', 0x8000_0000n],
      [2, 'table', 0x8000_1000n],
      [3, 'page', 0x8000_2000n],
    ])
    // Non-cacheable memory is outer shareable whatever the descriptor says.
    expect(mapping).toEqual({ address: 0x4444_5123n, sizeBits: 12, level: 3, attributes: 0x44, shareability: 2, device: false, global: true })
  })

  test.each([
    [0, 0xff, 3, false],
    [1, 0x00, 2, true],
    [3, 0x04, 2, true],
  ])('attribute %i', (index, attributes, shareability, device) => {
    const { mapping } = translate(regimeOf(), 0n, READ, leading(PAGE | (BigInt(index) << 2n) | (3n << 8n) | (1n << 11n)))
    expect(mapping).toMatchObject({ attributes, shareability, device, global: false })
  })

  test('with 52-bit addresses and 4K granules begins at level -1 and keeps high bits in the descriptor', () => {
    const tcr = 12n | (6n << 32n) | (1n << 59n) | (3n << 12n)
    const regime = regimeOf({ tcr, ttbr0: ROOT | (0b0101n << 2n) }, { granule4K: 'wide', physicalBits: 52 })
    expect(regime.halves[0]).toMatchObject({ startLevel: -1, base: 0x5_0000_8000_0000n, shareability: 3 })
    const high = 0x5_0000_8000_0000n
    const next = (at: bigint) => (at & 0x3_ffff_ffff_f000n) | ((at >> 42n) & 0x300n) | 3n
    const words: Record<string, bigint> = {}
    for (let level = 0n; level < 4n; level++) words[(high + level * 0x1000n).toString(16)] = next(high + (level + 1n) * 0x1000n)
    words[(high + 0x4000n).toString(16)] = next(0xd_1234_5678_9000n) | 0x400n
    expect(translate(regime, 0n, READ, memory(words)).mapping).toMatchObject({ address: 0xd_1234_5678_9000n, shareability: 3 })
    expect(translate(regime, 1n << 51n, READ, memory(words)).fault).toEqual({ kind: 'translation', level: -1, status: 0x2b })
    expect(translate(regime, 0n, READ, () => undefined).fault).toEqual({ kind: 'external', level: -1, status: 0x13 })
  })

  test('with 64K granules and 52-bit physical addresses', () => {
    const tcr = 22n | (1n << 14n) | (6n << 32n)
    const regime = regimeOf({ tcr }, { physicalBits: 52 })
    const words = memory({ '80000000': 0x8001_0003n, '80010000': 0x1234_0000n | 0xa000n | PAGE })
    expect(translate(regime, 0x5678n, READ, words).mapping?.address).toBe(0xa_0000_1234_5678n)
  })
})

describe('a fault', () => {
  test('of a table register beyond the output size is at level 0', () => {
    expect(translate(regimeOf({ ttbr0: 1n << 45n }), 0n, READ, memory({})).fault).toEqual({ kind: 'address-size', level: 0, status: 0 })
  })

  test('of sizes out of range is a translation fault at level 0', () => {
    for (const size of [0n, 15n, 40n, 63n]) {
      const regime = regimeOf({ tcr: (TCR & ~0x3fn) | size })
      expect(translate(regime, 0n, READ, leading(PAGE)).fault).toEqual({ kind: 'translation', level: 0, status: 4 })
    }
    const small = regimeOf({ tcr: (TCR & ~0x3fn) | 40n }, { smallTables: true })
    expect(translate(small, 0n, READ, memory({ '80000000': 0x8000_1003n, '80001000': PAGE })).mapping?.level).toBe(3)
  })

  test('of E0PD meets EL0 only, and only where it is announced', () => {
    const tcr = TCR | (1n << 55n)
    const words = leading(PAGE | 0x40n)
    expect(translate(regimeOf({ tcr }, { e0pd: true }), 0n, USER, words).fault).toEqual({ kind: 'translation', level: 0, status: 4 })
    expect(translate(regimeOf({ tcr }, { e0pd: true }), 0n, READ, words).mapping).toBeDefined()
    expect(translate(regimeOf({ tcr }), 0n, USER, words).mapping).toBeDefined()
  })

  test('of a flag that hardware manages is none: the descriptor has to be written', () => {
    const tcr = TCR | (3n << 39n)
    const words = leading(0x4444_5083n | (1n << 51n))
    const { mapping } = translate(regimeOf({ tcr }, { hardwareUpdate: 2 }), 0n, { ...READ, kind: 'write' }, words)
    expect(mapping?.update).toEqual({ address: 0x8000_2000n, value: 0x4444_5403n | (1n << 51n) })
    expect(translate(regimeOf({ tcr }, { hardwareUpdate: 1 }), 0n, { ...READ, kind: 'write' }, words).fault?.status).toBe(0x0f)
    expect(translate(regimeOf({ tcr }), 0n, READ, words).fault?.status).toBe(0x0b)
  })
})

test('hierarchical permissions can be disabled', () => {
  const words = leading(PAGE, 1n << 62n)
  const write = { ...READ, kind: 'write' } as const
  expect(translate(regimeOf(), 0n, write, words).fault?.status).toBe(0x0f)
  const tcr = TCR | (1n << 41n)
  expect(translate(regimeOf({ tcr }, { hierarchicalDisable: true }), 0n, write, words).mapping).toBeDefined()
  expect(translate(regimeOf({ tcr }), 0n, write, words).fault?.status).toBe(0x0f)
})

test('PAN with SCTLR_EL1.EPAN counts what EL0 may only execute', () => {
  const page = { user: false, readOnly: true, userNeverExecute: false, privilegedNeverExecute: true }
  const rights = { kind: 'read', privileged: true, pan: true } as const
  expect(permitted(page, rights, { writeNeverExecute: false, enhancedPan: false })).toBe(true)
  expect(permitted(page, rights, { writeNeverExecute: false, enhancedPan: true })).toBe(false)
})

describe('with the MMU off', () => {
  const off = (tcr: bigint) => regimeOf({ sctlr: 0n, tcr })
  test('an address is itself, as far as the CPU has bits', () => {
    expect(translate(off(TCR), 0x123_4567_89abn, READ, memory({})).mapping).toMatchObject({ address: 0x123_4567_89abn, device: true, shareability: 2 })
    expect(translate(off(TCR), 1n << 44n, READ, memory({})).fault).toEqual({ kind: 'address-size', level: 0, status: 0 })
  })
  test('tags are ignored where they are', () => {
    expect(translate(off(TCR | (1n << 37n)), 0xab00_0000_0000_1000n, READ, memory({})).mapping?.address).toBe(0x1000n)
    expect(translate(off(TCR), 0xab00_0000_0000_1000n, READ, memory({})).fault?.status).toBe(0)
  })
})

test('a branch target loses its tag, but not with TBID', () => {
  const tcr = TCR | (3n << 37n) | (1n << 51n)
  expect(branchTarget(regimeOf({ tcr }), 0x1200_0000_0000_1000n)).toBe(0x1000n)
  expect(branchTarget(regimeOf({ tcr }), 0x1280_0000_0000_1000n)).toBe(0xff80_0000_0000_1000n)
  expect(branchTarget(regimeOf({ tcr }, { instructionTags: true }), 0x1200_0000_0000_1000n)).toBe(0x1200_0000_0000_1000n)
})
