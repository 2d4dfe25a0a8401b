// Owns `trace`: a guest runs on the built-in machine, and every call that it makes of its firmware is told as it happens. Prints nothing.
import { showPsciVersion } from '../../arch/psci.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { FirmwareEvent } from '../../emulator/machine/firmware-watch.ts'
import { SnapError } from '../../errors.ts'
import { emulatorHost } from '../live/emulator-host.ts'
import { getU64 } from '../one-register.ts'
import { bootGuest, type Guest, type GuestOptions } from '../run/boot-guest.ts'
import { NOBODY } from '../run/console-port.ts'
import { continueGuest } from '../run/continue-guest.ts'
import { newestBuild } from '../run/newest-build.ts'
import { type GuestEars, type GuestEnd, guestEars, runLoop } from '../run/run-loop.ts'
import { isReached, needsSuspend, parseRunPoint, type RunPoint } from '../run/run-point.ts'
import { resolveBuild } from '../target.ts'
import { type Collector, createCollector } from './collector.ts'
import { compileFilter, type TraceFilter } from './filter.ts'
import { bootProbe, probePlan } from './probe-guest.ts'
import type { TraceBegin, TraceRow, TraceStop, TraceSummary } from './trace-report.ts'

export interface TraceOptions extends Omit<GuestOptions, 'kernel'>, TraceFilter {
  /** A snapshot to run on, or … */
  readonly file?: string
  /** … a kernel to boot; without either the built-in guest. */
  readonly kernel?: string
  /** Default: of a snapshot, the build that it was saved on; else the newest built-in one. */
  readonly build?: string
  /** As `run --until` says it; default: until the guest ends. */
  readonly until?: string
  /** Calls that are shown; the run ends with the last. Default 1000. */
  readonly maxCalls?: number
  /** Bounds: instructions of this run, and milliseconds of ours. */
  readonly maxInstructions?: number
  readonly timeout?: number
  /** Run a snapshot on even after a refusal. */
  readonly force?: boolean
}

/** What is told while the guest runs. */
export interface TraceEars {
  begin(begin: TraceBegin): Promise<void>
  rows(rows: readonly TraceRow[]): Promise<void>
}

export interface Traced {
  readonly summary: TraceSummary
  /** What the machine does not do, and so the end of the run: everything until then has been told. */
  readonly failure?: SnapError
}

const DEFAULT_CALLS = 1000

/** An interruption is an end like others. Throws USAGE, BUILD_UNKNOWN, BUILD_UNUSABLE, and what reading the files throws. */
export async function trace(options: TraceOptions, ears: TraceEars): Promise<Traced> {
  const { file, kernel } = options
  if (file !== undefined && kernel !== undefined) throw new SnapError('USAGE', 'trace runs a snapshot on or boots a kernel, not both')
  const collector = createCollector(compileFilter(options), options.maxCalls ?? DEFAULT_CALLS)
  const until: RunPoint = options.until === undefined ? { kind: 'end' } : parseRunPoint(options.until)
  const run: TraceRun = { options, collector, ears, heard: guestEars(), wanted: until, pause: () => {} }
  const hooks = { onOutput: run.heard.onOutput, onFirmware: (event: FirmwareEvent) => hear(run, event) }
  if (file !== undefined)
    return continueGuest(file, options, hooks, (guest, { host, build, verdict, findings }) =>
      follow(run, guest, until, { build: host, source: { kind: 'snapshot', file, ...(build === undefined ? {} : { build }), verdict }, findings }),
    )
  const host = emulatorHost(await resolveBuild(options.build ?? newestBuild()))
  const suspend = needsSuspend(until) ? { systemSuspend: true } : {}
  const plan = kernel === undefined ? probePlan(until) : undefined
  const guest = plan
    ? await bootProbe(host, options, plan.action, { onFirmware: hooks.onFirmware, ...suspend })
    : await bootGuest(host, { ...options, kernel: kernel! }, { ...hooks, ...suspend })
  try {
    const source = kernel === undefined ? ({ kind: 'guest' } as const) : ({ kind: 'kernel', file: kernel } as const)
    return await follow(run, guest, plan?.until ?? until, { build: host.name, source, findings: [] })
  } finally {
    await guest.close()
  }
}

interface TraceRun {
  readonly options: TraceOptions
  readonly collector: Collector
  readonly ears: TraceEars
  readonly heard: GuestEars
  readonly wanted: RunPoint
  /** Of the machine, once there is one. */
  pause: () => void
}

function hear({ heard, collector, ...run }: TraceRun, event: FirmwareEvent): void {
  heard.onFirmware(event)
  collector.hear(event)
  if (collector.isFull) run.pause()
}

type Whereabouts = Pick<TraceSummary, 'build' | 'source' | 'findings'>

