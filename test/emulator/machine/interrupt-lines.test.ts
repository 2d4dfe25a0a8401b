// The machine's side of the interrupt controller: lines that lead to it, waits that it ends, how it is saved and what comes back.
import { describe, expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import { GIC_GROUP } from '../../../src/emulator/devices/gic/attributes.ts'
import { createMachine, type Machine, type MachineOptions } from '../../../src/emulator/machine/machine.ts'
import { GICD, type GicState, wordAt } from '../../../src/model/gic.ts'
import type { DeviceSnapshot } from '../../../src/model/snapshot.ts'
import { PSCI_02 } from './probe-board.ts'

const X = (n: number): bigint => 0x6030_0000_0010_0000n + 2n * BigInt(n)
const PC = 0x6030_0000_0010_0040n
const WFI = 0xd503_207f
const HERE = 0x1400_0000
const IAR1 = 0xd538_cc00 // mrs x0, icc_iar1_el1
const [PMR, IGRPEN1] = [0xc230n, 0xc667n]
const SPI = 8

function boot(words: readonly number[], { gic = 'v3', ...options }: MachineOptions & { readonly gic?: 'v2' | 'v3' | 'none' } = {}): Machine {
  const machine = createMachine(loadBuild('linux-6.12'), { ram: [{ start: RAM_BASE, size: 0x1_0000 }], ...options })
  machine.memory.write(RAM_BASE, new Uint8Array(Uint32Array.from(words).buffer))
  expect(machine.vm.createVcpu(0).init(PSCI_02)).toBe(0)
  if (gic !== 'none') expect(machine.vm.createGic(gic)).toBe(0)
  machine.vm.vcpus[0]!.set64(PC, RAM_BASE)
  return machine
}
/** Interrupts of all priorities, and SPI 8 among them. */
function open(machine: Machine): void {
  const gic = machine.gicAttributes()!
  for (const [group, attribute, value] of [
    [GIC_GROUP.distributor, BigInt(GICD.ctlr), 2n],
    [GIC_GROUP.distributor, BigInt(GICD.isenabler + 4), 1n << BigInt(SPI)],
    [GIC_GROUP.systemRegisters, PMR, 0xf8n],
    [GIC_GROUP.systemRegisters, IGRPEN1, 1n],
  ] as const)
    expect(gic.set(group, attribute, value)).toBe(0)
}
const x0 = (machine: Machine): bigint => machine.vm.vcpus[0]!.get64(X(0))!

describe('a line', () => {
  test('ends a wait, also with interrupts masked, and is acknowledged', () => {
    const machine = boot([WFI, IAR1, HERE])
    open(machine)
    expect(machine.run(100)).toEqual({ kind: 'idle' })
    machine.setInterruptLine(SPI, true)
    expect(machine.run(100)).toEqual({ kind: 'budget' })
    expect(x0(machine)).toBe(BigInt(SPI + 32))
  })
  test('that nobody has enabled does not', () => {
    const machine = boot([WFI, IAR1, HERE])
    machine.setInterruptLine(SPI, true)
    expect(machine.run(100)).toEqual({ kind: 'idle' })
  })
  test('that rose before there was a GIC is up when there is one', () => {
    const machine = createMachine(loadBuild('linux-6.12'), { ram: [{ start: RAM_BASE, size: 0x1000 }] })
    machine.setInterruptLine(SPI, true)
    expect(machine.saveDevices()).toEqual([])
    machine.vm.createVcpu(0).init(PSCI_02)
    machine.vm.createGic('v3')
    expect(machine.gicAttributes()!.get(GIC_GROUP.lineLevels, 32n)).toEqual({ errno: 0, value: 1n << BigInt(SPI) })
  })
  test('leads nowhere without a GIC, and its registers do not exist', () => {
    const machine = boot([IAR1, HERE], { gic: 'none' })
    machine.setInterruptLine(SPI, true)
    expect(machine.gicAttributes()).toBeUndefined()
    machine.run(1)
    expect(machine.vm.vcpus[0]!.get64(PC)).toBe(0x200n) // undefined, with the vectors at 0
  })
})

describe('among the saved devices', () => {
  test('the GIC comes back as it was', () => {
    const machine = boot([WFI, IAR1, HERE])
    open(machine)
    machine.setInterruptLine(SPI, true)
    machine.run(2)
    const devices = structuredClone(machine.saveDevices())
    expect(devices.map(({ name, kind }) => [name, kind])).toEqual([['gic', 'gic-v3']])
    const again = boot([HERE], { saved: { devices } })
    expect(again.saveDevices()).toEqual(devices)
    expect(wordAt((again.saveDevices()[0]!.state as GicState).distributor, GICD.isactiver + 4)).toBe(1 << SPI)
  })
  test('an ITS too, without being asked for', () => {
    const devices = structuredClone(boot([HERE], { its: true }).saveDevices())
    expect(devices.map(({ kind }) => kind)).toEqual(['gic-v3', 'gic-its'])
    expect(boot([HERE], { saved: { devices } }).saveDevices()).toEqual(devices)
  })
  test("another VMM's keeps its name; a machine saved without one has a fresh one", () => {
    const state: GicState = { distributor: [{ offset: GICD.ctlr, words: [0x52] }], vcpus: [] }
    const [saved] = boot([HERE], { saved: { devices: [{ name: 'arm_gicv3', kind: 'gic-v3', state }] } }).saveDevices()
    expect([saved!.name, wordAt((saved!.state as GicState).distributor, GICD.ctlr)]).toEqual(['arm_gicv3', 0x52])
    const [fresh] = boot([HERE], { saved: { devices: [] } }).saveDevices()
    expect([fresh!.name, wordAt((fresh!.state as GicState).distributor, GICD.ctlr)]).toEqual(['gic', 0x50])
  })
  test.each<DeviceSnapshot>([
    { name: 'gic', kind: 'gic-v2', state: { distributor: [], vcpus: [] } },
    { name: 'gic', kind: 'gic-v3', state: { distributor: 5, vcpus: [] } },
    { name: 'gic', kind: 'gic-v3', state: null },
    { name: 'its', kind: 'gic-its', state: { registers: [[1]] } },
  ])('what is none is refused: $kind $state', device => {
    expect(() => boot([HERE], { saved: { devices: [device] } }).run(1)).toThrow(expect.objectContaining({ code: 'INPUT_CORRUPT' }) as Error)
  })
})

test('device attributes answer as those of KVM do', () => {
  const gic = boot([HERE]).gicAttributes()!
  expect(gic.get(GIC_GROUP.distributor, 4n)).toEqual({ errno: 0, value: 0x48_0008n })
  expect(gic.get(GIC_GROUP.distributor, 0x5000n).errno).toBe(6)
  expect(gic.get(GIC_GROUP.redistributor, 0x1_0100n)).toEqual({ errno: 0, value: 0xffffn })
  expect(gic.get(GIC_GROUP.redistributor, (7n << 32n) | 0x1_0100n).errno).toBe(22)
  expect(gic.get(GIC_GROUP.systemRegisters, 0xc665n)).toEqual({ errno: 0, value: 7n })
  expect(gic.get(GIC_GROUP.systemRegisters, 0xc660n).errno).toBe(6)
  expect(gic.get(GIC_GROUP.lineLevels, 33n).errno).toBe(22)
  expect([gic.get(GIC_GROUP.interrupts, 0n), gic.set(GIC_GROUP.interrupts, 0n, 64n)]).toEqual([{ errno: 0, value: 288n }, 16])
  const v2 = boot([HERE], { gic: 'v2' }).gicAttributes()!
  expect(v2.set(GIC_GROUP.cpuInterface, 4n, 0x1en)).toBe(0)
  expect(v2.get(GIC_GROUP.cpuInterface, 4n)).toEqual({ errno: 0, value: 0x1en })
  expect(v2.get(GIC_GROUP.distributor, 1n << 32n).errno).toBe(22)
  expect(v2.get(GIC_GROUP.redistributor, 0n).errno).toBe(6)
})
