// Owns a Linux guest that hibernates and is woken: ten times in a row, on every build that offers it the same environment, refused where none does, and
// booted clean on purpose; and the same guest with a PSCI in which it cannot say that it hibernates.
import { copyFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listBuilds, loadBuild } from '../../src/builds/load.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { withInput } from '../../src/ops/input.ts'
import { NOBODY } from '../../src/ops/run/console-port.ts'
import { run } from '../../src/ops/run/run.ts'
import { save } from '../../src/ops/save.ts'
import { environmentOfSnapshot, signatureOf } from '../../src/ops/signature/environment.ts'
import { trace } from '../../src/ops/trace/trace.ts'
import { wakeDifferences } from '../../src/ops/wake/wake-environment.ts'
import type { Checks } from './checks.ts'
import { APPEND } from './hibernate-initramfs.ts'
import { MARK } from './initramfs.ts'
import type { BootFiles } from './reference.ts'

export interface HibernationOptions {
  readonly title: string
  readonly files: BootFiles
  readonly folder: string
  readonly cycles: number
}

const BUILD = 'linux-7.3'
const OLD = 'linux-6.1'
/** Linux keeps room for a second copy of what it saves. */
const MEMORY = 320 << 20
const DISK = 256 << 20
const TIMEOUT = 600_000

/** What the guest said: since it booted, and of each sleep. */
interface Told {
  readonly fresh: readonly string[]
  readonly asleep: readonly Turn[]
  readonly awake: readonly Turn[]
}
interface Turn {
  readonly cycle: number
  readonly count: number
  readonly bootId: string
}

function told(console: string): Told {
  const turns = (name: string): readonly Turn[] =>
    [...console.matchAll(new RegExp(`^${MARK}${name} (\\d+) (\\d+) (\\S+)`, 'gm'))].map(([, cycle, count, bootId]) => ({
      cycle: Number(cycle),
      count: Number(count),
      bootId: bootId!,
    }))
  return { fresh: [...console.matchAll(new RegExp(`^${MARK}FRESH (\\S+)`, 'gm'))].map(([, id]) => id!), asleep: turns('ASLEEP'), awake: turns('AWAKE') }
}

/** Lines of the kernel that says that it is the one that went to sleep. */
const RESTORED = [/PM: Image loading done/, /hibernate: Restored/, /PM: hibernation: hibernation exit/]

export async function checkHibernation(
  { title, files, folder, cycles }: HibernationOptions,
  { check }: Checks,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const disk = emptyDisk(join(folder, 'swap.img'))
  const disks = [{ path: disk, readOnly: false }]
  const boot = { ...files, disks, append: APPEND, memory: MEMORY, timeout: TIMEOUT }
  const snapshot = (cycle: number): string => join(folder, `asleep-${cycle}.psnap`)
  const started = performance.now()
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`

  const first = await save(snapshot(0), { build: BUILD, signal, guest: { ...boot, until: 'hibernate', noMemory: true } })
  const born = told(first.console)
  const bootId = born.fresh[0] ?? 'none'
  check(`${title}: hibernates on ${BUILD}`, first.stop === 'hibernated' && born.asleep.length === 1, `${first.stop}, ${lastLines(first.console)}`)
  const { signature: environment } = await asleep(snapshot(0))
  let before = born.asleep.at(-1)
  for (let cycle = 1; cycle <= cycles; cycle++) {
    const { console, stop } = await save(snapshot(cycle), {
      build: BUILD,
      signal,
      guest: { ...files, disks, wake: snapshot(cycle - 1), until: 'hibernate', noMemory: true, timeout: TIMEOUT },
    })
    const { fresh, awake, asleep: sleeps } = told(console)
    const [turn] = awake
    const name = `${title}: cycle ${cycle}`
    check(`${name}: resumes and hibernates again`, stop === 'hibernated' && fresh.length === 0 && turn?.cycle === cycle, lastLines(console))
    check(`${name}: the process that was counting counts on`, (turn?.count ?? 0) >= (before?.count ?? 0) && (sleeps.at(-1)?.count ?? 0) > (turn?.count ?? 0))
    check(`${name}: the boot id is the one it started with`, turn?.bootId === bootId, `${turn?.bootId}, not ${bootId}`)
    check(
      `${name}: the kernel's log shows the restore`,
      RESTORED.every(line => line.test(console)),
    )
    check(`${name}: its environment has the same signature`, (await asleep(snapshot(cycle))).signature === environment)
    before = sleeps.at(-1)
    rmSync(snapshot(cycle - 1), { force: true })
  }
  print(`${title}: ${cycles} cycles in ${seconds()}`)

  const last = await asleep(snapshot(cycles))
  const copy = join(folder, 'copy.img')
  const wake = { ...files, wake: snapshot(cycles), disks: [{ path: copy, readOnly: false }], port: NOBODY, signal, keepConsole: true, timeout: TIMEOUT }
  const all = listBuilds().map(({ name }) => name)
  const alike = all.filter(name => wakeDifferences(last.snapshot, loadBuild(name)).length === 0)
  print(`${title}: the same environment on ${alike.join(', ')}`)
  for (const name of ['linux-7.0', 'linux-7.1', 'linux-7.2', BUILD])
    check(`${title}: ${name} offers the same environment`, alike.includes(loadBuild(name).name))
  for (const build of alike) {
    copyFileSync(disk, copy)
    const { console = '', end, wake: report } = await run({ ...wake, build, until: `console=^${MARK}AWAKE` })
    const { fresh, awake } = told(console)
    const [turn] = awake
    check(`${title}: wakes on ${build}`, end === 'point' && report?.refused.length === 0 && fresh.length === 0, `${end}, ${lastLines(console)}`)
    check(`${title}: on ${build} it goes on`, turn?.bootId === bootId && turn.count >= (before?.count ?? 0), `${turn?.bootId} ${turn?.count}`)
  }

  copyFileSync(disk, copy)
  const refused = await run({ ...wake, build: OLD })
  const psci = refused.wake?.refused.find(({ component }) => component === 'psci')?.message ?? 'not named'
  check(`${title}: ${OLD} is refused, PSCI named`, refused.end === 'refused' && /PSCI 1\.3 is not available/.test(psci), psci)
  const clean = await run({ ...wake, build: OLD, clean: true, until: `console=^${MARK}ASLEEP` })
  const anew = told(clean.console ?? '')
  check(
    `${title}: with --clean it boots fresh there`,
    clean.end === 'point' && anew.fresh.length === 1 && anew.fresh[0] !== bootId,
    lastLines(clean.console ?? ''),
  )
  check(`${title}: and says so`, clean.findings.some(({ code }) => code === 'wake-clean') && clean.wake?.append === `${APPEND} noresume`)

  await checkTwoCpus({ title: `${title}, 2 vCPUs`, files, folder, cycles: 1 }, check, signal)
  await checkPinned({ title: `${title}, PSCI pinned to 1.1`, files, folder, cycles: 1 }, check, signal)
  print(`${title}: all of it in ${seconds()}`)
}

