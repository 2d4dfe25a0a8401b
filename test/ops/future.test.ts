// Through the archive: a machine saved at any instruction and restored on the same build from the archive's bytes has the same state and the
// same next 10,000 instructions. The plain values are tested by themselves in test/emulator/machine/future.test.ts.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BackendVcpu } from '../../src/backends/backend.ts'
import type { Build } from '../../src/builds/build.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { RAM_BASE } from '../../src/emulator/board/memory-map.ts'
import { openArchive } from '../../src/formats/archive/read.ts'
import { writeArchive } from '../../src/formats/archive/write.ts'
import { BytesSink } from '../../src/formats/output/sink.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { capture } from '../../src/ops/capture.ts'
import { emulatorHost } from '../../src/ops/live/emulator-host.ts'
import type { LiveVm } from '../../src/ops/live/live-host.ts'
import { restoreSnapshot } from '../../src/ops/restore.ts'
import { anyData, anyProgram, CODE, DATA, RAM_BYTES } from '../emulator/machine/random-program.ts'

const PC = 0x6030_0000_0010_0040n
const FUTURE = 10_000

interface Live {
  readonly vm: LiveVm
  readonly vcpus: readonly BackendVcpu[]
}

async function load(build: Build, vcpus: number, on: number, program: Uint32Array, data: Uint8Array): Promise<Live> {
  const vm = await emulatorHost(build).createVm({ gic: 'v3', board: true, memory: [{ start: RAM_BASE, size: RAM_BYTES }] })
  await vm.writeMemory(CODE, new Uint8Array(program.buffer))
  await vm.writeMemory(DATA, data)
  const created: BackendVcpu[] = []
  for (let index = 0; index < vcpus; index++) created.push(await vm.createVcpu(index))
  for (const vcpu of created) expect(await vcpu.init((on >> vcpu.index) & 1 ? ['psci_0_2'] : ['psci_0_2', 'power_off'])).toBe(0)
  await vm.finishSetup()
  for (const vcpu of created) await vcpu.setRegs(BigUint64Array.of(PC), new Uint8Array(BigUint64Array.of(CODE).buffer))
  return { vm, vcpus: created }
}

/** Runs on past exits that a VMM would answer by going on. */
async function runOn({ vm }: Live, instructions: number): Promise<readonly string[]> {
  const seen: string[] = []
  const end = vm.spent + instructions
  for (let exits = 0; vm.spent < end && exits < 100; exits++) {
    const stop = await vm.runFor(end - vm.spent)
    seen.push(stop.kind === 'exit' ? `${stop.vcpu} ${stop.exit.kind}` : stop.kind)
    if (stop.kind === 'idle') break
  }
  return seen
}

const snapshotOf = ({ vm, vcpus }: Live, build: Build): Promise<Snapshot> =>
  capture(vcpus, {
    features: ['psci_0_2'],
    origin: { build: build.name, tool: 'test' },
    gic: 'v3',
    stop: 'running',
    vm: {},
    devices: vm.devices(),
    memory: vm.memory(),
    machine: vm.machineState()!,
  })

async function archived(snapshot: Snapshot): Promise<Uint8Array> {
  const sink = new BytesSink()
  await writeArchive(snapshot, sink)
  return sink.bytes()
}

async function restored(bytes: Uint8Array, build: Build): Promise<Live> {
  const { snapshot } = await (await openArchive(bytesSource(bytes, 'saved.psnap'))).readSnapshot()
  const { report, attempt } = await restoreSnapshot(snapshot, build, { run: false })
  expect(report.verdict).toBe('survives')
  return attempt.live()
}

test.each(['linux-5.10', 'linux-7.3'])('a machine restored from its archive on %s has the same state and the same future', async name => {
  const build = loadBuild(name)
  await fc.assert(
    fc.asyncProperty(
      anyProgram,
      anyData,
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(1, 3, 7, 15),
      fc.nat(30_000),
      async (program, data, vcpus, on, instructions) => {
        const original = await load(build, vcpus, on, program, data)
        await runOn(original, instructions)
        const bytes = await archived(await snapshotOf(original, build))
        const again = await restored(bytes, build)
        expect(Buffer.compare(await archived(await snapshotOf(again, build)), bytes)).toBe(0)
        expect(await runOn(again, FUTURE)).toEqual(await runOn(original, FUTURE))
        expect(Buffer.compare(await archived(await snapshotOf(again, build)), await archived(await snapshotOf(original, build)))).toBe(0)
      },
    ),
    { numRuns: 20, seed: 20261123 },
  )
})
