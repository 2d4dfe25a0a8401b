// A guest that hibernated is woken: in the same environment, on other builds, or clean; and where the environment is another one it is refused.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { withInput } from '../../../src/ops/input.ts'
import { bootRecordOf } from '../../../src/ops/run/boot-record.ts'
import { NOBODY } from '../../../src/ops/run/console-port.ts'
import { run, runStatus } from '../../../src/ops/run/run.ts'
import { save } from '../../../src/ops/save.ts'
import { environmentOfSnapshot, signatureOf } from '../../../src/ops/signature/environment.ts'
import { wakeDifferences } from '../../../src/ops/wake/wake-environment.ts'
import { callingKernel, OFF } from '../run/small-kernels.ts'
import { at, changed, disk, files, guest, MEMORY, read, sleeps, wake, withBoot } from './sleeper.ts'

sleeps()

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
