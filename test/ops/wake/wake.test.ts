// A guest that hibernated is woken: in the same environment, on other builds, with changed files, clean; and what is refused.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import type { DeviceSnapshot, Snapshot } from '../../../src/model/snapshot.ts'
import { withInput } from '../../../src/ops/input.ts'
import type { RunReport } from '../../../src/ops/reports.ts'
import { BOOT_KIND, bootRecordOf } from '../../../src/ops/run/boot-record.ts'
import { NOBODY } from '../../../src/ops/run/console-port.ts'
import { type RunOptions, run, runStatus } from '../../../src/ops/run/run.ts'
import { save } from '../../../src/ops/save.ts'
import { environmentOfSnapshot, signatureOf } from '../../../src/ops/signature/environment.ts'
import { wakeDifferences } from '../../../src/ops/wake/wake-environment.ts'
import { callingKernel, OFF, OFF2, RESET } from '../run/small-kernels.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-wake-'))
const at = (name: string): string => join(folder, name)
const MEMORY = 8 << 20
const disk = { path: at('disk.img'), readOnly: false }
const files = { kernel: at('kernel'), initrd: at('initrd'), disks: [disk] }

const read = (file: string): Promise<Snapshot> => withInput(file, {}, async ({ snapshot }) => ({ ...snapshot, memory: [] }))
const guest = { ...files, append: 'console=ttyAMA0 resume=/dev/vda', memory: MEMORY, cpus: 2, until: 'hibernate', noMemory: true }

