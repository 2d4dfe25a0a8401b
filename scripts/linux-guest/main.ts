// A step of `.ci/run`: boots Debian's arm64 kernels on the built-in machine, as packages.json of real-kernel names them, and moves them while they run.
//
//   node --import tsx scripts/linux-guest/main.ts [--kernel NAME]… [--only boots|devices|moves|hibernation]… [--cycles N] [--cache DIR] [--points N] [--seed N]
//
// What cannot be had is reported as not run. The last line is `N passed, N failed`.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder, Unavailable } from '../portable/cache.ts'
import { ArmPackages, fetchKernel, readPackages } from '../real-kernel/fetch.ts'
import { checkBoot } from './boots.ts'
import { checks } from './checks.ts'
import { checkDevices, deviceFiles } from './devices.ts'
import { makeHibernatingInitramfs } from './hibernate-initramfs.ts'
import { checkHibernation } from './hibernation.ts'
import { makeInitramfs } from './initramfs.ts'
import { checkMoves } from './moves.ts'
import { referenceLog } from './reference.ts'

/** Rows of packages.json: bookworm's cloud kernel, and the newest that backports offers. */
const KERNELS = ['6.1', 'newest']
const HIBERNATES = 'newest'
const CPUS = [1, 2, 4]
const FROM = 'linux-5.10'
const TO = 'linux-7.3'
const REFERENCE_SECONDS = 400

const { values: flags } = parseArgs({
  options: {
    kernel: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
    cache: { type: 'string', default: cacheFolder() },
    points: { type: 'string', default: '20' },
    cycles: { type: 'string', default: '10' },
    seed: { type: 'string', default: '6' },
  },
})
const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interruption.abort())
const { signal } = interruption
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const all = checks(print)

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-linux-'))
try {
  await main()
} catch (error) {
  if (error instanceof Unavailable) print(`not run: ${error.message}`)
  else if (!signal.aborted) all.check('the script itself', false, error instanceof Error ? error.message : String(error))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
print(all.summary)
process.exitCode = signal.aborted ? 130 : all.failed === 0 ? 0 : 1

async function main(): Promise<void> {
  const packages = readPackages()
  const cache = resolve(flags.cache)
  mkdirSync(cache, { recursive: true })
  const rows = packages.kernels.filter(({ name }) => (flags.kernel ?? KERNELS).includes(name))
  const apt = new ArmPackages(
    cache,
    [...packages.kernels, ...packages.userland].map(({ suite }) => suite),
  )
  const initrd = makeInitramfs(apt, packages, folder)
  const isWanted = (part: string): boolean => flags.only?.includes(part) ?? true
  let isFirst = true
  for (const row of rows) {
    const fetched = fetchKernel(apt, row)
    if (!fetched) {
      print(`not run: kernel ${row.name}: no package of ${row.package}'s series can be had`)
      continue
    }
    const title = `${fetched.package} ${fetched.version}`
    const files = { kernel: fetched.image, initrd }
    if (isWanted('boots')) {
      print(`${title}: on qemu-system-aarch64, for comparison`)
      const reference = await referenceLog(files, 2, REFERENCE_SECONDS, signal)
      if (!reference) print(`not run: ${title}: comparison with qemu-system-aarch64, which is not here or did not boot it`)
      for (const cpus of CPUS) await checkBoot({ title: `${row.name}, ${cpus} vCPU${cpus === 1 ? '' : 's'}`, files, cpus, reference }, all, signal, print)
      await checkBoot({ title: `${row.name}, PSCI pinned to 1.1`, files, cpus: 1, reference, psci: '1.1' }, all, signal, print)
    }
    if (isWanted('devices') && isFirst) {
      const more = deviceFiles(apt.unpack(fetched.package, fetched.version)!.folder, folder)
      if (more) await checkDevices(`${row.name}, devices`, fetched.image, makeInitramfs(apt, packages, folder, more), folder, all, signal)
      else print(`not run: ${title}: devices, as the package has no modules that busybox can load`)
    }
    // One kernel is enough for the moves: the machine is what is tried.
    if (isWanted('moves') && isFirst)
      await checkMoves(
        { title: `${row.name} moved`, files, from: FROM, to: TO, points: Number(flags.points), cpus: 2, folder, seed: Number(flags.seed) },
        all,
        signal,
        print,
      )
    isFirst = false
    // Kernels before 6.13 know nothing of SYSTEM_OFF2.
    if (isWanted('hibernation') && row.name === HIBERNATES) {
      const initramfs = await makeHibernatingInitramfs(apt, packages, fetched, folder)
      await checkHibernation(
        { title: `${row.name} hibernating`, files: { kernel: fetched.image, initrd: initramfs }, folder, cycles: Number(flags.cycles) },
        all,
        signal,
        print,
      )
    }
  }
}
