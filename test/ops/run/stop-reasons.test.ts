// Why a guest stopped, as its snapshot keeps it: every call that ends one, by both conduits, in both widths, through a file and back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { withInput } from '../../../src/ops/input.ts'
import { NOBODY } from '../../../src/ops/run/console-port.ts'
import { run } from '../../../src/ops/run/run.ts'
import { save } from '../../../src/ops/save.ts'
import { trace } from '../../../src/ops/trace/trace.ts'
import type { TraceCall } from '../../../src/ops/trace/trace-report.ts'
import { callingKernel, type FirmwareCall, OFF, OFF2, RESET } from './small-kernels.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-stops-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const MEMORY = 8 << 20
let kernels = 0
function kernel(calls: readonly FirmwareCall[]): string {
  const path = join(folder, `kernel-${kernels++}`)
  writeFileSync(path, callingKernel(calls))
  return path
}

async function saved(calls: readonly FirmwareCall[], until: string, psci?: string): Promise<Snapshot> {
  const file = join(folder, 'stopped.psnap')
  const guest = { kernel: kernel(calls), memory: MEMORY, until, ...(psci === undefined ? {} : { psci }) }
  await save(file, { build: 'linux-7.3', guest, overwrite: true })
  return withInput(file, {}, async ({ snapshot }) => snapshot)
}

const CONDUITS = ['hvc', 'smc'] as const
const WIDTHS = [
  ['SMC32', 0x8400_0000],
  ['SMC64', 0xc400_0000],
] as const

describe.each(CONDUITS)('by %s', conduit => {
  describe.each(WIDTHS)('%s', (_width, base) => {
    test.each([0n, 1n])('SYSTEM_OFF2 of type %s: hibernated', async type => {
      const { stop, vm } = await saved([{ id: base + 0x15, x1: type, conduit }, OFF], 'hibernate')
      expect([stop, vm.stopArguments]).toEqual(['hibernated', undefined])
    })

    test('SYSTEM_OFF2 of another type, or with a cookie, is no end: the guest goes on', async () => {
      const { stop } = await saved([{ id: base + 0x15, x1: 2n, conduit }, { id: base + 0x15, x1: 1n, x2: 5n, conduit }, OFF], 'off')
      expect(stop).toBe('off')
    })

    test('SYSTEM_RESET2 keeps type and cookie', async () => {
      const { stop, vm } = await saved([{ id: base + 0x12, x1: 0x8000_0001n, x2: 0x1234n, conduit }, OFF], 'reset')
      expect([stop, vm.stopArguments]).toEqual(['reset', [0x8000_0001n, 0x1234n]])
    })
  })

  test('SYSTEM_OFF and SYSTEM_RESET', async () => {
    expect((await saved([{ ...OFF, conduit }], 'off')).stop).toBe('off')
    const { stop, vm } = await saved([{ ...RESET, conduit }], 'reset')
    expect([stop, vm.stopArguments]).toEqual(['reset', undefined])
  })

  test('SYSTEM_SUSPEND', async () => {
    expect((await saved([{ id: 0xc400_000e, x1: 0x4000_0000n, conduit }], 'suspend')).stop).toBe('suspended')
  })
})

test.each(['1.0', '1.1', '1.2'])('below PSCI 1.3 nothing says that a guest hibernates: %s', async psci => {
  const { stop } = await saved([OFF2, OFF], 'off', psci)
  expect(stop).toBe('off')
  await expect(saved([OFF2, OFF], 'hibernate', psci)).rejects.toMatchObject({ code: 'CANNOT_EXECUTE', message: expect.stringContaining('(off)') })
})

test('run says it too', async () => {
  const report = await run({ kernel: kernel([OFF2]), memory: MEMORY, build: 'linux-7.3', port: NOBODY, until: 'hibernate' })
  expect(report).toMatchObject({ end: 'guest', stop: 'hibernated', until: { reached: true } })
})

test('trace shows what led to it', async () => {
  const calls: TraceCall[] = []
  const { summary } = await trace(
    { kernel: kernel([{ id: 0x8400_0015, x1: 2n }, OFF2]), memory: MEMORY, build: 'linux-7.3' },
    { begin: async () => {}, rows: async rows => void calls.push(...rows.filter(row => row.kind === 'call')) },
  )
  expect(calls).toMatchObject([
    { function: 'SYSTEM_OFF2', form: 'SMC32', result: 'INVALID_PARAMETERS', ending: { kind: 'resume' } },
    {
      function: 'SYSTEM_OFF2',
      form: 'SMC64',
      arguments: [{ name: 'off_type', value: '0x1', meaning: expect.stringMatching(/hibernate/i) }, {}],
      ending: { kind: 'event', event: 'SHUTDOWN', flags: ['PSCI_OFF2'] },
    },
  ])
  expect(summary.stop).toMatchObject({ why: 'hibernated', vcpu: 0 })
})
