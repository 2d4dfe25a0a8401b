// The Chrome trace of a real run, held strictly against the Trace Event Format ("JSON Object Format"): what Perfetto and chrome://tracing take.
import { expect, test } from 'vitest'
import { trace } from '../../src/ops/trace/trace.ts'
import type { TraceRow } from '../../src/ops/trace/trace-report.ts'
import { chromeTrace } from '../../src/render/trace-chrome.ts'

interface Event {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts?: number
  readonly dur?: number
  readonly s?: string
  readonly cat?: string
  readonly args?: Record<string, unknown>
}

async function traceOf(
  options: Parameters<typeof trace>[0],
): Promise<{ readonly file: { readonly traceEvents: readonly Event[] }; readonly rows: readonly TraceRow[] }> {
  const chrome = chromeTrace()
  const rows: TraceRow[] = []
  let text = ''
  const { summary } = await trace(options, {
    begin: async begin => void (text += chrome.start(begin)),
    rows: async given => {
      rows.push(...given)
      for (const row of given) text += chrome.row(row)
    },
  })
  text += chrome.end(summary)
  return { file: JSON.parse(text), rows }
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  X: ['name', 'cat', 'ph', 'pid', 'tid', 'ts', 'dur', 'args'],
  i: ['name', 'cat', 'ph', 's', 'pid', 'tid', 'ts', 'args'],
  M: ['name', 'ph', 'pid', 'tid', 'args'],
}
const METADATA: Readonly<Record<string, (args: Record<string, unknown>) => boolean>> = {
  process_name: args => typeof args.name === 'string' && args.name !== '',
  thread_name: args => typeof args.name === 'string' && args.name !== '',
  thread_sort_index: args => Number.isInteger(args.sort_index),
}

/** Everything that the format wants of one event. */
function check(event: Event): void {
  const keys = KEYS[event.ph]
  expect(keys, `phase ${event.ph}`).toBeDefined()
  expect(Object.keys(event).filter(key => !keys!.includes(key))).toEqual([])
  expect(event.name).toMatch(/./)
  expect(event.pid).toBe(1)
  expect(Number.isInteger(event.tid) && event.tid >= 0).toBe(true)
  if (event.ph === 'M') {
    expect(METADATA[event.name]?.(event.args ?? {}), event.name).toBe(true)
    return
  }
  expect(Number.isFinite(event.ts) && event.ts! >= 0).toBe(true)
  expect(event.cat).toMatch(/^[a-z,]+$/)
  if (event.ph === 'X') expect(Number.isFinite(event.dur) && event.dur! > 0).toBe(true)
  else expect(['g', 'p', 't']).toContain(event.s)
}

/** Slices of one thread lie in one another or apart. Nanoseconds. */
function checkNesting(events: readonly Event[]): void {
  const slices = events
    .filter(({ ph }) => ph === 'X')
    .map(({ ts, dur, name }) => ({ name, from: Math.round(ts! * 1000), to: Math.round((ts! + dur!) * 1000) }))
    .sort((a, b) => a.from - b.from || b.to - a.to)
  const open: typeof slices = []
  for (const slice of slices) {
    while (open.length > 0 && open.at(-1)!.to <= slice.from) open.pop()
    if (open.length > 0) expect(slice.to, `${slice.name} in ${open.at(-1)!.name}`).toBeLessThanOrEqual(open.at(-1)!.to)
    open.push(slice)
  }
}

test.each([
  ['that switches itself off', { build: 'linux-7.3', cpus: 3 }],
  ['of which one vCPU is left out', { build: 'linux-6.1', cpus: 2, vcpus: [1] }],
  ['that is cut short', { build: 'linux-7.3', maxCalls: 5 }],
  ['that hibernates', { build: 'linux-7.3', until: 'hibernate' }],
])('a guest %s', async (_name, options) => {
  const { file, rows } = await traceOf(options)
  expect(Object.keys(file).sort()).toEqual(['displayTimeUnit', 'otherData', 'traceEvents'])
  expect(file).toMatchObject({ displayTimeUnit: 'ns', otherData: { shown: rows.filter(({ kind }) => kind === 'call').length } })
  const events = file.traceEvents
  for (const event of events) check(event)
  const threads = [...new Set(events.filter(({ ph }) => ph !== 'M').map(({ tid }) => tid))]
  const named = events.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args?.name])
  for (const tid of threads.filter(each => each !== 0)) {
    expect(named).toContainEqual([tid, `vCPU ${tid - 1}`])
    checkNesting(events.filter(event => event.tid === tid))
  }
  const calls = events.filter(({ cat }) => cat?.startsWith('firmware'))
  expect(calls.map(({ ts }) => ts)).toEqual(rows.flatMap(row => (row.kind === 'call' ? [row.time / 1000] : [])))
  expect(events.filter(({ name }) => name === 'stop')).toHaveLength(1)
})

test('a call has its arguments and answer by name, and every vCPU a bar while it is on', async () => {
  const { file, rows } = await traceOf({ build: 'linux-7.3', cpus: 2 })
  const end = rows.at(-1)!.time
  expect(file.traceEvents.find(({ name }) => name.startsWith('CPU_ON('))).toEqual({
    name: 'CPU_ON(target=0x1, entry=0x40080044, context=0x1)',
    cat: 'firmware',
    ph: 'X',
    pid: 1,
    tid: 1,
    ts: 0.568,
    dur: 0.001,
    args: expect.objectContaining({ target_cpu: '0x1', entry_point: '0x40080044', context_id: '0x1', result: 'SUCCESS', conduit: 'hvc', switchedOn: [1] }),
  })
  const start = rows.find(({ kind }) => kind === 'start')!
  const bars = file.traceEvents.filter(({ name }) => name === 'on').map(({ tid, ts, dur }) => [tid, Math.round(ts! * 1000), Math.round(dur! * 1000)])
  expect(bars.sort()).toEqual([
    [1, 0, end + 1],
    [2, start.time, end + 1 - start.time],
  ])
  expect(file.traceEvents.find(({ cat, name }) => cat === 'event' && name === 'SHUTDOWN')).toMatchObject({ ph: 'i', s: 'g', tid: 1 })
})
