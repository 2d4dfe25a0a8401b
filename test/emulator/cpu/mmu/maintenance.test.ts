// AT and PAR_EL1; cache maintenance and DC ZVA by address: which faults they take, and how those look.
import { describe, expect, test } from 'vitest'
import { SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { CODE, EL1H, HVC, RAM, VECTORS, word } from '../bare-machine.ts'
import { D, MMFR1, type Paged, pagedMachine } from './paged-machine.ts'

const AT = 0x123_4000n
const PAGE = RAM + 0x1_0000n
const sys = (op1: number, crm: number, op2: number): number => word('SYS', { o: op1, k: 7, j: crm, x: op2, t: 1 })
const EL0 = 0x3c0
const UCI = 1n << 26n
const DZE = 1n << 14n
const CM_WNR = 0x140

function attempt({ machine, vcpu }: Paged, instruction: number, address = AT + 0x123n, pstate = EL1H) {
  machine.code(CODE, [instruction, HVC])
  machine.code(VECTORS + 0x200n, [HVC])
  machine.code(VECTORS + 0x400n, [HVC])
  vcpu.set('pc', CODE)
  vcpu.set('pstate', BigInt(pstate))
  vcpu.setX(1, address)
  for (const register of [SYSREG.ESR_EL1, SYSREG.FAR_EL1, SYSREG.PAR_EL1]) vcpu.setSysreg(register, 0n)
  vcpu.run()
  const esr = Number(vcpu.sysreg(SYSREG.ESR_EL1))
  return { ec: esr >>> 26, iss: esr & 0x1ff_ffff, far: vcpu.sysreg(SYSREG.FAR_EL1), par: vcpu.sysreg(SYSREG.PAR_EL1) }
}
const NOTHING = { ec: 0, iss: 0, far: 0n }

/** A machine whose first pages EL0 may execute, with AT mapped like this. */
function setUp(bits: bigint | undefined, options = {}): Paged {
  const paged = pagedMachine(options)
  for (let page = RAM; page < RAM + 0x4000n; page += 4096n) paged.low.map(page, page, D.flag | D.user | D.readOnly)
  if (bits !== undefined) paged.low.map(AT, PAGE, bits)
  paged.vcpu.setSysreg(SYSREG.SCTLR_EL1, paged.vcpu.sysreg(SYSREG.SCTLR_EL1) | UCI | DZE)
  return paged
}

describe('AT', () => {
  const S1E1R = sys(0, 8, 0)
  const S1E1W = sys(0, 8, 1)
  const S1E0R = sys(0, 8, 2)
  const S1E0W = sys(0, 8, 3)

  test.each([
    ['EL1 reads', S1E1R, D.flag | (3n << 8n), (0xffn << 56n) | PAGE | 0xb80n],
    ['EL1 reads Device memory', S1E1R, D.flag | D.attribute(1), PAGE | 0xb00n],
    ['EL1 reads Non-cacheable memory', S1E1R, D.flag | D.attribute(2) | (3n << 8n), (0x44n << 56n) | PAGE | 0xb00n],
    ['EL1 writes', S1E1W, D.flag | D.readOnly, 0x801n | (0x0fn << 1n)],
    ['EL0 reads', S1E0R, D.flag, 0x801n | (0x0fn << 1n)],
    ['EL0 reads', S1E0R, D.flag | D.user | D.readOnly, (0xffn << 56n) | PAGE | 0xa00n],
    ['EL0 writes', S1E0W, D.flag | D.user | D.readOnly, 0x801n | (0x0fn << 1n)],
    ['EL0 writes', S1E0W, D.flag | D.user, (0xffn << 56n) | PAGE | 0xa00n],
    ['no access flag', S1E1R, 0n, 0x801n | (0x0bn << 1n)],
    ['no mapping', S1E1R, undefined, 0x801n | (0x07n << 1n)],
  ] as [string, number, bigint | undefined, bigint][])('%s', (_, instruction, bits, par) => {
    const paged = setUp(bits)
    if (bits === undefined) paged.low.entry(AT, 3)
    expect(attempt(paged, instruction)).toEqual({ ...NOTHING, par })
  })

  test('PSTATE.PAN counts for the P forms, where they exist', () => {
    const bits = D.flag | D.user
    const pan = EL1H | (1 << 22)
    const paged = setUp(bits, { idRegisters: new Map([[MMFR1, 2n << 20n]]) })
    expect(attempt(paged, S1E1R, AT, pan).par & 1n).toBe(0n)
    expect(attempt(paged, sys(0, 9, 0), AT, pan).par).toBe(0x801n | (0x0fn << 1n))
    expect(attempt(paged, sys(0, 9, 1), AT, EL1H).par & 1n).toBe(0n)
    expect(attempt(setUp(bits), sys(0, 9, 0)).ec).toBe(0)
    expect(attempt(setUp(bits), sys(0, 9, 0)).par).toBe(0n)
  })

  test('does not set what hardware manages', () => {
    const paged = setUp(0n, { idRegisters: new Map([[MMFR1, 2n]]), tcr: 3n << 39n })
    const before = paged.machine.dword(paged.low.entry(AT, 3))
    expect(attempt(paged, S1E1W).par & 1n).toBe(0n)
    expect(paged.machine.dword(paged.low.entry(AT, 3))).toBe(before)
  })

  test('a table where nothing is: an exception, and PAR_EL1 stays', () => {
    const paged = setUp(undefined)
    paged.low.set(paged.low.entry(AT, 2), 0x1_0000_0003n)
    expect(attempt(paged, S1E0R)).toEqual({ ec: 0x25, iss: CM_WNR | 0x17, far: AT + 0x123n, par: 0n })
  })

  test('is UNDEFINED at EL0', () => {
    const got = attempt(setUp(D.flag), S1E0R, AT, EL0)
    expect([got.ec, got.par]).toEqual([0, 0n])
  })
})

describe('cache maintenance by address', () => {
  const names = { CVAC: sys(3, 10, 1), CVAU: sys(3, 11, 1), CIVAC: sys(3, 14, 1), IVAU: sys(3, 5, 1) }
  const none = { iss: 0, far: 0n }
  const result = (paged: Paged, instruction: number, pstate?: number) => {
    const { ec, iss, far } = attempt(paged, instruction, AT + 0x123n, pstate)
    return { ec, iss, far }
  }

  test.each(Object.entries(names))('%s at EL1 needs a translation, nothing else', (_, instruction) => {
    expect(result(setUp(undefined), instruction)).toEqual({ ec: 0x25, iss: CM_WNR | 0x05, far: AT + 0x123n })
    expect(result(setUp(0n), instruction)).toEqual({ ec: 0x25, iss: CM_WNR | 0x0b, far: AT + 0x123n })
    for (const bits of [0n, D.readOnly, D.user, D.attribute(1)]) expect(result(setUp(D.flag | bits), instruction)).toEqual({ ec: 0, ...none })
    const outside = setUp(undefined)
    outside.low.map(AT, 0x900_0000n, D.flag | D.attribute(1))
    expect(result(outside, instruction)).toEqual({ ec: 0, ...none })
    expect(result(setUp(D.flag | D.user), instruction, EL1H | (1 << 22))).toEqual({ ec: 0, ...none })
  })

  test.each(Object.entries(names))('%s at EL0 needs to read', (_, instruction) => {
    expect(result(setUp(D.flag), instruction, EL0)).toEqual({ ec: 0x24, iss: CM_WNR | 0x0f, far: AT + 0x123n })
    // EL0's HVC behind it is UNDEFINED: the instruction itself was done.
    expect(result(setUp(D.flag | D.user | D.readOnly), instruction, EL0)).toEqual({ ec: 0, iss: 0, far: 0n })
  })

  test('DC IVAC needs to write', () => {
    expect(result(setUp(D.flag), sys(0, 6, 1))).toEqual({ ec: 0, ...none })
    expect(result(setUp(D.flag | D.readOnly), sys(0, 6, 1))).toEqual({ ec: 0x25, iss: CM_WNR | 0x0f, far: AT + 0x123n })
  })
})

describe('DC ZVA', () => {
  const ZVA = sys(3, 4, 1)
  test('zeroes its block through the translation, at EL1 and EL0', () => {
    for (const pstate of [EL1H, EL0]) {
      const paged = setUp(D.flag | D.user)
      paged.machine.engine.writeRam(PAGE, new Uint8Array(4096).fill(0xff))
      expect(attempt(paged, ZVA, AT + 0x123n, pstate).far).toBe(0n)
      const zeros = [...paged.machine.engine.ram(PAGE, 4096)].flatMap((byte, i) => (byte === 0 ? [i] : []))
      expect([zeros[0], zeros.length]).toEqual([0x100, 64])
    }
  })

  test.each([
    ['no mapping', undefined, 0x05],
    ['read only', D.flag | D.readOnly, 0x0f],
  ])('%s: a write, not maintenance, with the address as given', (_, bits, status) => {
    const { ec, iss, far } = attempt(setUp(bits), ZVA)
    expect([ec, iss, far]).toEqual([0x25, 0x40 | status, AT + 0x123n])
  })

  test('EL0 needs its rights', () => {
    const { ec, iss, far } = attempt(setUp(D.flag), ZVA, AT + 0x123n, EL0)
    expect([ec, iss, far]).toEqual([0x24, 0x4f, AT + 0x123n])
  })

  test('outside RAM', () => {
    const paged = setUp(undefined)
    paged.low.map(AT, 0x900_0000n, D.flag)
    attempt(paged, ZVA)
    paged.vcpu.set('pc', CODE)
    paged.vcpu.set('pstate', BigInt(EL1H))
    expect(paged.vcpu.run()).toEqual({ kind: 'nisv', address: 0x900_0100n, write: true })
  })
})
