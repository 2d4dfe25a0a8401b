// A step of `.ci/run`: boots Debian's arm64 kernels as KVM hosts under QEMU and uses the product on them, as packages.json names them, oldest first.
//
//   node --import tsx scripts/real-kernel/main.ts [--kernel NAME]… [--only JOB]… [--keep DIR] [--cache DIR]
//
// What cannot be had is reported as not run. The last line is `N passed, N failed`, of the kernels that gate. --keep leaves serial outputs, builds and
// saved guests in DIR.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { VERSION } from '../../src/version.ts'
import { cacheFolder, Unavailable } from '../portable/cache.ts'
import { makePortable } from '../portable/main.ts'
import { qemuVersion } from './boot.ts'
import { bundleGuest } from './bundle.ts'
import { ArmPackages, type FetchedKernel, fetchKernel } from './fetch.ts'
import { baseTree } from './initramfs.ts'
import type { Host, Job } from './job.ts'
import { portableCommands } from './jobs/commands.ts'
import { contract } from './jobs/contract.ts'
import { moves } from './jobs/moves.ts'
import { probe } from './jobs/probe.ts'
import { replays } from './jobs/replays.ts'
import { saves } from './jobs/saves.ts'
import { readPackages } from './packages.ts'
import { bootText, type NotBooted, summary } from './report.ts'
import { type BootResult, runBoot, type Surroundings } from './run-boot.ts'
import { runRecord } from './run-record.ts'
import { samples } from './samples.ts'
import { createShelf } from './shelf.ts'

/** What every kernel of the recordings was recorded on too. */
const CPU = 'cortex-a72'
/**
 * With SVE, pointer authentication and all else that QEMU has. Does not gate: under QEMU 7.2 with SVE in use, Node was once in a while ended by SIGILL or
 * SIGSEGV there, which nobody has explained, and never on the other CPUs.
 */
const MAX_CPU = 'max'
/** VMs made and closed in the search for leaks; fewer on a CPU whose emulation is slow. */
const CYCLES = 1000
const FEW_CYCLES = 100
/** A boot that takes longer has hung: four to five times what it takes here. */
const MOST_SECONDS = 420

const { values: flags } = parseArgs({
  options: {
    kernel: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    keep: { type: 'string' },
    cache: { type: 'string', default: cacheFolder() },
  },
})
const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interruption.abort())

const folder = flags.keep === undefined ? mkdtempSync(join(tmpdir(), 'psci-snap-kernels-')) : resolve(flags.keep)
const cleanUp: (() => void)[] = flags.keep === undefined ? [() => rmSync(folder, { recursive: true, force: true })] : []
try {
  process.exitCode = await main()
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error)
  const isMissing = error instanceof Unavailable
  if (!interruption.signal.aborted)
    process.stdout.write(isMissing ? `not run: all kernels: ${reason}\n0 passed, 0 failed\n` : `${reason}\n0 passed, 1 failed\n`)
  process.exitCode = interruption.signal.aborted ? 130 : isMissing ? 0 : 1
} finally {
  for (const each of cleanUp) each()
}

async function main(): Promise<number> {
  const qemu = qemuVersion()
  if (qemu === undefined) throw new Unavailable('there is no qemu-system-aarch64 here')
  const cache = resolve(flags.cache)
  mkdirSync(cache, { recursive: true })
  mkdirSync(folder, { recursive: true })
  const packages = readPackages()
  const rows = packages.kernels.filter(({ name }) => flags.kernel?.includes(name) ?? true)
  const apt = new ArmPackages(
    cache,
    [...packages.kernels, ...packages.userland].map(({ suite }) => suite),
  )
  const notBooted: NotBooted[] = []
  const kernels: FetchedKernel[] = []
  for (const row of rows) {
    const kernel = fetchKernel(apt, row)
    if (kernel === undefined) notBooted.push({ host: row.name, gates: row.gates, reason: `no package of ${row.package}'s series can be had` })
    else kernels.push(kernel)
    if (kernel && row.gates && (kernel.package !== row.package || kernel.version !== row.version))
      process.stdout.write(`${row.name}: the archive has no ${row.package} ${row.version} any more; ${kernel.package} ${kernel.version} stands in\n`)
    interruption.signal.throwIfAborted()
  }
  if (kernels.length === 0) return end([], notBooted)

  const portable = await makePortable()
  const tree = baseTree(apt, cache, packages, portable.file)
  cleanUp.push(() => rmSync(tree, { recursive: true, force: true }))
  const program = join(folder, 'program')
  await bundleGuest(program)
  const shelf = createShelf(join(folder, 'shelf'))
  const all = await samples(join(folder, 'samples'))
  const around: Surroundings = { tree, program, folder, shelf, signal: interruption.signal }
  const hostOf = ({ row, package: name, version }: FetchedKernel, cpu: string): Host => ({ name: row.name, package: name, version, cpu, qemu })

  const results: BootResult[] = []
  const run = async (title: string, kernel: FetchedKernel, cpu: string, jobsOf: (host: Host) => readonly Job[]): Promise<void> => {
    const host = hostOf(kernel, cpu)
    const jobs = jobsOf(host).filter(job => flags.only?.includes(job.name) ?? true)
    if (jobs.length === 0) return
    const once = () => runBoot(title, { host, image: kernel.image, jobs, seconds: MOST_SECONDS }, around)
    let result = await once()
    if (!result.isWhole) {
      // An emulated machine that hangs or dies is no answer of the product: it gets a second chance, and that is said.
      process.stdout.write(`${bootText(result)}${title}: the boot broke down; once more\n`)
      result = await once()
    }
    results.push(result)
    process.stdout.write(bootText(result))
  }
  for (const kernel of kernels)
    await run(kernel.row.name, kernel, CPU, host => [probe, contract(CYCLES), replays(all), saves, moves(shelf, host), portableCommands(VERSION)])
  // Guests of the newer kernels, on the oldest.
  const [oldest] = kernels
  if (oldest && kernels.length > 1) await run(`${oldest.row.name} again`, oldest, CPU, host => [moves(shelf, host)])
  if (oldest && (flags.only?.includes('record') ?? true)) {
    const recorded = await runRecord(oldest, hostOf(oldest, CPU), { folder, cache, shelf, seconds: MOST_SECONDS, signal: interruption.signal })
    results.push(recorded)
    process.stdout.write(bootText(recorded))
  }
  const modern = kernels.findLast(({ row }) => row.gates)
  if (modern) await run(`${modern.row.name} with SVE`, modern, MAX_CPU, () => [probe, contract(FEW_CYCLES), replays(all), saves])
  return end(results, notBooted)
}

function end(results: readonly BootResult[], notBooted: readonly NotBooted[]): number {
  const gates = new Map(readPackages().kernels.map(row => [row.name, row.gates]))
  const { text, failed } = summary(results, notBooted, host => host.cpu !== MAX_CPU && (gates.get(host.name) ?? true))
  process.stdout.write(text)
  return failed === 0 ? 0 : 1
}
