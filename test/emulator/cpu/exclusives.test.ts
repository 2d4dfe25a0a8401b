// Load-exclusive and store-exclusive, the local monitor, and the event register that goes with waiting for a lock.
import { describe, expect, test } from 'vitest'
import { SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { type BareMachine, bareMachine, CODE, DATA, EL1H, HVC, NOP, VECTORS, word } from './bare-machine.ts'

const LDXR = word('LDXR_X', { n: 1, t: 2 })
const STXR = word('STXR_X', { n: 1, t: 3, w: 4 })
const CLREX = word('CLREX', { i: 15 })

/** Runs these words with X1 = DATA, X3 = 7 and gives the status that the store-exclusive left in X4. */
function status(words: readonly number[], prepare: (machine: BareMachine) => void = () => {}): bigint {
  const machine = bareMachine()
  const [vcpu] = machine.vcpus
  machine.code(CODE, [...words, HVC])
  vcpu.setX(1, DATA)
  vcpu.setX(3, 7n)
  vcpu.setX(4, 99n)
  prepare(machine)
  expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
  expect(machine.dword(DATA)).toBe(vcpu.x(4) === 0n ? 7n : 0n)
  return vcpu.x(4)
}

describe('a store-exclusive', () => {
  test('succeeds after a load-exclusive of the same address and size', () => expect(status([LDXR, NOP, STXR])).toBe(0n))
  test('fails without one', () => expect(status([STXR])).toBe(1n))
  test('fails after CLREX', () => expect(status([LDXR, CLREX, STXR])).toBe(1n))
  test('fails after another address', () =>
    expect(status([LDXR, word('ADD_imm', { s: 1, d: 1, n: 1, i: 8 }), STXR, word('SUB_imm', { s: 1, d: 1, n: 1, i: 8 })])).toBe(1n))
  test('fails after another size', () => expect(status([word('LDXR_W', { n: 1, t: 2 }), STXR])).toBe(1n))
  test('fails the second time', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [LDXR, STXR, word('STXR_X', { n: 1, t: 31, w: 5 }), HVC])
    vcpu.setX(1, DATA)
    vcpu.setX(3, 7n)
    vcpu.run()
    expect([vcpu.x(4), vcpu.x(5), machine.dword(DATA)]).toEqual([0n, 1n, 7n])
  })

  test('fails after an exception return', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [LDXR, word('ERET')])
    machine.code(CODE + 0x40n, [STXR, HVC])
    vcpu.setX(1, DATA)
    vcpu.set('elrEl1', CODE + 0x40n)
    vcpu.set('spsrEl1', BigInt(EL1H))
    vcpu.run()
    expect(vcpu.x(4)).toBe(1n)
  })

  test('fails when another vCPU ran in between, and after a write from outside to the place', () => {
    const machine = bareMachine({ vcpus: 2 })
    const [first, second] = machine.vcpus
    machine.code(CODE, [LDXR, STXR, HVC])
    machine.code(CODE + 0x100n, [NOP])
    const attempt = (between: () => void): bigint => {
      first.set('pc', CODE)
      first.setX(1, DATA)
      first.run(1)
      between()
      first.run()
      return first.x(4)
    }
    expect(attempt(() => {})).toBe(0n)
    expect(attempt(() => machine.engine.writeRam(DATA + 4n, Uint8Array.of(1)))).toBe(1n)
    expect(attempt(() => machine.engine.writeRam(DATA + 8n, Uint8Array.of(1)))).toBe(0n)
    second!.set('pc', CODE + 0x100n)
    expect(attempt(() => machine.engine.run(1, 1))).toBe(1n)
  })

  test('of a pair writes both or nothing', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [word('LDXP_X', { n: 1, t: 5, u: 6 }), word('STXP_X', { n: 1, t: 2, u: 3, w: 4 }), word('STXP_X', { n: 1, t: 31, u: 31, w: 7 }), HVC])
    vcpu.setX(1, DATA)
    vcpu.setX(2, 0x1111n)
    vcpu.setX(3, 0x2222n)
    vcpu.run()
    expect([vcpu.x(4), vcpu.x(7), machine.dword(DATA), machine.dword(DATA + 8n)]).toEqual([0n, 1n, 0x1111n, 0x2222n])
  })

  test('outside RAM has no valid syndrome', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [LDXR])
    vcpu.setX(1, 0x900_0000n)
    expect(vcpu.run()).toEqual({ kind: 'nisv', address: 0x900_0000n, write: false })
  })
})

describe('waiting', () => {
  const WFE = word('WFE')
  const stopAfter = (words: readonly number[], pstate = EL1H) => {
    const machine = bareMachine({ vcpus: 2 })
    const [vcpu] = machine.vcpus
    machine.code(CODE, words)
    vcpu.set('pstate', BigInt(pstate))
    return { machine, vcpu, stop: vcpu.run() }
  }

  test('WFE stops past itself; with an event it goes on and uses the event up', () => {
    const waited = stopAfter([WFE, HVC])
    expect(waited.stop).toEqual({ kind: 'wfe' })
    expect(waited.vcpu.get('pc')).toBe(CODE + 4n)
    expect(stopAfter([word('SEVL'), WFE, HVC]).stop).toEqual({ kind: 'hvc', immediate: 0 })
    const twice = stopAfter([word('SEVL'), WFE, WFE, HVC])
    expect(twice.stop).toEqual({ kind: 'wfe' })
    expect(twice.vcpu.get('pc')).toBe(CODE + 12n)
  })

  test('SEV reaches every vCPU', () => {
    const { machine } = stopAfter([word('SEV'), HVC])
    const second = machine.vcpus[1]!
    machine.code(CODE + 0x100n, [WFE, HVC])
    second.set('pc', CODE + 0x100n)
    expect(second.run()).toEqual({ kind: 'hvc', immediate: 0 })
  })

  test('WFI stops unless an interrupt is raised, masked or not', () => {
    expect(stopAfter([word('WFI'), HVC]).stop).toEqual({ kind: 'wfi' })
    const machine = bareMachine()
    machine.code(CODE, [word('WFI'), HVC])
    machine.engine.setInterruptLines(0, { irq: true, fiq: false })
    expect(machine.vcpus[0].run()).toEqual({ kind: 'hvc', immediate: 0 })
  })

  test('at EL0 both are for EL1 to allow (SCTLR_EL1.nTWE, nTWI)', () => {
    const machine = bareMachine()
    const [vcpu] = machine.vcpus
    machine.code(CODE, [WFE])
    machine.code(VECTORS + 0x400n, [HVC])
    vcpu.set('pstate', 0n)
    vcpu.run()
    expect(vcpu.get('elrEl1')).toBe(CODE)
    expect(vcpu.sysreg(SYSREG.ESR_EL1)).toBe(BigInt((0x01 << 26) | (1 << 25) | (0x1e << 20) | 1))
    vcpu.setSysreg(SYSREG.SCTLR_EL1, 1n << 18n)
    vcpu.set('pc', CODE)
    vcpu.set('pstate', 0n)
    expect(vcpu.run()).toEqual({ kind: 'wfe' })
  })
})
