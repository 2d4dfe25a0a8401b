// Exceptions to EL1 and back: syndrome, return address, saved state, vector, for every kind; and the states that cannot be returned to.
import { describe, expect, test } from 'vitest'
import { SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { VCPU_STATE } from '../../../src/emulator/state-layout.ts'
import { type BareMachine, bareMachine, CODE, constant, DATA, EL1H, HVC, msr, NOP, RAM, RAM_SIZE, VECTORS, word } from './bare-machine.ts'

const EL0 = 0
const EL1T = 0x3c4
const FLAGS = 0x6000_0000
const ERET = word('ERET')

interface Taken {
  readonly ec: number
  readonly iss: number
  readonly vector: number
  readonly elr: bigint
  readonly far?: bigint
}

/** Runs one instruction from this PSTATE and describes the exception that it took. */
function taken(machine: BareMachine, pstate: number): Taken {
  const [vcpu] = machine.vcpus
  vcpu.set('pstate', BigInt(pstate))
  const far = 0xdead_0000n
  vcpu.setSysreg(SYSREG.FAR_EL1, far)
  expect(machine.engine.run(0, 1)).toEqual({ executed: 1, stop: { kind: 'budget' } })
  expect(vcpu.get('pstate')).toBe(BigInt((pstate & 0xf000_0000) | EL1H))
  expect(vcpu.get('spsrEl1')).toBe(BigInt(pstate))
  const esr = vcpu.sysreg(SYSREG.ESR_EL1)
  expect((esr >> 25n) & 1n).toBe(1n)
  return {
    ec: Number(esr >> 26n),
    iss: Number(esr & 0x1ff_ffffn),
    vector: Number(vcpu.get('pc') - VECTORS),
    elr: vcpu.get('elrEl1'),
    ...(vcpu.sysreg(SYSREG.FAR_EL1) === far ? {} : { far: vcpu.sysreg(SYSREG.FAR_EL1) }),
  }
}

const at = (words: readonly number[], prepare: (machine: BareMachine) => void = () => {}): BareMachine => {
  const machine = bareMachine()
  machine.code(CODE, words)
  prepare(machine)
  return machine
}

describe('synchronous exceptions', () => {
  test.each([
    ['EL1h', EL1H, 0x200],
    ['EL1t', EL1T, 0x000],
    ['EL0', EL0 | FLAGS, 0x400],
  ])('SVC from %s returns to the next instruction', (_, pstate, vector) => {
    expect(taken(at([word('SVC', { i: 0xbeef })]), pstate)).toEqual({ ec: 0x15, iss: 0xbeef, vector, elr: CODE + 4n })
  })

  test('BRK returns to itself', () => {
    expect(taken(at([word('BRK', { i: 7 })]), EL1H)).toEqual({ ec: 0x3c, iss: 7, vector: 0x200, elr: CODE })
  })

  test.each([
    ['UDF', word('UDF', { i: 1 }), EL1H],
    ['HLT', word('HLT', { i: 1 }), EL1H],
    ['an unallocated word', 0x02000000, EL1H],
    ['HVC at EL0', HVC, EL0],
    ['SMC at EL0', word('SMC'), EL0],
    ['ERET at EL0', ERET, EL0],
    ['CRC32 without FEAT_CRC32', word('CRC32B'), EL1H],
    ['MSR SCTLR_EL1 at EL0', msr(SYSREG.SCTLR_EL1, 0), EL0],
    ['an unknown system register', msr(0xfff8, 0), EL1H],
  ])('%s is UNDEFINED', (_, instruction, pstate) => {
    const vector = pstate === EL0 ? 0x400 : 0x200
    expect(taken(at([instruction]), pstate)).toEqual({ ec: 0, iss: 0, vector, elr: CODE })
  })

  test('a misaligned PC', () => {
    const machine = at([NOP], ({ vcpus: [vcpu] }) => vcpu.set('pc', CODE + 2n))
    expect(taken(machine, EL1H)).toEqual({ ec: 0x22, iss: 0, vector: 0x200, elr: CODE + 2n, far: CODE + 2n })
  })

  test('a branch to a misaligned address faults there, after the branch', () => {
    const machine = at([word('BR', { n: 1 })], ({ vcpus: [vcpu] }) => vcpu.setX(1, CODE + 0x101n))
    const [vcpu] = machine.vcpus
    expect(machine.engine.run(0, 2).executed).toBe(2)
    expect(vcpu.get('elrEl1')).toBe(CODE + 0x101n)
    expect(vcpu.sysreg(SYSREG.ESR_EL1) >> 26n).toBe(0x22n)
  })

  test.each(['LDR_X_imm', 'STR_W_post', 'LDP_X_pre', 'LDXR_X', 'STLR_W', 'LDRB_imm'])('a misaligned stack pointer as the base of %s', name => {
    const machine = at([word(name, { n: 31 })], ({ vcpus: [vcpu] }) => vcpu.set('spEl1', DATA + 8n))
    expect(taken(machine, EL1H)).toEqual({ ec: 0x26, iss: 0, vector: 0x200, elr: CODE })
  })

  test('a misaligned stack pointer is fine where SCTLR_EL1.SA is clear, and at EL0 SA0 decides', () => {
    const machine = at([word('LDR_X_imm', { n: 31 })], ({ vcpus: [vcpu] }) => {
      vcpu.set('spEl1', DATA + 8n)
      vcpu.set('spEl0', DATA + 8n)
      vcpu.setSysreg(SYSREG.SCTLR_EL1, 1n << 4n)
    })
    expect(machine.engine.run(0, 1).executed).toBe(1)
    expect(machine.vcpus[0].get('pc')).toBe(CODE + 4n)
    machine.vcpus[0].set('pc', CODE)
    expect(taken(machine, EL0)).toMatchObject({ ec: 0x26, vector: 0x400 })
  })

  test.each([
    ['LDXR_X', false],
    ['LDAR_W', false],
    ['STLR_X', true],
    ['STXR_X', true],
    ['LDXP_X', false],
  ])('%s of a misaligned address', (name, write) => {
    const machine = at([word(name, { n: 1 })], ({ vcpus: [vcpu] }) => vcpu.setX(1, DATA + 2n))
    expect(taken(machine, EL1H)).toEqual({ ec: 0x25, iss: 0x21 | (write ? 0x40 : 0), vector: 0x200, elr: CODE, far: DATA + 2n })
  })

  test('SCTLR_EL1.A checks every access, also of pages that were accessed before it was set', () => {
    const machine = at([word('LDR_X_imm', { n: 1, t: 2 }), word('STP_X', { n: 1, t: 2, u: 3 })], ({ vcpus: [vcpu] }) => vcpu.setX(1, DATA + 4n))
    const [vcpu] = machine.vcpus
    expect(machine.engine.run(0, 2).executed).toBe(2)
    expect(vcpu.get('pc')).toBe(CODE + 8n)
    vcpu.set('pc', CODE)
    vcpu.setSysreg(SYSREG.SCTLR_EL1, vcpu.sysreg(SYSREG.SCTLR_EL1) | 2n)
    expect(taken(machine, EL1H)).toMatchObject({ ec: 0x25, iss: 0x21, far: DATA + 4n })
    vcpu.set('pc', CODE + 4n)
    expect(taken(machine, EL1H)).toMatchObject({ ec: 0x25, iss: 0x61, far: DATA + 4n })
    vcpu.set('pc', CODE)
    vcpu.setX(1, DATA + 8n)
    expect(machine.engine.run(0, 2).executed).toBe(2)
    expect(vcpu.get('pc')).toBe(CODE + 8n)
  })

  test('addresses beyond the physical address size are address size faults', () => {
    const machine = at([word('STR_X_imm', { n: 1, t: 2 })], ({ vcpus: [vcpu] }) => vcpu.setX(1, 1n << 40n))
    expect(taken(machine, EL1H)).toEqual({ ec: 0x25, iss: 0x40, vector: 0x200, elr: CODE, far: 1n << 40n })
    machine.vcpus[0].set('pc', 1n << 40n)
    expect(taken(machine, EL0)).toEqual({ ec: 0x20, iss: 0, vector: 0x400, elr: 1n << 40n, far: 1n << 40n })
  })

  test('a floating-point instruction with CPACR_EL1.FPEN clear traps; with it set it executes', () => {
    const fadd = 0x1e622820 // fadd d0, d1, d2
    const machine = at([fadd])
    expect(taken(machine, EL1H)).toEqual({ ec: 0x07, iss: 0x1e0_0000, vector: 0x200, elr: CODE })
    const [vcpu] = machine.vcpus
    vcpu.set('pc', CODE)
    vcpu.setSysreg(SYSREG.CPACR_EL1, 3n << 20n)
    const state = machine.engine.state(0)
    const v = new DataView(state.buffer, state.byteOffset + VCPU_STATE.v)
    v.setFloat64(16, 1.5, true)
    v.setFloat64(32, 2.25, true)
    expect(machine.engine.run(0, 1).executed).toBe(1)
    expect(v.getFloat64(0, true)).toBe(3.75)
    expect(vcpu.get('pc')).toBe(CODE + 4n)
  })
})

describe('exception return', () => {
  const returnWith = (spsr: number, elr: bigint) => {
    const machine = at([ERET])
    const [vcpu] = machine.vcpus
    vcpu.set('spsrEl1', BigInt(spsr >>> 0))
    vcpu.set('elrEl1', elr)
    vcpu.set('spEl0', 0x1000n)
    return { machine, vcpu }
  }

  test.each([
    ['EL0', EL0],
    ['EL1t', EL1T],
    ['EL1h', EL1H],
  ])('to %s, flags and masks restored', (_, mode) => {
    const { machine, vcpu } = returnWith(mode | FLAGS, CODE + 0x40n)
    expect(machine.engine.run(0, 1).executed).toBe(1)
    expect(vcpu.get('pstate')).toBe(BigInt(mode | FLAGS))
    expect(vcpu.get('pc')).toBe(CODE + 0x40n)
  })

  test.each([
    ['EL2h', 0x3c9],
    ['a reserved mode', 0x3c1],
    ['AArch32, which EL0 does not have', 0x1d0],
  ])('to %s is illegal: the mode stays, and the next instruction takes an Illegal Execution State exception', (_, spsr) => {
    const { machine, vcpu } = returnWith(spsr | FLAGS, CODE + 0x40n)
    expect(machine.engine.run(0, 1).executed).toBe(1)
    expect(vcpu.get('pstate')).toBe(BigInt((spsr & 0x3c0) | FLAGS | 0x10_0005))
    expect(machine.engine.run(0, 1).executed).toBe(1)
    expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(BigInt((0x0e << 26) >>> 0) | (1n << 25n))
    expect(vcpu.get('elrEl1')).toBe(CODE + 0x40n)
    expect(vcpu.get('pstate')).toBe(BigInt(EL1H | FLAGS))
    expect(vcpu.get('pc')).toBe(VECTORS + 0x200n)
  })

  test('to AArch32, where EL0 has it, is what this CPU cannot execute; nothing has changed', () => {
    const machine = bareMachine({ idRegisters: new Map([[0xc020, 0x12n]]) })
    machine.code(CODE, [ERET])
    const [vcpu] = machine.vcpus
    vcpu.set('spsrEl1', 0x1d0n)
    expect(vcpu.run()).toEqual({ kind: 'cannot-execute', what: 'AArch32' })
    expect(vcpu.get('pc')).toBe(CODE)
    expect(vcpu.get('pstate')).toBe(BigInt(EL1H))
  })

  test('the stack pointer follows the exception level: a round trip through EL0 keeps both', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [ERET])
    machine.code(CODE + 0x100n, [word('ADD_imm', { s: 1, d: 31, n: 31, i: 16 }), word('SVC')])
    machine.code(VECTORS + 0x400n, [word('SUB_imm', { s: 1, d: 31, n: 31, i: 32 }), HVC])
    vcpu.set('spEl0', 0x1000n)
    vcpu.set('spsrEl1', BigInt(EL0))
    vcpu.set('elrEl1', CODE + 0x100n)
    expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
    expect(vcpu.get('spEl0')).toBe(0x1010n)
    expect(vcpu.get('spEl1')).toBe(RAM + BigInt(RAM_SIZE) - 32n)
  })
})

