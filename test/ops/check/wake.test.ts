// `check` of a guest that hibernated: whether it wakes on a host, with what its VMM must write, and what a host cannot offer, by component.
import { beforeAll, describe, expect, test } from 'vitest'
import { PSCI_VERSION_ID, STD_BMAP_ID } from '../../../src/arch/smccc.ts'
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import { type Build, makeBuild } from '../../../src/builds/build.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { registerEntries, registerList } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { checkSnapshot, type SnapshotResult } from '../../../src/ops/check/check-snapshot.ts'
import { liveTarget } from '../../../src/ops/check/live-target.ts'
import { saveSnapshot } from '../../../src/ops/save.ts'
import { compareEnvironments, differingComponents } from '../../../src/ops/signature/compare.ts'
import { environmentOfBuild, environmentOfSnapshot } from '../../../src/ops/signature/environment.ts'
import { offer } from '../../../src/ops/signature/pin.ts'

let hibernated: Snapshot
const linux73 = loadBuild('linux-7.3')
const check = (snapshot: Snapshot, target: Build): Promise<SnapshotResult> => checkSnapshot(snapshot, target, { vmm: 'kvm' })

/** A kernel of tomorrow: its default PSCI is newer, and it takes the old ones, or does not. */
function newer({ kernel, host }: Build, accepted: readonly number[]): Build {
  return makeBuild('linux-tomorrow', { ...kernel, release: 'tomorrow', psci: { ...kernel.psci, initial: 0x10004, accepted } }, host)
}

beforeAll(async () => {
  hibernated = (await saveSnapshot({ build: 'linux-7.3', until: { kind: 'hibernate' } })).snapshot
})

describe('a host with the same environment', () => {
  test.each(['linux-7.3', 'linux-7.2', 'linux-6.16'])('%s: it wakes, and nothing is to be written', async name => {
    const result = await check(hibernated, loadBuild(name))
    expect(result).toMatchObject({ verdict: 'survives', advice: [], consequences: [], wake: { pins: [], withoutPins: [], differences: [] } })
    expect(result.reason).toMatch(/^wakes: /)
    expect(result.findings.filter(({ severity }) => severity !== 'info')).toEqual([])
  })
  test('the same through the verbs of a real kernel', async () => {
    const result = await checkSnapshot(hibernated, liveTarget(emulatedAbi(loadBuild('linux-7.2'))), { vmm: 'kvm' })
    expect(result).toMatchObject({ verdict: 'survives', wake: { pins: [], withoutPins: [], differences: [] } })
  })
})

describe('a host whose default PSCI is newer', () => {
  const tomorrow = newer(linux73, [2, 0x10000, 0x10001, 0x10002, 0x10003, 0x10004])
  test('without the pin the signature is another, by its component psci alone', () => {
    const differences = compareEnvironments(environmentOfSnapshot(hibernated), environmentOfBuild(tomorrow, { vcpus: 2 }))
    expect(differingComponents(differences)).toEqual(['psci'])
    const [psci] = differences
    expect(psci?.facts).toEqual([{ key: 'version', a: '1.3', b: '1.4', id: PSCI_VERSION_ID }])
    expect(psci?.meets).toEqual(['it booted with PSCI 1.3 and finds 1.4'])
  })
  test('the check says that it wakes when the VMM pins, what to write, and what differs otherwise', async () => {
    const result = await check(hibernated, tomorrow)
    expect(result).toMatchObject({
      verdict: 'survives',
      psci: { saved: '1.3', afterReplay: '1.3', targetDefault: '1.4' },
      wake: {
        withoutPins: ['psci'],
        differences: [],
        pins: [{ component: 'psci', vcpu: 0, name: 'KVM_REG_ARM_PSCI_VERSION', value: '0x10003', fresh: '0x10004' }],
      },
    })
    expect(result.reason).toBe(
      'wakes when its VMM writes KVM_REG_ARM_PSCI_VERSION = 0x10003 (0x10004 by default) before the first instruction; without that it finds another environment (psci)',
    )
    expect(result.advice).toMatchObject([{ code: 'pin', message: expect.stringContaining('KVM_REG_ARM_PSCI_VERSION = 0x10003') }])
    expect(result.findings).toContainEqual(expect.objectContaining({ code: 'wake-pins' }))
  })
  test('where the old version is no longer taken it is refused', async () => {
    const result = await check(hibernated, newer(linux73, [0x10004]))
    expect(result).toMatchObject({
      verdict: 'refused',
      wake: { differences: [{ component: 'psci', verdict: 'refused', refusals: [{ name: 'KVM_REG_ARM_PSCI_VERSION', value: '0x10003', errno: 'EINVAL' }] }] },
    })
    expect(result.reason).toContain('PSCI 1.3 is not available on linux-tomorrow')
  })
  test('QEMU has an option for it', async () => {
    const { advice } = await checkSnapshot(hibernated, tomorrow, { vmm: 'qemu-11.1' })
    expect(advice.map(({ message }) => message)).toContainEqual(expect.stringContaining('-cpu host,kvm-psci-version=1.3'))
  })
})

