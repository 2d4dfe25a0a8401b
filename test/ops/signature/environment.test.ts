// What is in an environment and what is not: each component alone changes the signature, nothing else does, and what a source does not say is not known.
import { beforeAll, describe, expect, test } from 'vitest'
import { coreId, type RegId, sveVlsId, sysRegId } from '../../../src/arch/reg-id.ts'
import { PSCI_VERSION_ID, STD_BMAP_ID, VENDOR_HYP_BMAP_2_ID, WORKAROUND_IDS } from '../../../src/arch/smccc.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { registerEntries, registerList, registerValue } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { saveSnapshot } from '../../../src/ops/save.ts'
import { compareEnvironments, differingComponents } from '../../../src/ops/signature/compare.ts'
import { COMPONENTS, type ComponentName } from '../../../src/ops/signature/components.ts'
import { componentDigest, type Environment, environmentOfBuild, environmentOfSnapshot, serialise, signatureOf } from '../../../src/ops/signature/environment.ts'

/** Writes registers of all vCPUs; undefined takes one out. */
const withRegisters = (snapshot: Snapshot, changes: ReadonlyMap<RegId, bigint | undefined>, only?: number): Snapshot => ({
  ...snapshot,
  vcpus: snapshot.vcpus.map(vcpu => {
    if (only !== undefined && vcpu.index !== only) return vcpu
    const entries = [...registerEntries(vcpu.registers)].filter(([id]) => !(changes.has(id) && changes.get(id) === undefined))
    const known = new Set(entries.map(([id]) => id))
    const added = [...changes].filter(([id, value]) => value !== undefined && !known.has(id)) as [RegId, bigint][]
    return { ...vcpu, registers: registerList([...entries.map(([id, value]) => [id, changes.get(id) ?? value] as const), ...added]) }
  }),
})
const withRegister = (snapshot: Snapshot, id: RegId, value: bigint | undefined, only?: number): Snapshot =>
  withRegisters(snapshot, new Map([[id, value]]), only)

const MIDR = sysRegId(3, 0, 0, 0, 0)
const MPIDR = sysRegId(3, 0, 0, 0, 5)
const ID_PFR0 = sysRegId(3, 0, 0, 1, 0)
const ID_AA64PFR0 = sysRegId(3, 0, 0, 4, 0)
const ID_AA64ISAR3 = sysRegId(3, 0, 0, 6, 3)
const CSSELR = sysRegId(3, 2, 0, 0, 0)
const PMCR = sysRegId(3, 3, 9, 12, 0)
const CCSIDR_L1D = 0x6020_0000_0011_0000n as RegId
const CCSIDR_L7 = 0x6020_0000_0011_000cn as RegId
const DIGEST = 'ab'.repeat(32)

let base: Snapshot
let environment: Environment
const digest = (snapshot: Snapshot, tables = {}): string => signatureOf(environmentOfSnapshot(snapshot, { tables })).digest

beforeAll(async () => {
  const { snapshot } = await saveSnapshot({ build: 'linux-7.3', features: ['psci_0_2', 'pmu_v3'], until: { kind: 'hibernate' } })
  base = {
    ...snapshot,
    devices: [
      ...snapshot.devices,
      { name: 'virtio0', kind: 'virtio-blk', state: {} },
      { name: 'virtio0.disk', kind: 'disk-file', state: { path: '/d', size: 1048576n, readOnly: false, sha256: DIGEST } },
      { name: 'boot', kind: 'boot', state: { version: 1, deviceTree: DIGEST } },
    ],
  }
  environment = environmentOfSnapshot(base)
})

const changedDevice = (snapshot: Snapshot, name: string, state: unknown): Snapshot => ({
  ...snapshot,
  devices: snapshot.devices.map(device => (device.name === name ? { ...device, state } : device)),
})