/** Runs the guest to its end, or to `until`, and tells everything. */
async function follow(run: TraceRun, guest: Guest, until: RunPoint, where: Whereabouts): Promise<Traced> {
  const { options, collector, ears, heard } = run
  const { vm, vcpus } = guest
  const absent = options.vcpus?.find(index => !vcpus.some(vcpu => vcpu.index === index))
  if (absent !== undefined)
    throw new SnapError('USAGE', `there is no vCPU ${absent}`, { vcpu: absent }, { hint: `the guest has ${vcpus.map(({ index }) => index).join(' ')}` })
  const machine = vm.stepped!
  run.pause = () => machine.pause()
  const before = { time: machine.now(), instructions: vm.spent }
  const psci = await getU64(vcpus[0]!, PSCI_VERSION_ID)
  const { kind, file } = where.source
  await ears.begin({
    title: `${kind === 'guest' ? 'built-in guest' : file} on ${where.build}`,
    vcpus: await Promise.all(vcpus.map(async vcpu => ({ index: vcpu.index, on: (await vcpu.getMpState()) !== 'stopped' }))),
    time: before.time,
  })
  const between = async (): Promise<void> => {
    const rows = collector.take()
    if (rows.length > 0) await ears.rows(rows)
  }
  const { end, failure } = await endOf(() => runLoop(guest, heard, { ...options, until, port: NOBODY, paced: false, between }), run)
  await between()
  const stop = stopOf(end, run)
  await ears.rows([{ kind: 'stop', time: machine.now(), instructions: vm.spent, ...stop }])
  const summary: TraceSummary = {
    ...where,
    psci: psci === undefined ? null : showPsciVersion(psci),
    vcpus: vcpus.length,
    stop,
    ...(options.until === undefined ? {} : { until: { point: options.until, reached: reached(end, run) } }),
    time: machine.now() - before.time,
    instructions: vm.spent - before.instructions,
    calls: collector.calls,
    shown: collector.shown,
    functions: collector.functions(),
  }
  return { summary, ...(failure ? { failure } : {}) }
}

type End = GuestEnd | { readonly kind: 'interrupted' } | { readonly kind: 'forwarded' } | { readonly kind: 'cannot-execute'; readonly message: string }

/** Ctrl-C and what the machine does not do are ends too: there is a trace until then. */
async function endOf(loop: () => Promise<GuestEnd>, { collector, options }: TraceRun): Promise<{ readonly end: End; readonly failure?: SnapError }> {
  try {
    return { end: await loop() }
  } catch (error) {
    if (options.signal?.aborted) return { end: { kind: 'interrupted' } }
    if (!(error instanceof SnapError) || error.code !== 'CANNOT_EXECUTE') throw error
    if (collector.last?.ending.kind === 'forward') return { end: { kind: 'forwarded' } }
    return { end: { kind: 'cannot-execute', message: error.message }, failure: error }
  }
}

/** The call that was to be made is the point, however it was answered; with all calls shown it was not made yet, or just now. */
function reached(end: End, { collector, wanted }: TraceRun): boolean {
  if (end.kind === 'interrupted' || end.kind === 'forwarded' || end.kind === 'cannot-execute') return false
  if (end.kind === 'point' && (collector.isFull || wanted.kind === 'stop' || wanted.kind === 'end')) return false
  return isReached(end, wanted)
}

const WORDS = {
  off: 'the guest switched itself off',
  reset: 'the guest asked for a reset',
  hibernated: 'the guest hibernated',
  suspended: 'the guest suspended itself',
  running: 'the guest left the machine',
} as const

function stopOf(end: End, { collector, options, wanted }: TraceRun): Omit<TraceStop, 'kind' | 'time' | 'instructions'> {
  const by = collector.last === undefined ? {} : { vcpu: collector.last.vcpu }
  switch (end.kind) {
    case 'ended':
      return { why: end.stop, what: WORDS[end.stop], ...by }
    case 'point':
      if (collector.isFull) return { why: 'max-calls', what: `${collector.shown} calls were shown, and no more are wanted` }
      if (wanted.kind === 'stop' || wanted.kind === 'end') return { why: 'until', what: 'the call that was to end the guest came back' }
      return { why: 'until', what: `the guest got to ${options.until}` }
    case 'limit':
      return { why: 'limit', what: `the guest was still running after ${end.what}` }
    case 'idle':
      return { why: 'idle', what: 'every vCPU waits for something that never happens' }
    case 'left':
    case 'interrupted':
      return { why: 'interrupted', what: 'interrupted' }
    case 'forwarded':
      return { why: 'forwarded', what: 'a call went to the VMM, which is to answer it, and there is none here', ...by }
    case 'cannot-execute':
      return { why: 'cannot-execute', what: end.message }
    default:
      return end satisfies never
  }
}

/** 3: it did not get where it was wanted, or what runs is not what was saved. */
export function traceStatus({ until, source, stop }: TraceSummary): number {
  if (stop.why === 'interrupted') return 130
  return until?.reached === false || source.verdict === 'refused' ? 3 : 0
}
