// Interrupts on several vCPUs: a run may be split, saved and restored anywhere, and nothing comes out differently.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Build } from '../../../src/builds/build.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { BOARD_DEVICES } from '../../../src/emulator/board/devices.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import { anyInterruptedProgram, COUNTERS, type Part } from './interrupt-program.ts'
import { PSCI_02 } from './probe-board.ts'
import { CODE, RAM_BYTES } from './random-program.ts'
import { expectSame, restoreAll, saveAll } from './saved-machine.ts'

const PC = 0x6030_0000_0010_0040n
const PMU_V3 = 1 << 3
const SGIS = Array.from({ length: 16 }, (_, n) => n)
const CYCLE_COUNTER = 23
const PHYSICAL_TIMER = 30
const VIRTUAL_TIMER = 27

function load(build: Build, vcpus: number, parts: readonly Part[]): Machine {
  const machine = createMachine(build, { ram: [{ start: RAM_BASE, size: RAM_BYTES }], devices: BOARD_DEVICES })
  for (const { address, words } of parts) machine.memory.write(address, new Uint8Array(Uint32Array.from(words).buffer))
  for (let index = 0; index < vcpus; index++) expect(machine.vm.createVcpu(index).init(PSCI_02 | PMU_V3)).toBe(0)
  expect(machine.vm.createGic('v3')).toBe(0)
  for (const vcpu of machine.vm.vcpus) vcpu.set64(PC, CODE)
  return machine
}

function runOn(machine: Machine, instructions: number): void {
  const end = machine.instructions + instructions
  for (let exits = 0; machine.instructions < end && exits < 100; exits++) if (machine.run(end - machine.instructions).kind === 'idle') break
}

const counter = (machine: Machine, intid: number): bigint => new DataView(machine.memory.read(COUNTERS + 8n * BigInt(intid), 8).buffer).getBigUint64(0, true)

const pieces = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 15 })
const RUNS = process.env.PSCI_SNAP_MANY_PROGRAMS === '1' ? 60 : 10
const PARAMETERS = { numRuns: RUNS, seed: 20261123, endOnFailure: true }

// Not linux-6.12: it loses PMU enables when SET and CLR registers are written back, as the kernel does.
describe.each(['linux-5.10', 'linux-6.1', 'linux-7.3'])('on %s', name => {
  const build = loadBuild(name)
  test('where a run is split makes no difference', () => {
    const taken = new Map<number, bigint>()
    fc.assert(
      fc.property(anyInterruptedProgram(CODE), fc.integer({ min: 1, max: 4 }), pieces, (parts, vcpus, lengths) => {
        const whole = load(build, vcpus, parts)
        const split = load(build, vcpus, parts)
        runOn(
          whole,
          lengths.reduce((sum, piece) => sum + piece),
        )
        for (const length of lengths) runOn(split, length)
        expectSame(saveAll(split), saveAll(whole))
        for (const intid of [...SGIS, CYCLE_COUNTER, VIRTUAL_TIMER, PHYSICAL_TIMER]) taken.set(intid, (taken.get(intid) ?? 0n) + counter(whole, intid))
      }),
      PARAMETERS,
    )
    // The property is about something: interrupts of every kind were taken.
    for (const intid of [CYCLE_COUNTER, VIRTUAL_TIMER, PHYSICAL_TIMER]) expect(taken.get(intid)).toBeGreaterThan(0n)
    expect(SGIS.filter(intid => taken.get(intid)! > 0n).length).toBeGreaterThan(3)
  })
  test('saved and restored at any instruction, again and again', () => {
    fc.assert(
      fc.property(anyInterruptedProgram(CODE), fc.integer({ min: 1, max: 4 }), pieces, (parts, vcpus, lengths) => {
        const whole = load(build, vcpus, parts)
        let moved = load(build, vcpus, parts)
        runOn(
          whole,
          lengths.reduce((sum, piece) => sum + piece),
        )
        for (const length of lengths) {
          runOn(moved, length)
          const saved = saveAll(moved)
          moved = restoreAll(build, saved)
          expectSame(saveAll(moved), saved)
        }
        expectSame(saveAll(moved), saveAll(whole))
      }),
      PARAMETERS,
    )
  })
})
