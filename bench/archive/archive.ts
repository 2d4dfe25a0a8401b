// Owns the measurement of saving and loading guest memory. `node --import tsx bench/archive/archive.ts [MiB] [folder]`, 1024 MiB by default.
// Each figure comes from a process of its own, so that peak memory is its own too. Memory is 60 % zero, 24 % like code and text, 16 % random, in
// two layouts: zero pages in runs of 1 MiB, as a guest leaves what it never used, and zero pages scattered one by one, the worst case.
// The peer of a ratio is the codec with its digests on one thread, over the same chunks in the same process, with no tar, no file and no workers.
// Exit status 1 when a figure misses its target (400 MB/s of guest memory, 300 MiB beyond it); the targets are for Node 24.
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openChunkCodec } from '../../src/formats/archive/chunk-codec.ts'
import { cutChunks } from '../../src/formats/archive/memory-chunks.ts'
import { openArchive } from '../../src/formats/archive/read.ts'
import { writeArchive } from '../../src/formats/archive/write.ts'
import { writeFileAtomically } from '../../src/formats/output/atomic-file.ts'
import { openSource } from '../../src/formats/source/open.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'

const TARGET = { speed: 400, memory: 300 }
const LAYOUTS = { runs: 1 << 20, scattered: 4096 } as const
type Layout = keyof typeof LAYOUTS
type Phase = 'save' | 'load'
interface Figure {
  readonly speed: number
  /** Seconds of CPU, all threads. */
  readonly cpu: number
  readonly peer: number
  readonly memory: number
  readonly file: number
}

/** A small generator, so that every run measures the same bytes. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Guest memory; every page of it is touched, so that none of it is counted as overhead later. */
function guestMemory(bytes: number, granule: number): Uint8Array {
  const random = generator(20261123)
  const words = 'mov ldr str bl ret add x0 x29 sp kernel page vcpu 0xffff8000 interrupt register table '.split(' ')
  let text = ''
  while (text.length < 1 << 20) text += `${words[Math.floor(random() * words.length)]}${random() < 0.3 ? Math.floor(random() * 1e6) : ''} `
  const codeLike = Buffer.from(text).subarray(0, 1 << 20)
  const noise = Buffer.from({
    length: 1 << 20,
    *[Symbol.iterator]() {
      for (let i = 0; i < 1 << 20; i++) yield Math.floor(random() * 256)
    },
  } as unknown as ArrayLike<number>)
  const memory = new Uint8Array(bytes).fill(1).fill(0)
  const kinds = generator(7)
  for (let at = 0; at < bytes; at += granule) {
    const kind = kinds()
    if (kind < 0.6) continue
    const source = kind < 0.84 ? codeLike : noise
    for (let page = at; page < Math.min(at + granule, bytes); page += 4096) {
      const from = Math.floor(random() * ((1 << 20) - 4096))
      memory.set(source.subarray(from, from + Math.min(4096, bytes - page)), page)
    }
  }
  return memory
}

const megabytesPerSecond = (bytes: number, ms: number): number => bytes / 1e6 / (ms / 1000)
async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Resident memory of this process in bytes, at its highest since `resetPeak`. Linux only; elsewhere what it is now. */
const peakMemory = (): number => {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return process.memoryUsage().rss
  }
}
const resetPeak = (): void => {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // not Linux
  }
}

async function measure(phase: Phase, layout: Layout, bytes: number, file: string): Promise<Figure> {
  const memory = guestMemory(bytes, LAYOUTS[layout])
  const region = bytesRegion('ram', 0x4000_0000n, memory)
  const snapshot: Snapshot = { origin: {}, gic: 'v3', stop: 'running', vm: {}, vcpus: [], devices: [], memory: [region] }
  resetPeak()
  const before = process.cpuUsage()
  const ms = await timed(() => (phase === 'save' ? save(snapshot, file) : load(file, memory)))
  const { user, system } = process.cpuUsage(before)
  const beyond = (peakMemory() - bytes) / 2 ** 20
  const peer = megabytesPerSecond(bytes, await codecAlone(phase, region))
  return { speed: megabytesPerSecond(bytes, ms), cpu: (user + system) / 1e6, peer, memory: beyond, file: statSync(file).size / 2 ** 20 }
}

async function save(snapshot: Snapshot, file: string): Promise<void> {
  await writeFileAtomically(file, { force: true }, sink => writeArchive(snapshot, sink))
}

/** Into memory that is there already, as a machine's is; checked afterwards by the caller's next save being the same file. */
async function load(file: string, memory: Uint8Array): Promise<void> {
  const source = await openSource(file)
  const { snapshot } = await (await openArchive(source)).readSnapshot()
  for (const region of snapshot.memory) for await (const { offset, data } of region.chunks()) memory.set(data, offset)
  await source.close()
}

/** Milliseconds of compression (or, timed alone, decompression) with both digests, one chunk after the other. */
async function codecAlone(phase: Phase, region: Snapshot['memory'][number]): Promise<number> {
  const codec = await openChunkCodec({ bytes: 0 })
  let loading = 0
  const start = performance.now()
  for await (const { data } of cutChunks(region, () => {})) {
    const made = await codec.compress(data)
    if (phase === 'load') {
      const from = performance.now()
      await codec.decompress(made.frame, data.length, made.storedSha256, made.rawSha256)
      loading += performance.now() - from
    }
  }
  await codec.close()
  return phase === 'load' ? loading : performance.now() - start
}

async function child([phase, layout, bytes, file]: readonly string[]): Promise<void> {
  process.send?.(await measure(phase as Phase, layout as Layout, Number(bytes), file ?? ''))
}

function run(phase: Phase, layout: Layout, bytes: number, file: string): Promise<Figure> {
  return new Promise((resolve, reject) => {
    const process_ = fork(fileURLToPath(import.meta.url), ['--child', phase, layout, String(bytes), file])
    process_.once('message', message => resolve(message as Figure))
    process_.once('exit', code => reject(new Error(`the measuring process ended with ${code}`)))
  })
}

async function main(): Promise<void> {
  const bytes = Number(process.argv[2] ?? 1024) * 2 ** 20
  const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'psnap-bench-'))
  let missed = 0
  console.log(`Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? '?'}, ${bytes / 2 ** 20} MiB of guest memory, 60 % zero`)
  console.log('layout     phase   MB/s   CPU s   codec alone, one thread   ratio   MiB beyond the guest   file MiB')
  try {
    for (const layout of Object.keys(LAYOUTS) as Layout[])
      for (const phase of ['save', 'load'] as const) {
        const { speed, cpu, peer, memory, file } = await run(phase, layout, bytes, join(folder, `${layout}.psnap`))
        const late = speed < TARGET.speed || memory > TARGET.memory
        if (late) missed++
        const cells = [
          speed.toFixed(0).padStart(7),
          cpu.toFixed(2).padStart(7),
          peer.toFixed(0).padStart(25),
          (speed / peer).toFixed(2).padStart(7),
          memory.toFixed(0).padStart(22),
          file.toFixed(0).padStart(10),
        ]
        console.log(`${layout.padEnd(10)} ${phase} ${cells.join(' ')}${late ? '   MISSED' : ''}`)
      }
  } finally {
    rmSync(folder, { recursive: true })
  }
  console.log(
    missed === 0
      ? `every figure reaches ${TARGET.speed} MB/s within ${TARGET.memory} MiB`
      : `${missed} figures miss ${TARGET.speed} MB/s or ${TARGET.memory} MiB`,
  )
  if (missed > 0) process.exitCode = 1
}

if (process.argv[2] === '--child') await child(process.argv.slice(3))
else await main()