describe('a host that cannot offer it', () => {
  test('linux-6.12: PSCI 1.3 is not available, with what it would take and what else to do', async () => {
    const result = await check(hibernated, loadBuild('linux-6.12'))
    expect(result.verdict).toBe('refused')
    expect(result.reason).toBe(
      'does not wake: psci: PSCI 1.3 is not available on linux-6.12.117: KVM_REG_ARM_PSCI_VERSION = 0x10003 is refused with EINVAL; it takes 0.2, 1.0, 1.1',
    )
    expect(result.load).toEqual({ vmm: 'kvm', outcome: 'fails', dropped: [] })
    expect(result.wake?.differences.map(({ component }) => component)).toEqual(['psci'])
    expect(result.consequences.map(({ code }) => code)).toEqual(['wake-psci', 'wake-psci'])
    expect(result.advice.map(({ code }) => code)).toEqual(['wake-elsewhere', 'boot-clean'])
    expect(result.findings.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toEqual(['wake-refused'])
    expect(result.vcpus.map(({ failures }) => failures.map(({ name }) => name))).toEqual([['KVM_REG_ARM_PSCI_VERSION'], []])
  })
  test('a stronger mitigation than the host has is refused, another one that it has is a change', async () => {
    const level = (workarounds: readonly [number, number, number]): Build => makeBuild('levels', linux73.kernel, { ...linux73.host, workarounds })
    const { snapshot } = { snapshot: withLevel(hibernated, 2n) }
    expect(await check(snapshot, level([0, 0, 0]))).toMatchObject({
      verdict: 'refused',
      wake: { differences: [{ component: 'workarounds', verdict: 'refused' }] },
    })
    expect(await check(withLevel(hibernated, 0n), level([2, 0, 0]))).toMatchObject({
      verdict: 'changed',
      wake: { differences: [{ component: 'workarounds', verdict: 'changed' }] },
      findings: expect.arrayContaining([expect.objectContaining({ severity: 'warning', code: 'wake-changed' })]),
    })
  })
  test('vCPUs that the host does not make', async () => {
    const sve = { ...hibernated, vcpus: hibernated.vcpus.map(vcpu => ({ ...vcpu, features: ['psci_0_2', 'sve'] as const })) }
    const result = await check(sve, linux73)
    expect(result).toMatchObject({ verdict: 'refused', wake: { differences: [{ component: 'topology', verdict: 'refused' }] } })
    expect(result.reason).toMatch(/makes no guest with psci_0_2 sve/)
  })
})

const WORKAROUND_1 = 0x6030_0000_0014_0001n
const withLevel = (snapshot: Snapshot, value: bigint): Snapshot => ({
  ...snapshot,
  vcpus: snapshot.vcpus.map(vcpu => ({
    ...vcpu,
    registers: registerList([...registerEntries(vcpu.registers)].map(([id, bytes]) => [id, id === WORKAROUND_1 ? value : bytes])),
  })),
})

describe('what is written', () => {
  test('a service that was off is switched off again', async () => {
    const off = {
      ...hibernated,
      vcpus: hibernated.vcpus.map(vcpu => ({
        ...vcpu,
        registers: registerList([...registerEntries(vcpu.registers)].map(([id, bytes]) => [id, id === STD_BMAP_ID ? 0n : bytes])),
      })),
    }
    expect((await check(off, linux73)).wake).toMatchObject({
      withoutPins: ['bitmaps', 'services'],
      differences: [],
      pins: [{ component: 'bitmaps', name: 'KVM_REG_ARM_STD_BMAP', value: '0x0', fresh: '0x1' }],
    })
  })
  test('all of it taken, the environment is the saved one, part by part', () => {
    const saved = environmentOfSnapshot(hibernated)
    const { environment } = offer(newer(linux73, [0x10003, 0x10004]), hibernated, saved, ['psci_0_2'])
    for (const name of ['psci', 'bitmaps', 'workarounds', 'services', 'topology'])
      expect(environment.components.find(each => each.name === name)).toEqual(saved.components.find(each => each.name === name))
  })
  test('a guest that only switched itself off is judged as before', async () => {
    const result = await check({ ...hibernated, stop: 'off' }, loadBuild('linux-6.12'))
    expect(result.wake).toBeUndefined()
    expect(result.reason).not.toMatch(/wake/)
  })
})
