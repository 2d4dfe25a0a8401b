// Self-hosted debug as a guest at EL1 meets it: breakpoints, watchpoints, software step, what masks them, and that none of it depends on how a run was split.
import { describe, expect, test } from 'vitest'
import { DEBUG_REGISTER, MDSCR, OSLK } from '../../../src/emulator/cpu/debug/debug-registers.ts'
import { PSTATE } from '../../../src/emulator/cpu/pstate.ts'
import { SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { type BareMachine, bareMachine, CODE, constant, DATA, HVC, msr, NOP, TEST_SYSREGS, type Vcpu, VECTORS, word } from './bare-machine.ts'

const { MDSCR_EL1, OSLSR_EL1, CONTEXTIDR_EL1, DBGBVR, DBGBCR, DBGWVR, DBGWCR } = DEBUG_REGISTER
const all = [MDSCR_EL1, OSLSR_EL1, CONTEXTIDR_EL1, ...DBGBVR, ...DBGBCR, ...DBGWVR, ...DBGWCR]
const sysregs = new Map([...TEST_SYSREGS, ...all.map((encoding, i) => [encoding, { slot: TEST_SYSREGS.size + i }] as const)])
/** Six breakpoints, two of them context-aware, and four watchpoints; DP of atomics. */
const idRegisters = new Map([
  [DEBUG_REGISTER.ID_AA64DFR0_EL1, 0x1030_5006n],
  [0xc030, 2n << 20n],
])
/** EL1h with interrupts masked and debug exceptions not. */
const EL1_DEBUG = 0x1c5
const EL0 = 0x3c0
const KDE_MDE = BigInt(MDSCR.kde | MDSCR.mde)
const KDE_SS = BigInt(MDSCR.kde | MDSCR.ss)
/** E, EL1 and EL0, all byte selects; a watchpoint of loads and stores. */
const BREAK = 0x1e7n
const WATCH = 0x1fffn

function machineWith(words: readonly number[], registers: Readonly<Record<number, bigint>>, pstate = EL1_DEBUG): BareMachine {
  const machine = bareMachine({ sysregs, idRegisters })
  const [vcpu] = machine.vcpus
  machine.code(CODE, [...words, HVC])
  for (const vector of [0x200n, 0x280n, 0x400n, 0x480n]) machine.code(VECTORS + vector, [word('B')]) // wait there
  for (const [encoding, value] of Object.entries(registers)) vcpu.setSysreg(Number(encoding), value)
  vcpu.set('pstate', BigInt(pstate))
  vcpu.setX(1, DATA)
  return machine
}

/** The exception that was just taken, or undefined. */
function taken(vcpu: Vcpu): { readonly ec: number; readonly iss: bigint; readonly elr: bigint } | undefined {
  const pc = vcpu.get('pc')
  if (pc !== VECTORS + 0x200n && pc !== VECTORS + 0x400n) return undefined
  const esr = vcpu.sysreg(SYSREG.ESR_EL1)
  return { ec: Number(esr >> 26n), iss: esr & 0x1ff_ffffn, elr: vcpu.get('elrEl1') }
}

/** Runs until an exception or the HVC. */
function outcome(machine: BareMachine): ReturnType<typeof taken> | 'hvc' {
  const [vcpu] = machine.vcpus
  for (let i = 0; i < 100; i++) {
    if (vcpu.run(1).kind === 'hvc') return 'hvc'
    const exception = taken(vcpu)
    if (exception) return exception
  }
  return undefined
}

describe('a breakpoint', () => {
  const at = CODE + 8n
  const on = { [MDSCR_EL1]: KDE_MDE, [DBGBVR[1]!]: at, [DBGBCR[1]!]: BREAK }
  const code = [NOP, NOP, word('ADD_imm', { s: 1, d: 2, n: 2, i: 1 }), NOP]

  test('is taken instead of the instruction at its address, at EL1', () => {
    const machine = machineWith(code, on)
    expect(outcome(machine)).toEqual({ ec: 0x31, iss: 0x22n, elr: at })
    expect(machine.vcpus[0].x(2)).toBe(0n)
  })
  test('at EL0 it is of a lower level, and does not need KDE or an open PSTATE.D', () => {
    expect(outcome(machineWith(code, { ...on, [MDSCR_EL1]: BigInt(MDSCR.mde) }, EL0))).toEqual({ ec: 0x30, iss: 0x22n, elr: at })
  })
  test.each<[string, Readonly<Record<number, bigint>>, number]>([
    ['without MDE', { [MDSCR_EL1]: BigInt(MDSCR.kde) }, EL1_DEBUG],
    ['at EL1 without KDE', { [MDSCR_EL1]: BigInt(MDSCR.mde) }, EL1_DEBUG],
    ['at EL1 with PSTATE.D set', {}, EL1_DEBUG | PSTATE.d],
    ['while the OS lock is held', { [OSLSR_EL1]: BigInt(OSLK) }, EL1_DEBUG],
    ['beyond the number that there are', { [DBGBCR[1]!]: 0n, [DBGBVR[6]!]: at, [DBGBCR[6]!]: BREAK }, EL1_DEBUG],
  ])('nothing happens %s', (_, more, pstate) => expect(outcome(machineWith(code, { ...on, ...more }, pstate))).toBe('hvc'))

  test('comes into force when the guest opens PSTATE.D, and goes when it masks it', () => {
    const daif = (name: 'DAIFSet' | 'DAIFClr'): number => word('MSR_imm', { o: 3, x: name === 'DAIFSet' ? 6 : 7, i: 8 })
    expect(outcome(machineWith([NOP, daif('DAIFClr'), NOP], on, EL1_DEBUG | PSTATE.d))).toMatchObject({ ec: 0x31 })
    expect(outcome(machineWith([NOP, daif('DAIFSet'), NOP], on))).toBe('hvc')
  })
  test('comes into force when the guest writes MDSCR_EL1', () => {
    const machine = machineWith([...constant(3, KDE_MDE), msr(MDSCR_EL1, 3), NOP], { [DBGBVR[0]!]: CODE + 20n, [DBGBCR[0]!]: BREAK })
    expect(machine.vcpus[0].run(1000)).toMatchObject({ kind: 'budget' })
    expect(machine.vcpus[0].sysreg(SYSREG.ESR_EL1) >> 26n).toBe(0x31n)
  })
  test('that is linked waits for its context', () => {
    const linked = { [DBGBCR[1]!]: BREAK | (1n << 20n) | (4n << 16n), [DBGBVR[4]!]: 7n, [DBGBCR[4]!]: BREAK | (3n << 20n) }
    expect(outcome(machineWith(code, { ...on, ...linked, [CONTEXTIDR_EL1]: 6n }))).toBe('hvc')
    expect(outcome(machineWith(code, { ...on, ...linked, [CONTEXTIDR_EL1]: 7n }))).toMatchObject({ ec: 0x31 })
  })
  test('does not stand before an instruction abort', () => {
    const outside = 0x9_0000_0000n
    const machine = machineWith([word('BR', { n: 3 })], { ...on, [DBGBVR[1]!]: outside })
    machine.vcpus[0].setX(3, outside)
    expect(outcome(machine)).toMatchObject({ ec: 0x21, elr: outside })
  })
})

describe('a watchpoint', () => {
  const on = { [MDSCR_EL1]: KDE_MDE, [DBGWVR[2]!]: DATA, [DBGWCR[2]!]: WATCH }
  const STR = word('STR_X_imm', { n: 1, t: 2, i: 0 })
  const LDR = word('LDR_X_imm', { n: 1, t: 2, i: 0 })
  const far = (machine: BareMachine): bigint => machine.vcpus[0].sysreg(SYSREG.FAR_EL1)

  test('is taken instead of the store, with its address', () => {
    const machine = machineWith([NOP, STR], on)
    machine.vcpus[0].setX(2, 5n)
    expect(outcome(machine)).toEqual({ ec: 0x35, iss: 0x62n, elr: CODE + 4n })
    expect([far(machine), machine.dword(DATA)]).toEqual([DATA, 0n])
  })
  test('of a load says so', () => expect(outcome(machineWith([LDR], on))).toEqual({ ec: 0x35, iss: 0x22n, elr: CODE }))
  test('for loads only lets stores pass', () => {
    const forLoads = { ...on, [DBGWCR[2]!]: WATCH & ~(1n << 4n) }
    expect(outcome(machineWith([STR], forLoads))).toBe('hvc')
    expect(outcome(machineWith([LDR], forLoads))).toMatchObject({ ec: 0x35 })
  })
  test('sees accesses to its page that were fast before it was set, and leaves the neighbours alone', () => {
    const neighbour = word('STR_X_imm', { n: 1, t: 2, i: 1 })
    const words = [STR, LDR, ...constant(3, KDE_MDE), msr(MDSCR_EL1, 3), neighbour, STR]
    const machine = machineWith(words, { ...on, [MDSCR_EL1]: 0n })
    machine.vcpus[0].setX(2, 5n)
    expect(outcome(machine)).toEqual({ ec: 0x35, iss: 0x62n, elr: CODE + 4n * 8n })
    expect(machine.dword(DATA + 8n)).toBe(5n)
  })
  test('sees an access that begins before it, and the second register of a pair', () => {
    const watch = { ...on, [DBGWVR[2]!]: DATA + 8n }
    expect(outcome(machineWith([word('STP_X', { n: 1, t: 2, u: 3, i: 0 })], watch))).toMatchObject({ ec: 0x35, iss: 0x62n })
    const unaligned = machineWith([STR], watch)
    unaligned.vcpus[0].setX(1, DATA + 1n)
    expect(outcome(unaligned)).toMatchObject({ ec: 0x35 })
    expect(far(unaligned)).toBe(DATA + 1n)
  })
  test('sees an access across the end of a page', () => {
    const machine = machineWith([STR], { ...on, [DBGWVR[2]!]: DATA + 0x1000n })
    machine.vcpus[0].setX(1, DATA + 0xffcn)
    expect(outcome(machine)).toMatchObject({ ec: 0x35 })
  })
  test('with a mask sees the whole range', () => {
    const machine = machineWith([STR], { ...on, [DBGWCR[2]!]: WATCH | (12n << 24n) })
    machine.vcpus[0].setX(1, DATA + 0xff8n)
    expect(outcome(machine)).toMatchObject({ ec: 0x35 })
  })
  test('sees DC ZVA as a store, and not cache maintenance', () => {
    expect(outcome(machineWith([0xd50b7421], on))).toMatchObject({ ec: 0x35, iss: 0x62n })
    expect(outcome(machineWith([0xd50b7421], { ...on, [SYSREG.SCTLR_EL1]: 1n << 14n }, EL0))).toMatchObject({ ec: 0x34, iss: 0x62n })
    expect(outcome(machineWith([0xd50b7a21], on))).toBe('hvc')
  })
  test('of stores sees an atomic instruction at its store, and nothing has changed', () => {
    const machine = machineWith([word('LDADD_X', { w: 2, t: 3, n: 1 })], { ...on, [DBGWCR[2]!]: WATCH & ~(1n << 3n) })
    machine.vcpus[0].setX(2, 5n)
    expect(outcome(machine)).toMatchObject({ ec: 0x35, iss: 0x62n })
    expect([machine.vcpus[0].x(3), machine.dword(DATA)]).toEqual([0n, 0n])
  })
  test('for EL0 sees what EL1 does with the rights of EL0', () => {
    const forEl0 = { ...on, [DBGWCR[2]!]: WATCH & ~(1n << 1n) }
    expect(outcome(machineWith([STR], forEl0))).toBe('hvc')
    expect(outcome(machineWith([word('STTR_X', { n: 1, t: 2, i: 0 })], forEl0))).toMatchObject({ ec: 0x35 })
  })
  test('stands before a device, and not before an alignment fault', () => {
    const device = 0x0900_0000n
    const machine = machineWith([STR], { ...on, [DBGWVR[2]!]: device })
    machine.vcpus[0].setX(1, device)
    expect(outcome(machine)).toMatchObject({ ec: 0x35 })
    const exclusive = machineWith([word('LDXR_X', { n: 1, t: 2 })], on)
    exclusive.vcpus[0].setX(1, DATA + 1n)
    expect(outcome(exclusive)).toMatchObject({ ec: 0x25 })
  })
  test.each([
    ['PSTATE.D', EL1_DEBUG | PSTATE.d, {}],
    ['the OS lock', EL1_DEBUG, { [OSLSR_EL1]: BigInt(OSLK) }],
  ])('is masked by %s', (_, pstate, more) => expect(outcome(machineWith([STR], { ...on, ...more }, pstate))).toBe('hvc'))
  test('is another vCPU’s own', () => {
    const machine = bareMachine({ sysregs, idRegisters, vcpus: 2 })
    machine.code(CODE, [STR, HVC])
    const [first, second] = machine.vcpus
    for (const [encoding, value] of Object.entries(on)) first.setSysreg(Number(encoding), value)
    for (const vcpu of [first, second!]) {
      vcpu.set('pstate', BigInt(EL1_DEBUG))
      vcpu.setX(1, DATA)
    }
    expect(second!.run(2)).toMatchObject({ kind: 'hvc' })
    first.run(1)
    expect(taken(first)).toMatchObject({ ec: 0x35 })
    second!.set('pc', CODE)
    expect(second!.run(2)).toMatchObject({ kind: 'hvc' })
  })
})

describe('software step', () => {
  const on = { [MDSCR_EL1]: KDE_SS }
  const ADD = word('ADD_imm', { s: 1, d: 2, n: 2, i: 1 })

  test('with PSTATE.SS clear is due at once, and says that nothing was stepped', () => {
    const machine = machineWith([ADD], on)
    expect(outcome(machine)).toEqual({ ec: 0x33, iss: 0x22n, elr: CODE })
    expect(machine.vcpus[0].x(2)).toBe(0n)
  })

  /** Executes ERET at EL1 with D masked into the code with SPSR.SS set, and what follows. */
  function stepInto(words: readonly number[], to: number, prepare: (vcpu: Vcpu) => void = () => {}, split = false) {
    const machine = machineWith(words, { [MDSCR_EL1]: BigInt(MDSCR.kde | MDSCR.ss) }, EL1_DEBUG | PSTATE.d)
    const [vcpu] = machine.vcpus
    machine.code(CODE + 0x800n, [word('ERET')])
    vcpu.set('pc', CODE + 0x800n)
    vcpu.set('elrEl1', CODE)
    vcpu.set('spsrEl1', BigInt(to | PSTATE.ss))
    prepare(vcpu)
    if (split) for (let i = 0; i < 3; i++) vcpu.run(1)
    else vcpu.run(3)
    return { machine, vcpu, exception: taken(vcpu), spsr: Number(vcpu.get('spsrEl1')) }
  }

  test.each([
    ['EL1', EL1_DEBUG, 0x33],
    ['EL0', EL0, 0x32],
  ])('executes one instruction at %s', (_, to, ec) => {
    for (const split of [false, true]) {
      const { vcpu, exception, spsr } = stepInto([ADD, ADD], to, () => {}, split)
      expect(exception).toEqual({ ec, iss: 0x100_0022n, elr: CODE + 4n })
      expect([vcpu.x(2), spsr & PSTATE.ss]).toEqual([1n, 0])
    }
  })
  test('tells of a load-exclusive', () => {
    expect(stepInto([word('LDXR_X', { n: 1, t: 2 }), NOP], EL1_DEBUG).exception).toMatchObject({ iss: 0x100_0062n })
    expect(stepInto([word('STXR_X', { n: 1, t: 2, w: 3 }), NOP], EL1_DEBUG).exception).toMatchObject({ iss: 0x100_0022n })
  })
  test('of an instruction that the runtime executes', () => {
    expect(stepInto([word('MSR_imm', { o: 0, x: 5, i: 1 }), NOP], EL1_DEBUG).exception).toMatchObject({ ec: 0x33, iss: 0x100_0022n })
  })
  test('of a branch', () => expect(stepInto([word('B', { i: 4 })], EL1_DEBUG).exception).toMatchObject({ ec: 0x33, elr: CODE + 16n }))
  test('an SVC is one step: the exception that it causes remembers that the step is done', () => {
    const { exception, spsr } = stepInto([word('SVC', { i: 3 })], EL0)
    expect(exception).toMatchObject({ ec: 0x15, iss: 3n, elr: CODE + 4n })
    expect(spsr & PSTATE.ss).toBe(0)
  })
  test('an instruction that aborts will be stepped again', () => {
    const { exception, spsr } = stepInto([word('LDXR_X', { n: 1, t: 2 })], EL0, vcpu => vcpu.setX(1, DATA + 1n))
    expect(exception).toMatchObject({ ec: 0x24, elr: CODE })
    expect(spsr & PSTATE.ss).toBe(PSTATE.ss)
  })
  test('an interrupt before the instruction keeps the step', () => {
    const machine = machineWith([ADD], { [MDSCR_EL1]: KDE_SS }, EL0 & ~(PSTATE.i | PSTATE.d))
    const [vcpu] = machine.vcpus
    vcpu.set('pstate', BigInt((EL0 & ~PSTATE.i) | PSTATE.ss))
    machine.engine.setInterruptLines(0, { irq: true, fiq: false })
    machine.engine.run(0, 1)
    expect(Number(vcpu.get('spsrEl1')) & PSTATE.ss).toBe(PSTATE.ss)
    expect(vcpu.x(2)).toBe(0n)
  })
  test('stands before an interrupt when it is due', () => {
    const machine = machineWith([ADD], { [MDSCR_EL1]: KDE_SS }, EL0 & ~PSTATE.i)
    machine.engine.setInterruptLines(0, { irq: true, fiq: false })
    machine.engine.run(0, 1)
    expect(taken(machine.vcpus[0])).toMatchObject({ ec: 0x32 })
  })
  test('an exception return from where stepping was possible clears PSTATE.SS', () => {
    const machine = machineWith([word('ERET')], on, EL1_DEBUG | PSTATE.ss)
    const [vcpu] = machine.vcpus
    vcpu.set('elrEl1', CODE + 0x100n)
    vcpu.set('spsrEl1', BigInt(EL1_DEBUG | PSTATE.ss))
    machine.engine.run(0, 1)
    expect([vcpu.get('pc'), Number(vcpu.get('pstate')) & PSTATE.ss]).toEqual([CODE + 0x100n, 0])
    machine.engine.run(0, 1)
    expect(taken(vcpu)).toMatchObject({ ec: 0x33, iss: 0x22n, elr: CODE + 0x100n })
  })
  test('is masked by PSTATE.D, and an exception return then leaves PSTATE.SS clear', () => {
    const { vcpu } = stepInto([NOP, NOP, NOP, NOP], EL1_DEBUG | PSTATE.d)
    expect([taken(vcpu), Number(vcpu.get('pstate')) & PSTATE.ss]).toEqual([undefined, 0])
  })
  test('an access that the machine completes is one step', () => {
    const device = 0x0900_0000n
    const { machine, vcpu } = stepInto([word('LDR_X_imm', { n: 1, t: 2, i: 0 }), NOP], EL1_DEBUG, vcpu => vcpu.setX(1, device))
    expect(vcpu.get('pc')).toBe(CODE)
    machine.engine.completeMmio(0, 5n)
    machine.engine.run(0, 1)
    expect(taken(vcpu)).toMatchObject({ ec: 0x33, elr: CODE + 4n })
    expect(vcpu.x(2)).toBe(5n)
  })
})

test('where nothing is switched on, PSTATE.D matters to nobody', () => {
  const machine = machineWith([word('MSR_imm', { o: 3, x: 7, i: 8 }), NOP], { [DBGBVR[0]!]: CODE + 4n, [DBGBCR[0]!]: BREAK, [DBGWCR[0]!]: WATCH })
  expect(outcome(machine)).toBe('hvc')
})
