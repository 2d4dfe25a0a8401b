// Performance monitors: bare-metal programs that set counters up, and what they count.
import { describe, expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import { PSCI_02 } from './probe-board.ts'

const PMU_V3 = 1 << 3
const X = (n: number): bigint => 0x6030_0000_0010_0000n + 2n * BigInt(n)
const PC = 0x6030_0000_0010_0040n
const [ELR, SPSR] = [0x6030_0000_0010_0046n, 0x6030_0000_0010_0048n] // of struct kvm_regs
const VBAR = 0x6030_0000_0013_c600n
const sysreg = (op1: number, crn: number, crm: number, op2: number): number => 0xc000 | (op1 << 11) | (crn << 7) | (crm << 3) | op2
const [PMCR, PMCNTENSET, PMOVSCLR, PMSWINC, PMSELR] = [0, 1, 3, 4, 5].map(op2 => sysreg(3, 9, 12, op2)) as [number, number, number, number, number]
const [PMCEID0, PMCCNTR, PMXEVTYPER, PMINTENSET] = [sysreg(3, 9, 12, 6), sysreg(3, 9, 13, 0), sysreg(3, 9, 13, 1), sysreg(0, 9, 14, 1)]
const [PMCNTENCLR, PMINTENCLR] = [sysreg(3, 9, 12, 2), sysreg(0, 9, 14, 2)]
const PMEVCNTR = (n: number): number => sysreg(3, 14, 8, n)
const PMEVTYPER = (n: number): number => sysreg(3, 14, 12, n)
const id = (encoding: number): bigint => 0x6030_0000_0013_0000n | BigInt(encoding)
const mrs = (register: number, rt: number): number => (0xd530_0000 | ((register & 0x7fff) << 5) | rt) >>> 0
const msr = (register: number, rt: number): number => (0xd510_0000 | ((register & 0x7fff) << 5) | rt) >>> 0
const NOP = 0xd503_201f
const HERE = 0x1400_0000
const E = 1n
const EXCLUDE_EL1 = 1n << 31n
const [CPU_CYCLES, INST_RETIRED, CHAIN] = [0x11n, 8n, 0x1en]

function boot(words: readonly number[], { features = PSCI_02 | PMU_V3, build = 'linux-6.12' } = {}): Machine {
  const machine = createMachine(loadBuild(build), { ram: [{ start: RAM_BASE, size: 0x1_0000 }] })
  machine.memory.write(RAM_BASE, new Uint8Array(Uint32Array.from(words).buffer))
  expect(machine.vm.createVcpu(0).init(features)).toBe(0)
  expect(machine.vm.createGic('v3')).toBe(0)
  set(machine, PC, RAM_BASE)
  if (features & PMU_V3) {
    // After a reset KVM's registers hold a pattern; these clear what they name.
    for (const register of [PMCNTENCLR, PMOVSCLR, PMINTENCLR]) set(machine, id(register), 0xffff_ffffn)
    for (let n = 0; n < 4; n++) set(machine, id(PMEVCNTR(n)), 0n)
  }
  return machine
}
const get = (machine: Machine, register: bigint): bigint => machine.vm.vcpus[0]!.get64(register)!
const set = (machine: Machine, register: bigint, value: bigint): void => expect(machine.vm.vcpus[0]!.set64(register, value)).toBe(0)

describe('counters', () => {
  test('cycles and retired instructions are instructions, seen at the instruction that reads them', () => {
    const machine = boot([msr(PMCR, 0), NOP, NOP, mrs(PMCCNTR, 1), mrs(PMEVCNTR(0), 2), HERE])
    set(machine, X(0), E | 6n)
    set(machine, id(PMCNTENSET), (1n << 31n) | 1n)
    set(machine, id(PMEVTYPER(0)), INST_RETIRED)
    machine.run(5)
    expect([get(machine, X(1)), get(machine, X(2)), get(machine, id(PMCCNTR))]).toEqual([3n, 4n, 5n])
    expect(get(machine, id(PMCR)) & 6n).toBe(0n)
  })
  test('nothing counts that is off, excluded, or another event', () => {
    const machine = boot([msr(PMCR, 0), NOP, NOP, HERE])
    set(machine, X(0), E | 6n)
    set(machine, id(PMCNTENSET), 0b1011n)
    set(machine, id(PMEVTYPER(0)), CPU_CYCLES | EXCLUDE_EL1)
    set(machine, id(PMEVTYPER(1)), 3n)
    set(machine, id(PMEVTYPER(2)), CPU_CYCLES)
    set(machine, id(PMEVTYPER(3)), CPU_CYCLES | (1n << 30n))
    machine.run(100)
    expect([0, 1, 2, 3].map(n => get(machine, id(PMEVCNTR(n))))).toEqual([0n, 0n, 0n, 100n])
  })
  test('a chain carries into the odd counter; overflows are noted', () => {
    const machine = boot([msr(PMCR, 0), NOP, NOP, HERE])
    set(machine, X(0), E)
    set(machine, id(PMCNTENSET), 3n)
    set(machine, id(PMEVTYPER(0)), CPU_CYCLES)
    set(machine, id(PMEVTYPER(1)), CHAIN)
    set(machine, id(PMEVCNTR(0)), 0xffff_fff0n)
    set(machine, id(PMEVCNTR(1)), 0xffff_ffffn)
    machine.run(16)
    expect([0, 1].map(n => get(machine, id(PMEVCNTR(n))))).toEqual([0n, 0n])
    expect(get(machine, id(PMOVSCLR))).toBe(3n)
  })
  test('software increments, through the selector', () => {
    const machine = boot([msr(PMCR, 0), msr(PMSELR, 3), msr(PMXEVTYPER, 31), msr(PMSWINC, 4), msr(PMSWINC, 4), HERE])
    set(machine, X(0), E)
    set(machine, X(3), 2n)
    set(machine, X(4), 6n)
    set(machine, id(PMCNTENSET), 4n)
    set(machine, id(PMEVTYPER(2)), 0x55n)
    machine.run(10)
    expect([get(machine, id(PMEVCNTR(1))), get(machine, id(PMEVCNTR(2))), get(machine, id(PMEVTYPER(2)))]).toEqual([0n, 2n, 0n])
  })
  test('what is announced is what counts', () => {
    const machine = boot([mrs(PMCEID0, 0), HERE])
    machine.run(1)
    expect(get(machine, X(0))).toBe((1n << 0n) | (1n << 8n) | (1n << 0x11n) | (1n << 0x1en))
  })
  test('a counter that the VM does not have is undefined, and so is all of it without the feature', () => {
    const machine = boot([mrs(PMEVCNTR(30 & 7), 0), HERE])
    machine.vm.eventCounters = 2
    set(machine, VBAR, RAM_BASE + 0x800n)
    machine.run(1)
    expect(get(machine, PC)).toBe(RAM_BASE + 0xa00n)
    const without = boot([mrs(PMCR, 0), HERE], { features: PSCI_02 })
    set(without, VBAR, RAM_BASE + 0x800n)
    without.run(1)
    expect(get(without, PC)).toBe(RAM_BASE + 0xa00n)
  })
})

test('exception levels are told apart to the instruction, wherever the run is split', () => {
  const [ERET, SVC, SP_EL0_BACK] = [0xd69f_03e0, 0xd400_0001, NOP]
  const program = [msr(PMCR, 0), ERET]
  const make = (): Machine => {
    const machine = boot(program)
    machine.memory.write(RAM_BASE + 0x100n, new Uint8Array(Uint32Array.of(NOP, NOP, SVC, SP_EL0_BACK, SVC).buffer))
    machine.memory.write(RAM_BASE + 0x800n + 0x400n, new Uint8Array(Uint32Array.of(NOP, ERET).buffer)) // a lower level's synchronous exceptions
    set(machine, VBAR, RAM_BASE + 0x800n)
    set(machine, ELR, RAM_BASE + 0x100n)
    set(machine, SPSR, 0n)
    set(machine, X(0), E)
    set(machine, id(PMCNTENSET), 7n)
    set(machine, id(PMEVTYPER(0)), CPU_CYCLES | EXCLUDE_EL1)
    set(machine, id(PMEVTYPER(1)), CPU_CYCLES | (1n << 30n))
    set(machine, id(PMEVTYPER(2)), CPU_CYCLES)
    return machine
  }
  const counters = (machine: Machine): readonly bigint[] => [0, 1, 2].map(n => get(machine, id(PMEVCNTR(n))))
  const whole = make()
  whole.run(9)
  // At EL0: two NOPs and the SVC, then one more NOP and the SVC; at EL1 the rest.
  expect(counters(whole)).toEqual([5n, 4n, 9n])
  const split = make()
  for (let n = 0; n < 9; n++) split.run(1)
  expect(counters(split)).toEqual(counters(whole))
})

test('an overflow interrupts exactly when the counter wraps', () => {
  const machine = boot([msr(PMCR, 0), 0xd503_42ff, HERE]) // msr daifclr, #2
  set(machine, VBAR, RAM_BASE + 0x800n)
  machine.memory.write(RAM_BASE + 0x800n + 0x280n, new Uint8Array(Uint32Array.of(mrs(PMCCNTR, 7), HERE).buffer))
  set(machine, X(0), E)
  set(machine, id(PMCNTENSET), 1n << 31n)
  set(machine, id(PMINTENSET), 1n << 31n)
  set(machine, id(PMCCNTR), 0xffff_ffff_ffff_ff00n)
  const gic = machine.gicAttributes()!
  gic.set(1, 0n, 2n)
  gic.set(5, 0x1_0100n, 1n << 23n)
  gic.set(6, 0xc230n, 0xf0n)
  gic.set(6, 0xc667n, 1n)
  machine.run(10_000)
  expect(get(machine, X(7))).toBe(0n)
  expect(get(machine, id(PMCCNTR))).toBe(10_000n - 256n)
})