describe('what a guest can tell', () => {
  const CASES: readonly (readonly [what: string, components: readonly ComponentName[], change: (snapshot: Snapshot) => Snapshot])[] = [
    ['the PSCI version', ['psci'], s => withRegister(s, PSCI_VERSION_ID, 0x10002n)],
    ['SYSTEM_SUSPEND', ['psci'], s => ({ ...s, vm: { ...s.vm, systemSuspend: true } })],
    ['a filter that denies SYSTEM_OFF2', ['psci'], s => ({ ...s, vm: { ...s.vm, smcccFilter: [{ base: 0x8400_0015, count: 1, action: 'deny' }] } })],
    ['a filter that denies KVM_PTP', ['services'], s => ({ ...s, vm: { ...s.vm, smcccFilter: [{ base: 0x8600_0001, count: 1, action: 'deny' }] } })],
    ['a filter that forwards', ['services'], s => ({ ...s, vm: { ...s.vm, smcccFilter: [{ base: 0xc200_0000, count: 16, action: 'forward' }] } })],
    ['a bit of a bitmap', ['bitmaps', 'services'], s => withRegister(s, STD_BMAP_ID, 0n)],
    ['a bit of a bitmap that gates no call of KVM', ['bitmaps'], s => withRegister(s, VENDOR_HYP_BMAP_2_ID, 1n)],
    ['a mitigation level', ['workarounds'], s => withRegister(s, WORKAROUND_IDS[3], 1n)],
    ['the CPU', ['id-registers'], s => withRegister(s, MIDR, 0x411fd401n)],
    ['the CPU of one vCPU', ['id-registers'], s => withRegister(s, MIDR, 0x411fd401n, 1)],
    ['an ID register that was zero', ['id-registers'], s => withRegister(s, ID_AA64ISAR3, 1n)],
    ['a cache', ['id-registers'], s => withRegister(s, CCSIDR_L1D, 0x700fe01an)],
    ['the number of event counters', ['id-registers'], s => withRegister(s, PMCR, 2n << 11n)],
    ['the counter frequency', ['id-registers'], s => ({ ...s, vm: { ...s.vm, counterFrequency: 25_000_000 } })],
    ['SVE vector lengths', ['id-registers'], s => withRegister(s, sveVlsId, 3n)],
    ['the affinity of a vCPU', ['topology'], s => withRegister(s, MPIDR, 0x8000_0100n, 1)],
    ['the number of vCPUs', ['topology'], s => ({ ...s, vcpus: s.vcpus.slice(0, 1) })],
    ['vCPU features', ['topology'], s => ({ ...s, vcpus: s.vcpus.map(vcpu => ({ ...vcpu, features: ['psci_0_2', 'pmu_v3', 'has_el2'] })) })],
    ['memory', ['memory-map'], s => ({ ...s, memory: s.memory.map(region => ({ ...region, size: region.size * 2 })) })],
    ['the device tree', ['tables'], s => changedDevice(s, 'boot', { version: 1, deviceTree: 'cd'.repeat(32) })],
    ['the GIC', ['gic'], s => ({ ...s, gic: 'v2' })],
    ['an ITS', ['gic'], s => ({ ...s, devices: [...s.devices, { name: 'its', kind: 'gic-its', state: { registers: [] } }] })],
    ['a device more', ['devices'], s => ({ ...s, devices: [...s.devices, { name: 'virtio1', kind: 'virtio-rng', state: {} }] })],
    ['the size of a disk', ['devices'], s => changedDevice(s, 'virtio0.disk', { path: '/d', size: 2097152n, readOnly: false, sha256: DIGEST })],
    ['a disk that cannot be written', ['devices'], s => changedDevice(s, 'virtio0.disk', { path: '/d', size: 1048576n, readOnly: true, sha256: DIGEST })],
  ]
  test.each(CASES)('%s', (_, components, change) => {
    const changed = environmentOfSnapshot(change(base))
    const differences = compareEnvironments(environment, changed)
    expect(differingComponents(differences)).toEqual(components)
    for (const { kind, meets } of differences) if (kind === 'different') expect(meets.length).toBeGreaterThan(0)
    expect(signatureOf(changed).digest).not.toBe(signatureOf(environment).digest)
    // Both ways, and the way back is the same components.
    expect(differingComponents(compareEnvironments(changed, environment))).toEqual(components)
  })
  test('every component is tried', () => {
    expect([...new Set(CASES.flatMap(([, components]) => components))].toSorted()).toEqual(COMPONENTS.map(({ name }) => name).toSorted())
  })
  test('one fact of any component, changed alone, changes digest and hardware signature', () => {
    const seen = new Set([signatureOf(environment).digest])
    const words = new Set([signatureOf(environment).hardwareSignature])
    let count = 1
    for (const [at, component] of environment.components.entries())
      for (const fact of component.facts) {
        const facts = component.facts.map(each => (each === fact ? { ...each, value: `${each.value}?` } : each))
        const changed = signatureOf({ ...environment, components: environment.components.with(at, { ...component, facts }) })
        seen.add(changed.digest)
        words.add(changed.hardwareSignature)
        count++
      }
    expect(seen.size).toBe(count)
    expect(words.size).toBe(count)
    expect(count).toBeGreaterThan(50)
  })
})

