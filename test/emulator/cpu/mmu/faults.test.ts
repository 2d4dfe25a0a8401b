// Stage 1 translation as a guest meets it: mappings of every granule and level work, and each fault has exactly its ESR_EL1, FAR_EL1 and no other effect.
import { describe, expect, test } from 'vitest'
import { encodingOf, SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { bareMachine, CODE, DATA, EL1H, HVC, msr, RAM, VECTORS, word } from '../bare-machine.ts'
import { D, type Granule, MMFR1, PAGED_SYSREGS, type Paged, type PagedOptions, pagedMachine } from './paged-machine.ts'

const HIGH = 0xffff_ff80_0000_0000n
const VALUE = 0x1122_3344_5566_7788n
const LOAD = word('LDR_X_imm', { n: 1, t: 2 })
const STORE = word('STR_X_imm', { n: 1, t: 2 })

/** Runs one instruction with X1 = address, X2 = VALUE, then HVC; gives what was taken. */
function attempt({ machine, vcpu }: Paged, instruction: number, address: bigint, pstate = EL1H) {
  machine.code(CODE, [instruction, HVC])
  machine.code(VECTORS + 0x200n, [HVC])
  machine.code(VECTORS + 0x400n, [HVC])
  vcpu.set('pc', CODE)
  vcpu.set('pstate', BigInt(pstate))
  vcpu.setX(1, address)
  vcpu.setX(2, VALUE)
  vcpu.setSysreg(SYSREG.ESR_EL1, 0n)
  vcpu.setSysreg(SYSREG.FAR_EL1, 0n)
  const stop = vcpu.run()
  return { stop, esr: vcpu.sysreg(SYSREG.ESR_EL1), far: vcpu.sysreg(SYSREG.FAR_EL1), elr: vcpu.get('elrEl1'), x2: vcpu.x(2) }
}
const esr = (ec: number, iss: number): bigint => BigInt(((ec << 26) | (1 << 25) | iss) >>> 0)
const WNR = 1 << 6

describe.each([
  [12, 39, 1],
  [12, 48, 0],
  [14, 47, 1],
  [14, 36, 2],
  [16, 42, 2],
  [16, 48, 1],
] as [Granule, number, number][])('granule 2^%i, %i bits of address', (granule, inputBits, startLevel) => {
  const options: PagedOptions = { granule, inputBits }
  const blocks = granule === 12 ? [1, 2] : [2]

  test('a page is read and written through both halves', () => {
    const paged = pagedMachine(options)
    const top = BigInt.asUintN(64, -1n << BigInt(inputBits))
    expect(paged.low.startLevel).toBe(startLevel)
    paged.low.map(0x123_0000n, RAM + 0x1_0000n, D.flag)
    paged.high.map(top + 0x5_0000n, RAM + 0x1_0000n, D.flag)
    expect(attempt(paged, STORE, 0x123_0008n).esr).toBe(0n)
    expect(paged.machine.dword(RAM + 0x1_0008n)).toBe(VALUE)
    const loaded = attempt(paged, word('LDR_W_imm', { n: 1, t: 2 }), top + 0x5_0008n)
    expect([loaded.esr, loaded.x2]).toEqual([0n, VALUE & 0xffff_ffffn])
  })

  test.each(blocks)('a block at level %i', level => {
    const paged = pagedMachine(options)
    const size = 1n << paged.low.shift(level)
    const physical = RAM & ~(size - 1n)
    const at = size * 3n
    paged.low.map(at, physical, D.flag, level)
    const { esr } = attempt(paged, STORE, at + (DATA - physical))
    expect(esr).toBe(0n)
    expect(paged.machine.dword(DATA)).toBe(VALUE)
  })

  test.each([...Array(4 - startLevel).keys()].map(i => startLevel + i))('faults at level %i', level => {
    const paged = pagedMachine(options)
    const at = 1n << BigInt(inputBits - 1) // in another entry of the first table than code
    const entry = paged.low.entry(at, level)
    const fault = (status: number, write: boolean) => ({ esr: esr(0x25, (status + level) | (write ? WNR : 0)), far: at + 8n, elr: CODE })
    const got = (instruction: number) => {
      const { esr, far, elr } = attempt(paged, instruction, at + 8n)
      return { esr, far, elr }
    }
    expect(got(LOAD)).toEqual(fault(0x04, false))
    expect(got(STORE)).toEqual(fault(0x04, true))
    if (level < 3) {
      paged.low.set(entry, 0x7fff_ffff_0000n | D.table)
      expect(got(LOAD)).toEqual(fault(0x00, false))
      paged.low.set(entry, 0x1_0000_0000n | D.table)
      const { esr: external } = attempt(paged, LOAD, at + 8n)
      expect(external).toBe(esr(0x25, 0x15 + level))
    }
    if (level === 3 || blocks.includes(level)) {
      const kind = level === 3 ? 3n : 1n
      const physical = RAM & ~((1n << paged.low.shift(level)) - 1n)
      paged.low.set(entry, physical | kind)
      expect(got(STORE)).toEqual(fault(0x08, true))
      paged.low.set(entry, physical | kind | D.flag | D.readOnly)
      expect(got(STORE)).toEqual(fault(0x0c, true))
      paged.low.set(entry, (1n << 45n) | kind | D.flag)
      expect(got(LOAD)).toEqual(fault(0x00, false))
    } else {
      paged.low.set(entry, RAM | 1n | D.flag)
      expect(got(LOAD)).toEqual(fault(0x04, false))
    }
  })
})

describe('the halves', () => {
  test.each([
    ['between them', 0x0000_0080_0000_0000n],
    ['below the upper', HIGH - 8n],
    ['with a tag', 0x1200_0000_4000_8000n],
  ])('an address %s is in none: a translation fault at level 0', (_, at) => {
    const { esr: got, far } = attempt(pagedMachine(), LOAD, at)
    expect([got, far]).toEqual([esr(0x25, 0x04), at])
  })

  test('EPD0 and EPD1 close them', () => {
    const paged = pagedMachine({ tcr: 1n << 23n })
    paged.high.map(HIGH, DATA, D.flag)
    expect(attempt(paged, LOAD, HIGH).esr).toBe(esr(0x25, 0x04))
  })

  test('with TBI the top byte does not matter for data, and FAR has it', () => {
    const paged = pagedMachine({ tcr: 1n << 37n })
    expect(attempt(paged, STORE, 0x1200_0000_0000_0000n | DATA).esr).toBe(0n)
    expect(paged.machine.dword(DATA)).toBe(VALUE)
    const { esr: got, far } = attempt(paged, LOAD, 0x12aa_0000_0000_0000n)
    expect([got, far]).toEqual([esr(0x25, 0x04), 0x12aa_0000_0000_0000n])
  })

  test('with TBI a branch forgets the tag', () => {
    const paged = pagedMachine({ tcr: 1n << 37n })
    paged.machine.code(CODE + 0x100n, [HVC])
    attempt(paged, word('BR', { n: 1 }), 0x7700_0000_0000_0000n | (CODE + 0x100n))
    expect(paged.vcpu.get('pc')).toBe(CODE + 0x104n)
  })
})

describe('permissions', () => {
  const AT = 0x123_4000n
  test.each([
    // bits, who, load, store, fetch: fault status or undefined
    ['EL1 only', 0n, 'el1', undefined, undefined, undefined],
    ['EL1 only', 0n, 'el0', 0x0f, 0x0f, undefined],
    ['both', D.user, 'el0', undefined, undefined, undefined],
    ['both: EL1 does not execute what EL0 writes', D.user, 'el1', undefined, undefined, 0x0f],
    ['read only for both', D.user | D.readOnly, 'el0', undefined, 0x0f, undefined],
    ['read only for both', D.user | D.readOnly, 'el1', undefined, 0x0f, undefined],
    ['read only for EL1', D.readOnly, 'el0', 0x0f, 0x0f, undefined],
    ['UXN', D.user | D.uxn, 'el0', undefined, undefined, 0x0f],
    ['PXN', D.pxn, 'el1', undefined, undefined, 0x0f],
    ['PXN', D.user | D.readOnly | D.pxn, 'el0', undefined, 0x0f, undefined],
  ] as [string, bigint, 'el0' | 'el1', number | undefined, number | undefined, number | undefined][])('%s (0x%s), %s', (_, bits, who, load, store, fetch) => {
    const paged = pagedMachine()
    const { machine, vcpu } = paged
    const el1 = who === 'el1'
    for (let page = RAM; page < RAM + 0x4000n && !el1; page += 4096n) paged.low.map(page, page, D.flag | D.user | D.readOnly)
    paged.low.map(AT, RAM + 0x1_0000n, D.flag | bits)
    machine.code(RAM + 0x1_0000n, [HVC])
    const pstate = el1 ? EL1H : 0x3c0
    const ec = (base: number): number => base + (el1 ? 1 : 0)
    // EL0 has no HVC of its own: it is UNDEFINED there (EC 0).
    const done = el1 ? 0n : esr(0, 0)
    expect(attempt(paged, LOAD, AT, pstate).esr).toBe(load === undefined ? done : esr(ec(0x24), load))
    expect(attempt(paged, STORE, AT, pstate).esr).toBe(store === undefined ? done : esr(ec(0x24), store | WNR))
    machine.code(RAM + 0x1_0000n, [HVC])
    const branched = attempt(paged, word('BR', { n: 1 }), AT, pstate)
    expect(branched.esr).toBe(fetch === undefined ? done : esr(ec(0x20), fetch))
    if (fetch !== undefined) expect([branched.far, branched.elr]).toEqual([AT, AT])
    expect(vcpu.sysreg(SYSREG.SCTLR_EL1) & 1n).toBe(1n)
  })

  test('tables take away: APTable, PXNTable', () => {
    const paged = pagedMachine()
    paged.low.map(0x1_4000_0000n, RAM + 0x1_0000n, D.flag | D.user, 3, D.noUserTable)
    paged.low.map(0x2_4000_0000n, RAM + 0x1_0000n, D.flag, 3, D.readOnlyTable)
    paged.low.map(0x3_4000_0000n, RAM + 0x1_0000n, D.flag, 3, D.pxnTable)
    const ldtr = word('LDTR_X', { n: 1, t: 2 })
    expect(attempt(paged, LOAD, 0x1_4000_0000n).esr).toBe(0n)
    expect(attempt(paged, ldtr, 0x1_4000_0000n).esr).toBe(esr(0x25, 0x0f))
    expect(attempt(paged, LOAD, 0x2_4000_0000n).esr).toBe(0n)
    expect(attempt(paged, STORE, 0x2_4000_0000n).esr).toBe(esr(0x25, 0x0f | WNR))
    expect(attempt(paged, word('BR', { n: 1 }), 0x3_4000_0000n).esr).toBe(esr(0x21, 0x0f))
  })

  test('LDTR and STTR have the rights of EL0, unless UAO is set', () => {
    const paged = pagedMachine()
    expect(attempt(paged, word('LDTR_X', { n: 1, t: 2 }), DATA).esr).toBe(esr(0x25, 0x0f))
    expect(attempt(paged, word('STTR_W', { n: 1, t: 2 }), DATA).esr).toBe(esr(0x25, 0x0f | WNR))
    expect(attempt(paged, word('LDTR_X', { n: 1, t: 2 }), DATA, EL1H | (1 << 23)).esr).toBe(0n)
    paged.low.map(DATA, DATA, D.flag | D.user)
    expect(attempt(paged, word('STTR_W', { n: 1, t: 2 }), DATA).esr).toBe(0n)
  })

  test('PAN forbids EL1 what EL0 can reach, but not LDTR', () => {
    const paged = pagedMachine()
    paged.low.map(DATA, DATA, D.flag | D.user)
    const pan = EL1H | (1 << 22)
    expect(attempt(paged, LOAD, DATA, EL1H).esr).toBe(0n)
    expect(attempt(paged, LOAD, DATA, pan).esr).toBe(esr(0x25, 0x0f))
    expect(attempt(paged, STORE, DATA, pan).esr).toBe(esr(0x25, 0x0f | WNR))
    expect(attempt(paged, word('LDTR_X', { n: 1, t: 2 }), DATA, pan).esr).toBe(0n)
    expect(attempt(paged, LOAD, DATA, EL1H).esr).toBe(0n)
  })

  test('WXN: what can be written is not executed', () => {
    const paged = pagedMachine()
    for (let page = RAM; page < RAM + 0x8000n; page += 4096n) paged.low.map(page, page, D.flag | D.readOnly)
    paged.vcpu.setSysreg(SYSREG.SCTLR_EL1, paged.vcpu.sysreg(SYSREG.SCTLR_EL1) | (1n << 19n))
    expect(attempt(paged, LOAD, DATA).esr).toBe(0n)
    expect(attempt(paged, word('BR', { n: 1 }), DATA).esr).toBe(esr(0x21, 0x0f))
  })
})

describe('hardware management of flags', () => {
  const manages = { idRegisters: new Map([[MMFR1, 2n]]), tcr: 3n << 39n }
  test('the access flag is set by whatever accesses', () => {
    const paged = pagedMachine(manages)
    const entry = paged.low.map(0x123_4000n, RAM + 0x1_0000n, 0n)
    expect(attempt(paged, LOAD, 0x123_4000n).esr).toBe(0n)
    expect(paged.machine.dword(entry)).toBe((RAM + 0x1_0000n) | 3n | D.flag)
  })

  test('a page with DBM becomes writable when it is written, and only then', () => {
    const paged = pagedMachine(manages)
    const bits = D.readOnly | D.dirtyManaged | D.flag
    const entry = paged.low.map(0x123_4000n, RAM + 0x1_0000n, bits)
    expect(attempt(paged, LOAD, 0x123_4000n).esr).toBe(0n)
    expect(paged.machine.dword(entry)).toBe((RAM + 0x1_0000n) | 3n | bits)
    expect(attempt(paged, STORE, 0x123_4000n).esr).toBe(0n)
    expect(paged.machine.dword(entry)).toBe((RAM + 0x1_0000n) | 3n | (bits & ~D.readOnly))
    expect(paged.machine.dword(RAM + 0x1_0000n)).toBe(VALUE)
  })

  test('a CPU that does not announce it takes access flag faults whatever TCR_EL1 says', () => {
    const paged = pagedMachine({ tcr: 3n << 39n })
    paged.low.map(0x123_4000n, RAM + 0x1_0000n, 0n)
    expect(attempt(paged, LOAD, 0x123_4000n).esr).toBe(esr(0x25, 0x0b))
  })
})

test('translation by permission indirection stops the run, at the MSR and when such a state is run', () => {
  const TCR2_EL1 = encodingOf(3, 0, 2, 0, 3)
  const sysregs = new Map([...PAGED_SYSREGS.keys(), TCR2_EL1].map((encoding, slot) => [encoding, { slot }]))
  const machine = bareMachine({ sysregs })
  const [vcpu] = machine.vcpus
  machine.code(CODE, [msr(TCR2_EL1, 1), HVC])
  vcpu.setX(1, 2n)
  expect(machine.engine.run(0, 10)).toEqual({ executed: 1, stop: { kind: 'cannot-execute', what: 'FEAT_S1PIE' } })
  vcpu.setX(1, 1n)
  expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
  vcpu.setSysreg(TCR2_EL1, 2n)
  expect(machine.engine.run(0, 10)).toEqual({ executed: 0, stop: { kind: 'cannot-execute', what: 'FEAT_S1PIE' } })
})

describe('accesses across pages', () => {
  const FIRST = 0x123_4000n
  const setUp = (second: boolean) => {
    const paged = pagedMachine()
    paged.low.map(FIRST, RAM + 0x1_3000n, D.flag)
    if (second) paged.low.map(FIRST + 0x1000n, RAM + 0x1_0000n, D.flag)
    return paged
  }

  test('are put together from pages that are apart', () => {
    const paged = setUp(true)
    expect(attempt(paged, STORE, FIRST + 0xffdn).esr).toBe(0n)
    expect(paged.machine.dword(RAM + 0x1_3ff8n)).toBe(0x66_7788n << 40n)
    expect(paged.machine.dword(RAM + 0x1_0000n)).toBe(VALUE >> 24n)
    expect(attempt(paged, LOAD, FIRST + 0xffdn).x2).toBe(VALUE)
  })

  test('fault in the second page with its address, and store nothing', () => {
    const paged = setUp(false)
    const { esr: got, far } = attempt(paged, STORE, FIRST + 0xffdn)
    expect([got, far]).toEqual([esr(0x25, 0x07 | WNR), FIRST + 0x1000n])
    expect(paged.machine.dword(RAM + 0x1_3ff8n)).toBe(0n)
  })
})

describe('Device memory', () => {
  const AT = 0x123_4000n
  test('in RAM: aligned accesses work, others fault, DC ZVA too', () => {
    const paged = pagedMachine()
    paged.low.map(AT, RAM + 0x1_0000n, D.flag | D.attribute(1))
    expect(attempt(paged, STORE, AT + 8n).esr).toBe(0n)
    expect(attempt(paged, LOAD, AT + 4n).esr).toBe(esr(0x25, 0x21))
    expect(attempt(paged, STORE, AT + 1n).far).toBe(AT + 1n)
    const zva = attempt(paged, word('SYS', { o: 3, k: 7, j: 4, x: 1, t: 1 }), AT + 0x48n)
    expect([zva.esr, zva.far]).toEqual([esr(0x25, 0x21 | WNR), AT + 0x48n])
  })

  test('outside RAM: the stop has the physical address', () => {
    const paged = pagedMachine()
    paged.low.map(AT, 0x900_0000n, D.flag | D.attribute(1))
    expect(attempt(paged, STORE, AT + 8n).stop).toEqual({ kind: 'mmio', address: 0x900_0008n, size: 8, write: true, data: VALUE, word: STORE })
    expect(attempt(paged, word('LDP_X', { n: 1, t: 2, u: 3 }), AT + 8n).stop).toEqual({ kind: 'nisv', address: 0x900_0008n, write: false })
    expect(attempt(paged, word('BR', { n: 1 }), AT + 8n).stop).toEqual({ kind: 'fetch-outside', address: 0x900_0008n })
  })
})
