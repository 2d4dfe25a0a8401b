// The main job as operations: the verdicts that the project exists for, on the built-in builds.
import { beforeAll, expect, test } from 'vitest'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { selectRegisters } from '../../src/ops/replay.ts'
import { type RestoreOptions, restoreSnapshot } from '../../src/ops/restore.ts'
import { type SaveOptions, saveSnapshot } from '../../src/ops/save.ts'
import { resolveBuild } from '../../src/ops/target.ts'
import { PLAIN_STYLE } from '../../src/render/page.ts'
import { renderRestore } from '../../src/render/restore.ts'

const saved = new Map<string, Snapshot>()
async function savedOn(build: string, options: Omit<SaveOptions, 'build'> = {}): Promise<Snapshot> {
  const key = JSON.stringify([build, options])
  let snapshot = saved.get(key)
  if (!snapshot) saved.set(key, (snapshot = (await saveSnapshot({ build, ...options })).snapshot))
  return snapshot
}
async function restored(from: Snapshot, to: string, options: Omit<RestoreOptions, 'build'> = {}) {
  return (await restoreSnapshot(from, await resolveBuild(to), options)).report
}
const codes = (report: { readonly findings: readonly { readonly code: string; readonly severity: string }[] }): string[] =>
  report.findings.filter(finding => finding.severity !== 'info').map(finding => finding.code)

beforeAll(async () => {
  await savedOn('linux-6.1')
})

test('6.1 → 7.3: the pinned PSCI version survives, and the guest agrees', async () => {
  const report = await restored(await savedOn('linux-6.1'), 'linux-7.3')
  expect(report.verdict).toBe('survives')
  expect(report.psci).toEqual({ saved: '1.1', afterReplay: '1.1', observedByGuest: '1.1', observedVia: 'guest', targetDefault: '1.3' })
  expect(report.vcpus.map(vcpu => vcpu.failures)).toEqual([[], []])
})

test('the same without the register: nothing fails, and the firmware is another one', async () => {
  const report = await restored(await savedOn('linux-6.1'), 'linux-7.3', { omit: ['PSCI_VERSION'] })
  expect(report.verdict).toBe('changed')
  expect(report.psci).toMatchObject({ saved: '1.1', afterReplay: '1.3', observedByGuest: '1.3' })
  expect(codes(report)).toEqual(['psci-version-changed', 'guest-observed-change'])
})

test('7.3 → 6.1 is refused, each register with its errno, whether it is droppable, and why', async () => {
  const report = await restored(await savedOn('linux-7.3'), 'linux-6.1')
  expect(report.verdict).toBe('refused')
  expect(report.psci).toMatchObject({ saved: '1.3', afterReplay: '1.1', observedByGuest: null, observedVia: null })
  const rows = report.vcpus[0]!.failures.map(({ name, errno, droppable }) => [name, errno, droppable])
  expect(rows.slice(0, 2)).toEqual([
    ['KVM_REG_ARM_PSCI_VERSION', 'EINVAL', false],
    ['KVM_REG_ARM_VENDOR_HYP_BMAP_2', 'ENOENT', true],
  ])
  for (const { reason } of report.vcpus.flatMap(vcpu => vcpu.failures)) expect(reason).toMatch(/\w+ \w+ \w+/)
})

test('after a refusal the guest runs only when forced, and then shows what a VMM that ignores errors does', async () => {
  const report = await restored(await savedOn('linux-7.3'), 'linux-6.1', { force: true })
  expect(report.verdict).toBe('refused')
  expect(report.psci).toMatchObject({ observedByGuest: '1.1', observedVia: 'guest' })
})

test('5.10 → 7.3 with a PMU: PSCI stays 1.0, but TRNG and vendor services appear', async () => {
  const report = await restored(await savedOn('linux-5.10', { features: ['psci_0_2', 'pmu_v3'] }), 'linux-7.3')
  expect(report.verdict).toBe('changed')
  expect(report.psci).toMatchObject({ saved: '1.0', afterReplay: '1.0', observedByGuest: '1.0' })
  const appeared = report.findings.filter(finding => finding.code === 'service-appeared').map(finding => finding.message.split(' ')[0])
  expect(appeared).toEqual(['TRNG_V1_0', 'FUNC_FEAT', 'PTP'])
})

test('5.10 → 7.3 without a PMU: refused, the 74 PMU registers explained as droppable', async () => {
  const report = await restored(await savedOn('linux-5.10'), 'linux-7.3')
  expect(report.verdict).toBe('refused')
  const failures = report.vcpus[0]!.failures
  expect(failures.filter(row => row.errno === 'ENOENT' && row.droppable && row.reason.includes('PMU'))).toHaveLength(74)
  expect(failures.filter(row => !row.droppable).map(row => row.name)).toEqual(['ID_DFR0_EL1', 'ID_AA64DFR0_EL1'])
})

test('a list that fits two feature sets is judged with both, and the worse decides', async () => {
  const snapshot = await savedOn('linux-5.10')
  const unnamed = { ...snapshot, origin: {}, vcpus: snapshot.vcpus.map(({ features: _, ...vcpu }) => vcpu) }
  const report = await restored(unnamed, 'linux-7.3', { run: false })
  expect(report.alternatives).toEqual([
    { features: ['psci_0_2'], verdict: 'refused' },
    { features: ['psci_0_2', 'pmu_v3'], verdict: 'changed' },
  ])
  expect(report.verdict).toBe('refused')
})

