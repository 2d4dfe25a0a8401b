// Owns a fleet check from its words to its summary: what is checked, by how many threads, in which order results come, and what it all comes to.
// Prints nothing and keeps no result: each outcome goes to the caller as it comes.
import { availableParallelism } from 'node:os'
import { SnapError } from '../../errors.ts'
import { type OpenHost, openThisHost } from '../backend-choice.ts'
import type { CheckSummary } from '../check/check-report.ts'
import { type LiveTarget, THIS_HOST } from '../check/check-target.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import { type CheckOne, fileChecker, unreadable } from './check-one.ts'
import { inOrder } from './in-order.ts'
import { type FleetInput, listInputs } from './inputs.ts'
import type { CheckSettings, FileOutcome } from './outcome.ts'
import { inShard, type Shard } from './shard.ts'
import { SummaryCounter } from './summary.ts'
import { type WorkerPool, workerPool } from './worker-pool.ts'

export interface FleetRequest extends Work {
  /** Files, folders, patterns, `-`. */
  readonly words: readonly string[]
  /** Builds by name, instead of words: a fresh guest of each. */
  readonly hosts?: readonly string[]
  readonly settings: Omit<CheckSettings, 'want'>
  /** Threads; absent: as many as there are cores, and none of its own for few files. Where this host answers there is one: it is one host. */
  readonly jobs?: number
  /** What opens this host when it is a target; by default /dev/kvm. */
  readonly openHost?: OpenHost
  readonly shard?: Shard
  /** The least verdict that makes the answer no. */
  readonly failOn: 'changed' | 'refused'
}

export interface FleetEnd {
  readonly summary: CheckSummary
  /** 3 for a negative verdict; else what the first unreadable file asks for; else 0. */
  readonly status: number
  /** The one input there was could not be read: nothing was done. */
  readonly failure?: NonNullable<FileOutcome['error']>
}

/** What the caller learns before the first outcome. */
export interface FleetStart {
  /** Exact names. */
  readonly targets: readonly string[]
  /** Inputs, as far as was looked ahead: `more` than these when there are many. */
  readonly known: number
  readonly more: boolean
}

/** From this many inputs on threads are worth their start. */
const FEW = 16
/** Started and not yet given to the caller, for each thread. */
const AHEAD = 8
export const MOST_JOBS = 256

/**
 * Checks everything that the words mean. `begin` says what is wanted of each result; `each` gets one outcome an input, in their order, and is awaited: a slow reader slows the work, and memory
 * does not grow. Throws for targets that are not there, for folders in which there is no snapshot at all, and the signal's reason.
 */
export async function checkFleet(request: FleetRequest, begin: Begin, each: Each): Promise<FleetEnd> {
  if (![...request.settings.targets, ...(request.hosts ?? [])].includes(THIS_HOST)) return checkWith(undefined, request, begin, each)
  const { liveTarget } = await import('../check/live-target.ts')
  const host = await (request.openHost ?? openThisHost)()
  try {
    return await checkWith(liveTarget(host), { ...request, jobs: 1 }, begin, each)
  } finally {
    host.close()
  }
}

type Begin = (start: FleetStart) => Promise<CheckSettings['want']>
type Each = (outcome: FileOutcome) => Promise<void>

