// What a watcher of firmware calls is told, and that watching changes nothing.
import { describe, expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import type { FirmwareCall, FirmwareEvent, VcpuStart } from '../../../src/emulator/machine/firmware-watch.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import { bootProbe, PSCI_02 } from './probe-board.ts'
import { expectSame, saveAll } from './saved-machine.ts'

const PC = 0x6030_0000_0010_0040n
const X = (n: number): bigint => 0x6030_0000_0010_0000n + 2n * BigInt(n)
const [HVC, SMC, HERE] = [0xd400_0002, 0xd400_0003, 0x1400_0000]
const POWER_OFF = 1

interface Watched {
  readonly machine: Machine
  readonly calls: FirmwareCall[]
  readonly starts: VcpuStart[]
}

function boot(words: readonly number[], x: readonly bigint[], { vcpus = 1, build = 'linux-6.12' } = {}): Watched {
  const calls: FirmwareCall[] = []
  const starts: VcpuStart[] = []
  const machine = createMachine(loadBuild(build), {
    ram: [{ start: RAM_BASE, size: 0x1_0000 }],
    onFirmware: event => void (event.kind === 'call' ? calls.push(event) : starts.push(event)),
  })
  machine.memory.write(RAM_BASE, new Uint8Array(Uint32Array.from(words).buffer))
  for (let index = 0; index < vcpus; index++) expect(machine.vm.createVcpu(index).init(PSCI_02 | (index > 0 ? POWER_OFF : 0))).toBe(0)
  expect(machine.vm.createGic('v3')).toBe(0)
  machine.vm.vcpus[0]!.set64(PC, RAM_BASE)
  for (const [n, value] of x.entries()) machine.vm.vcpus[0]!.set64(X(n), value)
  return { machine, calls, starts }
}

describe('a call', () => {
  test.each([
    ['hvc', HVC],
    ['smc', SMC],
  ] as const)('by %s has its own address, what was asked and what was answered', (conduit, word) => {
    const { machine, calls } = boot([0xd503_201f, word, HERE], [0x8400_0000n, 7n, 8n, 9n])
    machine.run(50)
    expect(calls).toMatchObject([{ vcpu: 0, conduit, immediate: 0, pc: RAM_BASE + 4n, instructions: 2, time: 2, filter: 'handle', ending: { kind: 'resume' } }])
    expect(calls[0]!.arguments).toEqual([0x8400_0000n, 7n, 8n, 9n])
    expect(calls[0]!.results[0]).toBe(0x1_0001n) // PSCI 1.1
    expect(calls[0]!.pstate & 0xfn).toBe(5n) // EL1h
  })

  test('that leaves to the VMM says how, and whom it stopped', () => {
    const { machine, calls } = boot([HVC, HERE], [0x8400_0008n])
    expect(machine.run(50).kind).toBe('exit')
    expect(calls).toMatchObject([{ ending: { kind: 'system-event', type: 1 }, switchedOn: [], switchedOff: [0] }])
  })

  test("that the VMM's filter takes says so", () => {
    const { machine, calls } = boot([HVC, HERE], [0x8400_0000n])
    expect(machine.vm.setSmcccFilter({ base: 0x8400_0000, count: 1, action: 'forward' })).toBe(0)
    machine.run(50)
    expect(calls).toMatchObject([{ filter: 'forward', ending: { kind: 'hypercall', nr: 0x8400_0000n } }])
  })
})

test('CPU_ON names whom it switched on, and the start of that vCPU follows', () => {
  const entry = RAM_BASE + 4n
  const { machine, calls, starts } = boot([HVC, HERE], [0xc400_0003n, 1n, entry, 0x1234n], { vcpus: 2 })
  machine.run(50_000)
  expect(calls).toMatchObject([{ vcpu: 0, switchedOn: [1], switchedOff: [], ending: { kind: 'resume' } }])
  expect(starts).toMatchObject([{ vcpu: 1, pc: entry, context: 0x1234n }])
  expect(starts[0]!.time).toBeGreaterThan(calls[0]!.time)
})

test('watching changes nothing, and the events come in the order of time', async () => {
  const build = loadBuild('linux-7.3')
  const events: FirmwareEvent[] = []
  const watched = await bootProbe(build, { vcpus: 3 }, { onFirmware: event => events.push(event) })
  const alone = await bootProbe(build, { vcpus: 3 })
  for (let n = 0; n < 20; n++) {
    watched.run(9_999)
    alone.run(9_999)
  }
  expectSame(saveAll(watched), saveAll(alone))
  expect(events.length).toBeGreaterThan(100)
  expect(events.map(({ time }) => time)).toEqual(events.map(({ time }) => time).sort((a, b) => a - b))
  expect(events.filter(({ kind }) => kind === 'start').map(({ vcpu }) => vcpu)).toEqual([1, 2])
})