describe('what a guest cannot tell, or changes by itself', () => {
  test.each<readonly [what: string, change: (snapshot: Snapshot) => Snapshot]>([
    [
      'its own registers',
      s =>
        withRegisters(
          s,
          new Map([
            [coreId(0), 7n],
            [CSSELR, 2n],
          ]),
        ),
    ],
    ['the PMU bits that it writes', s => withRegister(s, PMCR, registerValue(s.vcpus[0]!.registers, PMCR)! | 0x41n)],
    ['why it stopped, who saved it', s => ({ ...s, stop: 'off', origin: { ...s.origin, tool: 'another', vmm: 'another' } })],
    ['an ID register that reads zero, not listed', s => withRegister(s, ID_AA64ISAR3, undefined)],
    ['a cache that CLIDR does not have', s => withRegister(s, CCSIDR_L7, 0x1234n)],
    ['no register for a service that is off', s => withRegister(s, VENDOR_HYP_BMAP_2_ID, undefined)],
    ['levels of one answer', s => withRegister(s, WORKAROUND_IDS[2], 1n)],
    ['a filter that handles what is handled', s => ({ ...s, vm: { ...s.vm, smcccFilter: [{ base: 0x8400_0000, count: 32, action: 'handle' }] } })],
    ['a filter that denies what nobody answers', s => ({ ...s, vm: { ...s.vm, smcccFilter: [{ base: 0x8200_0000, count: 2, action: 'deny' }] } })],
    ['the contents and place of its disk', s => changedDevice(s, 'virtio0.disk', { path: '/e', size: 1048576n, readOnly: false, sha256: 'ef'.repeat(32) })],
    ['the state of its devices', s => changedDevice(s, 'uart0', { other: 1 })],
    ['the order of its devices', s => ({ ...s, devices: s.devices.toReversed() })],
    ['memory as two adjacent regions', s => ({ ...s, memory: s.memory.flatMap(region => halves(region)) })],
  ])('%s', (_, change) => {
    const changed = environmentOfSnapshot(change(base))
    expect(compareEnvironments(environment, changed)).toEqual([])
    expect(signatureOf(changed)).toEqual(signatureOf(environment))
  })
  test('AArch32 registers of a CPU without AArch32', () => {
    const without = withRegister(base, ID_AA64PFR0, 0x11n)
    expect(digest(withRegister(without, ID_PFR0, 0x131n))).toBe(digest(withRegister(without, ID_PFR0, 0x1n)))
  })
})

const halves = (region: Snapshot['memory'][number]) => {
  const size = region.size / 2
  return [
    { ...region, name: 'low', size },
    { ...region, name: 'high', size, start: region.start + BigInt(size) },
  ]
}

