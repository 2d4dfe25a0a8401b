// KVM_RUN of one vCPU: what it refuses, what it comes back with, and what userspace may do in between.
import { describe, expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import type { DeviceType } from '../../../src/emulator/devices/device.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import { PSCI_02 } from './probe-board.ts'

const X = (n: number): bigint => 0x6030_0000_0010_0000n + 2n * BigInt(n)
const PC = 0x6030_0000_0010_0040n
const VBAR = 0x6030_0000_0013_c600n
const TIMER_CVAL = 0x6030_0000_0013_df02n
const TIMER_CTL = 0x6030_0000_0013_df19n
const [POWER_OFF, SVE] = [1, 1 << 4]
const NOP = 0xd503_201f
const HERE = 0x1400_0000 // b .
const WFI = 0xd503_207f

function boot(words: readonly number[], { build = 'linux-6.12', vcpus = 1, features = PSCI_02, gic = true } = {}): Machine {
  const machine = createMachine(loadBuild(build), { ram: [{ start: RAM_BASE, size: 0x1_0000 }] })
  machine.memory.write(RAM_BASE, new Uint8Array(Uint32Array.from(words).buffer))
  for (let index = 0; index < vcpus; index++) expect(machine.vm.createVcpu(index).init(features | (index > 0 ? POWER_OFF : 0))).toBe(0)
  if (gic) expect(machine.vm.createGic('v3')).toBe(0)
  machine.vm.vcpus[0]!.set64(PC, RAM_BASE)
  return machine
}
const get = (machine: Machine, id: bigint): bigint => machine.vm.vcpus[0]!.get64(id)!
const set = (machine: Machine, id: bigint, value: bigint): void => expect(machine.vm.vcpus[0]!.set64(id, value)).toBe(0)

describe('before anything runs', () => {
  test('a vCPU without VCPU_INIT: ENOEXEC; SVE not finalized: EPERM', () => {
    const machine = createMachine(loadBuild('linux-6.12/max'), { ram: [{ start: RAM_BASE, size: 0x1000 }] })
    const vcpu = machine.vm.createVcpu(0)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'error', errno: 8 })
    expect(vcpu.init(PSCI_02 | SVE)).toBe(0)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'error', errno: 1 })
    expect(machine.vm.hasRun).toBe(false)
  })
  test('nothing of WebAssembly exists until then', () => {
    const real = WebAssembly.Memory
    let made = 0
    const counting = new Proxy(real, {
      construct(target, args: [{ initial: number }]) {
        made++
        return new target(...args)
      },
    })
    Object.defineProperty(WebAssembly, 'Memory', { value: counting, configurable: true })
    try {
      const machine = boot([HERE])
      machine.memory.read(RAM_BASE, 4)
      machine.vm.vcpus[0]!.getRegs(machine.vm.vcpus[0]!.regList().ids)
      machine.saveMachine()
      expect(made).toBe(0)
      machine.runVcpu(0, 1)
      expect(made).toBe(1)
    } finally {
      Object.defineProperty(WebAssembly, 'Memory', { value: real, configurable: true, writable: true })
    }
  })
})

describe('an access outside memory', () => {
  const STORE = 0xf900_0260 // str x0, [x19]
  const LOAD = 0x7980_0260 // ldrsh x0, [x19]
  const LOAD_WORD = 0xb940_0260 // ldr w0, [x19]
  const MMIO = 0x0a00_0000n

  test('PC stays at the store, and moves on with the next run wherever it is then', () => {
    const machine = boot([STORE, NOP, NOP, HERE])
    set(machine, X(0), 0x1122_3344_5566_7788n)
    set(machine, X(19), MMIO)
    expect(machine.runVcpu(0, 100)).toEqual({ kind: 'mmio', address: MMIO, size: 8, write: true, data: 0x1122_3344_5566_7788n })
    expect(get(machine, PC)).toBe(RAM_BASE)
    set(machine, PC, RAM_BASE + 4n)
    expect(machine.runVcpu(0, 0)).toEqual({ kind: 'budget' })
    expect(get(machine, PC)).toBe(RAM_BASE + 8n)
  })
  test('a load gets what the VMM supplies, extended as its instruction says', () => {
    const machine = boot([LOAD, HERE])
    set(machine, X(19), MMIO)
    expect(machine.runVcpu(0, 100)).toEqual({ kind: 'mmio', address: MMIO, size: 2, write: false, data: 0n })
    machine.supplyMmio(0, 0x8001n)
    machine.runVcpu(0, 1)
    expect(get(machine, X(0))).toBe(0xffff_ffff_ffff_8001n)
  })
  test('without a syndrome KVM_RUN fails: ENOSYS', () => {
    const machine = boot([0xa900_0660]) // stp x0, x1, [x19]
    set(machine, X(19), MMIO)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'error', errno: 38 })
  })
  test('a fetch there is an external abort, over and over when the vectors are there too', () => {
    const machine = boot([HERE])
    set(machine, PC, 0x100_0000_0000n)
    set(machine, VBAR, 0n)
    expect(machine.runVcpu(0, 100)).toEqual({ kind: 'budget' })
    expect(get(machine, PC)).toBe(0x200n)
  })
  test('the in-kernel GIC answers where its frames are, and nowhere else', () => {
    const machine = boot([LOAD_WORD, HERE])
    set(machine, X(19), 0x0800_0004n)
    machine.runVcpu(0, 1)
    expect(get(machine, X(0))).toBe(0x48_0008n)
    set(machine, X(19), 0x0802_0000n)
    set(machine, PC, RAM_BASE)
    expect(machine.runVcpu(0, 1)).toMatchObject({ kind: 'mmio', address: 0x0802_0000n })
  })
})

