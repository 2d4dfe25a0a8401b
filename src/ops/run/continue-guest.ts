// Owns running a guest of a snapshot on: replayed into a build as `restore` does, with its devices, memory and the disks that the user names again.

import { findBuild } from '../../builds/load.ts'
import { UART } from '../../emulator/board/devices.ts'
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { DeviceSnapshot, Snapshot } from '../../model/snapshot.ts'
import { withInput } from '../input.ts'
import { emulatorHost } from '../live/emulator-host.ts'
import type { Verdict } from '../reports.ts'
import { restoreSnapshot } from '../restore.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import type { Guest } from './boot-guest.ts'
import { BOOT_KIND } from './boot-record.ts'
import { DISK_KIND, type DiskChoice, diskReference, type FileDisk, openDisk } from './file-disk.ts'
import { newestBuild } from './newest-build.ts'
import type { GuestEars } from './run-loop.ts'

export interface ContinueOptions extends Work {
  readonly build?: string
  readonly psci?: string
  /** One for each that the guest had, in their order. */
  readonly disks?: readonly DiskChoice[]
  readonly console?: 'uart' | 'virtio'
  /** Even after a refusal. */
  readonly force?: boolean
}

export interface Moved {
  /** Where it runs. */
  readonly host: string
  /** Where it was saved, as far as the file says. */
  readonly build?: string
  readonly verdict: Verdict
  readonly findings: readonly Finding[]
}

/** Gives `use` the guest, replayed and in place. Throws USAGE for missing disks, BUILD_UNUSABLE after a refusal, and what reading the file throws. */
export async function continueGuest<T>(
  file: string,
  options: ContinueOptions,
  ears: Pick<GuestEars, 'onOutput' | 'onFirmware'>,
  use: (guest: Guest, moved: Moved) => Promise<T>,
): Promise<T> {
  return withInput(file, options, async ({ snapshot, findings: read }) => {
    const { build: saved } = snapshot.origin
    const host = emulatorHost(await resolveBuild(options.build ?? (saved !== undefined && findBuild(saved) ? saved : newestBuild())))
    const disks = openDisks(snapshot, options.disks ?? [])
    try {
      const { report, attempt, close } = await restoreSnapshot(snapshot, host, {
        run: false,
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.psci === undefined ? {} : { pinPsci: options.psci }),
        surroundings: { disks: Object.fromEntries(disks), onOutput: ears.onOutput },
        onFirmware: ears.onFirmware,
      })
      try {
        if (report.verdict === 'refused' && !options.force)
          throw new SnapError(
            'BUILD_UNUSABLE',
            `${host.name} refuses this guest`,
            { file },
            {
              hint: `\`psci-snap restore ${file} --build ${host.name}\` says what and why; --force runs it all the same`,
            },
          )
        const { vm, vcpus } = await attempt.live()
        const booted = snapshot.devices.find(({ kind }) => kind === BOOT_KIND)
        const guest: Guest = {
          vm,
          vcpus,
          features: attempt.features,
          gic: snapshot.gic,
          console: consoleOf(snapshot.devices, options.console ?? 'uart'),
          diskReferences: () => disks.map(([name, disk]) => diskReference(name, disk)),
          ...(booted ? { booted } : {}),
          close,
        }
        const findings = [...read, ...(snapshot.stop === 'hibernated' ? [asleep(file)] : []), ...report.findings.filter(({ severity }) => severity !== 'info')]
        return await use(guest, { host: host.name, ...(saved === undefined ? {} : { build: saved }), verdict: report.verdict, findings })
      } finally {
        await close()
      }
    } finally {
      for (const [, disk] of disks) disk.close()
    }
  })
}

const asleep = (file: string): Finding => ({
  severity: 'warning',
  code: 'run-hibernated',
  message: 'this guest hibernated: what it knows is on its disk, and its vCPUs are off',
  hint: `\`psci-snap run --wake ${file}\` boots it again in the same environment, so that it resumes`,
})

function consoleOf(devices: readonly DeviceSnapshot[], wanted: 'uart' | 'virtio'): string {
  if (wanted === 'uart') return UART
  const found = devices.find(({ kind }) => kind === 'virtio-console')
  if (!found) throw new SnapError('USAGE', 'this guest has no virtio console', {}, { hint: 'leave --console out' })
  return found.name
}

/** A path in a snapshot is a stranger's: it is shown, never opened. */
function openDisks(snapshot: Snapshot, choices: readonly DiskChoice[]): readonly (readonly [string, FileDisk])[] {
  const wanted = snapshot.devices.filter(({ kind }) => kind === 'virtio-blk').map(({ name }) => name)
  const known = wanted.map(name => referenceOf(snapshot.devices, name))
  if (choices.length !== wanted.length)
    throw new SnapError(
      'USAGE',
      `this guest has ${wanted.length === 1 ? 'one disk' : `${wanted.length} disks`}, and --disk names ${choices.length}`,
      {},
      {
        hint: wanted.length === 0 ? 'leave --disk out' : `name each again, in this order: ${known.map(each => `--disk ${each?.path ?? 'FILE'}`).join(' ')}`,
      },
    )
  const disks: (readonly [string, FileDisk])[] = []
  try {
    wanted.forEach((name, n) => {
      const disk = openDisk(choices[n]!)
      disks.push([name, disk])
      const size = known[n]?.size
      if (size !== undefined && size !== BigInt(disk.size))
        throw new SnapError('USAGE', `${disk.path} has ${disk.size} bytes; when the guest was saved its disk had ${size}`, { file: disk.path })
    })
  } catch (error) {
    for (const [, disk] of disks) disk.close()
    throw error
  }
  return disks
}

function referenceOf(devices: readonly DeviceSnapshot[], name: string): { readonly path: string; readonly size: bigint | undefined } | undefined {
  const state = devices.find(each => each.kind === DISK_KIND && each.name === `${name}.disk`)?.state
  if (typeof state !== 'object' || state === null) return undefined
  const { path, size } = state as { readonly path?: unknown; readonly size?: unknown }
  return typeof path === 'string'
    ? { path: path.replace(/[^\x20-\x7e]/g, '?'), size: typeof size === 'bigint' ? size : typeof size === 'number' ? BigInt(Math.trunc(size)) : undefined }
    : undefined
}
