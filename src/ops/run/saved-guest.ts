// Owns booting a guest with a kernel of the user's to a point and giving it away as a snapshot, while its VM is still there.
import { showPsciVersion } from '../../arch/psci.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import { COUNTER_HZ } from '../../emulator/board/memory-map.ts'
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { Snapshot, StopReason } from '../../model/snapshot.ts'
import { type BackendOptions, withLiveHost } from '../backend-choice.ts'
import { capture } from '../capture.ts'
import type { LiveHost } from '../live/live-host.ts'
import { getU64 } from '../one-register.ts'
import type { WakeDifference } from '../reports.ts'
import { requireWakeOptions } from '../wake/wake-flags.ts'
import { type WakeOptions, wakeGuest } from '../wake/wake-guest.ts'
import { bootGuest, type Guest, type GuestOptions } from './boot-guest.ts'
import { NOBODY } from './console-port.ts'
import { newestBuild } from './newest-build.ts'
import { type GuestEnd, guestEars, type LoopOptions, runLoop } from './run-loop.ts'
import { isReached, needsSuspend, parseRunPoint, RUN_POINTS } from './run-point.ts'

export interface BootedOptions
  extends Omit<GuestOptions, 'kernel'>,
    Pick<LoopOptions, 'maxInstructions' | 'timeout'>,
    Pick<WakeOptions, 'recordedPaths' | 'acceptChanged' | 'clean'> {
  /** The kernel to boot, or, with `wake`, that of the guest that is woken. */
  readonly kernel?: string
  /** A snapshot of a guest that hibernated: it is woken and saved again. */
  readonly wake?: string
  /** Leave guest memory out: what hibernated is on its own disk. */
  readonly noMemory?: boolean
  /** As `--until` says it. */
  readonly until?: string
}
export interface BootedGuest {
  readonly snapshot: Snapshot
  readonly console: string
  readonly unit: 'instructions'
  readonly spent: number
  readonly host: string
  /** About waking. */
  readonly findings: readonly Finding[]
}

/** KVM's default for a VM of type 0. */
const IPA_BITS = 40

/** Throws USAGE without a point to save at, CANNOT_EXECUTE when the guest does not get there, and what booting throws. */
export async function withBootedGuest<T>(options: BootedOptions & BackendOptions, use: (saved: BootedGuest) => Promise<T>): Promise<T> {
  if (options.backend === 'kvm') throw new SnapError('USAGE', 'a kernel boots on the built-in machine only: --backend kvm has the built-in guest')
  if (options.until === undefined) throw new SnapError('USAGE', 'when is the guest to be saved? --until is missing', {}, { hint: `points: ${RUN_POINTS}` })
  const until = parseRunPoint(options.until)
  const ears = guestEars()
  const saveAt = async (guest: Guest, host: LiveHost, findings: readonly Finding[]): Promise<T> => {
    const end = await runLoop(guest, ears, { ...options, until, port: NOBODY, paced: false })
    if (!isReached(end, until)) throw notReached(end, options.until!, guest.vm.console())
    const whole = await captureGuest(guest, host.origin, end, needsSuspend(until))
    const snapshot = options.noMemory ? withoutMemory(whole) : whole
    return use({ snapshot, console: guest.vm.console(), unit: 'instructions', spent: guest.vm.spent, host: host.name, findings })
  }
  requireWakeOptions(options)
  const { kernel, wake, build } = options
  if (wake !== undefined) {
    if (build !== undefined && typeof build !== 'string') throw new SnapError('USAGE', 'a guest is woken on a build that has a name')
    const { build: _, ...rest } = options
    return wakeGuest(wake, { ...rest, ...(build === undefined ? {} : { build }) }, ears, {
      woken: (guest, { host, findings }) => saveAt(guest, host, findings),
      refused: ({ host, wake: { refused } }): never => {
        throw notWoken(host.name, refused)
      },
    })
  }
  if (kernel === undefined) throw new SnapError('USAGE', 'which kernel is to be booted? --kernel is missing')
  return withLiveHost({ ...options, build: build ?? newestBuild() }, async host => {
    const guest = await bootGuest(host, { ...options, kernel }, { ...ears, ...(needsSuspend(until) ? { systemSuspend: true } : {}) })
    try {
      return await saveAt(guest, host, [])
    } finally {
      await guest.close()
    }
  })
}

/** Machine state is of no use without it. */
const withoutMemory = ({ machine: _, ...snapshot }: Snapshot): Snapshot => ({ ...snapshot, memory: [] })

const notWoken = (host: string, refused: readonly WakeDifference[]): SnapError =>
  new SnapError(
    'BUILD_UNUSABLE',
    `${host} does not offer the environment of this guest (${[...new Set(refused.map(({ component }) => component))].join(', ')})`,
    {},
    { hint: refused.map(({ component, message }) => `${component}: ${message}`).join('\n') },
  )

/** The guest as it is now; its memory is the VM's. */
export async function captureGuest(
  { vm, vcpus, features, gic, diskReferences, booted }: Guest,
  origin: Snapshot['origin'],
  end: GuestEnd,
  systemSuspend: boolean,
): Promise<Snapshot> {
  const stop: StopReason = end.kind === 'ended' ? end.stop : 'running'
  const machine = vm.machineState()
  return capture(vcpus, {
    features,
    origin,
    gic,
    stop,
    vm: {
      systemSuspend,
      writableImpIdRegs: false,
      smcccFilter: [],
      counterFrequency: COUNTER_HZ,
      ipaBits: IPA_BITS,
      ...(end.kind === 'ended' && end.arguments ? { stopArguments: end.arguments } : {}),
    },
    devices: [...vm.devices(), ...diskReferences(), ...(booted ? [booted] : [])],
    memory: vm.memory(),
    ...(machine ? { machine } : {}),
  })
}

const WORDS = { left: 'was left', idle: 'waits for something that never happens', point: 'is there' } as const
/** Lines of the console that an error shows. */
const LAST_LINES = 3

function notReached(end: GuestEnd, point: string, console: string): SnapError {
  const what = end.kind === 'ended' ? `ended before that (${end.stop})` : end.kind === 'limit' ? `was still running after ${end.what}` : WORDS[end.kind]
  const last = console.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
  return new SnapError(
    'CANNOT_EXECUTE',
    `the guest did not get to "${point}": it ${what}`,
    {},
    {
      hint: last === '' ? 'it has printed nothing; is it told where its console is, as by --append console=ttyAMA0?' : `the last that it printed:\n${last}`,
    },
  )
}

/** What the guest would be told now; for reports. */
export async function psciOf({ vcpus }: Guest): Promise<string | null> {
  const version = await getU64(vcpus[0]!, PSCI_VERSION_ID)
  return version === undefined ? null : showPsciVersion(version)
}