async function checkWith(live: LiveTarget | undefined, request: FleetRequest, begin: Begin, each: Each): Promise<FleetEnd> {
  const { signal, shard } = request
  const { policy, baseline, today } = request.settings
  const targets: string[] = []
  for (const name of request.settings.targets) targets.push(name === THIS_HOST ? name : (await resolveBuild(name)).name)
  const inputs = request.hosts ? hostInputs(request.hosts) : listInputs(request.words, signal)
  const { first, rest } = await lookAhead(ofShard(inputs, shard), FEW)
  const jobs = Math.min(request.jobs ?? (first.length < FEW ? 1 : availableParallelism()), Math.max(1, first.length), MOST_JOBS)
  const settings = { ...request.settings, want: await begin({ targets, known: first.length, more: first.length >= FEW }) }

  const counter = new SummaryCounter()
  let soleFailure: FileOutcome['error']
  let status = 0
  const run = await runner(settings, jobs, signal, live)
  try {
    for await (const outcome of inOrder(joined(first, rest), run.run, jobs === 1 ? 1 : jobs * AHEAD)) {
      signal?.throwIfAborted()
      counter.add(outcome)
      soleFailure ??= outcome.error
      status ||= outcome.error?.exit ?? 0
      await each(outcome)
      request.progress?.({ label: progressLabel(counter), done: counter.files, unit: 'files' })
    }
  } finally {
    await run.close()
  }
  signal?.throwIfAborted()
  if (counter.files === 0 && shard === undefined) throw nothingFound(request.words, counter.skipped)
  const summary = counter.summary({ targets, today, ...(shard ? { shard } : {}), ...(policy ? { policy } : {}), ...(baseline ? { baseline } : {}) })
  const { changed, refused } = summary.verdicts
  if (refused > 0 || (changed > 0 && request.failOn === 'changed')) status = 3
  const isSole = summary.files === 1 && soleFailure !== undefined && first.every(input => input.named)
  return { summary, status, ...(isSole && soleFailure ? { failure: soleFailure } : {}) }
}

/** Standard input, and what is known to be missing, is read here whatever the number of threads. */
async function runner(
  settings: CheckSettings,
  jobs: number,
  signal: AbortSignal | undefined,
  live: LiveTarget | undefined,
): Promise<{ run: (input: FleetInput) => Promise<FileOutcome>; close(): Promise<void> }> {
  const work = signal ? { signal } : {}
  if (jobs === 1) {
    const check = await fileChecker(settings, live)
    return { run: input => untilStopped(check(input, work), signal), close: async () => {} }
  }
  let here: Promise<CheckOne> | undefined
  const pool: WorkerPool = workerPool({ threads: jobs, settings, crash: (input, error) => unreadable(input.path, error, settings), ...work })
  return {
    run: async input => {
      if (input.path !== '-' && !input.error) return pool.run(input)
      here ??= fileChecker(settings)
      return untilStopped((await here)(input, work), signal)
    },
    close: () => pool.close(),
  }
}

/** A file that nobody ever writes to (a FIFO, standard input) must not outlast Ctrl-C. */
function untilStopped<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    signal.addEventListener('abort', stop)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

async function* hostInputs(hosts: readonly string[]): AsyncGenerator<FleetInput> {
  for (const path of hosts) yield { path, named: true, isHost: true }
}

async function* ofShard(inputs: AsyncIterable<FleetInput>, shard: Shard | undefined): AsyncGenerator<FleetInput> {
  for await (const input of inputs) if (inShard(input.path, shard)) yield input
}

async function lookAhead<T>(items: AsyncGenerator<T>, most: number): Promise<{ first: readonly T[]; rest: AsyncGenerator<T> }> {
  const first: T[] = []
  while (first.length < most) {
    const { done, value } = await items.next()
    if (done) break
    first.push(value)
  }
  return { first, rest: items }
}

async function* joined<T>(first: readonly T[], rest: AsyncGenerator<T>): AsyncGenerator<T> {
  yield* first
  yield* rest
}

function progressLabel({ verdicts: { changed, refused }, unreadable: lost }: SummaryCounter): string {
  const said = [changed > 0 ? `${changed} changed` : '', refused > 0 ? `${refused} refused` : '', lost > 0 ? `${lost} unreadable` : ''].filter(Boolean)
  return `checking${said.length === 0 ? '' : ` (${said.join(', ')})`}`
}

function nothingFound(words: readonly string[], skipped: number): SnapError {
  const where = words.length === 1 ? words[0] : `${words.length} folders`
  const [file] = words
  return new SnapError(
    'FORMAT_UNKNOWN',
    `no snapshot in ${where}: ${skipped === 0 ? 'there is no file' : `${skipped === 1 ? 'the one file is' : `all ${skipped} files are`} in no format that psci-snap reads`}`,
    file === undefined ? {} : { file },
  )
}
