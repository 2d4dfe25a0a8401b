// Owns Linux that moves while it runs: saved at random instructions of its boot and at its shell on one kernel, run on on another and on the same, where
// nothing at all may differ from the run that was never saved.
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { loadBuild } from '../../src/builds/load.ts'
import { writeSnapshotFile } from '../../src/formats/exporters.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { emulatorHost } from '../../src/ops/live/emulator-host.ts'
import { bootGuest, type Guest } from '../../src/ops/run/boot-guest.ts'
import { continueGuest } from '../../src/ops/run/continue-guest.ts'
import { type GuestEnd, guestEars, runLoop } from '../../src/ops/run/run-loop.ts'
import { captureGuest, psciOf } from '../../src/ops/run/saved-guest.ts'
import type { Checks } from './checks.ts'
import { readLog } from './guest-log.ts'
import { AUTO } from './initramfs.ts'
import type { BootFiles } from './reference.ts'
import { type Typist, typist } from './typist.ts'

export interface MoveOptions {
  readonly title: string
  readonly files: BootFiles
  readonly from: string
  readonly to: string
  readonly points: number
  readonly cpus: number
  /** Where snapshots lie while they are needed. */
  readonly folder: string
  readonly seed: number
}

const MEMORY = 256 << 20
/** Of the points, how many are also run on on the build that they come from. */
const SAME = 4

export async function checkMoves(
  { title, files, from, to, points, cpus, folder, seed }: MoveOptions,
  { check }: Checks,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const host = emulatorHost(loadBuild(from))
  const psci = '1.0'
  const boot = async <T>(append: string, port: Typist, use: (guest: Guest, go: (until?: number | string) => Promise<GuestEnd>) => Promise<T>): Promise<T> => {
    const ears = guestEars()
    const guest = await bootGuest(host, { ...files, append, cpus, memory: MEMORY, signal }, ears)
    try {
      return await use(guest, until => runLoop(guest, ears, { until: pointOf(until), port, signal }))
    } finally {
      await guest.close()
    }
  }
  const save = async (guest: Guest, file: string): Promise<void> => {
    await writeSnapshotFile(await captureGuest(guest, host.origin, { kind: 'point' }, false), file, { force: true })
  }

  // Never saved: what everything is compared with.
  const whole = typist([])
  const { total, digest } = await boot(AUTO, whole, async (guest, go) => {
    const end = await go()
    check(`${title}: on ${from} it boots and switches itself off`, end.kind === 'ended' && end.stop === 'off', end.kind)
    return { total: guest.vm.spent, digest: await digestOf(await captureGuest(guest, host.origin, end, false)) }
  })
  print(`${title}: ${(total / 1e6).toFixed(0)} M instructions on ${from}`)

  const at = randomPoints(points, total, seed)
  const saved = typist([])
  const before: string[] = []
  await boot(AUTO, saved, async (guest, go) => {
    for (const [n, point] of at.entries()) {
      await go(point)
      before.push(saved.output)
      await save(guest, join(folder, `${n}.psnap`))
    }
    const end = await go()
    check(
      `${title}: saving ${points} times on the way changes nothing`,
      saved.output === whole.output && (await digestOf(await captureGuest(guest, host.origin, end, false))) === digest,
    )
  })

  for (const [n, point] of at.entries()) {
    const file = join(folder, `${n}.psnap`)
    const what = `${title}: saved at instruction ${point}`
    const moved = typist([])
    const onTo = await goOn(file, to, moved, signal)
    const log = readLog(before[n]! + moved.output)
    check(
      `${what}, runs on on ${to} to its end, with PSCI ${psci}`,
      onTo.stop === 'off' && onTo.psci === psci && log.psci === psci && log.said('DONE') && log.said('BYE'),
      `${onTo.stop}, PSCI ${onTo.psci}, ${moved.output.trimEnd().split('\n').at(-1) ?? ''}`,
    )
    if (n % Math.ceil(points / SAME) === 0) {
      const same = typist([])
      const onFrom = await goOn(file, from, same, signal)
      check(`${what}, on ${from} the console is the same`, before[n]! + same.output === whole.output)
      check(`${what}, on ${from} the end is the same to the bit`, onFrom.digest === digest)
    }
    rmSync(file, { force: true })
  }

  const shell = join(folder, 'shell.psnap')
  await boot('', typist([]), async (guest, go) => {
    const end = await go('/ # ')
    check(`${title}: on ${from} it gets to its shell`, end.kind === 'point', end.kind)
    await save(guest, shell)
  })
  const typing = typist(['echo it is $((6 * 7))', 'exit'], true)
  const left = await goOn(shell, to, typing, signal)
  check(
    `${title}: saved at its shell, on ${to} the shell goes on and the guest ends`,
    left.stop === 'off' && left.psci === psci && /^it is 42/m.test(readLog(typing.output).text),
    typing.output.slice(-200),
  )
  rmSync(shell, { force: true })
}

const pointOf = (until: number | string | undefined) =>
  until === undefined
    ? ({ kind: 'end' } as const)
    : typeof until === 'number'
      ? ({ kind: 'insns', count: until } as const)
      : ({ kind: 'console', pattern: until } as const)

async function goOn(
  file: string,
  build: string,
  port: Typist,
  signal: AbortSignal,
): Promise<{ readonly stop: string; readonly psci: string | null; readonly digest: string }> {
  const ears = guestEars()
  return continueGuest(file, { build, signal }, ears, async guest => {
    const end = await runLoop(guest, ears, { until: { kind: 'end' }, port, signal, timeout: 600_000 })
    const origin = emulatorHost(loadBuild(build)).origin
    return {
      stop: end.kind === 'ended' ? end.stop : end.kind,
      psci: await psciOf(guest),
      digest: await digestOf(await captureGuest(guest, origin, end, false)),
    }
  })
}

/** Of everything that a snapshot holds. */
async function digestOf(snapshot: Snapshot): Promise<string> {
  const hash = createHash('sha256')
  const plain = (_: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? createHash('sha256').update(value).digest('hex') : value
  const { memory, vcpus, ...rest } = snapshot
  hash.update(JSON.stringify(rest, plain))
  for (const { registers, ...vcpu } of vcpus) {
    hash.update(JSON.stringify(vcpu, plain))
    hash.update(registers.bytes)
  }
  for (const region of memory)
    for await (const { offset, data } of region.chunks()) {
      hash.update(String(offset))
      hash.update(data)
    }
  return hash.digest('hex')
}

/** Ascending, all of the run; the same for the same seed. */
function randomPoints(count: number, total: number, seed: number): readonly number[] {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  return Array.from({ length: count }, () => 1 + Math.floor(next() * (total - 2))).sort((a, b) => a - b)
}
