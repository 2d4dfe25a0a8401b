// The built-in guest on the machine: it runs on every built-in build, hears what that kernel says, notices a change under its feet, and ends in every
// way a guest can.
import { describe, expect, test } from 'vitest'
import { showPsciVersion } from '../../../src/arch/psci.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import type { GuestParams } from '../../../src/emulator/board/guest/params.ts'
import { payload, payloadAnswers } from '../../../src/emulator/board/guest/payload.ts'
import { RAM_BASE } from '../../../src/emulator/board/memory-map.ts'
import { observe } from '../../../src/emulator/board/observation.ts'
import { createMachine, type Machine } from '../../../src/emulator/machine/machine.ts'
import { bootProbe, PSCI_02, report } from '../machine/probe-board.ts'
import { restoreAll, saveAll } from '../machine/saved-machine.ts'

const X = (n: number): bigint => 0x6030_0000_0010_0000n + 2n * BigInt(n)
const PC = 0x6030_0000_0010_0040n
const PSCI_VERSION = 0x6030_0000_0014_0000n
const SYSTEM_SUSPEND = 216

/** Runs until this many rounds are complete; fails when that takes unreasonably long. */
function rounds(machine: Machine, count: bigint): void {
  const least = machine.memory.read(0x4000_1010n, 8)
  const from = new DataView(least.buffer).getBigUint64(0, true)
  for (let tries = 0; tries < 50; tries++) {
    expect(machine.run(50_000).kind).toBe('budget')
    if (report(machine).generation >= from + count) return
  }
  throw new Error('the guest does not get on')
}

describe('on every built-in build', () => {
  test.each(listBuilds().map(({ name }) => name))('%s', async name => {
    const build = loadBuild(name)
    const machine = await bootProbe(build, { vcpus: 2 })
    rounds(machine, 3n)
    const found = report(machine)
    const observed = observe(found)!
    expect(observed.psci).toBe(showPsciVersion(BigInt(build.kernel.psci.initial)))
    expect(observed.differences).toEqual([])
    expect(found.differences).toBe(0n)
    expect(found.exceptions.count).toBe(0n)
    expect(found.vcpus.every(vcpu => vcpu.rounds > 0n && vcpu.psci === BigInt(build.kernel.psci.initial))).toBe(true)
    const trng = observed.functions.find(each => each.name === 'TRNG_VERSION')
    expect(trng?.supported).toBe(build.firmware.trng)
    const smc = observed.functions.find(each => each.name === 'SMCCC_VERSION over SMC')
    expect(smc?.supported).toBe(build.firmware.conduits.smc0)
    for (const { encoding, boot } of found.registers) if (encoding === 0xc020) expect(boot).toBe(machine.vm.idRegister(0x6030_0000_0013_c020n))
  })
})

test('says on its console what it found', async () => {
  const sent: number[] = []
  const machine = await bootProbe(loadBuild('linux-7.3'), { vcpus: 3 }, { sent })
  rounds(machine, 1n)
  expect(String.fromCharCode(...sent)).toBe('psci-snap guest: PSCI 1.3, SMCCC 1.1, vCPUs 3\n')
})

test('a guest of PSCI 0.1 brings up its vCPUs all the same, and cannot ask for a version', async () => {
  const machine = await bootProbe(loadBuild('linux-6.12'), { vcpus: 2 }, { features: 0 })
  rounds(machine, 2n)
  expect(observe(report(machine))).toMatchObject({ psci: '0.1', differences: [] })
  expect(report(machine).vcpus[1]!.rounds).toBeGreaterThan(0n)
})

test('notices another PSCI version, by name', async () => {
  const sent: number[] = []
  const machine = await bootProbe(loadBuild('linux-7.3'), { vcpus: 2 }, { sent })
  machine.vm.vcpus[0]!.set64(PSCI_VERSION, 0x1_0001n)
  rounds(machine, 2n)
  machine.vm.vcpus[1]!.set64(PSCI_VERSION, 0x1_0003n)
  rounds(machine, 2n)
  const observed = observe(report(machine))!
  expect(observed).toMatchObject({ psci: '1.3', psciAtBoot: '1.1' })
  expect(observed.differences.map(({ name, before, after }) => `${name}: ${before} -> ${after}`)).toEqual([
    'PSCI_VERSION: 1.1 -> 1.3',
    'PSCI_VERSION over SMC: 1.1 -> 1.3',
    'PSCI_FEATURES(SYSTEM_OFF2 (SMC32)): NOT_SUPPORTED -> 0x1',
    'PSCI_FEATURES(SYSTEM_OFF2 (SMC64)): NOT_SUPPORTED -> 0x1',
  ])
  expect(report(machine).differences).toBe(4n)
  expect(String.fromCharCode(...sent)).toContain('4 answers changed, PSCI 1.1 -> 1.3')
})