/** The second vCPU is switched off to hibernate and on again to resume, by PSCI. */
async function checkTwoCpus({ title, files, folder }: HibernationOptions, check: Checks['check'], signal: AbortSignal): Promise<void> {
  const disks = [{ path: emptyDisk(join(folder, 'two.img')), readOnly: false }]
  const file = join(folder, 'two.psnap')
  const guest = { ...files, disks, append: APPEND, memory: MEMORY, cpus: 2, timeout: TIMEOUT, until: 'hibernate', noMemory: true }
  const { console: before } = await save(file, { build: BUILD, signal, guest })
  const { console: after = '' } = await run({
    ...{ ...files, disks, wake: file, build: BUILD, port: NOBODY, signal, keepConsole: true, timeout: TIMEOUT },
    until: `console=^${MARK}AWAKE`,
  })
  check(
    `${title}: wakes with both`,
    told(after).awake[0]?.bootId === told(before).fresh[0] && /CPU1 is up/.test(after.split('Restored')[1] ?? ''),
    lastLines(after),
  )
}

async function checkPinned({ title, files, folder }: HibernationOptions, check: Checks['check'], signal: AbortSignal): Promise<void> {
  const disks = [{ path: emptyDisk(join(folder, 'pinned.img')), readOnly: false }]
  const calls: string[] = []
  const guest = { ...files, disks, append: APPEND, memory: MEMORY, psci: '1.1', build: BUILD, signal, timeout: TIMEOUT }
  const { summary } = await trace(
    { ...guest, functions: ['SYSTEM_*'] },
    {
      begin: async () => {},
      rows: async rows => {
        for (const row of rows) if (row.kind === 'call') calls.push(row.function)
      },
    },
  )
  check(`${title}: never calls SYSTEM_OFF2`, !calls.includes('SYSTEM_OFF2') && calls.includes('SYSTEM_OFF'), calls.join(' '))
  check(`${title}: ends as off`, summary.stop.why === 'off', JSON.stringify(summary.stop))
}

async function asleep(file: string): Promise<{ readonly snapshot: Snapshot; readonly signature: string }> {
  return withInput(file, {}, async ({ snapshot }) => ({ snapshot, signature: signatureOf(environmentOfSnapshot(snapshot)).digest }))
}

function emptyDisk(path: string): string {
  writeFileSync(path, '')
  truncateSync(path, DISK)
  return path
}

const lastLines = (console: string): string => console.trimEnd().split(/\r?\n/).slice(-4).join(' | ')
