// `run` and `save --kernel` with a guest that is small enough to be here: how runs end, what is reported, where they stop, and that a saved guest goes on.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { withInput } from '../../../src/ops/input.ts'
import { restore } from '../../../src/ops/restore.ts'
import { type RunOptions, run, runStatus } from '../../../src/ops/run/run.ts'
import { save } from '../../../src/ops/save.ts'
import { elf } from '../../emulator/board/loader/built-images.ts'
import { speaker, TINY_GUEST, TINY_MEMORY } from './tiny-guest.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-run-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const kernel = at('tiny.bin')
writeFileSync(kernel, TINY_GUEST)

async function told(words: string, options: Partial<RunOptions> = {}) {
  const port = speaker(words)
  const report = await run({ kernel, memory: TINY_MEMORY, ...options, port })
  return { report, output: port.output, status: runStatus(report) }
}

describe('how a run ends', () => {
  test('the guest passes and switches itself off', async () => {
    const { report, output, status } = await told('abq')
    expect(output).toBe('hello\nabq\nEXIT: STATUS=1\n')
    expect([report.end, report.stop, report.exit, status]).toEqual(['guest', 'off', { status: 1, code: 0 }, 0])
  })
  test('the guest says that it failed', async () => {
    const { report, status } = await told('f')
    expect([report.stop, report.exit, status]).toEqual(['off', { status: 3, code: 1 }, 3])
  })
  test('a skipped test is no failure', () => {
    const report = { build: '', vcpus: 1, psci: null, end: 'guest', stop: 'off', instructions: 0, seconds: 0, findings: [] } as const
    expect(runStatus({ ...report, exit: { status: 77, code: 38 } })).toBe(0)
  })
  test('nothing would ever wake it, and no input comes', async () => {
    const { report, status } = await told('w')
    expect([report.end, report.stop, status]).toEqual(['idle', 'running', 3])
    expect(report.findings.map(({ code }) => code)).toEqual(['run-idle'])
  })
  test('it hibernates where PSCI has that', async () => {
    const { report, output } = await told('h')
    expect([report.stop, output]).toEqual(['hibernated', 'hello\nh'])
    const { report: pinned, output: refused } = await told('hq', { psci: '1.1' })
    expect([pinned.psci, pinned.stop, refused]).toEqual(['1.1', 'off', 'hello\nh!q\nEXIT: STATUS=1\n'])
  })
  test('its limit of instructions, of time, and whoever sits there', async () => {
    const { report, status } = await told('', { maxInstructions: 100_000 })
    expect([report.end, report.instructions, status]).toEqual(['limit', 100_000, 3])
    expect((await told('', { timeout: 50 })).report.end).toBe('limit')
    const port = { ...speaker(''), wantsToLeave: true }
    const left = await run({ kernel, memory: TINY_MEMORY, port })
    expect([left.end, runStatus(left)]).toEqual(['left', 0])
  })
  test('a signal stops it', async () => {
    const stopped = new AbortController()
    setTimeout(() => stopped.abort(), 30)
    await expect(told('', { signal: stopped.signal })).rejects.toThrow(/abort/)
  })
})

describe('points', () => {
  test.each([
    ['console=^hel+o$', '', true],
    ['console=STATUS=1', 'q', true],
    ['console=nothing like this', 'q', false],
    ['insns=1000', '', true],
    ['psci=SYSTEM_OFF', 'q', true],
    ['psci=system_off2', 'h', true],
    ['hibernate', 'h', true],
    ['off', 'h', false],
  ])('%s', async (until, words, isReached) => {
    const { report, status } = await told(words, { until })
    expect([report.until, status]).toEqual([{ point: until, reached: isReached }, isReached ? 0 : 3])
  })
  test('a call that does not end the guest stops right behind it', async () => {
    const { report } = await told('h', { until: 'psci=SYSTEM_OFF2', psci: '1.1' })
    expect([report.end, report.stop, report.until?.reached]).toEqual(['point', 'running', true])
  })
  test('an instruction is that instruction', async () => {
    expect((await told('', { until: 'insns=12345' })).report.instructions).toBe(12_345)
  })
})

test('a virtio console is not the one that this guest reads', async () => {
  const { report, output } = await told('q', { console: 'virtio', maxInstructions: 300_000 })
  expect([report.end, output]).toEqual(['limit', 'hello\n'])
})

test('an ELF file runs too', async () => {
  writeFileSync(at('tiny.elf'), elf(0n, [{ virtual: 0n, physical: 0n, bytes: TINY_GUEST }]))
  expect((await told('q', { kernel: at('tiny.elf') })).report.exit).toEqual({ status: 1, code: 0 })
})

describe('what cannot be', () => {
  test.each<[string, Partial<RunOptions>, RegExp]>([
    ['no kernel and no snapshot', { kernel: undefined as never }, /snapshot to run on, or a kernel/],
    ['a kernel that is not there', { kernel: at('none') }, /there is no such file/],
    ['no memory', { memory: 1000 }, /whole number of MiB/],
    ['too much memory', { memory: 2 ** 33 }, /at most 3072 MiB of guest memory, not 8192/],
    ['too little memory', { memory: 1 << 20 }, /does not fit/],
    ['more vCPUs than a GICv2 has', { cpus: 9, gic: 'v2' }, /1 to 8 vCPUs/],
    ['a pattern that is none', { until: 'console=(' }, /is no pattern/],
    ['a point that is none', { until: 'somewhere' }, /no point to run to/],
    ['a PSCI version that this host does not take', { psci: '1.2', build: 'linux-6.1' }, /cannot pin PSCI 1\.2/],
  ])('%s', async (_, options, message) => {
    await expect(told('q', options)).rejects.toThrow(message)
  })
})