test('a version pinned on restore is what the guest sees, and a change that it can notice', async () => {
  const report = await restored(await savedOn('linux-7.3'), 'linux-7.3', { pinPsci: '1.1' })
  expect(report.psci).toMatchObject({ saved: '1.3', afterReplay: '1.1', observedByGuest: '1.1' })
  expect(report.verdict).toBe('changed')
})

test('a pin that the target does not know is refused', async () => {
  const report = await restored(await savedOn('linux-6.1'), 'linux-6.1', { pinPsci: '1.3', run: false })
  expect(report.verdict).toBe('refused')
  expect(codes(report)).toContain('pin-refused')
})

test('a version pinned on save is kept by a newer host', async () => {
  const report = await restored(await savedOn('linux-7.3', { psci: '1.0' }), 'linux-7.3')
  expect(report.psci).toMatchObject({ saved: '1.0', observedByGuest: '1.0', targetDefault: '1.3' })
  expect(report.verdict).toBe('survives')
})

test('without memory the question is asked by a payload in a clone', async () => {
  const snapshot = await savedOn('linux-6.1')
  const report = await restored({ ...snapshot, memory: [], devices: [] }, 'linux-7.3')
  expect(report.psci).toMatchObject({ observedByGuest: '1.1', observedVia: 'payload' })
})

test('without any PSCI version the guest gets the default of the target, and that is a change', async () => {
  const snapshot = await savedOn('linux-6.1')
  const bare = {
    ...snapshot,
    vcpus: snapshot.vcpus.map(vcpu => ({ ...vcpu, registers: selectRegisters(vcpu.registers, id => id !== 0x6030_0000_0014_0000n) })),
  }
  const report = await restored(bare, 'linux-7.3', { run: false })
  expect(report.psci).toMatchObject({ saved: null, afterReplay: '1.3' })
  expect(report.verdict).toBe('changed')
  expect(codes(report)).toContain('psci-version-missing')
})

test.each([
  ['linux-7.3', 'hibernate', 'hibernated'],
  ['linux-7.3', 'off', 'off'],
  ['linux-6.1', 'off', 'off'],
  ['linux-6.1', 'suspend', 'suspended'],
  ['linux-6.1', 'reset', 'reset'],
] as const)('%s: a guest saved at %s has stopped as %s', async (build, kind, stop) => {
  const snapshot = await savedOn(build, { until: { kind } })
  expect(snapshot.stop).toBe(stop)
  expect((await restored(snapshot, build, { run: false })).verdict).toBe('survives')
})

test('a guest whose PSCI has no SYSTEM_OFF2 cannot hibernate, and that is said', async () => {
  await expect(savedOn('linux-6.1', { until: { kind: 'hibernate' } })).rejects.toMatchObject({ code: 'BUILD_UNUSABLE' })
  await expect(savedOn('linux-7.3', { psci: '1.1', until: { kind: 'hibernate' } })).rejects.toMatchObject({ code: 'BUILD_UNUSABLE' })
})

test('every build survives on itself, and the guest says so', async () => {
  const { listBuilds } = await import('../../src/builds/load.ts')
  for (const { name } of listBuilds().filter(build => build.cpu !== 'max')) {
    const report = await restored(await savedOn(name), name)
    expect([name, report.verdict, codes(report)]).toEqual([name, 'survives', []])
  }
})

test('an operation stops when its signal says so', async () => {
  const abort = new AbortController()
  abort.abort(new Error('stop'))
  await expect(saveSnapshot({ build: 'linux-6.1', signal: abort.signal })).rejects.toThrow('stop')
})

test('a running guest is stopped while it runs, not when it is done', async () => {
  const abort = new AbortController()
  setTimeout(() => abort.abort(new Error('stop')), 50)
  await expect(saveSnapshot({ build: 'linux-6.1', until: { kind: 'insns', count: 1e13 }, signal: abort.signal })).rejects.toThrow('stop')
}, 20_000)

test('a host that cannot make the vCPUs says so; its default PSCI version is known all the same', async () => {
  const report = await restored(await savedOn('linux-6.1'), 'linux-6.1', { features: ['psci_0_2', 'sve'] })
  expect(report).toMatchObject({ verdict: 'refused', vcpus: [], psci: { saved: '1.1', afterReplay: null, targetDefault: '1.1' } })
  const [line] =
    renderRestore({ ...report, source: { file: 'a.psnap', format: 'psnap', sha256: '' } }, { columns: undefined, style: PLAIN_STYLE }).match(/^PSCI.*$/m) ?? []
  expect(line).toContain('saved 1.1, nothing replayed, guest not run, default here 1.1')
})

test('a snapshot without vCPUs is no snapshot: that nothing was refused is no answer', async () => {
  const empty = { ...(await savedOn('linux-6.1')), vcpus: [] }
  await expect(restored(empty, 'linux-6.1')).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  await expect(restored(empty, 'linux-6.1', { features: ['psci_0_2'] })).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
})

test('a vCPU number that no host has is refused by it, not an error of ours', async () => {
  const saved = await savedOn('linux-6.1')
  const [, last] = saved.vcpus
  const report = await restored({ ...saved, vcpus: [saved.vcpus[0]!, { ...last!, index: 100_000 }] }, 'linux-6.1')
  expect(report.verdict).toBe('refused')
  expect(report.findings).toContainEqual(
    expect.objectContaining({ severity: 'error', vcpu: 100_000, message: expect.stringMatching(/KVM_CREATE_VCPU 100000: EINVAL/) }),
  )
})
