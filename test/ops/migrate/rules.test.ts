// The rules of a migration one by one: what an ID field's change means, which value is nearest, what is asked for and what is kept.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { sysRegId } from '../../../src/arch/reg-id.ts'
import { PSCI_VERSION_ID, STD_BMAP_ID, STD_HYP_BMAP_ID, VENDOR_HYP_BMAP_ID, WORKAROUND_IDS } from '../../../src/arch/smccc.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import { registerList, registerValue, valueBytes } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { CHANGE_CODES, parseAllow, TELLING_CODES } from '../../../src/ops/migrate/change-codes.ts'
import { judgeIdChange } from '../../../src/ops/migrate/id-change.ts'
import { migrate } from '../../../src/ops/migrate/migrate.ts'
import { nearestIdValue } from '../../../src/ops/migrate/nearest-value.ts'
import { planMigration } from '../../../src/ops/migrate/plan.ts'
import { applySteps, type Step } from '../../../src/ops/migrate/step.ts'
import { firecrackerFile, freshGuest, PSCI_02 } from './fresh-guest.ts'

const MMFR2 = sysRegId(3, 0, 0, 7, 2)
const ISAR1 = sysRegId(3, 0, 0, 6, 1)
const DFR0 = sysRegId(3, 0, 0, 5, 0)
const PFR0 = sysRegId(3, 0, 0, 4, 0)
const step = (vcpu: number, id: bigint, value?: bigint): Step => ({
  vcpu,
  id: id as Step['id'],
  ...(value === undefined ? {} : { value: valueBytes(id as Step['id'], value) }),
  code: 'register-changed',
  isSafe: true,
  reason: '',
  source: '',
})
const on = (guest: Snapshot, to: string, more: Partial<Parameters<typeof planMigration>[2]> = {}) =>
  planMigration(guest, loadBuild(to), { vmm: 'kvm', ...more })
const codes = (plan: Awaited<ReturnType<typeof on>>) => [
  ...new Set([...plan.steps.filter(({ isSafe }) => !isSafe).map(({ code }) => code), ...plan.noticed.map(({ consent }) => consent)]),
]

describe('what it means that an ID register has another value', () => {
  test.each([
    ['a field that rises', ISAR1, 0x1n << 20n, 0x2n << 20n, { features: PSCI_02 }, ['appears'], true],
    ['a field that falls', ISAR1, 0x2n << 20n, 0x1n << 20n, { features: PSCI_02 }, ['vanishes'], false],
    ['a signed field: 0 is there, 0xf is not', PFR0, 0x0n, 0xfn << 16n, { features: PSCI_02 }, ['vanishes'], false],
    ['one of each', ISAR1, 0x1_0000_0000n, 0x1_0000n, { features: PSCI_02 }, ['vanishes', 'appears'], false],
    ['nested virtualisation without EL2', MMFR2, 2n << 24n, 1n << 24n, { features: PSCI_02 }, ['unused'], true],
    ['nested virtualisation with EL2', MMFR2, 2n << 24n, 1n << 24n, { features: ['has_el2'] as const }, ['vanishes'], false],
    ['nested virtualisation, features not known', MMFR2, 2n << 24n, 1n << 24n, {}, ['vanishes'], false],
    ['more breakpoints move the context-aware ones', DFR0, 0x5000n, 0x6000n, { features: PSCI_02 }, ['differs'], false],
    ['an algorithm of pointer authentication', ISAR1, 0x10n, 0x50n, { features: PSCI_02 }, ['differs'], false],
  ] as const)('%s', (_, id, before, after, guest, effects, isCompatible) => {
    const change = judgeIdChange(id, before, after, guest)
    expect(change.fields.map(({ effect }) => effect)).toEqual(effects)
    expect(change.isCompatible).toBe(isCompatible)
    expect(change.reason).not.toBe('')
  })
})

test('the nearest value keeps every field that is taken, and is the target’s where none is', async () => {
  const value = fc.bigInt(0n, (1n << 64n) - 1n)
  await fc.assert(
    fc.asyncProperty(value, value, value, async (saved, target, mask) => {
      // A kernel where the fields of `mask` are free and all others fixed.
      const free = [...Array(16).keys()].reduce((sum, n) => ((mask >> BigInt(4 * n)) & 1n ? sum | (0xfn << BigInt(4 * n)) : sum), 0n)
      const asked: bigint[] = []
      const found = await nearestIdValue(0xc032, saved, target, async each => {
        asked.push(each)
        return ((each ^ target) & ~free) === 0n
      })
      expect(found).toBe((saved & free) | (target & ~free))
      expect(new Set(asked).size).toBe(asked.length)
    }),
    { seed: 4, numRuns: 60 },
  )
  // Where the target takes nothing above its own value, a lower one stays.
  const most = async (limit: bigint, saved: bigint) => nearestIdValue(0xc032, saved, limit, async each => each <= limit)
  expect(await most(0x5n, 0x3n)).toBe(0x3n)
  expect(await most(0x5n, 0x9n)).toBe(0x5n)
  // and where something between is the first that is taken, it is that one
  expect(await nearestIdValue(0xc032, 0x1n, 0x9n, async each => each >= 0x6n)).toBe(0x6n)
  expect(await nearestIdValue(0xffff, 0x1n, 0x9n, async () => true)).toBe(0x9n)
})

