// `save` and `restore` with --backend kvm, over builds that answer in place of /dev/kvm: what a real kernel is asked, in which order, and that every VM
// and the host are let go of. The real thing is scripts/real-kernel.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import type { AbiHost } from '../../../src/backends/kvm-abi.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { GUEST_LAYOUT } from '../../../src/emulator/board/guest/layout.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import type { OpenHost } from '../../../src/ops/backend-choice.ts'
import { kvmHost } from '../../../src/ops/live/kvm-host.ts'
import { copied } from '../../../src/ops/memory-copy.ts'
import { type RestoreOptions, restore, restoreSnapshot } from '../../../src/ops/restore.ts'
import { parseSavePoint, type SaveOptions, save, saveSnapshot } from '../../../src/ops/save.ts'

const MIB = 1 << 20
const folder = mkdtempSync(join(tmpdir(), 'psci-snap-kvm-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What is open: hosts and VMs. */
const open = { hosts: 0, vms: 0 }
afterEach(() => expect(open).toEqual({ hosts: 0, vms: 0 }))

const counted =
  (name: string): OpenHost =>
  async () => {
    const host: AbiHost = emulatedAbi(loadBuild(name))
    open.hosts++
    return {
      ...host,
      createVm: bits => {
        const vm = host.createVm(bits)
        open.vms++
        const close = vm.close.bind(vm)
        vm.close = () => {
          open.vms--
          close()
        }
        return vm
      },
      close: () => {
        open.hosts--
        host.close()
      },
    }
  }

const kvm = (name: string) => ({ backend: 'kvm', openHost: counted(name) }) as const
const savedOn = async (name: string, options: Partial<SaveOptions> = {}): Promise<Snapshot> =>
  (await saveSnapshot({ vcpus: 2, memory: MIB, ...options, ...kvm(name) })).snapshot
const savedByEmulator = async (build: string, options: Partial<SaveOptions> = {}): Promise<Snapshot> =>
  (await saveSnapshot({ memory: MIB, ...options, build })).snapshot

async function restoredOn(snapshot: Snapshot, name: string, options: Omit<RestoreOptions, 'build' | 'backend' | 'openHost'> = {}) {
  const host = kvmHost(await counted(name)())
  const { report, close } = await restoreSnapshot(snapshot, host, options)
  await close()
  host.close()
  return report
}

describe('save', () => {
  test('a guest of this host: who the host is, no machine state, what the guest was told', async () => {
    const snapshot = await savedOn('linux-6.1')
    expect(snapshot.gic).toBe('v3')
    expect(snapshot.origin).toEqual({ kernel: 'linux-6.1.192/cortex-a72', cpu: 'cortex-a72', tool: expect.stringContaining('psci-snap') })
    expect(snapshot.machine).toBeUndefined()
    expect(snapshot.vm).toMatchObject({ counterFrequency: 62_500_000, ipaBits: 40, systemSuspend: false, smcccFilter: [] })
    expect(snapshot.vcpus.map(({ mpState, features }) => [mpState, features])).toEqual([
      ['runnable', ['psci_0_2', 'pmu_v3']],
      ['runnable', ['psci_0_2', 'pmu_v3']],
    ])
    const sameBuild = await savedByEmulator('linux-6.1', { features: ['psci_0_2', 'pmu_v3'] })
    expect(snapshot.vcpus[0]!.registers.ids).toEqual(sameBuild.vcpus[0]!.registers.ids)
  })

  test.each(['off', 'reset', 'hibernate', 'suspend'] as const)('until %s', async until => {
    const snapshot = await savedOn('linux-7.3', { until: parseSavePoint(until) })
    expect(snapshot.stop).toBe({ off: 'off', reset: 'reset', hibernate: 'hibernated', suspend: 'suspended' }[until])
    expect(snapshot.vm.systemSuspend).toBe(until === 'suspend')
  })

  test('a PSCI version, features and a GIC that are asked for', async () => {
    const file = join(folder, 'pinned.psnap')
    const report = await save(file, { ...kvm('linux-7.3'), psci: '1.0', features: ['psci_0_2', 'pmu_v3'], gic: 'none', vcpus: 1, memory: MIB })
    expect(report).toMatchObject({ build: 'host linux-7.3.4/cortex-a72', psci: '1.0', features: ['psci_0_2', 'pmu_v3'], gic: 'none', stop: 'running' })
    expect(report.instructions).toBeUndefined()
    expect(report.milliseconds).toBeGreaterThan(0)
    expect(report.console).toContain('PSCI 1.0')
    const restored = await restore(file, { build: 'linux-7.3' })
    expect(restored).toMatchObject({ verdict: 'survives', psci: { saved: '1.0', observedByGuest: '1.0', observedVia: 'guest' } })
  })

  test('what cannot be meant or is refused, and nothing is left', async () => {
    await expect(savedOn('linux-6.1', { until: { kind: 'insns', count: 5 } })).rejects.toMatchObject({ code: 'USAGE' })
    await expect(saveSnapshot({ ...kvm('linux-6.1'), build: 'linux-6.1' })).rejects.toMatchObject({ code: 'USAGE' })
    await expect(saveSnapshot({ backend: 'emulator' })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--build') })
    await expect(savedOn('linux-6.1', { psci: '1.3' })).rejects.toMatchObject({ code: 'KERNEL_REFUSED', message: expect.stringContaining('EINVAL') })
    await expect(savedOn('linux-6.1', { features: ['psci_0_2', 'sve'] })).rejects.toMatchObject({ code: 'KERNEL_REFUSED' })
    await expect(savedOn('linux-5.10', { until: { kind: 'suspend' } })).rejects.toMatchObject({ code: 'KERNEL_REFUSED' })
    await expect(savedOn('linux-6.1', { until: { kind: 'hibernate' } })).rejects.toMatchObject({ code: 'BUILD_UNUSABLE' })
    await expect(savedOn('linux-6.1', { memory: 5 })).rejects.toMatchObject({ code: 'USAGE' })
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('stop')), 30)
    await expect(savedOn('linux-6.1', { until: { kind: 'hibernate' }, vcpus: 4, signal: stop.signal })).rejects.toThrow('stop')
  })
})

test('memory that was looked at is mapped anew before the guest runs on, and only then', async () => {
  const seen: string[] = []
  const host = emulatedAbi(loadBuild('linux-6.1'))
  const live = kvmHost({
    ...host,
    createVm: bits => {
      const vm = host.createVm(bits)
      vm.refreshMemory = () => void seen.push('anew')
      return vm
    },
  })
  const vm = await live.createVm({ gic: 'v3', memory: [{ start: 0x4000_0000n, size: MIB }] })
  await (await vm.createVcpu(0)).init(['psci_0_2', 'power_off'])
  await vm.finishSetup()
  for (const step of ['run', 'run', 'read', 'run', 'save', 'run', 'run'] as const) {
    seen.push(step)
    if (step === 'run') await vm.runFor(1)
    else if (step === 'read') await vm.readMemory(0x4000_0000n, 8)
    else vm.memory()
  }
  expect(seen).toEqual(['run', 'run', 'read', 'run', 'anew', 'save', 'run', 'anew', 'run'])
  await vm.close()
})

describe('restore', () => {
  test('what a host refuses before the first register is a verdict, and the rest is said', async () => {
    const suspended = await savedOn('linux-7.3', { until: { kind: 'suspend' }, vcpus: 1, features: ['psci_0_2'] })
    const old = await restoredOn(suspended, 'linux-5.10')
    expect(old.verdict).toBe('refused')
    expect(old.findings.find(({ code }) => code === 'capability-refused')?.message).toContain('EINVAL')
    expect(old.vcpus[0]!.failures.length).toBeGreaterThan(3)
    const many = { ...suspended, vcpus: Array.from({ length: 600 }, (_, index) => ({ ...suspended.vcpus[0]!, index })) }
    expect(await restoredOn(many, 'linux-7.3')).toMatchObject({ verdict: 'refused', vcpus: [], psci: { afterReplay: null, targetDefault: '1.3' } })
    expect((await restoredOn(many, 'linux-7.3', { features: [] })).psci.targetDefault).toBe('0.1')
    const withSve = await restoredOn(suspended, 'linux-7.3', { features: ['psci_0_2', 'sve'] })
    expect(withSve.findings.find(({ code }) => code === 'vcpu-refused')?.message).toMatch(
      /KVM_ARM_VCPU_INIT of vCPU 0 with psci_0_2 sve is refused with EINVAL/,
    )
  })

  test('what one kernel saved survives on another: the real one, and the built-in machine, say the same', async () => {
    const old = await savedOn('linux-6.1', { features: ['psci_0_2'] })
    const live = await restoredOn(old, 'linux-7.3')
    expect(live).toMatchObject({
      verdict: 'survives',
      target: { build: 'host linux-7.3.4/cortex-a72', kernel: 'linux-7.3.4/cortex-a72', cpu: 'cortex-a72' },
      psci: { saved: '1.1', afterReplay: '1.1', observedByGuest: '1.1', observedVia: 'guest', targetDefault: '1.3' },
    })
    for (const build of ['linux-6.1', 'linux-7.3']) {
      const { report } = await restoreSnapshot(old, loadBuild(build), {})
      expect(report.psci).toMatchObject({ saved: '1.1', observedByGuest: '1.1', observedVia: 'guest' })
      expect(report.verdict).toBe('survives')
      if (build === 'linux-7.3') expect(report.vcpus).toEqual(live.vcpus)
    }
  })

  test('what the built-in machine saved runs on there', async () => {
    const report = await restoredOn(await savedByEmulator('linux-6.1'), 'linux-6.12')
    expect(report).toMatchObject({ verdict: 'survives', psci: { observedByGuest: '1.1', observedVia: 'guest' } })
  })

  test('what 5.10 saves keeps PSCI 1.0 on 7.3; 7.3 is refused on 5.10, with the reason', async () => {
    const forward = await restoredOn(await savedOn('linux-5.10', { vcpus: 1 }), 'linux-7.3')
    expect(forward).toMatchObject({ verdict: 'changed', psci: { saved: '1.0', afterReplay: '1.0', observedByGuest: '1.0', observedVia: 'guest' } })
    const back = await restoredOn(await savedOn('linux-7.3', { vcpus: 1 }), 'linux-5.10')
    expect(back).toMatchObject({ verdict: 'refused', psci: { saved: '1.3', afterReplay: '1.0', observedByGuest: null, observedVia: null } })
    const psci = back.vcpus[0]!.failures.find(row => row.name === 'KVM_REG_ARM_PSCI_VERSION')
    expect(psci).toMatchObject({ errno: 'EINVAL', droppable: false, value: '0x10003' })
  })

  test('a dry run asks after a refusal too, and a plain one does not', async () => {
    const guest = await savedByEmulator('linux-7.3', { vcpus: 1 })
    expect((await restoredOn(guest, 'linux-6.1', { dryRun: true })).psci).toMatchObject({ observedByGuest: '1.1', observedVia: 'payload' })
    expect((await restoredOn(guest, 'linux-6.1')).psci).toMatchObject({ observedByGuest: null, observedVia: null })
    await expect(restore('nowhere', { ...kvm('linux-6.1'), dryRun: true, output: join(folder, 'x.psnap') })).rejects.toMatchObject({ code: 'USAGE' })
  })

  test("only code that is the built-in guest's, byte for byte, runs without being asked for", async () => {
    const guest = await savedByEmulator('linux-6.1', { vcpus: 1 })
    const changed = { ...guest, memory: [await withByte(guest, GUEST_LAYOUT.image + 0x40n)] }
    const careful = await restoredOn(changed, 'linux-6.1')
    expect(careful.psci).toMatchObject({ observedByGuest: '1.1', observedVia: 'payload' })
    expect(careful.findings.map(({ code }) => code)).toContain('guest-not-run')
    expect((await restoredOn(changed, 'linux-6.1', { run: false })).psci.observedVia).toBeNull()
    const elsewhere = { ...guest, vcpus: guest.vcpus.map(vcpu => ({ ...vcpu, registers: withPc(vcpu.registers) })) }
    expect((await restoredOn(elsewhere, 'linux-6.1')).psci.observedVia).toBe('payload')
    const stranger = { ...guest, memory: [] }
    expect((await restoredOn(stranger, 'linux-6.1')).psci.observedVia).toBe('payload')
  })

  test('what is left after the restore is written from the VM, and can be restored again', async () => {
    const file = join(folder, 'first.psnap')
    await save(file, { ...kvm('linux-6.1'), features: ['psci_0_2'], vcpus: 2, memory: MIB })
    const output = join(folder, 'second.psnap')
    const report = await restore(file, { ...kvm('linux-7.3'), output })
    expect(report).toMatchObject({ verdict: 'survives', output })
    expect(readFileSync(output).length).toBeGreaterThan(1000)
    const again = await restore(output, { build: 'linux-7.3' })
    expect(again).toMatchObject({ verdict: 'survives', psci: { saved: '1.1', observedByGuest: '1.1', observedVia: 'guest' } })
  })

  test('a stop in the midst of it leaves nothing open', async () => {
    const file = join(folder, 'stopped.psnap')
    await save(file, { ...kvm('linux-6.1'), vcpus: 4, memory: MIB, overwrite: true })
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('stop')), 20)
    await expect(restore(file, { ...kvm('linux-6.1'), signal: stop.signal })).rejects.toThrow('stop')
  })

  test('a host that cannot be opened is what the command fails with', async () => {
    const { SnapError } = await import('../../../src/errors.ts')
    const openHost = async () => {
      throw new SnapError('BACKEND_ABSENT', 'there is none')
    }
    await expect(restore('nowhere', { backend: 'kvm', openHost })).rejects.toMatchObject({ code: 'BACKEND_ABSENT' })
    await expect(save(join(folder, 'never.psnap'), { backend: 'kvm', openHost })).rejects.toMatchObject({ code: 'BACKEND_ABSENT', exitCode: 15 })
  })
})

async function withByte({ memory }: Snapshot, address: bigint) {
  const region = await copied(memory[0]!)
  for (const { offset, data } of region.chunks() as Iterable<{ offset: number; data: Uint8Array }>) {
    const at = Number(address - region.start) - offset
    if (at >= 0 && at < data.length) data[at]! ^= 1
  }
  return region
}

function withPc(registers: Snapshot['vcpus'][number]['registers']) {
  const at = registers.ids.indexOf(0x6030_0000_0010_0040n)
  const bytes = registers.bytes.slice()
  new DataView(bytes.buffer).setBigUint64(registers.offsets[at]!, GUEST_LAYOUT.report, true)
  return { ...registers, bytes }
}
