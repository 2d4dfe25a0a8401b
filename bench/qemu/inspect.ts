// Owns the measurement of `inspect` on large QEMU streams: 1 GiB of guest memory full, half full and empty, and 1 TiB in a mapped-ram file.
// `ANALYZE_MIGRATION=path/to/analyze-migration.py node --import tsx bench/qemu/inspect.ts [folder]`: that script of QEMU's is the peer, run on the same
// files in turn; without it, or without ../shared, the peer is one plain read of the file. Needs dist/ (npm run build); wall time and peak memory of
// whole processes, medians of five.
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { walkStream } from '../../src/formats/importers/qemu/stream.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import { makeMapped, makeStream } from '../../test/formats/importers/qemu/make-stream.ts'
import { figureCells } from '../figure.ts'

const GiB = 1 << 30
const PAGE = 4096
const RUNS = 5
const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const SAMPLE = fileURLToPath(new URL('../../../shared/samples/qemu/tcg-q10.0-virt10.0-a72-gic3-1cpu-run.mig.gz', import.meta.url))
const script = process.env.ANALYZE_MIGRATION
const peerName = script && existsSync(SAMPLE) ? 'analyze-migration.py' : 'one plain read'

/** A real stream with its RAM grown to `bytes`, `share` of it full of something, sent before its own last pass. */
async function writeStream(path: string, bytes: number, share: number): Promise<void> {
  const block = 'mach-virt.ram'
  const whole = existsSync(SAMPLE)
    ? gunzipSync(readFileSync(SAMPLE))
    : Buffer.from(makeStream({ pageBits: 12, blocks: [{ name: block, size: 32 << 20 }], parts: [[]] }))
  const { ramBodies, blocks } = await walkStream(bytesSource(whole), { pages: { page() {} } })
  const [list = 0, last = 0] = ramBodies
  const grown = blocks.reduce((sum, { name, size }) => sum + (name === block ? bytes : size), 0)
  whole.writeBigUInt64BE(BigInt(grown) | 4n, list)
  whole.writeBigUInt64BE(BigInt(bytes), whole.indexOf(block, list) + block.length)
  const cut = last - 5
  const id = whole.subarray(cut + 1, last)
  const file = openSync(path, 'w')
  writeSync(file, whole.subarray(0, cut))
  writeSync(file, Buffer.from([2, ...id]))
  let parts: Uint8Array[] = []
  for (let page = 0; page < bytes / PAGE; page++) {
    const full = (page * 7919) % 1000 < share * 1000
    const word = Buffer.alloc(8)
    word.writeBigUInt64BE(BigInt(page * PAGE) | (full ? 8n : 2n) | (page === 0 ? 0n : 0x20n))
    parts.push(word)
    if (page === 0) parts.push(Buffer.from([block.length]), Buffer.from(block))
    parts.push(full ? Buffer.alloc(PAGE, (page % 255) + 1) : Buffer.of(0))
    if (parts.length > 512) {
      writeSync(file, Buffer.concat(parts))
      parts = []
    }
  }
  writeSync(file, Buffer.concat([...parts, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x10, 0x7e, ...id]), whole.subarray(cut)]))
  closeSync(file)
}

function writeMapped(path: string, bytes: number): void {
  const pages = Array.from({ length: 1000 }, (_, i) => ({ page: i * 199_999, data: new Uint8Array(PAGE).fill(i + 1) }))
  const { pieces, size } = makeMapped(bytes, pages)
  const file = openSync(path, 'w')
  ftruncateSync(file, size)
  for (const { offset, bytes: piece } of pieces) writeSync(file, piece, 0, piece.length, offset)
  closeSync(file)
}

interface Cost {
  readonly seconds: number
  /** Highest resident memory, MB; absent without /usr/bin/time. */
  readonly memory?: number
}

const TIME = '/usr/bin/time'
function cost(command: readonly string[]): Cost {
  const [program = '', ...rest] = existsSync(TIME) ? [TIME, '-f', '%M', ...command] : command
  const start = performance.now()
  const { status, stderr } = spawnSync(program, rest, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' })
  const seconds = (performance.now() - start) / 1000
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr.slice(-300)}`)
  const kilobytes = existsSync(TIME) ? Number(stderr.trim().split('\n').at(-1)) : undefined
  return { seconds, ...(kilobytes === undefined ? {} : { memory: kilobytes / 1000 }) }
}

function median(costs: readonly Cost[]): Cost {
  const middle = (of: (each: Cost) => number) => costs.map(of).sort((a, b) => a - b)[costs.length >> 1] ?? 0
  return { seconds: middle(each => each.seconds), ...(costs[0]?.memory === undefined ? {} : { memory: middle(each => each.memory ?? 0) }) }
}

const PLAIN_READ = `const fs=require('fs'),f=fs.openSync(process.argv[1]),b=Buffer.alloc(1<<20);while(fs.readSync(f,b)>0);`
const ours = (file: string): readonly string[] => [process.execPath, RUN, 'inspect', file]
const peer = (file: string): readonly string[] =>
  script && existsSync(SAMPLE) ? ['python3', script, '-f', file, '-d', 'state'] : [process.execPath, '-e', PLAIN_READ, file]

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'qemu-bench-'))
try {
  const rows: (readonly string[])[] = []
  for (const [name, share] of [
    ['1 GiB full', 1],
    ['1 GiB half full', 0.5],
    ['1 GiB of zeros', 0],
  ] as const) {
    const file = join(folder, `${share}.mig`)
    await writeStream(file, GiB, share)
    const [mine, theirs]: [Cost[], Cost[]] = [[], []]
    for (let run = 0; run < RUNS; run++) {
      mine.push(cost(ours(file)))
      theirs.push(cost(peer(file)))
    }
    rmSync(file)
    const [m, t] = [median(mine), median(theirs)]
    rows.push(figureCells({ name, value: m.seconds, unit: 's', peer: { name: peerName, value: t.seconds }, better: 'less' }))
    if (m.memory !== undefined && t.memory !== undefined)
      rows.push(figureCells({ name: `${name}, memory`, value: m.memory, unit: 'MB', peer: { name: peerName, value: t.memory }, better: 'less' }))
  }
  const mapped = join(folder, 'mapped.mig')
  writeMapped(mapped, 1024 * GiB)
  const m = median(Array.from({ length: RUNS }, () => cost(ours(mapped))))
  rows.push(figureCells({ name: '1 TiB in mapped-ram', value: m.seconds, unit: 's', limit: 0.2, better: 'less' }))
  const empty = median(Array.from({ length: RUNS }, () => cost([process.execPath, '-e', '0'])))
  rows.push(figureCells({ name: 'node -e 0, of all of these', value: empty.seconds, unit: 's', better: 'less' }))
  if (empty.memory !== undefined) rows.push(figureCells({ name: 'node -e 0, memory', value: empty.memory, unit: 'MB', better: 'less' }))
  const widths = [0, 1, 2].map(i => Math.max(...rows.map(row => (row[i] ?? '').length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
} finally {
  rmSync(folder, { recursive: true })
}
