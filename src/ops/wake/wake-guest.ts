// Owns waking a hibernated guest: a cold boot of the same kernel in the environment that it hibernated in, so that Linux resumes from its own disk; a
// refusal that names what the target does not offer of it; or, on purpose, a clean boot in the target's own environment.
import { findBuild } from '../../builds/load.ts'
import { UART } from '../../emulator/board/devices.ts'
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { DeviceSnapshot, Snapshot } from '../../model/snapshot.ts'
import { withInput } from '../input.ts'
import { emulatorHost } from '../live/emulator-host.ts'
import type { LiveHost } from '../live/live-host.ts'
import type { WakeDifference, WakeReport } from '../reports.ts'
import { bootGuest, type Guest, type GuestOptions } from '../run/boot-guest.ts'
import { type BootRecord, bootRecordOf } from '../run/boot-record.ts'
import { DISK_KIND } from '../run/file-disk.ts'
import { newestBuild } from '../run/newest-build.ts'
import type { GuestEars } from '../run/run-loop.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import { boardDifferences, environmentWrites, featuresOf, wakeDifferences } from './wake-environment.ts'
import { type ChangedFile, changedFiles, changedFindings, chooseFiles, type NamedFiles, refuseChanged } from './wake-files.ts'

export interface WakeOptions extends Work, NamedFiles {
  /** Default: where it was saved, else the newest built-in one. */
  readonly build?: string
  /** Boot in the target's own environment, without resuming. */
  readonly clean?: boolean
  /** `X.Y`; for a clean boot only: a guest that wakes has the version that it hibernated with. */
  readonly psci?: string
  /** Wake although kernel, initramfs or a disk is not what it was. */
  readonly acceptChanged?: boolean
  readonly console?: 'uart' | 'virtio'
}

export interface Woken {
  /** Where it is. */
  readonly host: LiveHost
  readonly wake: WakeReport
  readonly findings: readonly Finding[]
}

export interface WakeUse<T> {
  /** Gets the guest before its first instruction. */
  readonly woken: (guest: Guest, woken: Woken) => Promise<T>
  readonly refused: (woken: Woken) => T
}

/** Throws USAGE for a snapshot that cannot be woken and for missing files, FILE_CHANGED, BUILD_UNKNOWN, and what reading the files throws. */
export async function wakeGuest<T>(
  file: string,
  options: WakeOptions,
  ears: Pick<GuestEars, 'onOutput' | 'onFirmware'>,
  { woken, refused }: WakeUse<T>,
): Promise<T> {
  return withInput(file, options, async ({ snapshot, findings: read }) => {
    const { clean = false } = options
    const { build } = snapshot.origin
    const host = emulatorHost(await resolveBuild(options.build ?? (build !== undefined && findBuild(build) ? build : newestBuild())))
    if (options.psci !== undefined && !clean)
      throw new SnapError(
        'USAGE',
        'a guest that wakes has the PSCI version that it hibernated with',
        { file },
        { hint: 'leave --psci out, or boot with --clean' },
      )
    const record = wakeable(snapshot, file)
    const files = chooseFiles(record, snapshot.devices, options)
    const append = clean ? withNoresume(record.append) : record.append
    const report = (differences: readonly WakeDifference[], more: readonly Finding[]): Woken => ({
      host,
      wake: { file, ...(build === undefined ? {} : { build }), stop: snapshot.stop, clean, ...(append === undefined ? {} : { append }), refused: differences },
      findings: [...read, ...stopFindings(snapshot, clean), ...(clean ? [cleanFinding] : []), ...more],
    })
    const target = host.build!
    const differences = clean ? [] : wakeDifferences(snapshot, target)
    if (differences.length > 0) return refused(report(differences, []))
    let changed: readonly ChangedFile[] = []
    const guest = await bootGuest(
      host,
      { ...bootOptions(snapshot, record, options), ...files, ...(append === undefined ? {} : { append }) },
      { onOutput: ears.onOutput, onFirmware: ears.onFirmware },
      {
        ...(clean ? {} : { cpu: record.cpu, ...environmentWrites(snapshot, target) }),
        its: record.its,
        devices: clockOf(snapshot.devices),
        ...(snapshot.vm.systemSuspend ? { systemSuspend: true } : {}),
        ...(snapshot.vm.writableImpIdRegs ? { writableImpIdRegs: true } : {}),
        inspect(opened) {
          changed = changedFiles(record, snapshot.devices, opened)
          if (!clean && !options.acceptChanged) refuseChanged(changed)
        },
      },
    )
    try {
      const about = changedFindings(changed, clean)
      const board = clean ? [] : boardDifferences(snapshot, made(guest, snapshot), changed.length > 0)
      if (board.length > 0) return refused(report(board, about))
      // That it has a virtio console does not mean that somebody talks to it.
      return await woken(options.console === 'virtio' ? guest : { ...guest, console: UART }, report([], about))
    } finally {
      await guest.close()
    }
  })
}

