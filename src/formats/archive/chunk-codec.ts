// Owns who compresses: this thread for a few chunks, worker threads for many. The bytes are the same either way. Knows no tar and no index.
import { createRequire } from 'node:module'
import { LIMITS } from './limits.ts'
import { type ChunkWork, type CodecSettings, WORK_SOURCE, WORKER_SOURCE } from './zstd-worker-source.ts'

/** Fast and good enough: on memory like that of bench/archive, level 3 gives 7 % smaller files and takes 40 % longer. */
const LEVEL = 1
/** A guest with less memory than this never needs worker threads; nor does one that left most of it zero: they start after so many chunks. */
const WORKERS_FROM = 16 << 20
const WORKERS_AFTER = 8
const MAX_WORKERS = 4
const TASKS_PER_WORKER = 3

export interface Compressed {
  readonly frame: Uint8Array
  readonly storedSha256: string
  readonly rawSha256: string
}

export interface ChunkCodec {
  /** Tasks worth having under way at once; grows when worker threads start. */
  readonly width: number
  /** Compresses one chunk. Takes the bytes over: the caller must own all of their buffer and not use it again. */
  compress(raw: Uint8Array): Promise<Compressed>
  /** The content of a frame that zstd-frame.ts has found in order, or what is wrong with it. Takes the bytes over as well. */
  decompress(frame: Uint8Array, size: number, storedSha256: string, rawSha256: string): Promise<Uint8Array | string>
  close(): Promise<void>
}

export interface CodecOptions {
  /** Bytes that will go through it, at most. */
  readonly bytes: number
  /** `core` is node:zlib (Node 22.15 and later), `wasm` the fallback; by default the first that is there. */
  readonly engine?: 'core' | 'wasm'
}

/**
 * Gives the memory of a chunk or frame back at once, where Node can (22 and later): to the garbage collector it is a few small objects, and it lets
 * hundreds of megabytes pile up behind them. The bytes are gone after that.
 */
export function release(bytes: Uint8Array): void {
  const buffer = bytes.buffer as ArrayBuffer & { transfer?: (length: number) => unknown }
  buffer.transfer?.(0)
}

/** True when this Node has zstd in node:zlib. */
export async function hasCoreZstd(): Promise<boolean> {
  const zlib: object = await import('node:zlib')
  return 'zstdCompressSync' in zlib
}

export async function openChunkCodec(options: CodecOptions): Promise<ChunkCodec> {
  const here = await inThisThread(options.engine)
  if (options.bytes < WORKERS_FROM) return here
  let chunks = 0
  let workers: Promise<ChunkCodec> | undefined
  let width = here.width
  const next = async (): Promise<ChunkCodec> => {
    if (chunks++ < WORKERS_AFTER) return here
    workers ??= settingsFor(options.engine).then(inWorkers)
    const codec = await workers
    width = codec.width
    return codec
  }
  return {
    get width() {
      return width
    },
    compress: async raw => (await next()).compress(raw),
    decompress: async (...args) => (await next()).decompress(...args),
    close: async () => (await workers)?.close(),
  }
}

async function settingsFor(engine: 'core' | 'wasm' | undefined): Promise<CodecSettings> {
  const core = engine === undefined ? await hasCoreZstd() : engine === 'core'
  const wasmPath = core ? undefined : createRequire(import.meta.url).resolve('@bokuweb/zstd-wasm')
  return { core, wasmPath, level: LEVEL, overhead: LIMITS.frameOverhead }
}

const workHere = new Map<boolean, Promise<ChunkWork>>()

/** Once per process and engine: initialising the WebAssembly module again would pull its memory from under calls that are under way. */
async function startWork(settings: CodecSettings): Promise<ChunkWork> {
  const { compileFunction } = await import('node:vm')
  const work = compileFunction(WORK_SOURCE, ['require', 'settings'])(createRequire(import.meta.url), settings) as ChunkWork
  await work.ready
  return work
}

async function engineHere(engine?: 'core' | 'wasm'): Promise<ChunkWork> {
  const settings = await settingsFor(engine)
  const started = workHere.get(settings.core) ?? startWork(settings)
  workHere.set(settings.core, started)
  return started
}

async function inThisThread(engine?: 'core' | 'wasm'): Promise<ChunkCodec> {
  const work = await engineHere(engine)
  return {
    width: 1,
    compress: async raw => work.compress(raw),
    decompress: async (...args) => work.decompress(...args),
    close: async () => {},
  }
}

/** The content, at most `most` bytes, of one zstd frame that is not ours. Throws an Error when the codec finds it damaged. */
export async function inflateFrame(frame: Uint8Array, most: number): Promise<Uint8Array> {
  return (await engineHere()).inflate(frame, most)
}

interface Task {
  resolve(result: never): void
  reject(error: Error): void
}

async function inWorkers(settings: CodecSettings): Promise<ChunkCodec> {
  const { Worker } = await import('node:worker_threads')
  const { availableParallelism } = await import('node:os')
  const count = Math.max(1, Math.min(MAX_WORKERS, availableParallelism()))
  let nextId = 0
  const workers = Array.from({ length: count }, () => {
    const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: settings, execArgv: [], env: {} })
    const tasks = new Map<number, Task>()
    const fail = (error: Error): void => {
      for (const task of tasks.values()) task.reject(error)
      tasks.clear()
    }
    worker.on('message', ({ id, result, error }: { id: number; result: never; error?: string }) => {
      const task = tasks.get(id)
      tasks.delete(id)
      if (error === undefined) task?.resolve(result)
      else task?.reject(new Error(`zstd worker: ${error}`))
    })
    worker.on('error', fail)
    worker.on('exit', () => fail(new Error('a zstd worker ended')))
    return { worker, tasks }
  })
  const send = <T>(op: 'compress' | 'decompress', bytes: Uint8Array, args: readonly unknown[]): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const idle = workers.reduce((a, b) => (b.tasks.size < a.tasks.size ? b : a))
      const id = nextId++
      idle.tasks.set(id, { resolve: resolve as (result: never) => void, reject })
      idle.worker.postMessage({ id, op, bytes, args }, [bytes.buffer as ArrayBuffer])
    })
  return {
    width: count * TASKS_PER_WORKER,
    compress: raw => send('compress', raw, []),
    decompress: (frame, ...args) => send('decompress', frame, args),
    close: async () => {
      await Promise.all(workers.map(({ worker }) => worker.terminate()))
    },
  }
}
