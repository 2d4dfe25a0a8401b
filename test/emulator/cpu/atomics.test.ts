// Single-instruction atomics beside their values, which scripts/conformance-exec.ts compares: faults, devices, the monitor. And the error barrier.
import { describe, expect, test } from 'vitest'
import { encodingOf, SYSREG } from '../../../src/emulator/cpu/system-register-encoding.ts'
import { bareMachine, CODE, DATA, EL1H, HVC, NOP, RAM, RAM_SIZE, TEST_SYSREGS, VECTORS, word } from './bare-machine.ts'

const LSE = new Map([
  [encodingOf(3, 0, 0, 6, 0), 2n << 20n],
  [encodingOf(3, 0, 0, 6, 1), 2n << 20n],
])
const OUTSIDE = 0x0900_0000n

/** One instruction with X1 = address, X2 = 5, X3 = 7. */
function at(instruction: number, address: bigint) {
  const machine = bareMachine({ idRegisters: LSE })
  const [vcpu] = machine.vcpus
  machine.code(CODE, [instruction, HVC])
  vcpu.setX(1, address)
  vcpu.setX(2, 5n)
  vcpu.setX(3, 7n)
  const { stop } = machine.engine.run(0, 1)
  return { machine, vcpu, stop, taken: vcpu.get('pc') === VECTORS + 0x200n, esr: vcpu.sysreg(SYSREG.ESR_EL1), far: vcpu.sysreg(SYSREG.FAR_EL1) }
}

const ATOMICS: readonly (readonly [name: string, instruction: number, bytes: number])[] = [
  ['ldadd', word('LDADD_X', { w: 2, t: 0, n: 1 }), 8],
  ['swpalh', word('SWPALH', { w: 2, t: 0, n: 1 }), 2],
  ['cas', word('CAS_W', { w: 2, t: 3, n: 1 }), 4],
  ['casp', word('CASP', { s: 1, w: 2, t: 4, n: 1 }), 16],
]

describe('an atomic instruction', () => {
  test.each(ATOMICS)('%s at a misaligned address faults as a write', (_, instruction, bytes) => {
    const { taken, esr, far } = at(instruction, DATA + BigInt(bytes / 2))
    expect([taken, esr, far]).toEqual([true, (0x25n << 26n) | (1n << 25n) | 0x61n, DATA + BigInt(bytes / 2)])
  })

  test.each(ATOMICS)('%s outside RAM has no valid syndrome and changes nothing', (_, instruction) => {
    const { vcpu, stop } = at(instruction, OUTSIDE)
    expect(stop).toEqual({ kind: 'nisv', address: OUTSIDE, write: false })
    expect([vcpu.get('pc'), vcpu.x(0), vcpu.x(2)]).toEqual([CODE, 0n, 5n])
  })

  test('is UNDEFINED where FEAT_LSE is not announced', () => {
    const machine = bareMachine()
    machine.code(CODE, [word('LDADD_X', { w: 2, t: 0, n: 1 })])
    machine.engine.run(0, 1)
    expect(machine.vcpus[0].sysreg(SYSREG.ESR_EL1)).toBe(1n << 25n)
  })

  test('of code is seen when the code is executed', () => {
    const machine = bareMachine({ idRegisters: LSE })
    const [vcpu] = machine.vcpus
    machine.code(CODE, [NOP, word('B', { i: -1 })])
    vcpu.run(10)
    machine.code(CODE + 0x100n, [word('SWP_W', { w: 2, t: 0, n: 1 }), word('BR', { n: 4 })])
    for (const [n, value] of [
      [1, CODE],
      [2, BigInt(HVC)],
      [4, CODE],
    ] as const)
      vcpu.setX(n, value)
    vcpu.set('pc', CODE + 0x100n)
    expect(vcpu.run()).toEqual({ kind: 'hvc', immediate: 0 })
    expect([vcpu.x(0), vcpu.get('pc')]).toEqual([BigInt(NOP), CODE + 4n])
  })

  test('leaves the mark of a load-exclusive alone, as a plain store of the same vCPU does', () => {
    const machine = bareMachine({ idRegisters: LSE })
    const [vcpu] = machine.vcpus
    machine.code(CODE, [word('LDXR_X', { n: 1, t: 0 }), word('LDADD_X', { w: 2, t: 31, n: 1 }), word('STXR_X', { n: 1, t: 3, w: 4 }), HVC])
    vcpu.setX(1, DATA)
    vcpu.setX(2, 5n)
    vcpu.setX(3, 7n)
    vcpu.setX(4, 9n)
    vcpu.run()
    expect([vcpu.x(4), machine.dword(DATA)]).toEqual([0n, 7n])
  })
})

