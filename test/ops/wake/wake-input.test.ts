// What a guest is woken with: files that must be what they were, snapshots that cannot be woken, options that contradict each other.
import { copyFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { inspect } from '../../../src/ops/inspect.ts'
import { bootRecordOf } from '../../../src/ops/run/boot-record.ts'
import { NOBODY } from '../../../src/ops/run/console-port.ts'
import { run } from '../../../src/ops/run/run.ts'
import { save } from '../../../src/ops/save.ts'
import { runCommand } from '../../cli/run-command.ts'
import { callingKernel, OFF2, RESET } from '../run/small-kernels.ts'
import { at, changed, disk, files, MEMORY, read, sleeps, wake, withBoot } from './sleeper.ts'

sleeps()

describe('files', () => {
  test('are named again: a path in a snapshot is not opened', async () => {
    const { kernel: _, ...others } = files
    await expect(run({ ...others, wake: at('asleep.psnap'), port: NOBODY })).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining(`--kernel ${files.kernel} --initrd ${files.initrd} --disk ${disk.path}`),
    })
    await expect(run({ kernel: files.kernel, disks: [disk], wake: at('asleep.psnap'), port: NOBODY })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('initramfs'),
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

  test('inspect shows what there is, and a damaged record as a finding', async () => {
    expect((await inspect(at('asleep.psnap'))).boot).toMatchObject({
      kernel: { path: files.kernel },
      initrd: { size: 12 },
      append: 'console=ttyAMA0 resume=/dev/vda',
      disks: [{ device: 'virtio0', path: disk.path, size: 1 << 20, readOnly: false }],
    })
    const { stdout } = await runCommand(['inspect', at('asleep.psnap')])
    expect(stdout).toMatch(/boot\n +kernel +\S+kernel {2}[\d.]+ \S+, sha256 [0-9a-f]{16}…[\s\S]*command line +console=ttyAMA0 resume=\/dev\/vda/)
    const damaged = await changed(
      'damaged.psnap',
      withBoot(() => 5),
    )
    expect(await inspect(damaged)).toMatchObject({ findings: expect.arrayContaining([expect.objectContaining({ code: 'boot-not-read' })]) })
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

test('run on without --wake it does nothing, and that is said', async () => {
  const report = await run({ file: at('asleep.psnap'), disks: [disk], port: NOBODY })
  expect([report.end, report.instructions, report.findings.map(({ code }) => code)]).toEqual(['idle', 0, ['run-hibernated', 'run-idle']])
})

test('--psci has none but with --clean, and flags of waking none without --wake', async () => {
  await expect(wake({ psci: '1.1' })).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--clean') })
  await expect(run({ kernel: files.kernel, clean: true, port: NOBODY })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('--clean') })
})

test('a baseline has none beside a guest with a kernel', async () => {
  const baseline = { hosts: [], features: ['psci_0_2'], gic: 'v3', psci: '1.1', registers: [], free: true, obstacles: [] } as const
  await expect(save(at('never.psnap'), { build: 'linux-7.3', baseline, guest: { ...files, wake: at('asleep.psnap'), until: 'off' } })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('baseline'),
  })
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

describe('on the command line', () => {
  const named = () => ['--kernel', files.kernel, '--initrd', files.initrd, '--disk', disk.path]
  const wakes = (...more: string[]) => runCommand(['run', '--wake', at('asleep.psnap'), ...named(), ...more])

  test('run --wake', async () => {
    const { status, stderr } = await wakes('--build', 'linux-7.2', '--until', 'hibernate')
    expect([status, stderr]).toEqual([0, expect.stringMatching(/woke +\S+asleep\.psnap, saved on linux-7\.3\.4/)])
  })

  test('a refusal is an answer, and has every component', async () => {
    const { status, stderr } = await wakes('--build', 'linux-6.1')
    expect([status, stderr]).toEqual([3, expect.stringMatching(/psci: PSCI 1\.3 is not available on linux-6\.1[\s\S]*id-registers: /)])
    const json = await wakes('--build', 'linux-6.1', '--json')
    expect([json.status, json.json()]).toMatchObject([
      3,
      { ok: true, end: 'refused', wake: { refused: [{ component: 'psci' }, { component: 'id-registers' }] } },
    ])
  })

  test('--clean', async () => {
    const { status, stderr } = await wakes('--build', 'linux-6.1', '--clean')
    expect([status, stderr]).toEqual([0, expect.stringContaining('noresume')])
  })

  test('save --wake', async () => {
    const saves = ['save', '--wake', at('asleep.psnap'), ...named(), '--until', 'hibernate', '-o', at('next.psnap'), '--no-memory', '--json']
    const { status, json } = await runCommand(saves)
    expect([status, json()]).toMatchObject([0, { ok: true, stop: 'hibernated', build: 'linux-7.3.4/cortex-a72', psci: '1.3' }])
  })

  test.each([
    ['a snapshot to run on beside one to wake', ['run', 'x.psnap', '--wake', 'y.psnap'], 2],
    ['--clean alone', ['run', '--kernel', 'k', '--clean'], 2],
    ['--recorded-paths alone', ['save', '--kernel', 'k', '--recorded-paths', '-o', 'o.psnap'], 2],
    ['a disk without a guest', ['save', '--build', 'linux-7.3', '--disk', 'd', '-o', 'o.psnap'], 2],
    ['no memory of the built-in guest', ['save', '--build', 'linux-7.3', '--no-memory', '-o', 'o.psnap'], 2],
    ['a snapshot that is not there', ['run', '--wake', 'nowhere.psnap'], 10],
  ] as const)('%s', async (_what, argv, status) => {
    expect((await runCommand(argv)).status).toBe(status)
  })
})