beforeAll(async () => {
  writeFileSync(at('kernel'), callingKernel([OFF2, OFF]))
  writeFileSync(at('initrd'), 'an initramfs')
  writeFileSync(disk.path, '')
  truncateSync(disk.path, 1 << 20)
  await save(at('asleep.psnap'), { build: 'linux-7.3', guest })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const wake = (options: Partial<RunOptions> = {}): Promise<RunReport> =>
  run({ ...files, wake: at('asleep.psnap'), port: NOBODY, keepConsole: true, timeout: 60_000, ...options })

async function changed(name: string, change: (snapshot: Snapshot) => Snapshot): Promise<string> {
  await writeSnapshotFile(change(await read(at('asleep.psnap'))), at(name), { force: true })
  return at(name)
}
const withBoot = (change: (state: Record<string, unknown>) => unknown) => (snapshot: Snapshot) => ({
  ...snapshot,
  devices: snapshot.devices.map(
    (device): DeviceSnapshot => (device.kind === BOOT_KIND ? { ...device, state: change(device.state as Record<string, unknown>) } : device),
  ),
})

test('a snapshot keeps how its guest was booted, and its memory may be left out', async () => {
  const snapshot = await withInput(at('asleep.psnap'), {}, async opened => opened.snapshot)
  expect(snapshot).toMatchObject({ stop: 'hibernated', memory: [] })
  expect(snapshot.machine).toBeUndefined()
  expect(bootRecordOf(snapshot.devices)).toEqual({
    kernel: { path: files.kernel, size: readFileSync(files.kernel).length, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    initrd: { path: files.initrd, size: 12, sha256: expect.any(String) },
    append: 'console=ttyAMA0 resume=/dev/vda',
    deviceTree: expect.stringMatching(/^[0-9a-f]{64}$/),
    cpu: 'cortex-a72',
    memory: MEMORY,
    its: true,
  })
  expect(snapshot.devices.find(({ name }) => name === 'virtio0.disk')?.state).toMatchObject({ path: disk.path, readOnly: false, sha256: expect.any(String) })
})

describe('in the same environment', () => {
  test('it boots again, with its PSCI and its command line', async () => {
    const report = await wake()
    expect(report).toMatchObject({
      build: 'linux-7.3.4/cortex-a72',
      vcpus: 2,
      psci: '1.3',
      end: 'guest',
      stop: 'hibernated',
      console: 'k',
      wake: { file: at('asleep.psnap'), build: 'linux-7.3.4/cortex-a72', stop: 'hibernated', clean: false, append: guest.append, refused: [] },
      findings: [],
    })
    expect(runStatus(report)).toBe(0)
  })

  test('on every build that offers it: those of 6.16 to 7.3 on the same CPU', async () => {
    const snapshot = await read(at('asleep.psnap'))
    const alike = listBuilds()
      .map(({ name }) => name)
      .filter(name => wakeDifferences(snapshot, loadBuild(name)).length === 0)
    for (const alias of ['linux-6.16', 'linux-7.0', 'linux-7.1', 'linux-7.2', 'linux-7.3']) expect(alike).toContain(loadBuild(alias).name)
    expect(alike.every(name => name.endsWith('/cortex-a72'))).toBe(true)
    expect(await wake({ build: 'linux-7.0' })).toMatchObject({ build: 'linux-7.0.13/cortex-a72', psci: '1.3', stop: 'hibernated' })
  })

  test('what is saved of it again has the same signature, wherever it woke', async () => {
    const signature = async (file: string): Promise<string> => signatureOf(environmentOfSnapshot(await read(file))).digest
    for (const build of ['linux-7.3', 'linux-6.19']) {
      await save(at('again.psnap'), { build, overwrite: true, guest: { ...files, wake: at('asleep.psnap'), until: 'hibernate', noMemory: true } })
      expect(await signature(at('again.psnap'))).toBe(await signature(at('asleep.psnap')))
    }
    await save(at('again.psnap'), { build: 'linux-7.3', overwrite: true, guest: { ...files, wake: at('asleep.psnap'), until: 'hibernate' } })
    expect(await signature(at('again.psnap'))).toBe(await signature(at('asleep.psnap')))
  })

  test('a PSCI version below the default of its host is written again', async () => {
    writeFileSync(at('plain'), callingKernel([OFF]))
    await save(at('pinned.psnap'), { build: 'linux-6.12', guest: { kernel: at('plain'), memory: MEMORY, psci: '1.0', until: 'off' } })
    const report = await run({ kernel: at('plain'), wake: at('pinned.psnap'), port: NOBODY })
    expect(report).toMatchObject({ build: 'linux-6.12.117/cortex-a72', psci: '1.0', stop: 'off', wake: { stop: 'off' } })
    expect(report.findings.map(({ code }) => code)).toEqual(['wake-not-hibernated'])
  })

  test('its clock goes on where it stopped', async () => {
    const ticks = (snapshot: Snapshot): bigint => (snapshot.devices.find(({ kind }) => kind === 'pl031')!.state as { readonly ticks: bigint }).ticks
    await save(at('later.psnap'), { build: 'linux-7.3', overwrite: true, guest: { ...files, wake: at('asleep.psnap'), until: 'hibernate' } })
    expect(ticks(await read(at('later.psnap')))).toBeGreaterThan(ticks(await read(at('asleep.psnap'))))
  })
})

describe('where the environment is another one', () => {
  test('it is refused, by component', async () => {
    const report = await wake({ build: 'linux-6.1', until: 'hibernate' })
    expect(report).toMatchObject({ end: 'refused', stop: 'hibernated', instructions: 0, until: { reached: false } })
    expect(report.wake!.refused.map(({ component }) => component)).toEqual(['psci', 'id-registers'])
    expect(report.wake!.refused[0]!.message).toContain('PSCI 1.3 is not available on linux-6.1')
    expect(report.wake!.refused[0]!.meets.join(' ')).toContain('SYSTEM_OFF2')
    expect(runStatus(report)).toBe(3)
  })

  test('another CPU is refused', async () => {
    const { wake: answer } = await wake({ build: 'linux-7.3/neoverse-n1' })
    expect(answer!.refused.map(({ component }) => component)).toContain('id-registers')
  })

  test('save says it as an error', async () => {
    const again = save(at('never.psnap'), { build: 'linux-6.1', guest: { ...files, wake: at('asleep.psnap'), until: 'hibernate' } })
    await expect(again).rejects.toMatchObject({ code: 'BUILD_UNUSABLE', message: expect.stringContaining('psci') })
  })

  test('--force does not wake it', async () => {
    await expect(wake({ build: 'linux-6.1', force: true })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--clean') })
  })

  test('a board that the file describes otherwise is refused', async () => {
    const tree = await changed(
      'tree.psnap',
      withBoot(state => ({ ...state, deviceTree: '0'.repeat(64) })),
    )
    expect((await wake({ wake: tree })).wake!.refused.map(({ component }) => component)).toEqual(['tables'])
    const its = await changed(
      'its.psnap',
      withBoot(state => ({ ...state, its: false })),
    )
    expect((await wake({ wake: its })).wake!.refused.map(({ component }) => component)).toEqual(expect.arrayContaining(['tables', 'gic']))
    const more = await changed('more.psnap', snapshot => ({ ...snapshot, devices: [...snapshot.devices, { name: 'mystery', kind: 'mystery', state: 1 }] }))
    expect((await wake({ wake: more })).wake!.refused.map(({ component }) => component)).toEqual(['devices'])
  })
})

describe('--clean', () => {
  test('boots in an environment of its own, tells Linux not to resume, and says so', async () => {
    const report = await wake({ build: 'linux-6.1', clean: true })
    expect(report).toMatchObject({
      build: 'linux-6.1.192/cortex-a72',
      psci: '1.1',
      stop: 'off',
      wake: { clean: true, append: 'console=ttyAMA0 resume=/dev/vda noresume', refused: [] },
    })
    expect(report.findings.map(({ code }) => code)).toEqual(['wake-clean'])
  })

  test('takes a PSCI version, and changed files', async () => {
    const before = readFileSync(disk.path)
    writeFileSync(disk.path, Buffer.alloc(1 << 20, 7))
    try {
      const report = await wake({ clean: true, psci: '1.1' })
      expect(report).toMatchObject({ psci: '1.1', stop: 'off' })
      expect(report.findings.map(({ code, severity }) => [code, severity])).toEqual([
        ['wake-clean', 'info'],
        ['wake-file-changed', 'info'],
      ])
    } finally {
      writeFileSync(disk.path, before)
    }
  })
})

describe('files', () => {
  test('are named again: a path in a snapshot is not opened', async () => {
    const { kernel: _, ...others } = files
    await expect(run({ ...others, wake: at('asleep.psnap'), port: NOBODY })).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining(`--kernel ${files.kernel} --initrd ${files.initrd} --disk ${disk.path}`),
    })
    await expect(run({ kernel: files.kernel, disks: [disk], wake: at('asleep.psnap'), port: NOBODY })).rejects.toMatchObject({
      code: 'USAGE',
      message: /initramfs/,
    })
    await expect(wake({ disks: [] })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('one disk') })
    await expect(wake({ disks: [{ ...disk, readOnly: true }] })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(',ro') })
  })

  test('or opened by the recorded paths, when that is asked for', async () => {
    expect(await run({ wake: at('asleep.psnap'), port: NOBODY, recordedPaths: true })).toMatchObject({ stop: 'hibernated' })
  })

  test.each([
    ['the disk', () => ({ disks: [{ path: at('other.img'), readOnly: false }] }), 1 << 20, 'sha256'],
    ['the disk, of another size', () => ({ disks: [{ path: at('other.img'), readOnly: false }] }), 1 << 21, 'bytes'],
  ])('%s must be the same', async (_what, named, size, says) => {
    writeFileSync(at('other.img'), Buffer.alloc(size, 1))
    await expect(wake(named())).rejects.toMatchObject({
      code: 'FILE_CHANGED',
      message: expect.stringContaining(says),
      hint: expect.stringContaining('--accept-changed-files'),
    })
  })

  test('kernel and initramfs too; accepted, the risk is said', async () => {
    writeFileSync(at('longer'), callingKernel([{ id: 0x8400_0000 }, OFF2]))
    await expect(wake({ kernel: at('longer') })).rejects.toMatchObject({ code: 'FILE_CHANGED', message: expect.stringContaining('the kernel') })
    writeFileSync(at('initrd2'), 'an INITRAMFS')
    await expect(wake({ initrd: at('initrd2') })).rejects.toMatchObject({ code: 'FILE_CHANGED', message: expect.stringContaining('the initramfs') })
    const report = await wake({ kernel: at('longer'), initrd: at('initrd2'), acceptChanged: true })
    expect(report).toMatchObject({ stop: 'hibernated' })
    expect(report.findings.map(({ code, severity }) => [code, severity])).toEqual([
      ['wake-file-changed', 'warning'],
      ['wake-file-changed', 'warning'],
    ])
  })

  test('a disk of which no digest was kept cannot be told', async () => {
    const file = await changed('nodigest.psnap', snapshot => ({ ...snapshot, devices: snapshot.devices.filter(({ kind }) => kind !== 'disk-file') }))
    await expect(wake({ wake: file })).rejects.toMatchObject({ code: 'FILE_CHANGED', message: expect.stringContaining('no digest') })
  })
})

