// Measures a fleet: 10,000 generated two-vCPU snapshots (archives and register lists) checked against three hosts by the built command line, as a
// whole process: wall time, peak memory. The peer is reading the same files and nothing else, in one thread of a process of its own in the same run.
// `node --import tsx bench/fleet/fleet.ts [FILES]`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCli } from '../../scripts/build.mjs'
import { bundleIsStale } from '../../scripts/freshness.mjs'
import { table } from '../../src/render/table.ts'
import { type Figure, figureCells } from '../figure.ts'
import { makeFleet } from './make-fleet.ts'

const FILES = Number(process.argv[2] ?? 10_000)
const TARGETS = 'linux-6.1,linux-6.12,linux-7.3'
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TIME = '/usr/bin/time'
const MiB = 1 << 20

interface Cost {
  readonly seconds: number
  /** Seconds of all threads, and MiB; undefined without /usr/bin/time. */
  readonly cpu: number | undefined
  readonly memory: number | undefined
}

/** A whole process whose exit status is one of `good`. */
function cost(words: readonly string[], good: readonly number[]): Cost {
  const hasTime = existsSync(TIME)
  const command = hasTime ? [TIME, '-f', '%M %U %S', process.execPath, ...words] : [process.execPath, ...words]
  const start = performance.now()
  const { status, stderr } = spawnSync(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8', cwd: ROOT })
  const seconds = (performance.now() - start) / 1000
  if (!good.includes(status ?? -1)) throw new Error(`${words.slice(0, 3).join(' ')} ended with ${status}: ${stderr.slice(-300)}`)
  const [kilobytes = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  return hasTime ? { seconds, cpu: user + system, memory: (kilobytes * 1024) / MiB } : { seconds, cpu: undefined, memory: undefined }
}

if (bundleIsStale(ROOT)) await buildCli()
const folder = mkdtempSync(join(tmpdir(), 'psci-snap-fleet-'))
try {
  const bytes = await makeFleet(folder, FILES)
  const check = (...more: string[]): Cost => cost(['bin/run.js', 'check', folder, '--to', TARGETS, ...more], [3])
  const read = cost(['--import', 'tsx', 'bench/fleet/read-only.ts', folder], [0])
  const lines = check('--jsonl')
  const text = check()
  const one = check('--jsonl', '--jobs', '1')
  const reports = check('--quiet', ...['sarif', 'junit', 'html'].flatMap(kind => [`--${kind}`, join(folder, `..`, `${folder.split('/').at(-1)}.${kind}`)]))
  const peer = { name: 'reading them only, one thread', value: FILES / read.seconds }
  const share = FILES / 10_000
  const rate = (name: string, { seconds }: Cost): Figure => ({ name, value: FILES / seconds, unit: 'files/s', better: 'more', peer })
  const memory = (name: string, cost: Cost): Figure[] =>
    cost.memory === undefined ? [] : [{ name, value: cost.memory, unit: 'MiB', limit: 400, better: 'less' }]
  const figures: readonly Figure[] = [
    { name: `--jsonl, ${availableParallelism()} threads`, value: lines.seconds, unit: 's', limit: 60 * share, better: 'less' },
    ...(lines.cpu === undefined ? [] : [{ name: '--jsonl, CPU of all threads', value: lines.cpu, unit: 's', better: 'less' } as const]),
    rate('--jsonl', lines),
    ...memory('--jsonl, peak memory', lines),
    rate('text', text),
    ...memory('text, peak memory', text),
    rate('--jsonl --jobs 1', one),
    ...memory('--jsonl --jobs 1, peak memory', one),
    rate('--sarif --junit --html', reports),
    ...memory('--sarif --junit --html, peak memory', reports),
  ]
  console.log(`${FILES} files of 2 vCPUs, ${Math.round(bytes / MiB)} MiB, on ${TARGETS.split(',').length} builds: psci-snap check FOLDER --to ${TARGETS}`)
  console.log(table([{ head: 'fleet' }, { head: 'figure', align: 'right' }, { head: 'limit' }, { head: 'ratio' }], figures.map(figureCells)).join('\n'))
} finally {
  rmSync(folder, { recursive: true, force: true })
  for (const kind of ['sarif', 'junit', 'html']) rmSync(`${folder}.${kind}`, { force: true })
}