describe('what a source does not say', () => {
  test('is absent, and not compared', () => {
    const list = environmentOfSnapshot({ ...base, devices: [], memory: [], vm: {} })
    expect(list.components.map(({ name }) => name)).toEqual(['psci', 'bitmaps', 'workarounds', 'services', 'id-registers', 'topology', 'gic'])
    const differences = compareEnvironments(environment, list)
    expect(differences.map(({ component, kind }) => `${component} ${kind}`)).toEqual([
      'psci not-known',
      'services not-known',
      'id-registers not-known',
      'memory-map not-known',
      'tables not-known',
      'gic not-known',
      'devices not-known',
    ])
    expect(differences.find(({ component }) => component === 'services')?.notKnown).toEqual(['SMCCC filter'])
  })
  test('services without bitmaps: by the build that is named, else not known', () => {
    const old = environmentOfBuild(loadBuild('linux-5.10'))
    const bits = old.components.find(({ name }) => name === 'bitmaps')
    expect(bits?.facts.map(({ key }) => key)).toEqual(['PV_TIME'])
    const nameless = { ...base, origin: {} }
    const without = withRegister(nameless, STD_BMAP_ID, undefined)
    const services = environmentOfSnapshot(without).components.find(({ name }) => name === 'services')
    expect(services?.notKnown).toEqual(['TRNG_FEATURES', 'TRNG_GET_UUID', 'TRNG_RND32', 'TRNG_RND64', 'TRNG_VERSION'])
    expect(differingComponents(compareEnvironments(environment, environmentOfSnapshot(without)))).toEqual([])
  })
  test('a list without firmware registers says nothing of firmware', () => {
    const bare = withRegisters(base, new Map([PSCI_VERSION_ID, ...Object.values(WORKAROUND_IDS)].map(id => [id, undefined])))
    const names = environmentOfSnapshot(bare).components.map(({ name }) => name)
    for (const name of ['psci', 'bitmaps', 'workarounds', 'services']) expect(names).not.toContain(name)
  })
  test('no vCPUs: nothing but the board', () => {
    expect(environmentOfSnapshot({ ...base, vcpus: [] }).components.map(({ name }) => name)).toEqual(['memory-map', 'tables', 'devices'])
  })
})

describe('the serialisation', () => {
  const small: Environment = {
    version: 1,
    components: [
      {
        name: 'psci',
        facts: [
          { key: 'SYSTEM_OFF', value: 'answered' },
          { key: 'version', value: '1.3' },
        ],
        notKnown: ['SYSTEM_SUSPEND'],
        words: 'any',
      },
      { name: 'gic', facts: [{ key: 'version', value: 'a "quoted"\nword' }], notKnown: [], words: 'any' },
    ],
  }
  test('is what the documentation says', () => {
    expect(serialise(small)).toBe('psci-snap environment 1\npsci\n "SYSTEM_OFF" "answered"\n "version" "1.3"\ngic\n "version" "a \\"quoted\\"\\nword"\n')
    expect(signatureOf(small)).toEqual({ digest: 'e01fc56bf7442553802910384f801b5f73bea62f12f48032d1ee8e7d91652216', hardwareSignature: 0xe01fc56b })
  })
  test('the hardware signature is the first four bytes of the digest', () => {
    const { digest: hex, hardwareSignature } = signatureOf(environment)
    expect(hardwareSignature).toBe(Number.parseInt(hex.slice(0, 8), 16))
  })
  test('version 1 of a whole environment is frozen', () => {
    expect(signatureOf(environmentOfBuild(loadBuild('linux-7.3'))).digest).toBe('362076b30c39be20578e98808b19ec7b8d3be6802d458c831c3e68dc2a111b03')
    expect(componentDigest(environmentOfBuild(loadBuild('linux-6.1')).components[0]!)).toBe('2bd2f4ccf5b7d0deec8dcdec8eedd7cadcdceb0021b7787eae394ec55b0f949b')
  })
})