describe('what cannot be woken', () => {
  test.each(['running', 'suspended'] as const)('a guest that is %s', async stop => {
    const file = await changed(`${stop}.psnap`, snapshot => ({ ...snapshot, stop }))
    await expect(wake({ wake: file })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('psci-snap run') })
  })

  test('a guest that asked for a reset boots again, and that it did not say more is said', async () => {
    writeFileSync(at('resets'), callingKernel([RESET]))
    await save(at('reset.psnap'), { build: 'linux-7.3', guest: { kernel: at('resets'), memory: MEMORY, until: 'reset' } })
    const report = await run({ kernel: at('resets'), wake: at('reset.psnap'), port: NOBODY })
    expect([report.stop, report.findings.map(({ code }) => code)]).toEqual(['reset', ['wake-not-hibernated']])
  })

  test('a snapshot without a boot, as of the built-in guest', async () => {
    await save(at('probe.psnap'), { build: 'linux-7.3', until: { kind: 'hibernate' } })
    await expect(wake({ wake: at('probe.psnap') })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('how its guest was booted') })
  })

  test.each<[string, (state: Record<string, unknown>) => unknown]>([
    ['no state', () => 5],
    ['no kernel', ({ kernel: _, ...rest }) => rest],
    ['a path that is none', state => ({ ...state, kernel: { path: 7, size: 1, sha256: '0'.repeat(64) } })],
    ['a path with a NUL', state => ({ ...state, kernel: { path: 'a\0b', size: 1, sha256: '0'.repeat(64) } })],
    ['a digest that is none', state => ({ ...state, deviceTree: 'zz' })],
    ['a size below nothing', state => ({ ...state, initrd: { path: 'x', size: -1, sha256: '0'.repeat(64) } })],
    ['memory without end', state => ({ ...state, memory: 2n ** 60n })],
    ['a command line of a mebibyte', state => ({ ...state, append: 'x'.repeat(1 << 20) })],
  ])('a damaged record: %s', async (_what, change) => {
    const file = await changed('damaged.psnap', withBoot(change))
    await expect(wake({ wake: file })).rejects.toMatchObject({ code: 'INPUT_CORRUPT' })
  })

  test('a record of a newer release', async () => {
    const file = await changed(
      'newer.psnap',
      withBoot(state => ({ ...state, version: 2 })),
    )
    await expect(wake({ wake: file })).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' })
  })

  test('vCPUs with gaps', async () => {
    const file = await changed('gaps.psnap', snapshot => ({ ...snapshot, vcpus: snapshot.vcpus.map((vcpu, n) => ({ ...vcpu, index: 3 * n })) }))
    await expect(wake({ wake: file })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('numbered') })
  })
})

