// Feeds every reader spoiled files: each case ends with the value or a SnapError that names the file, in bounded time and memory. Prints counts per
// format, ends with `N passed, N failed`.
//
//   npx tsx scripts/fuzz.ts [--cases N] [--seed S] [--format F] [--workers N]     N cases altogether, the same for the same seed
//   npx tsx scripts/fuzz.ts --replay FILE --format F                              one case, as a failure left it
//   npx tsx scripts/fuzz.ts --write-corpus                                        writes today's seeds to test/data/fuzz

import { type ChildProcess, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { IMPORTERS } from '../src/formats/importers/registry.ts'
import { CORPUS } from './fuzz/cases.ts'
import { FORMATS, samplesAbsent } from './fuzz/formats.ts'
import { judge } from './fuzz/judge.ts'
import type { Batch, BatchResult, Message } from './fuzz/worker.ts'

const WORKER = fileURLToPath(new URL('./fuzz/worker.ts', import.meta.url))
/** Cases a batch: short enough that a failure early on does not hide many. */
const BATCH = 500
/** A process that says nothing for so long hangs; its timer would otherwise speak twice a second. */
const SILENCE_MS = 30_000
/** After so many failures of one format the rest of it is left out. */
const ENOUGH = 5

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '200000' },
    seed: { type: 'string', default: '20' },
    format: { type: 'string' },
    workers: { type: 'string', default: '2' },
    replay: { type: 'string' },
    'write-corpus': { type: 'boolean', default: false },
  },
})
const whole = (text: string, name: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} ${text} is no number`)
  return Number(text)
}
const chosen = FORMATS.filter(({ id }) => values.format === undefined || id === values.format)
if (chosen.length === 0) throw new Error(`--format is one of ${FORMATS.map(({ id }) => id).join(' ')}`)

interface Tally {
  passed: number
  failed: number
  read: number
  refused: number
  refusedAt: number
  ms: number
}

if (values.replay !== undefined) await replay(values.replay)
else if (values['write-corpus']) await writeCorpus()
else await fuzz(whole(values.cases, 'cases'), whole(values.seed, 'seed'), Math.max(1, whole(values.workers, 'workers')))

async function replay(path: string): Promise<void> {
  const [format] = chosen
  if (!format || values.format === undefined) throw new Error('--replay needs --format')
  console.log(`${format.id}: ${await judge(format, new Uint8Array(readFileSync(path)), undefined)}`)
}

/** The corpus keeps what the seeds were when it was written: builders may change, these bytes do not. */
async function writeCorpus(): Promise<void> {
  for (const format of chosen) {
    mkdirSync(join(CORPUS, format.id), { recursive: true })
    for (const [i, bytes] of (await format.seeds()).entries()) writeFileSync(join(CORPUS, format.id, `seed-${String(i).padStart(2, '0')}.bin`), bytes)
  }
}

async function fuzz(cases: number, seed: number, workers: number): Promise<void> {
  const missing = IMPORTERS.filter(({ id }) => !FORMATS.some(format => format.id === id)).map(({ id }) => id)
  if (samplesAbsent !== undefined) console.log(`samples of real VMMs are not among the seeds: ${samplesAbsent}`)
  const folder = mkdtempSync(join(tmpdir(), 'psci-snap-fuzz-'))
  const tallies = new Map<string, Tally>(chosen.map(({ id }) => [id, { passed: 0, failed: 0, read: 0, refused: 0, refusedAt: 0, ms: 0 }]))
  const batches = batchesOf(cases, seed)
  let left = 0
  await Promise.all(Array.from({ length: workers }, (_, i) => work(batches, tallies, join(folder, `case-${i}.bin`), folder, () => left++)))
  for (const [id, { passed, failed, read, refused, refusedAt, ms }] of tallies) {
    const rows = [
      `${passed} passed`,
      `${failed} failed`,
      `${read} read`,
      `${refusedAt} refused with an offset`,
      `${refused} without`,
      `${(ms / Math.max(1, passed)).toFixed(2)} ms a case`,
    ]
    console.log(`${id.padEnd(24)} ${rows.join(', ')}`)
  }
  for (const id of missing) console.log(`${id}: an importer without seeds, see scripts/fuzz/formats.ts`)
  const sum = (of: (tally: Tally) => number): number => [...tallies.values()].reduce((all, tally) => all + of(tally), 0)
  const failed = sum(tally => tally.failed) + missing.length
  if (failed === 0 || left === 0) rmSync(folder, { recursive: true, force: true })
  console.log(`${sum(tally => tally.passed)} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

/** The formats in turn, so that all have had some when somebody stops it. */
function batchesOf(cases: number, seed: number): Batch[] {
  const each = Math.ceil(cases / chosen.length)
  const batches: Batch[] = []
  for (let done = 0, round = 0; done < each; done += BATCH, round++)
    for (const [i, { id }] of chosen.entries())
      batches.push({ format: id, seed: (seed * 1_000_003 + round * 1009 + i) % 0x7fff_ffff, runs: Math.min(BATCH, each - done) })
  return batches
}

/** One worker process after another, until there are no batches left. */
async function work(batches: Batch[], tallies: ReadonlyMap<string, Tally>, caseFile: string, folder: string, failedCase: () => number): Promise<void> {
  let child: ChildProcess | undefined
  for (let batch = batches.shift(); batch; batch = batches.shift()) {
    const tally = tallies.get(batch.format)
    if (!tally || tally.failed >= ENOUGH) continue
    child ??= fork(WORKER, [caseFile], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const start = performance.now()
    const result = await answer(child, batch)
    tally.ms += performance.now() - start
    if (typeof result === 'string') {
      child.kill('SIGKILL')
      child = undefined
      tally.failed++
      report(batch, result, lastCase(caseFile), folder, failedCase())
      continue
    }
    tally.passed += result.passed
    tally.read += result.outcomes.read
    tally.refused += result.outcomes.refused
    tally.refusedAt += result.outcomes['refused-at']
    if (result.failure) {
      tally.failed++
      report(batch, `${result.failure.message} (path ${result.failure.path})`, Buffer.from(result.failure.bytes, 'base64'), folder, failedCase())
    }
  }
  child?.disconnect()
}

/** The result of a batch, or why there is none. */
function answer(child: ChildProcess, batch: Batch): Promise<BatchResult | string> {
  return new Promise(resolve => {
    let timer = setTimeout(() => end('hangs'), SILENCE_MS)
    const end = (result: BatchResult | string): void => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      resolve(result)
    }
    const onMessage = (message: Message): void => {
      clearTimeout(timer)
      timer = setTimeout(() => end('hangs'), SILENCE_MS)
      if (message.kind === 'done') end(message)
    }
    const onExit = (code: number | null, signal: string | null): void => end(`the process ended with ${signal ?? code}`)
    child.on('message', onMessage).on('exit', onExit)
    child.send(batch)
  })
}

function lastCase(path: string): Uint8Array {
  const bytes = readFileSync(path)
  return bytes.length < 4 ? bytes : bytes.subarray(4, 4 + bytes.readUInt32LE(0))
}

function report({ format, seed }: Batch, what: string, bytes: Uint8Array, folder: string, number: number): void {
  const file = join(folder, `${format}-${number}.bin`)
  writeFileSync(file, bytes)
  console.log(`${format}: ${what}\n  batch seed ${seed}; again: npx tsx scripts/fuzz.ts --format ${format} --replay ${file}`)
}
