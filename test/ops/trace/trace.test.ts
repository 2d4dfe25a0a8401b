// `trace` as an operation: the built-in guest, snapshots that run on, what is shown of them, and how a trace ends.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import { save, saveSnapshot } from '../../../src/ops/save.ts'
import { type Traced, type TraceOptions, trace, traceStatus } from '../../../src/ops/trace/trace.ts'
import type { TraceBegin, TraceCall, TraceRow } from '../../../src/ops/trace/trace-report.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-trace-'))
const guest = join(folder, 'guest.psnap')
beforeAll(async () => {
  await save(guest, { build: 'linux-6.1' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Heard extends Traced {
  readonly begin: TraceBegin
  readonly rows: readonly TraceRow[]
  readonly calls: readonly TraceCall[]
}

async function traced(options: TraceOptions): Promise<Heard> {
  const rows: TraceRow[] = []
  let begin: TraceBegin | undefined
  const result = await trace(options, {
    begin: async given => void (begin = given),
    rows: async given => void rows.push(...given),
  })
  return { ...result, begin: begin!, rows, calls: rows.filter(row => row.kind === 'call') }
}

describe('the built-in guest', () => {
  test('brings up its vCPUs, asks everything, and switches itself off', async () => {
    const { begin, rows, calls, summary } = await traced({ build: 'linux-7.3', cpus: 3 })
    expect(begin).toEqual({
      title: 'built-in guest on linux-7.3.4/cortex-a72',
      vcpus: [
        { index: 0, on: true },
        { index: 1, on: false },
        { index: 2, on: false },
      ],
      time: 0,
    })
    expect(calls[0]).toMatchObject({ vcpu: 0, function: 'PSCI_VERSION', result: '1.3', conduit: 'hvc', el: 'EL1h' })
    expect(calls.filter(row => row.function === 'CPU_ON').map(({ result, switchedOn }) => [result, switchedOn])).toEqual([
      ['SUCCESS', [1]],
      ['SUCCESS', [2]],
    ])
    expect(rows.flatMap(row => (row.kind === 'start' ? [row.vcpu] : []))).toEqual([1, 2])
    expect(calls.at(-1)).toMatchObject({ function: 'SYSTEM_OFF', ending: { kind: 'event', event: 'SHUTDOWN', flags: [] }, switchedOff: [0, 1, 2] })
    expect(rows.at(-1)).toMatchObject({ kind: 'stop', why: 'off', vcpu: 0 })
    expect(summary).toMatchObject({
      source: { kind: 'guest' },
      vcpus: 3,
      psci: '1.3',
      stop: { why: 'off' },
      calls: calls.length,
      shown: calls.length,
      findings: [],
    })
    expect(summary.functions.reduce((sum, row) => sum + row.calls, 0)).toBe(calls.length)
    expect(traceStatus(summary)).toBe(0)
    for (const { time, instructions } of calls) expect(time).toBe(instructions) // nobody waits
  })
  test('tells the same whenever it is asked', async () => {
    expect(await traced({ build: 'linux-6.12', cpus: 2 })).toEqual(await traced({ build: 'linux-6.12', cpus: 2 }))
  })
  test.each([
    ['hibernate', 'SYSTEM_OFF2', 'hibernated'],
    ['reset', 'SYSTEM_RESET', 'reset'],
    ['suspend', 'SYSTEM_SUSPEND', 'suspended'],
    ['psci=SYSTEM_RESET2', 'SYSTEM_RESET2', 'reset'],
  ])('--until %s ends with %s', async (until, name, why) => {
    const { calls, summary } = await traced({ build: 'linux-7.3', until })
    expect(calls.at(-1)).toMatchObject({ function: name, ending: { kind: 'event' } })
    expect(summary).toMatchObject({ stop: { why }, until: { point: until, reached: true } })
  })
  test('a call that its firmware does not know comes back, and the point is not reached', async () => {
    const { calls, summary } = await traced({ build: 'linux-6.1', until: 'hibernate' })
    expect(calls.at(-1)).toMatchObject({ function: 'SYSTEM_OFF2', result: 'NOT_SUPPORTED' })
    expect(summary).toMatchObject({ stop: { why: 'until', what: 'the call that was to end the guest came back' }, until: { reached: false } })
    expect(traceStatus(summary)).toBe(3)
  })
  test('PSCI 0.1 has names too', async () => {
    const { calls } = await traced({ build: 'linux-6.1', features: [], until: 'insns=40000' })
    expect(calls.find(({ id }) => id === '0x95c1ba60')).toMatchObject({ function: 'CPU_ON', known: true, result: 'SUCCESS' })
  })
})

describe('what is shown', () => {
  test('of one vCPU', async () => {
    const { rows, summary } = await traced({ build: 'linux-7.3', vcpus: [1] })
    expect(new Set(rows.flatMap(row => (row.kind === 'stop' ? [] : [row.vcpu])))).toEqual(new Set([1]))
    expect(summary.shown).toBeLessThan(summary.calls)
  })
  test('of some functions, by glob, name and id; a start belongs to its CPU_ON', async () => {
    const names = async (functions: readonly string[]) => {
      const { rows } = await traced({ build: 'linux-7.3', functions })
      return [...new Set(rows.flatMap(row => (row.kind === 'call' ? [row.function] : row.kind === 'start' ? ['start'] : [])))].sort()
    }
    expect(await names(['trng_*'])).toEqual(['TRNG_FEATURES', 'TRNG_GET_UUID', 'TRNG_RND64', 'TRNG_VERSION'])
    expect(await names(['0x84000003', 'SYSTEM_OFF'])).toEqual(['CPU_ON', 'SYSTEM_OFF', 'start'])
  })
  test('so many calls, exactly, and then the guest stops there', async () => {
    const { calls, summary, rows } = await traced({ build: 'linux-7.3', maxCalls: 3 })
    expect(calls).toHaveLength(3)
    expect(summary).toMatchObject({ stop: { why: 'max-calls' }, calls: 3, shown: 3 })
    expect(rows.at(-1)).toMatchObject({ instructions: calls[2]!.instructions })
    const filtered = await traced({ build: 'linux-7.3', maxCalls: 1, functions: ['KVM_PTP'] })
    expect(filtered.calls).toHaveLength(1)
    expect(filtered.summary.calls).toBeGreaterThan(10)
  })
  test.each([
    [{ functions: ['CPUON'] }, /CPUON/],
    [{ functions: [''] }, /no function/],
    [{ functions: ['x'.repeat(500)] }, /no function/],
    [{ vcpus: [9] }, /vCPU 9/],
    [{ until: 'never' }, /no point/],
    [{ file: guest, kernel: 'Image' }, /not both/],
    [{ cpus: 65 }, /64 vCPUs/],
  ])('%j is a usage error', async (options, message) => {
    await expect(traced({ build: 'linux-7.3', ...options })).rejects.toMatchObject({ code: 'USAGE', message: expect.stringMatching(message) })
  })
})

describe('a snapshot', () => {
  test('runs on where it was saved, or elsewhere', async () => {
    const { summary, begin } = await traced({ file: guest, maxCalls: 5 })
    expect(begin.time).toBeGreaterThan(0)
    expect(begin.vcpus.every(({ on }) => on)).toBe(true)
    expect(summary).toMatchObject({ build: 'linux-6.1.192/cortex-a72', source: { kind: 'snapshot', file: guest, verdict: 'survives' }, shown: 5, psci: '1.1' })
    const moved = await traced({ file: guest, build: 'linux-7.3', maxCalls: 20, functions: ['PSCI_VERSION'] })
    expect(moved.calls.map(({ result }) => result)).toEqual(Array(20).fill('1.1'))
  })
  test('runs on exactly as it would have without being saved', async () => {
    const whole = await traced({ build: 'linux-6.1', until: 'insns=40000', maxCalls: 10_000 })
    const rest = await traced({ file: guest, until: 'insns=40000', maxCalls: 10_000 })
    const { time } = rest.begin
    expect(rest.calls.length).toBeGreaterThan(20)
    expect(rest.calls).toEqual(whole.calls.filter(call => call.time > time))
  })
  test('that the build refuses does not run, but with force', async () => {
    await expect(traced({ file: guest, build: 'linux-5.10' })).rejects.toMatchObject({ code: 'BUILD_UNUSABLE' })
    const { summary } = await traced({ file: guest, build: 'linux-5.10', force: true, maxCalls: 2 })
    expect(summary.source.verdict).toBe('refused')
    expect(traceStatus(summary)).toBe(3)
  })
})

test('a kernel is traced from its first instruction', async () => {
  const kernel = join(folder, 'kernel.flat')
  const [VERSION, OFF, HVC] = [[0x52b0_8000], [0x52b0_8000, 0x7280_0100], 0xd400_0002] // movz w0, #0x8400, lsl #16; movk w0, #8
  writeFileSync(kernel, new Uint8Array(Uint32Array.from([...VERSION, HVC, ...OFF, HVC]).buffer))
  const { calls, summary } = await traced({ kernel, build: 'linux-6.1', memory: 32 << 20, psci: '1.0' })
  expect(calls.map(({ function: name, result, instructions }) => [name, result, instructions])).toEqual([
    ['PSCI_VERSION', '1.0', 2],
    ['SYSTEM_OFF', undefined, 5],
  ])
  expect(summary).toMatchObject({ source: { kind: 'kernel', file: kernel }, vcpus: 1, psci: '1.0', stop: { why: 'off' } })
})

describe("the VMM's filter", () => {
  const filtered = async (action: 'forward' | 'deny'): Promise<string> => {
    const { snapshot } = await saveSnapshot({ build: 'linux-7.3' })
    const file = join(folder, `${action}.psnap`)
    await writeSnapshotFile({ ...snapshot, vm: { ...snapshot.vm, smcccFilter: [{ base: 0xc400_0053, count: 1, action }] } }, file)
    return file
  }
  test('forwards: the VMM is to answer, and there is none', async () => {
    const { calls, summary, failure } = await traced({ file: await filtered('forward') })
    expect(calls.at(-1)).toMatchObject({ function: 'TRNG_RND64', filter: 'forward', ending: { kind: 'forward', flags: '0x0' } })
    expect(calls.at(-1)!.result).toBeUndefined()
    expect(summary.stop).toMatchObject({ why: 'forwarded', vcpu: 0 })
    expect(failure).toBeUndefined()
  })
  test('denies', async () => {
    const { calls } = await traced({ file: await filtered('deny'), functions: ['TRNG_RND64'], maxCalls: 1 })
    expect(calls).toMatchObject([{ result: 'NOT_SUPPORTED', filter: 'deny', ending: { kind: 'resume' } }])
  })
})

describe('an end', () => {
  test('because the machine does not do what the guest wants is told with everything before', async () => {
    const { rows, summary, failure } = await traced({ build: 'linux-6.1', features: ['psci_0_2', 'el1_32bit'] })
    expect(failure).toMatchObject({ code: 'CANNOT_EXECUTE' })
    expect(rows).toMatchObject([{ kind: 'stop', why: 'cannot-execute' }])
    expect(summary.stop.what).toContain('AArch32')
  })
  test('by an interruption keeps what was traced', async () => {
    const controller = new AbortController()
    const { rows, summary } = await traced({
      build: 'linux-7.3',
      until: 'insns=1000000000',
      maxCalls: 1_000_000,
      signal: controller.signal,
      progress: () => controller.abort(),
    })
    expect(summary.stop.why).toBe('interrupted')
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.at(-1)).toMatchObject({ kind: 'stop', why: 'interrupted' })
    expect(traceStatus(summary)).toBe(130)
  })
  test('at a bound', async () => {
    const { summary } = await traced({ build: 'linux-7.3', until: 'insns=1000000', maxInstructions: 25_000, maxCalls: 10_000 })
    expect(summary).toMatchObject({ stop: { why: 'limit' }, instructions: 25_000, until: { reached: false } })
  })
})