test.each([
  ['append', { append: 'x' }],
  ['cpus', { cpus: 2 }],
  ['memory', { memory: MEMORY }],
  ['features', { features: [] }],
  ['gic', { gic: 'v3' }],
  ['seed', { seed: 1n }],
  ['rng', { rng: true }],
] as const)('--%s has no place beside --wake', async (name, options) => {
  await expect(wake(options)).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining(`--${name}`) })
})

test('--psci has none but with --clean, and flags of waking none without --wake', async () => {
  await expect(wake({ psci: '1.1' })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--clean') })
  await expect(run({ kernel: files.kernel, clean: true, port: NOBODY })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--clean') })
})

test('devices, seed and features come back as they were', async () => {
  copyFileSync(disk.path, at('ro.img'))
  const described = {
    kernel: files.kernel,
    memory: MEMORY,
    disks: [disk, { path: at('ro.img'), readOnly: true }],
    rng: true,
    seed: 99n,
    console: 'virtio',
    features: ['psci_0_2'],
    gic: 'v2',
  } as const
  await save(at('rich.psnap'), { build: 'linux-7.3', guest: { ...described, until: 'hibernate' } })
  const { kernel, disks } = described
  await save(at('rich2.psnap'), { build: 'linux-7.2', guest: { kernel, disks, wake: at('rich.psnap'), until: 'hibernate' } })
  const [before, after] = [await read(at('rich.psnap')), await read(at('rich2.psnap'))]
  const shape = ({ devices, gic, vcpus }: Snapshot) => [
    devices.map(({ name, kind }) => `${name} ${kind}`),
    gic,
    vcpus.map(({ features }) => features),
    bootRecordOf(devices),
  ]
  expect(shape(after)).toEqual(shape(before))
  expect(bootRecordOf(after.devices)).toMatchObject({ seed: 99n, its: false })
})