describe('save --kernel', () => {
  const saved = at('saved.psnap')
  const saveAt = (until: string | undefined, more: object = {}) =>
    save(saved, { build: 'linux-6.1', overwrite: true, guest: { kernel, memory: TINY_MEMORY, cpus: 2, ...(until === undefined ? {} : { until }), ...more } })

  test('a guest saved at its console goes on where it was, on its host and on a newer one', async () => {
    const report = await saveAt('console=hello')
    expect([report.build, report.vcpus, report.stop, report.psci, report.console]).toEqual(['linux-6.1.192/cortex-a72', 2, 'running', '1.1', 'hello\n'])
    for (const build of [undefined, 'linux-7.3']) {
      const { report: ran, output } = await told('xq', { kernel: undefined as never, file: saved, ...(build === undefined ? {} : { build }) })
      expect([ran.build, ran.psci, ran.source?.verdict, output]).toEqual([
        build === undefined ? 'linux-6.1.192/cortex-a72' : 'linux-7.3.4/cortex-a72',
        '1.1',
        build === undefined ? 'survives' : 'changed',
        'xq\nEXIT: STATUS=1\n',
      ])
    }
  })
  test('what is saved has the devices and how it was booted, and nothing else', async () => {
    await saveAt('insns=5000', { rng: true, seed: 5n, console: 'virtio' })
    await withInput(saved, {}, async ({ snapshot }) => {
      expect(snapshot.devices.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
        'uart0 pl011',
        'rtc0 pl031',
        'virtio0 virtio-console',
        'virtio1 virtio-rng',
        'gic gic-v3',
        'its gic-its',
        'boot boot',
      ])
      expect([snapshot.vcpus[0]?.features, snapshot.gic, snapshot.memory[0]?.size]).toEqual([['psci_0_2', 'pmu_v3'], 'v3', TINY_MEMORY])
    })
  })
  test('the same guest twice gives the same bytes', async () => {
    const digest = async () => {
      await saveAt('insns=4321')
      return withInput(saved, {}, async opened => opened.sha256())
    }
    expect(await digest()).toBe(await digest())
  })
  test('a run that was saved on the way ends as one that was not', async () => {
    const whole = await told('bq', { build: 'linux-6.1', cpus: 2 })
    await saveAt('insns=100')
    const rest = await told('bq', { kernel: undefined as never, file: saved })
    expect(rest.output).toBe('bq\nEXIT: STATUS=1\n')
    expect(rest.report.psci).toBe(whole.report.psci)
  })
  test('restore lets it run on and shows its console', async () => {
    await saveAt('insns=2')
    const report = await restore(saved, { build: 'linux-7.3' })
    expect([report.verdict, report.psci.observedVia, report.console]).toEqual(['changed', 'payload', 'hello\n'])
  })
  test('where it is to be saved must be said, and reached', async () => {
    await expect(saveAt(undefined)).rejects.toThrow(/--until is missing/)
    await expect(saveAt('console=never', { maxInstructions: 100_000 })).rejects.toThrow(/did not get to "console=never": it was still running/)
    const error = await saveAt('off', { maxInstructions: 100_000 }).catch((cause: unknown) => cause)
    expect((error as SnapError).hint).toContain('hello')
  })
})

describe('disks', () => {
  const disk = at('disk.img')
  writeFileSync(disk, new Uint8Array(4096))
  const file = at('with-disk.psnap')
  test('a snapshot keeps what the disk was, and the guest gets it again only from the user', async () => {
    await save(file, {
      build: 'linux-6.1',
      overwrite: true,
      guest: { kernel, memory: TINY_MEMORY, until: 'insns=5000', disks: [{ path: disk, readOnly: true }] },
    })
    await withInput(file, {}, async ({ snapshot }) => {
      const reference = snapshot.devices.find(({ kind }) => kind === 'disk-file')
      expect(reference).toMatchObject({
        name: 'virtio0.disk',
        state: { path: disk, readOnly: true, sha256: 'ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7' },
      })
    })
    const again = (disks: RunOptions['disks']) => told('q', { kernel: undefined as never, file, ...(disks ? { disks } : {}) })
    await expect(again(undefined)).rejects.toThrow(/has one disk, and --disk names 0/)
    const other = at('other.img')
    writeFileSync(other, new Uint8Array(512))
    await expect(again([{ path: other, readOnly: true }])).rejects.toThrow(/has 512 bytes; when the guest was saved its disk had 4096/)
    expect((await again([{ path: disk, readOnly: true }])).report.exit?.code).toBe(0)
  })
})

test('without a build a guest gets the newest kernel on the default CPU', async () => {
  expect((await told('q')).report.build).toBe('linux-7.3.4/cortex-a72')
})

test('errors are ours', async () => {
  await expect(told('q', { disks: [{ path: kernel, readOnly: false }] })).rejects.toBeInstanceOf(SnapError)
})