describe('--allow', () => {
  test('codes, also with commas and blanks', () => {
    expect(parseAllow(['cache-changed, feature-vanishes', 'register-dropped', ''])).toEqual(new Set(['cache-changed', 'feature-vanishes', 'register-dropped']))
  })
  test.each(['cache-change', 'feature-appears', 'everything'])('%s is none', word => {
    expect(() => parseAllow([word])).toThrow(/there is no change/)
  })
  test('a near one is named', () => expect(() => parseAllow(['psci-version-change'])).toThrow(/psci-version-changed/))
  test('no code means two things', () => expect(Object.keys(CHANGE_CODES).filter(code => code in TELLING_CODES)).toEqual([]))
})

describe('PSCI', () => {
  test('a version that the target does not know needs consent, and is the highest below it', async () => {
    const plan = await on(await freshGuest('linux-6.18', PSCI_02, 2), 'linux-6.12')
    expect(codes(plan)).toEqual(['psci-version-changed'])
    expect(plan.snapshot.vcpus.map(({ registers }) => registerValue(registers, PSCI_VERSION_ID))).toEqual([0x10001n, 0x10001n])
    expect(plan.steps.find(({ id }) => id === PSCI_VERSION_ID)?.reason).toMatch(/SYSTEM_OFF2 vanishes/)
  })
  test('a pin is an order: no consent, on all vCPUs, also where there was none', async () => {
    const guest = await freshGuest('linux-6.18', PSCI_02, 2)
    const without = applySteps(guest, [step(0, PSCI_VERSION_ID), step(1, PSCI_VERSION_ID)])
    for (const each of [guest, without]) {
      const plan = await on(each, 'linux-6.12', { pinPsci: '1.0' })
      expect(codes(plan)).toEqual([])
      expect(plan.after.verdict).toBe('survives')
      // where the target's list has it: first of the firmware registers
      for (const { registers } of plan.snapshot.vcpus) expect(registers.ids.indexOf(PSCI_VERSION_ID)).toBe(registers.ids.indexOf(WORKAROUND_IDS[1]) - 1)
      expect(plan.snapshot.vcpus.map(({ registers }) => registerValue(registers, PSCI_VERSION_ID))).toEqual([0x10000n, 0x10000n])
    }
  })
  test('a pin that the target does not take is said with those that it does', async () => {
    const plan = await on(await freshGuest('linux-6.1'), 'linux-6.12', { pinPsci: '1.3' })
    expect(plan.after.verdict).toBe('refused')
    expect(plan.blocked[0]?.message).toMatch(/takes PSCI 0\.2, 1\.0, 1\.1,/)
  })
  test('a file without a version is asked about, not guessed for', async () => {
    const without = applySteps(await freshGuest('linux-6.1'), [step(0, PSCI_VERSION_ID)])
    const plan = await on(without, 'linux-6.18')
    expect(codes(plan)).toEqual(['psci-version-missing'])
    expect(plan.steps).toEqual([])
  })
})

describe('services', () => {
  const bitmaps = [STD_BMAP_ID, STD_HYP_BMAP_ID, VENDOR_HYP_BMAP_ID]
  const valuesOf = ({ vcpus }: Snapshot) => vcpus.map(({ registers }) => bitmaps.map(id => registerValue(registers, id)))
  test('what the old host did not offer stays out, what it did stays', async () => {
    const plan = await on(await freshGuest('linux-5.10', PSCI_02, 2), 'linux-6.1')
    // stolen time is on by default there, as it was without a bitmap
    expect(valuesOf(plan.snapshot)).toEqual([0, 1].map(() => [0n, undefined, 0n]))
    expect(plan.steps.filter(({ code }) => code === 'service-kept').every(({ isSafe, doubt }) => isSafe && doubt === undefined)).toBe(true)
    // each where the target's list has it
    const ids = [...plan.snapshot.vcpus[0]!.registers.ids]
    expect(ids.slice(ids.indexOf(WORKAROUND_IDS[3]), ids.indexOf(WORKAROUND_IDS[3]) + 3)).toEqual([WORKAROUND_IDS[3], STD_BMAP_ID, VENDOR_HYP_BMAP_ID])
  })
  test('of a host that nobody names, what 5.10 offers, with a doubt', async () => {
    const { origin: _, ...guest } = await freshGuest('linux-5.10')
    const plan = await on({ ...guest, origin: {} }, 'linux-6.1')
    expect(valuesOf(plan.snapshot)).toEqual([[0n, 1n, 0n]])
    expect(plan.steps.filter(({ code, doubt }) => code === 'service-kept' && doubt !== undefined)).toHaveLength(2)
    expect(plan.after.verdict).toBe('survives')
  })
  test('what the target cannot offer is asked about', async () => {
    expect(codes(await on(await freshGuest('linux-6.1'), 'linux-5.10'))).toContain('service-vanished')
    const off = applySteps(await freshGuest('linux-6.1'), [step(0, STD_BMAP_ID, 0n), step(0, STD_HYP_BMAP_ID, 0n), step(0, VENDOR_HYP_BMAP_ID, 0n)])
    const plan = await on(off, 'linux-5.10')
    expect(codes(plan)).toContain('service-appeared')
    expect(codes(plan)).not.toContain('service-vanished')
    const unknown = await on(applySteps(await freshGuest('linux-6.1'), [step(0, STD_BMAP_ID, 3n)]), 'linux-6.1')
    expect([codes(unknown), registerValue(unknown.snapshot.vcpus[0]!.registers, STD_BMAP_ID)]).toEqual([['service-vanished'], 1n])
  })
})