describe('a compare-and-swap of a pair', () => {
  const run = (w: number, memory: readonly [bigint, bigint]) => {
    const machine = bareMachine({ idRegisters: LSE })
    const [vcpu] = machine.vcpus
    machine.engine.writeRam(DATA, new Uint8Array(BigUint64Array.from(memory).buffer))
    machine.code(CODE, [word('CASP', { s: 1, w, t: 4, n: 1 }), HVC])
    vcpu.setX(1, DATA)
    vcpu.setX(2, 0xan)
    vcpu.setX(3, 0xbn)
    vcpu.setX(4, 0x44n)
    vcpu.setX(5, 0x55n)
    vcpu.setX(30, 0xan)
    vcpu.run()
    return { vcpu, memory: [machine.dword(DATA), machine.dword(DATA + 8n)] }
  }
  test('swaps when both are equal', () => expect(run(2, [0xan, 0xbn]).memory).toEqual([0x44n, 0x55n]))
  test('gives the old values when one differs', () => {
    const { vcpu, memory } = run(2, [0xan, 0xcn])
    expect([...memory, vcpu.x(2), vcpu.x(3)]).toEqual([0xan, 0xcn, 0xan, 0xcn])
  })
  test('of X30 compares the second with zero and keeps it nowhere', () => {
    expect(run(30, [0xan, 0n]).memory).toEqual([0x44n, 0x55n])
    const { vcpu, memory } = run(30, [0xan, 0x123n])
    expect([...memory, vcpu.x(30), vcpu.get('spEl1')]).toEqual([0xan, 0x123n, 0xan, RAM + BigInt(RAM_SIZE)])
  })
})

test('LDAPUR of one register outside RAM is an access that the machine completes', () => {
  const ldapursw = word('LDAPURSW', { n: 1, t: 0, i: 4 })
  const { machine, stop, vcpu } = at(ldapursw, OUTSIDE)
  expect(stop).toEqual({ kind: 'mmio', address: OUTSIDE + 4n, size: 4, write: false, data: 0n, word: ldapursw })
  machine.engine.completeMmio(0, 0x8000_0000n)
  expect(vcpu.x(0)).toBe(0xffff_ffff_8000_0000n)
})

describe('ESB', () => {
  const ESB = word('ESB')
  const RAS = new Map([[encodingOf(3, 0, 0, 4, 0), 1n << 28n]])
  const sysregs = new Map([...TEST_SYSREGS, [SYSREG.DISR_EL1, { slot: TEST_SYSREGS.size }]])
  const barrier = (idRegisters: ReadonlyMap<number, bigint>, pstate: number) => {
    const machine = bareMachine({ idRegisters, sysregs })
    const [vcpu] = machine.vcpus
    machine.code(CODE, [ESB, HVC])
    vcpu.set('pstate', BigInt(pstate))
    machine.engine.setInterruptLines(0, { irq: false, fiq: false, serror: 0x123 })
    machine.engine.run(0, 1)
    return { machine, vcpu, deferred: vcpu.sysreg(SYSREG.DISR_EL1) }
  }
  test('defers a masked SError that waits', () => {
    const { machine, vcpu, deferred } = barrier(RAS, EL1H)
    expect([vcpu.get('pc'), deferred, machine.engine.interruptPending(0)]).toEqual([CODE + 4n, 0x8000_0123n, false])
  })
  test('is a NOP where FEAT_RAS is not announced', () => {
    const { machine, vcpu, deferred } = barrier(new Map(), EL1H)
    expect([vcpu.get('pc'), deferred, machine.engine.interruptPending(0)]).toEqual([CODE + 4n, 0n, true])
  })
})