/** The guest before its first instruction, as far as its board goes. What its disks hold has been compared. */
const made = ({ vm, booted }: Guest, saved: Snapshot): Snapshot => ({
  ...saved,
  devices: [...vm.devices(), ...saved.devices.filter(({ kind }) => kind === DISK_KIND), ...(booted ? [booted] : [])],
  memory: vm.memory(),
})

/** Throws USAGE for one of which nobody knows how it was booted, or whose state is elsewhere than on its disk. */
function wakeable(snapshot: Snapshot, file: string): BootRecord {
  const { stop, vcpus, devices } = snapshot
  if (stop === 'running' || stop === 'suspended')
    throw new SnapError(
      'USAGE',
      stop === 'running'
        ? 'this guest was running when it was saved: what it knows is in the file, not on its disk'
        : 'this guest is suspended: what it knows is in its memory',
      { file },
      { hint: `\`psci-snap run ${file}\` runs it on` },
    )
  const record = bootRecordOf(devices)
  if (!record)
    throw new SnapError(
      'USAGE',
      'the snapshot does not say how its guest was booted',
      { file },
      { hint: 'snapshots that `save --kernel` of this release makes do' },
    )
  if (vcpus.length === 0 || vcpus.some(({ index }, n) => index !== n))
    throw new SnapError('USAGE', 'the vCPUs of a guest that wakes are numbered from 0 without gaps; these are not', { file })
  return record
}

function bootOptions(
  snapshot: Snapshot,
  record: BootRecord,
  { signal, progress, console, psci }: WakeOptions,
): Omit<GuestOptions, 'kernel' | 'initrd' | 'disks'> {
  const has = (kind: string): boolean => snapshot.devices.some(device => device.kind === kind)
  if (console === 'virtio' && !has('virtio-console')) throw new SnapError('USAGE', 'this guest has no virtio console', {}, { hint: 'leave --console out' })
  return {
    cpus: snapshot.vcpus.length,
    memory: record.memory,
    features: featuresOf(snapshot),
    gic: snapshot.gic,
    rng: has('virtio-rng'),
    console: has('virtio-console') ? 'virtio' : 'uart',
    ...(record.seed === undefined ? {} : { seed: record.seed }),
    ...(signal ? { signal } : {}),
    ...(progress ? { progress } : {}),
    ...(psci === undefined ? {} : { psci }),
  }
}

/** The clock went on when the guest did not; it has no alarm. Everything else begins anew. */
function clockOf(devices: readonly DeviceSnapshot[]): readonly DeviceSnapshot[] {
  const clock = devices.find(({ kind }) => kind === 'pl031')
  const ticks = (clock?.state as { readonly ticks?: unknown } | undefined)?.ticks
  return clock && ticks !== undefined ? [{ ...clock, state: { ticks, match: 0, load: 0, imsc: 0, ris: 0 } }] : []
}

const NORESUME = 'noresume'

function withNoresume(append: string | undefined): string {
  const words = (append ?? '').split(/\s+/).filter(word => word !== '')
  return words.includes(NORESUME) ? append! : [...words, NORESUME].join(' ')
}

const cleanFinding: Finding = {
  severity: 'info',
  code: 'wake-clean',
  message: 'booted clean, in an environment of its own: Linux is told "noresume" on its command line, and what the guest had in memory is given up',
  hint: 'an initramfs that writes to /sys/power/resume by itself must look for noresume, as those of distributions do',
}

function stopFindings({ stop }: Snapshot, clean: boolean): readonly Finding[] {
  if (stop === 'hibernated' || clean) return []
  return [
    {
      severity: 'warning',
      code: 'wake-not-hibernated',
      message: `this guest did not say that it hibernates: it ended as "${stop}", and boots in the same environment all the same`,
      hint: 'below PSCI 1.3 there is no call to say it with',
    },
  ]
}