test('a mitigation that the target cannot promise is lowered with consent, one that it silently raises is said', async () => {
  const wa1 = ({ vcpus }: Snapshot) => registerValue(vcpus[0]!.registers, WORKAROUND_IDS[1])
  const higher = await on(applySteps(await freshGuest('linux-6.1'), [step(0, WORKAROUND_IDS[1], 2n)]), 'linux-6.1')
  expect([codes(higher), wa1(higher.snapshot)]).toEqual([['mitigation-changed'], wa1(await freshGuest('linux-6.1'))])
  const lower = await on(applySteps(await freshGuest('linux-6.1/max'), [step(0, WORKAROUND_IDS[1], 0n)]), 'linux-6.1/max')
  expect(wa1(await freshGuest('linux-6.1/max'))).toBe(2n)
  expect([codes(lower), lower.steps, lower.after.verdict]).toEqual([['mitigation-changed'], [], 'changed'])
})

test('another CPU is another identity, a register that nobody knows is left out with consent', async () => {
  const midr = await on(applySteps(await freshGuest('linux-6.1'), [step(0, sysRegId(3, 0, 0, 0, 0), 0x410fd0c0n)]), 'linux-6.1')
  expect(codes(midr)).toEqual(['cpu-identity-changed'])
  const strange = await on(applySteps(await freshGuest('linux-6.1'), [step(0, sysRegId(3, 0, 15, 3, 7), 7n)]), 'linux-6.1')
  expect([codes(strange), strange.steps.map(({ value }) => value)]).toEqual([['register-dropped'], [undefined]])
})

test('what no register changes is said', async () => {
  const guest = await freshGuest('linux-6.12', ['psci_0_2', 'pmu_v3'])
  const [first] = guest.vcpus
  const suspended = { ...guest, vcpus: [{ ...first!, mpState: 'suspended' as const }] }
  const plan = await on(suspended, 'linux-5.10')
  expect(plan.after.verdict).toBe('refused')
  expect(plan.blocked.map(({ message }) => message).join()).toMatch(/suspended/)
  const sve = await on({ ...guest, vcpus: [{ ...first!, features: ['psci_0_2', 'sve'], registers: registerList([]) }] }, 'linux-6.12')
  expect([sve.steps, sve.after.verdict]).toEqual([[], 'refused'])
  expect(sve.blocked.length).toBeGreaterThan(0)
})

describe('a whole migration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'psci-snap-rules-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  test('keys are masked, and not taken for useless because the target was ordered without them', async () => {
    const guest = await freshGuest('linux-6.12/max', ['psci_0_2', 'ptrauth_address', 'ptrauth_generic'])
    const file = join(folder, 'pauth.json')
    await writeSnapshotFile(guest, file)
    const { changes, needed } = await migrate(file, undefined, { to: 'linux-6.12', dryRun: true, features: PSCI_02 })
    const keys = changes.filter(({ name }) => /keylo/i.test(name))
    expect(keys.length).toBeGreaterThan(0)
    expect(keys.every(({ before }) => before === 'masked')).toBe(true)
    expect(needed).toContain('register-dropped')
  })
  test('a Firecracker file of 5.10 for 6.1', async () => {
    const [file, out] = [join(folder, 'a.vmstate'), join(folder, 'b.vmstate')]
    writeFileSync(file, firecrackerFile(await freshGuest('linux-5.10')))
    const report = await migrate(file, out, { to: 'linux-6.1', allow: new Set(['feature-vanishes']) })
    expect(report).toMatchObject({ verdictBefore: 'refused', verdictAfter: 'survives', migratable: true, target: { vmm: 'firecracker' }, output: out })
    expect(report.changes.filter(({ action }) => action === 'add').map(({ name, after }) => [name, after])).toEqual([
      ['KVM_REG_ARM_STD_BMAP', '0x0'],
      ['KVM_REG_ARM_STD_HYP_BMAP', '0x1'],
      ['KVM_REG_ARM_VENDOR_HYP_BMAP', '0x0'],
    ])
    expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([])
  })
})
