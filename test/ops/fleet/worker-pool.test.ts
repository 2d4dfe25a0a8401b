// Threads that die, hang or never start: what becomes of their files, of the others, and of the call.
import { afterEach, expect, test } from 'vitest'
import type { CheckSettings } from '../../../src/ops/fleet/outcome.ts'
import { type WorkerPool, workerPool } from '../../../src/ops/fleet/worker-pool.ts'

const settings: CheckSettings = { targets: [], rawOrder: false, digest: false, today: '2027-01-01', want: { json: false, rows: false } }
const entry = new URL('./fixtures/thread.mjs', import.meta.url)
const crash = (input: { path: string }, error: Error) => ({
  file: input.path,
  results: [],
  used: [],
  error: { code: 'INTERNAL', message: error.message, exit: 1 },
})

const pools: WorkerPool[] = []
afterEach(() => Promise.all(pools.splice(0).map(pool => pool.close())))
function pool(threads: number, options: { signal?: AbortSignal; targets?: string[] } = {}): WorkerPool {
  const { signal, targets = [] } = options
  const made = workerPool({ threads, settings: { ...settings, targets }, crash, entry, ...(signal ? { signal } : {}) })
  pools.push(made)
  return made
}
const run = async (of: WorkerPool, ...paths: string[]) =>
  (await Promise.all(paths.map(path => of.run({ path, named: true })))).map(({ file, error }) => (error ? `${file}: ${error.message}` : file))

test('a thread that dies takes its own file with it and no other', async () => {
  expect(await run(pool(2), 'a', 'throws', 'b', 'exits', 'c', 'd')).toEqual([
    'a',
    'throws: a bug',
    'b',
    'exits: the thread that checked it ended with 7',
    'c',
    'd',
  ])
})

test('one thread is enough for a queue, also after it died', async () => {
  expect(await run(pool(1), 'throws', 'a', 'throws', 'b')).toEqual(['throws: a bug', 'a', 'throws: a bug', 'b'])
})

test('a thread that cannot start is a failure, not a hang', async () => {
  await expect(run(pool(2, { targets: ['unready'] }), 'a', 'b', 'c')).rejects.toThrow('cannot start')
})

test('a stop ends a thread that hangs, at once', async () => {
  const stop = new AbortController()
  const running = run(pool(2, { signal: stop.signal }), 'hangs', 'hangs', 'a')
  setTimeout(() => stop.abort(new Error('stopped')), 100)
  await expect(running).rejects.toThrow('stopped')
})