describe('interrupts', () => {
  const I_CLEAR = EL1H & ~0x80

  test('a raised line is taken before the first instruction, and counts nothing', () => {
    const machine = at([NOP, NOP])
    const [vcpu] = machine.vcpus
    machine.code(VECTORS + 0x280n, [ERET])
    vcpu.set('pstate', BigInt(I_CLEAR))
    machine.engine.setInterruptLines(0, { irq: true, fiq: false })
    expect(machine.engine.run(0, 1)).toEqual({ executed: 1, stop: { kind: 'budget' } })
    expect(vcpu.get('pc')).toBe(CODE) // ERET was the one instruction
    expect(vcpu.get('elrEl1')).toBe(CODE)
    expect(vcpu.get('spsrEl1')).toBe(BigInt(I_CLEAR))
  })

  test.each([
    ['DAIFClr', [word('MSR_imm', { o: 3, x: 7, i: 2 })]],
    ['MSR DAIF', [msr(SYSREG.DAIF, 31)]],
  ])('a masked line is taken after %s', (_, words) => {
    const machine = at([NOP, ...words, NOP])
    const [vcpu] = machine.vcpus
    machine.engine.setInterruptLines(0, { irq: true, fiq: false })
    machine.code(VECTORS + 0x280n, [HVC])
    expect(machine.engine.run(0, 100)).toEqual({ executed: 3, stop: { kind: 'hvc', immediate: 0 } })
    expect(vcpu.get('elrEl1')).toBe(CODE + 8n)
  })

  test('FIQ comes before IRQ, an SError before both, and an SError is taken once', () => {
    const machine = at([NOP])
    const [vcpu] = machine.vcpus
    for (const vector of [0x280n, 0x300n, 0x380n]) machine.code(VECTORS + vector, [HVC])
    const vectorAfter = (lines: { irq: boolean; fiq: boolean; serror?: number } | undefined) => {
      vcpu.set('pstate', 5n)
      vcpu.set('pc', CODE)
      if (lines) machine.engine.setInterruptLines(0, lines)
      vcpu.run(1)
      return Number(vcpu.get('pc') - VECTORS - 4n)
    }
    expect(vectorAfter({ irq: true, fiq: true, serror: 0x123 })).toBe(0x380)
    expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(BigInt(((0x2f << 26) >>> 0) + (1 << 25) + 0x123))
    expect(vectorAfter(undefined)).toBe(0x300)
    expect(vectorAfter({ irq: true, fiq: false })).toBe(0x280)
  })

  test('a hook that raises a line is noticed before the next instruction', () => {
    const register = 0xdf19 // CNTV_CTL_EL0
    const machine: BareMachine = bareMachine({
      hooks: {
        writeSysreg: () => {
          machine.engine.setInterruptLines(0, { irq: true, fiq: false })
          return true
        },
      },
    })
    const [vcpu] = machine.vcpus
    machine.code(CODE, [msr(register, 0), NOP])
    machine.code(VECTORS + 0x280n, [HVC])
    vcpu.set('pstate', BigInt(I_CLEAR))
    expect(machine.engine.run(0, 100).executed).toBe(2)
    expect(vcpu.get('elrEl1')).toBe(CODE + 4n)
  })
})

describe('exceptions from the machine', () => {
  test('inject takes an abort at the current PC', () => {
    const machine = at([NOP])
    const [vcpu] = machine.vcpus
    machine.engine.inject(0, { kind: 'data-abort', status: 0x10, address: 0x123n, write: true })
    expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(BigInt((0x25 << 26) >>> 0) | (1n << 25n) | 0x50n)
    expect(vcpu.sysreg(SYSREG.FAR_EL1)).toBe(0x123n)
    expect(vcpu.get('elrEl1')).toBe(CODE)
    machine.engine.inject(0, { kind: 'instruction-abort', status: 0x10 })
    expect(vcpu.sysreg(SYSREG.ESR_EL1) >> 26n).toBe(0x21n)
    machine.engine.inject(0, { kind: 'undefined' })
    expect(vcpu.sysreg(SYSREG.ESR_EL1) >> 26n).toBe(0n)
    expect(vcpu.get('pc')).toBe(VECTORS + 0x200n)
  })
})

test('constants load', () => {
  const machine = at([...constant(5, 0x1234_5678_9abc_def0n), HVC])
  machine.vcpus[0].run()
  expect(machine.vcpus[0].x(5)).toBe(0x1234_5678_9abc_def0n)
})