describe('a pending SError', () => {
  const MSR_DAIFCLR_A = 0xd503_44ff
  test('is taken when the guest unmasks it, and is gone then', () => {
    const machine = boot([NOP, MSR_DAIFCLR_A, NOP, HERE])
    const vcpu = machine.vm.vcpus[0]!
    set(machine, VBAR, RAM_BASE + 0x800n)
    machine.memory.write(RAM_BASE + 0x800n + 0x380n, new Uint8Array(Uint32Array.of(HERE).buffer))
    expect(vcpu.setEvents({ serrorPending: true, serrorHasEsr: false, serrorEsr: 0n, extDabtPending: false })).toBe(0)
    machine.runVcpu(0, 1)
    expect([get(machine, PC), vcpu.getEvents().serrorPending]).toEqual([RAM_BASE + 4n, true])
    machine.runVcpu(0, 3)
    expect([get(machine, PC), vcpu.getEvents().serrorPending]).toEqual([RAM_BASE + 0xb80n, false])
  })
})

describe('waiting', () => {
  test('a stopped vCPU blocks until somebody makes it runnable', () => {
    const machine = boot([HERE])
    machine.vm.vcpus[0]!.setMpState(5)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'blocked' })
    machine.vm.vcpus[0]!.setMpState(0)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'budget' })
  })
  test('WFI without anything to end it blocks, and is over afterwards', () => {
    const machine = boot([WFI, HERE])
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'blocked' })
    expect(get(machine, PC)).toBe(RAM_BASE + 4n)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'budget' })
  })
  test('WFI ends when an enabled timer expires, and the clock has moved there', () => {
    const machine = boot([WFI, HERE])
    set(machine, TIMER_CVAL, 1000n)
    set(machine, TIMER_CTL, 1n)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'budget' })
    expect(machine.time).toBe(16_000 + 9)
    expect(machine.instructions).toBe(10)
  })
  test('a suspended vCPU is woken by its timer, and tells the VMM', () => {
    const machine = boot([HERE])
    const vcpu = machine.vm.vcpus[0]!
    expect(vcpu.setMpState(10)).toBe(0)
    expect(machine.runVcpu(0, 10)).toEqual({ kind: 'blocked' })
    set(machine, TIMER_CVAL, 5n)
    set(machine, TIMER_CTL, 1n)
    expect(machine.runVcpu(0, 10)).toMatchObject({ kind: 'system-event', type: 4 })
    expect(vcpu.getMpState()).toBe(10)
  })
})

describe('turns', () => {
  test('nobody who could ever run: idle', () => {
    expect(boot([WFI], { vcpus: 2 }).run(1000)).toEqual({ kind: 'idle' })
  })
  test('everybody gets the same number of instructions', () => {
    const machine = boot([0x9100_0400, 0x17ff_ffff], { vcpus: 3 }) // add x0, x0, #1; b .-4
    for (const vcpu of machine.vm.vcpus) {
      vcpu.set64(PC, RAM_BASE)
      vcpu.setMpState(0)
    }
    machine.run(90_000)
    expect(machine.vm.vcpus.map(vcpu => vcpu.get64(X(0)))).toEqual([15_000n, 15_000n, 15_000n])
  })
  test('the clock skips to the first timer when all wait', () => {
    const machine = boot([WFI, 0x9100_0400, 0x17ff_fffe], { vcpus: 2 })
    for (const [index, vcpu] of machine.vm.vcpus.entries()) {
      vcpu.set64(PC, RAM_BASE)
      vcpu.set64(TIMER_CVAL, 100n * BigInt(index + 1))
      vcpu.set64(TIMER_CTL, 1n)
      vcpu.setMpState(0)
    }
    machine.run(3)
    expect(machine.vm.vcpus.map(vcpu => vcpu.get64(X(0)))).toEqual([1n, 0n])
    expect(machine.time).toBe(1601)
  })
})

test('a feature that the build announces and this machine lacks is named', () => {
  const machine = boot([0xd53b_2400], { build: 'linux-6.12/max' }) // mrs x0, rndr
  expect(() => machine.runVcpu(0, 10)).toThrow('FEAT_RNG')
  expect(() => boot([0x25d8_e3e0], { build: 'linux-6.12/max', features: PSCI_02 }).runVcpu(0, 10)).not.toThrow()
})

test('a device that writes over the store which asked it: the store is done all the same', () => {
  const type: DeviceType<null> = {
    kind: 'overwriter',
    length: 0x1000,
    parse: () => null,
    create: ({ memory }) => ({ read: () => 0n, write: () => void memory.write(RAM_BASE + 4n, Uint8Array.of(0x1f, 0x20, 0x03, 0xd5)), save: () => null }),
  }
  const machine = createMachine(loadBuild('linux-6.12'), {
    ram: [{ start: RAM_BASE, size: 0x1000 }],
    devices: [{ name: 'overwriter', base: 0x0900_0000n, interrupt: 1, type }],
  })
  machine.memory.write(RAM_BASE, new Uint8Array(Uint32Array.of(0xd2a1_2001, 0xb900_0020, HERE).buffer)) // mov x1, #0x09000000; str w0, [x1]
  expect(machine.vm.createVcpu(0).init(PSCI_02)).toBe(0)
  expect(machine.vm.createGic('v3')).toBe(0)
  machine.vm.vcpus[0]!.set64(PC, RAM_BASE)
  expect(machine.runVcpu(0, 5)).toEqual({ kind: 'budget' })
  expect(get(machine, PC)).toBe(RAM_BASE + 8n)
})
