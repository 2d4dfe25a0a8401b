// Owns the threads of a fleet check: starts them as there is work, gives each one input at a time, replaces one that died. Knows nothing of what
// they do. A thread that dies at work takes only its own input with it; one that cannot even start is a failure
// of the whole.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { FleetInput } from './inputs.ts'
import { type CheckSettings, type FileOutcome, READY } from './outcome.ts'

export interface WorkerPool {
  /** Rejects with the signal's reason, or for a thread that cannot start. `crash` makes an outcome of a thread's death. */
  run(input: FleetInput): Promise<FileOutcome>
  /** Ends all threads at once. */
  close(): Promise<void>
}

export interface PoolOptions {
  readonly threads: number
  readonly settings: CheckSettings
  readonly signal?: AbortSignal
  /** What becomes of an input whose thread died. */
  readonly crash: (input: FleetInput, error: Error) => FileOutcome
  /** Another program for the threads, for tests. */
  readonly entry?: URL
}

interface Job {
  readonly input: FleetInput
  readonly resolve: (outcome: FileOutcome) => void
  readonly reject: (reason: unknown) => void
}

export function workerPool({ threads, settings, signal, crash, entry = ENTRY }: PoolOptions): WorkerPool {
  const waiting: Job[] = []
  const idle: Thread[] = []
  const all = new Set<Thread>()
  let closed = false

  const feed = (): void => {
    while (waiting.length > 0) {
      const thread = idle.pop() ?? (all.size < threads ? start() : undefined)
      if (thread === undefined) return
      thread.take(waiting.shift()!)
    }
  }
  const start = (): Thread => {
    const thread = startThread(entry, settings, {
      free: () => {
        if (closed) return
        idle.push(thread)
        feed()
      },
      died: (job, error, wasReady) => {
        all.delete(thread)
        const at = idle.indexOf(thread)
        if (at >= 0) idle.splice(at, 1)
        if (wasReady) job?.resolve(crash(job.input, error))
        else job?.reject(error)
        if (!closed) feed()
      },
    })
    all.add(thread)
    return thread
  }
  const close = async (): Promise<void> => {
    closed = true
    signal?.removeEventListener('abort', abort)
    await Promise.all([...all].map(thread => thread.end()))
  }
  const abort = (): void => {
    for (const job of [...waiting.splice(0), ...[...all].flatMap(thread => thread.drop() ?? [])]) job.reject(signal?.reason)
    void close()
  }
  signal?.addEventListener('abort', abort)
  return {
    run: input =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        waiting.push({ input, resolve, reject })
        feed()
      }),
    close,
  }
}

interface Thread {
  take(job: Job): void
  /** Gives back what it was doing, to be answered by somebody else. */
  drop(): Job | undefined
  end(): Promise<unknown>
}

function startThread(
  entry: URL,
  settings: CheckSettings,
  on: { readonly free: () => void; readonly died: (job: Job | undefined, error: Error, wasReady: boolean) => void },
): Thread {
  const worker = newWorker(entry, settings)
  let job: Job | undefined
  let failure: Error | undefined
  let isReady = false
  const drop = (): Job | undefined => {
    const dropped = job
    job = undefined
    return dropped
  }
  worker.on('message', (message: FileOutcome | typeof READY) => {
    if (message === READY) {
      isReady = true
      return
    }
    drop()?.resolve(message)
    on.free()
  })
  worker.on('messageerror', error => void (failure = error))
  worker.on('error', error => void (failure = error instanceof Error ? error : new Error(String(error))))
  worker.on('exit', code => on.died(drop(), failure ?? new Error(`the thread that checked it ended with ${code}`), isReady))
  return {
    take: next => {
      job = next
      const { error: _, ...input } = next.input // what is known to be unreadable never comes here
      worker.postMessage(input)
    },
    drop,
    end: () => worker.terminate(),
  }
}

/** Beside this file, whether that is a source, a module of the library or a chunk of the bundle. */
const ENTRY = new URL(`./fleet-worker${/\.[jt]s$/.exec(import.meta.url)?.[0] ?? '.js'}`, import.meta.url)

/** From the sources (development, tests) a thread needs the loader that the process has, which it does not inherit. */
function newWorker(entry: URL, settings: CheckSettings): Worker {
  if (!entry.pathname.endsWith('.ts')) return new Worker(entry, { workerData: settings })
  const loader = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href
  const code = `import('${loader}').then(({ register }) => { register(); return import('${entry.href}') })`
  return new Worker(code, { eval: true, workerData: settings, execArgv: [] })
}
