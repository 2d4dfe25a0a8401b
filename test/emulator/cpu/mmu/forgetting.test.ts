// What is remembered of the guest's tables, and what makes it forgotten: TLBI in all its forms, other regimes, registers that change from outside.
import { describe, expect, test } from 'vitest'
import { encodingOf, SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { CODE, HVC, msr, RAM, type Vcpu, word } from '../bare-machine.ts'
import { D, type Granule, type Paged, type PagedOptions, pagedMachine } from './paged-machine.ts'

const AT = 0x123_4000n
const ONE = RAM + 0x1_0000n
const TWO = RAM + 0x2_0000n
const LOAD = word('LDR_X_imm', { n: 1, t: 2 })
const ISAR0 = encodingOf(3, 0, 0, 6, 0)
const tlbi = (crm: number, op2: number, t = 3): number => word('SYS', { o: 0, k: 8, j: crm, x: op2, t })

/** Runs these words on a vCPU with X1 = address, X3 = operand, then HVC; gives X2, or undefined after an abort. */
function execute({ machine }: Paged, vcpu: Vcpu, words: readonly number[], address = AT, operand = 0n): bigint | undefined {
  machine.code(CODE, [...words, HVC])
  vcpu.set('pc', CODE)
  vcpu.setX(1, address)
  vcpu.setX(3, operand)
  vcpu.setSysreg(SYSREG.ESR_EL1, 0n)
  vcpu.run(words.length + 1)
  return vcpu.sysreg(SYSREG.ESR_EL1) === 0n ? vcpu.x(2) : undefined
}

function setUp(options: PagedOptions = {}): Paged {
  const paged = pagedMachine(options)
  for (const [at, value] of [
    [ONE, 1n],
    [TWO, 2n],
  ] as const) {
    const bytes = new Uint8Array(0x1_0000).map((_, i) => (i % 8 === 0 ? Number(value) : 0))
    paged.machine.engine.writeRam(at, bytes)
  }
  return paged
}

describe.each([12, 14, 16] as Granule[])('pages of 2^%i bytes', granule => {
  const inputBits = granule === 12 ? 39 : granule === 14 ? 47 : 42
  const at = 0x124_0000n
  const operand = at >> 12n

  test.each([
    ['VMALLE1', 7, 0, 0n],
    ['VMALLE1IS', 3, 0, 0n],
    ['VAE1', 7, 1, operand],
    ['VAE1IS', 3, 1, operand],
    ['ASIDE1', 7, 2, 0n],
    ['VAAE1IS', 3, 3, operand | (77n << 48n)],
    ['VALE1', 7, 5, operand],
    ['VAALE1IS', 3, 7, operand],
  ])('another page is seen after TLBI %s', (_, crm, op2, value) => {
    const paged = setUp({ granule, inputBits })
    paged.low.map(at, ONE, D.flag | D.notGlobal)
    // Every 4 KiB of it is remembered.
    for (let page = at; page < at + (1n << BigInt(granule)); page += 4096n) expect(execute(paged, paged.vcpu, [LOAD], page)).toBe(1n)
    paged.low.map(at, TWO, D.flag | D.notGlobal)
    for (let page = at; page < at + (1n << BigInt(granule)); page += 4096n) expect(execute(paged, paged.vcpu, [LOAD], page)).toBe(1n)
    expect(execute(paged, paged.vcpu, [tlbi(crm, op2), LOAD], at, value)).toBe(2n)
    for (let page = at; page < at + (1n << BigInt(granule)); page += 4096n) expect(execute(paged, paged.vcpu, [LOAD], page)).toBe(2n)
  })
})

test('TLBI of another address forgets nothing', () => {
  const paged = setUp()
  paged.low.map(AT, ONE, D.flag)
  expect(execute(paged, paged.vcpu, [LOAD])).toBe(1n)
  paged.low.map(AT, TWO, D.flag)
  expect(execute(paged, paged.vcpu, [tlbi(3, 7), LOAD], AT, (AT >> 12n) + 1n)).toBe(1n)
  expect(execute(paged, paged.vcpu, [tlbi(3, 7), LOAD], AT, (AT >> 12n) + 1024n)).toBe(1n)
})

test.each([1, 2])('any address of a block at level %i forgets all of it', level => {
  const paged = setUp()
  const size = 1n << paged.low.shift(level)
  const at = size * 5n
  paged.low.map(at, RAM, D.flag, level)
  const within = ONE - RAM
  expect(execute(paged, paged.vcpu, [LOAD], at + within)).toBe(1n)
  paged.low.map(at, 0n, 0n, level)
  paged.low.set(paged.low.entry(at, level), 0n)
  expect(execute(paged, paged.vcpu, [LOAD], at + within)).toBe(1n)
  expect(execute(paged, paged.vcpu, [tlbi(3, 1), LOAD], at + within, (at + size - 4096n) >> 12n)).toBe(undefined)
})

test('addresses with tags are forgotten with the address', () => {
  const paged = setUp({ tcr: 1n << 37n })
  paged.low.map(AT, ONE, D.flag)
  expect(execute(paged, paged.vcpu, [LOAD], AT | (0x5an << 56n))).toBe(1n)
  paged.low.map(AT, TWO, D.flag)
  expect(execute(paged, paged.vcpu, [tlbi(7, 3), LOAD], AT | (0x5an << 56n), AT >> 12n)).toBe(2n)
})

test('inner shareable forms reach the other vCPUs, the others need not', () => {
  const paged = setUp({ vcpus: 2 })
  const [first, second] = paged.machine.vcpus as unknown as [Vcpu, Vcpu]
  paged.low.map(AT, ONE, D.flag)
  for (const vcpu of [first, second]) expect(execute(paged, vcpu, [LOAD])).toBe(1n)
  paged.low.map(AT, TWO, D.flag)
  expect(execute(paged, first, [tlbi(3, 3), LOAD], AT, AT >> 12n)).toBe(2n)
  expect(execute(paged, second, [LOAD])).toBe(2n)
})

describe('FEAT_TLBIRANGE', () => {
  const idRegisters = new Map([[ISAR0, 2n << 56n]])
  const range = (base: bigint, pages: bigint): bigint => base | ((pages / 2n - 1n) << 39n) | (1n << 46n)
  test.each([
    ['RVAAE1IS', 2, 3],
    ['RVALE1', 6, 5],
    ['RVAE1OS', 5, 1],
  ])('TLBI %s forgets its range and no more', (_, crm, op2) => {
    const paged = setUp({ idRegisters })
    const pages = [0n, 1n, 2n, 3n, 4n, 5n].map(i => AT + i * 4096n)
    for (const page of pages) {
      paged.low.map(page, ONE, D.flag)
      expect(execute(paged, paged.vcpu, [LOAD], page)).toBe(1n)
      paged.low.map(page, TWO, D.flag)
    }
    execute(paged, paged.vcpu, [tlbi(crm, op2)], AT, range((AT >> 12n) + 1n, 4n))
    expect(pages.map(page => execute(paged, paged.vcpu, [LOAD], page))).toEqual([1n, 2n, 2n, 2n, 2n, 1n])
  })
})

test('address spaces keep what is theirs: a switch of TTBR0_EL1 and ASID needs no TLBI', () => {
  const paged = setUp()
  const spaces = [1, 2, 3, 4, 5, 6].map(n => {
    const at = RAM + 0x20_0000n + BigInt(n) * 0x2_0000n
    const tables = new (paged.low.constructor as typeof import('./paged-machine.ts').Tables)(paged.machine, 12, 39, at)
    for (let page = RAM; page < RAM + 0x1_0000n; page += 4096n) tables.map(page, page, D.flag)
    tables.map(AT, n % 2 ? ONE : TWO, D.flag | D.notGlobal)
    return tables.root | (BigInt(n) << 48n)
  })
  for (const n of [0, 1, 0, 2, 3, 4, 5, 0, 1, 1, 3, 0, 5, 2, 4]) {
    expect(execute(paged, paged.vcpu, [msr(SYSREG.TTBR0_EL1, 3), LOAD], AT, spaces[n]!)).toBe(n % 2 ? 2n : 1n)
  }
})

test('registers that are changed from outside come without a TLBI: everything is forgotten', () => {
  const paged = setUp()
  paged.low.map(AT, ONE, D.flag)
  expect(execute(paged, paged.vcpu, [LOAD])).toBe(1n)
  paged.low.map(AT, TWO, D.flag)
  const tcr = paged.vcpu.sysreg(SYSREG.TCR_EL1)
  paged.vcpu.setSysreg(SYSREG.TCR_EL1, tcr | (1n << 38n))
  expect(execute(paged, paged.vcpu, [LOAD])).toBe(2n)
  paged.low.map(AT, ONE, D.flag)
  paged.vcpu.setSysreg(SYSREG.TCR_EL1, tcr)
  expect(execute(paged, paged.vcpu, [LOAD])).toBe(1n)
})

test('turning the MMU off and on again', () => {
  const paged = setUp()
  paged.low.map(RAM + 0x5000n, ONE, D.flag)
  const sctlr = paged.vcpu.sysreg(SYSREG.SCTLR_EL1)
  const here = RAM + 0x5000n
  expect(execute(paged, paged.vcpu, [LOAD], here)).toBe(1n)
  expect(execute(paged, paged.vcpu, [msr(SYSREG.SCTLR_EL1, 3), LOAD], here, sctlr & ~1n)).toBe(0n)
  expect(execute(paged, paged.vcpu, [msr(SYSREG.SCTLR_EL1, 3), LOAD], here, sctlr)).toBe(1n)
})
