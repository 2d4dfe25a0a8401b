// What a user asks of diff: everything, a part, without a part; what runs by itself is left out and said; keys stay secret.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { writeSnapshotFile } from '../../src/formats/exporters.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { type DiffOptions, diff } from '../../src/ops/diff.ts'
import { saveSnapshot } from '../../src/ops/save.ts'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-diff-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ID = {
  psci: '0x6030000000140000',
  x0: '0x6030000000100000',
  count: '0x603000000013df1a',
  key: '0x603000000013c108',
  pfr0: '0x603000000013c020',
  q0: '0x6040000000100054',
} as const
const list = (name: string, registers: Readonly<Partial<Record<keyof typeof ID, string>>>, more: object = {}): string => {
  const pairs = Object.entries(registers).map(([key, value]) => [ID[key as keyof typeof ID], value])
  writeFileSync(at(name), JSON.stringify({ format: 'kvm-reglist', version: 1, vcpus: [{ registers: pairs, ...more }] }))
  return at(name)
}
const a = list('a.json', { psci: '0x10001', x0: '0x1', count: '0x100', key: '0xabcdef', pfr0: '0x11', q0: `b${'00'.repeat(16)}` })
const b = list(
  'b.json',
  { psci: '0x10003', x0: '0x2', count: '0x200', key: '0xfedcba', pfr0: '0x1000000000000011', q0: `b${'01'.repeat(16)}` },
  { mpState: 'stopped' },
)
const names = async (options: DiffOptions) => (await diff(a, b, options)).changes.map(({ name }) => name)

test('everything, firmware first, counters left out and named', async () => {
  const report = await diff(a, b)
  expect(report).toMatchObject({ equal: false, a: { psci: '1.1' }, b: { psci: '1.3' }, counts: { register: 5, mpState: 1, vm: 0, device: 0, memory: 0 } })
  expect(report.changes.map(({ name }) => name)).toEqual(['mpState', 'KVM_REG_ARM_PSCI_VERSION', 'X0', 'ID_AA64PFR0_EL1', 'APIAKeyLo_EL1', 'V0'])
  expect(report.changes[1]).toEqual({
    kind: 'register',
    vcpu: 0,
    id: ID.psci,
    name: 'KVM_REG_ARM_PSCI_VERSION',
    before: '0x10001',
    after: '0x10003',
    fields: [{ name: 'MINOR', msb: 15, lsb: 0, before: '0x1', after: '0x3' }],
  })
  expect(report.changes[3]?.fields).toEqual([expect.objectContaining({ name: 'CSV3', msb: 63, lsb: 60, before: '0x0', after: '0x1' })])
  expect(report.changes[5]).toMatchObject({ before: `b${'00'.repeat(16)}`, after: `b${'01'.repeat(16)}` })
  expect(report.ignoring).toContain('KVM_REG_ARM_TIMER_CNT')
  expect(report.ignored).toEqual([{ name: 'KVM_REG_ARM_TIMER_CNT', changes: 1 }])
})

describe('a part of it', () => {
  const cases: readonly (readonly [DiffOptions, readonly string[]])[] = [
    [{ only: ['PSCI_VERSION'] }, ['KVM_REG_ARM_PSCI_VERSION']],
    [{ only: ['x0', 'V*'] }, ['X0', 'V0']],
    [{ only: [ID.x0] }, ['X0']],
    [{ only: ['mpState'] }, ['mpState']],
    [{ only: ['register'], ignore: ['KVM_REG_*', 'AP*', 'V?'] }, ['X0', 'ID_AA64PFR0_EL1']],
    [{ ignore: ['register'] }, ['mpState']],
    [{ only: ['*TIMER*'] }, []],
    [{ only: ['*TIMER*'], volatile: true }, ['KVM_REG_ARM_TIMER_CNT']],
    [{ only: ['memory'] }, []],
  ]
  test.each(cases)('%j', async (options, expected) => {
    expect(await names(options)).toEqual(expected)
  })
  test.each([{ only: ['PSCI_VERSON'] }, { ignore: ['nothing*'] }])('%j is a mistake, not an answer', async options => {
    await expect(diff(a, b, options)).rejects.toMatchObject({ code: 'REG_ID_INVALID' })
  })
  test('what is ignored does not count', async () => {
    expect((await diff(a, b, { ignore: ['register', 'mpState'] })).equal).toBe(true)
  })
})

test('keys are masked unless asked for, and have no fields', async () => {
  expect(JSON.stringify(await diff(a, b))).not.toMatch(/abcdef|fedcba/)
  expect((await diff(a, b, { only: ['AP*'] })).changes).toMatchObject([{ before: 'masked', after: 'masked' }])
  expect((await diff(a, b, { only: ['AP*'], secrets: true })).changes).toMatchObject([{ before: '0xabcdef', after: '0xfedcba' }])
})

describe('an archive', () => {
  test('and what was converted from it are equal; what the list is silent about is said', async () => {
    const { snapshot } = await saveSnapshot({ build: 'linux-6.1' })
    await writeSnapshotFile(snapshot, at('g.psnap'))
    await writeSnapshotFile(snapshot, at('g.json'))
    const { equal, findings } = await diff(at('g.psnap'), at('g.json'))
    expect(equal).toBe(true)
    expect(findings.map(({ code }) => code)).toContain('not-compared')
    expect(await diff(at('g.psnap'), at('g.psnap'), { memory: true })).toMatchObject({ equal: true, memory: { pages: 0 }, findings: [] })
  })

  test('memory page by page when asked, else where it begins to differ', async () => {
    const { snapshot } = await saveSnapshot({ build: 'linux-6.1' })
    const withMemory = (bytes: Uint8Array) => ({ ...snapshot, memory: [bytesRegion('ram', 0x4000_0000n, bytes)] })
    await writeSnapshotFile(withMemory(new Uint8Array(1 << 16).fill(1, 5000, 5001)), at('m1.psnap'))
    await writeSnapshotFile(withMemory(new Uint8Array(1 << 16).fill(2, 5000, 20000)), at('m2.psnap'))
    const quick = await diff(at('m1.psnap'), at('m2.psnap'))
    expect(quick.changes).toEqual([{ kind: 'memory', name: 'contents', before: 'data at 0x40001000', after: 'data at 0x40001000' }])
    expect(await diff(at('m1.psnap'), at('m2.psnap'), { memory: false })).toMatchObject({ equal: true, findings: [{ code: 'memory-not-compared' }] })
    const report = await diff(at('m1.psnap'), at('m2.psnap'), { memory: true })
    expect(report).toMatchObject({ equal: false, memory: { compared: 1 << 16, pages: 4, ranges: 2 } })
    expect(report.changes).toEqual([
      { kind: 'memory', name: '0x40001000-0x40001fff', before: 'data', after: 'data', pages: 1 },
      { kind: 'memory', name: '0x40002000-0x40004fff', before: 'zero', after: 'data', pages: 3 },
    ])
  })
})

test('on the command line: 0 when equal, 3 when not, one JSON object', async () => {
  expect((await runCommand(['diff', a, a])).status).toBe(0)
  const ran = await runCommand(['diff', a, b, '--json'])
  expect(ran.status).toBe(3)
  expect(ran.json()).toMatchObject({ ok: true, equal: false })
  expect((await runCommand(['diff', '-', '-'])).status).toBe(2)
})
