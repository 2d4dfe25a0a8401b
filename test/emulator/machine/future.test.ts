// The future matches, not only the state: a machine saved at any instruction and restored through plain values on the same build has the same state
// and the same next 10,000 instructions.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Build } from '../../../src/builds/build.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { BOARD_DEVICES } from '../../../src/emulator/board/devices.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import { bootProbe, PSCI_02 } from './probe-board.ts'
import { anyData, anyProgram, CODE, DATA, RAM_BYTES } from './random-program.ts'
import { expectSame, restoreAll, saveAll } from './saved-machine.ts'

const RUNS = process.env.PSCI_SNAP_MANY_PROGRAMS === '1' ? 60 : 12

const PC = 0x6030_0000_0010_0040n
const FUTURE = 10_000
const POWER_OFF = 1
const ON = fc.constantFrom(1, 3, 7, 15)
/** Kernels that keep time, power and identification differently. */
const BUILDS = ['linux-5.10', 'linux-6.1', 'linux-6.12', 'linux-7.3']

/** `on`: which vCPUs run from the start; the others wait for a CPU_ON. */
function load(build: Build, vcpus: number, on: number, program: Uint32Array, data: Uint8Array): Machine {
  const machine = createMachine(build, { ram: [{ start: RAM_BASE, size: RAM_BYTES }], devices: BOARD_DEVICES })
  machine.memory.write(CODE, new Uint8Array(program.buffer))
  machine.memory.write(DATA, data)
  for (let index = 0; index < vcpus; index++) expect(machine.vm.createVcpu(index).init(PSCI_02 | ((on >> index) & 1 ? 0 : POWER_OFF))).toBe(0)
  expect(machine.vm.createGic('v3')).toBe(0)
  for (const vcpu of machine.vm.vcpus) vcpu.set64(PC, CODE)
  return machine
}

/** Runs on past exits that a VMM would answer by going on. */
function runOn(machine: Machine, instructions: number): readonly string[] {
  const seen: string[] = []
  const end = machine.instructions + instructions
  for (let exits = 0; machine.instructions < end && exits < 100; exits++) {
    const stop = machine.run(end - machine.instructions)
    seen.push(stop.kind === 'exit' ? `${stop.vcpu} ${stop.exit.kind}` : stop.kind)
    if (stop.kind === 'idle') break
  }
  return seen
}

function sameFuture(build: Build, original: Machine): void {
  const saved = saveAll(original)
  const restored = restoreAll(build, saved)
  expectSame(saveAll(restored), saved)
  expect(runOn(restored, FUTURE)).toEqual(runOn(original, FUTURE))
  expectSame(saveAll(restored), saveAll(original))
}

describe('a restored machine has the same state and the same future', () => {
  test.each(BUILDS)('random programs on %s', name => {
    const build = loadBuild(name)
    fc.assert(
      fc.property(anyProgram, anyData, fc.integer({ min: 1, max: 4 }), ON, fc.nat(30_000), (program, data, vcpus, on, instructions) => {
        const machine = load(build, vcpus, on, program, data)
        runOn(machine, instructions)
        sameFuture(build, machine)
      }),
      { numRuns: RUNS, seed: 20261123 },
    )
  })

  test.each([1, 2, 3, 4])('the built-in guest on %s vCPUs, saved during its boot and later', async vcpus => {
    const build = loadBuild('linux-6.12')
    for (const instructions of [0, 1, 37, 999, 10_000, 10_001, 23_456, 60_000]) {
      const machine = await bootProbe(build, { vcpus, exclusive: true })
      runOn(machine, instructions)
      sameFuture(build, machine)
    }
  })
})

test('where a run is split makes no difference', () => {
  const build = loadBuild('linux-6.12')
  fc.assert(
    fc.property(
      anyProgram,
      anyData,
      fc.integer({ min: 1, max: 4 }),
      ON,
      fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 }),
      (program, data, vcpus, on, pieces) => {
        const whole = load(build, vcpus, on, program, data)
        const split = load(build, vcpus, on, program, data)
        runOn(
          whole,
          pieces.reduce((sum, piece) => sum + piece),
        )
        for (const piece of pieces) runOn(split, piece)
        expectSame(saveAll(split), saveAll(whole))
      },
    ),
    { numRuns: RUNS, seed: 20261123 },
  )
})

test('without machine state the future is another one, and architecturally right: the guest goes on and sees no difference', async () => {
  const build = loadBuild('linux-6.12')
  const machine = await bootProbe(build, { vcpus: 2 })
  runOn(machine, 40_000)
  const { report } = await import('./probe-board.ts')
  const restored = restoreAll(build, saveAll(machine), false)
  runOn(restored, 100_000)
  expect(report(restored).generation).toBeGreaterThan(report(machine).generation + 2n)
  expect(report(restored).differences).toBe(0n)
})