describe('ends', () => {
  const boot = (params: Partial<GuestParams>) => bootProbe(loadBuild('linux-7.3'), { vcpus: 2, rounds: 2, ...params })
  /** Runs to the first exit. */
  const end = (machine: Machine) => {
    const stop = machine.run(2_000_000)
    if (stop.kind !== 'exit') throw new Error(stop.kind)
    return stop
  }

  test.each([
    ['off', undefined, 1, 0n],
    ['hibernate', [1n, 0n], 1, 1n],
    ['reset', undefined, 2, 0n],
    ['reset2', [0x8000_0001n, 0xc00c1en], 2, 1n],
  ] as const)('%s', async (action, args, type, flags) => {
    const machine = await boot({ action, ...(args ? { arguments: args } : {}) })
    expect(end(machine)).toEqual({ kind: 'exit', vcpu: 0, exit: { kind: 'system-event', type, ndata: 1, data: [flags, ...new Array(15).fill(0n)] } })
    expect(machine.vm.vcpus.map(vcpu => vcpu.getMpState())).toEqual([5, 5])
    expect(machine.run(1000)).toEqual({ kind: 'idle' })
    expect(report(machine).generation).toBe(2n)
    if (action === 'reset2') expect([1, 2].map(n => machine.vm.vcpus[0]!.get64(X(n)))).toEqual(args)
  })

  test('suspend: secondaries are off, and the guest comes back at its resume entry', async () => {
    const machine = await boot({ action: 'suspend', arguments: [0x77n, 0n] })
    expect(machine.vm.enableCapability(SYSTEM_SUSPEND)).toBe(0)
    expect(end(machine)).toMatchObject({ exit: { kind: 'system-event', type: 5, ndata: 0 } })
    expect(machine.vm.vcpus.map(vcpu => vcpu.getMpState())).toEqual([0, 5])
    const vcpu = machine.vm.vcpus[0]!
    expect(vcpu.get64(X(2))).toBe(0x77n)
    vcpu.set64(PC, vcpu.get64(X(1))!)
    vcpu.set64(X(0), vcpu.get64(X(2))!)
    rounds(machine, 2n)
    expect(report(machine)).toMatchObject({ boots: 1n, resumes: 1n, differences: 0n })
    expect(machine.vm.vcpus.map(each => each.getMpState())).toEqual([0, 0])
  })

  test('a call that is refused comes back, and the guest goes on', async () => {
    const machine = await bootProbe(loadBuild('linux-6.1'), { vcpus: 2, action: 'hibernate', rounds: 1, arguments: [1n, 0n] })
    rounds(machine, 3n)
    expect(report(machine)).toMatchObject({ action: { called: true, returned: (1n << 64n) - 1n }, differences: 0n })
  })
})

test('a restore on a newer kernel keeps the pinned version; services that were not there appear', async () => {
  const old = await bootProbe(loadBuild('linux-6.1'), { vcpus: 2 })
  rounds(old, 2n)
  const restored = restoreAll(loadBuild('linux-7.3'), saveAll(old), false)
  rounds(restored, 2n)
  expect(observe(report(restored))!.psci).toBe('1.1')
  // SMC became a conduit in between: information, not a change, for a guest whose device tree names HVC.
  expect(observe(report(restored))!.differences.every(each => each.name.endsWith('over SMC'))).toBe(true)
})

test('a payload hears the same in a VM without memory of its own', async () => {
  const machine = createMachine(loadBuild('linux-6.12'), { ram: [{ start: RAM_BASE, size: 0x1_0000 }] })
  const vcpu = machine.vm.createVcpu(0)
  expect(vcpu.init(PSCI_02)).toBe(0)
  const asked = await payload([{ functionId: 0x8400_0000 }, { functionId: 0x8400_000a, argument: 0x8400_0012 }, { functionId: 0x8600_ff01 }])
  machine.memory.write(RAM_BASE, asked.image)
  vcpu.set64(PC, RAM_BASE)
  expect(machine.runVcpu(0, 1000)).toEqual({ kind: 'budget' })
  expect(vcpu.get64(PC)).toBe(RAM_BASE + BigInt(asked.done))
  const heard = payloadAnswers(asked, machine.memory.read(RAM_BASE, asked.image.length)).map(({ results }) => results)
  expect(heard).toEqual([
    [0x1_0001n, 0n, 0n, 0n],
    [0n, 0n, 0n, 0n],
    [0xb66f_b428n, 0xe911_c52en, 0x564b_caa9n, 0x743a_004dn],
  ])
})
