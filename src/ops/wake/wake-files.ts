// Owns which files a guest is woken with: named again by the user, or, where the user says so, by the paths in the snapshot; and whether they still are what
// they were. A path in a snapshot is a stranger's: it is shown, and opened only when that is asked for.
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { DeviceSnapshot } from '../../model/snapshot.ts'
import type { BootRecord, FileIdentity } from '../run/boot-record.ts'
import { DISK_KIND, type DiskChoice, diskReference, type FileDisk, recordedDisk } from '../run/file-disk.ts'
import type { BootFile } from '../run/read-boot-files.ts'

export interface NamedFiles {
  readonly kernel?: string
  readonly initrd?: string
  readonly disks?: readonly DiskChoice[]
  /** Open what is not named by the path that the snapshot holds. */
  readonly recordedPaths?: boolean
}

export interface WakeFiles {
  readonly kernel: string
  readonly initrd?: string
  readonly disks: readonly DiskChoice[]
}

/** Names of the guest's disks, in their order. */
const disksOf = (devices: readonly DeviceSnapshot[]): readonly string[] => devices.filter(({ kind }) => kind === 'virtio-blk').map(({ name }) => name)

/** Throws USAGE for what is missing or too much, INPUT_CORRUPT for a record that cannot be read. Opens nothing. */
export function chooseFiles(record: BootRecord, devices: readonly DeviceSnapshot[], named: NamedFiles): WakeFiles {
  const wanted = disksOf(devices)
  const known = wanted.map(name => recordedDisk(devices, name))
  const all = [
    `--kernel ${shown(record.kernel.path)}`,
    ...(record.initrd ? [`--initrd ${shown(record.initrd.path)}`] : []),
    ...known.map(disk => `--disk ${disk ? shown(disk.path) : 'FILE'}`),
  ].join(' ')
  const wrong = (message: string): SnapError =>
    new SnapError('USAGE', message, {}, { hint: `name what it was booted with: ${all}; or let the paths in the snapshot be opened with --recorded-paths` })
  const path = (name: string | undefined, recorded: FileIdentity | undefined): string | undefined => name ?? (named.recordedPaths ? recorded?.path : undefined)
  const kernel = path(named.kernel, record.kernel)
  if (kernel === undefined) throw wrong('a guest wakes with the kernel that it hibernated with, and none is named')
  const initrd = path(named.initrd, record.initrd)
  if (initrd === undefined && record.initrd) throw wrong('this guest was booted with an initramfs, and none is named')
  if (initrd !== undefined && !record.initrd) throw wrong('this guest was booted without an initramfs')
  const { disks: choices = [] } = named
  if (choices.length === 0 && named.recordedPaths) {
    const paths = known.map((disk, n) => {
      if (!disk) throw wrong(`the snapshot does not say what was behind ${wanted[n]!}`)
      return { path: disk.path, readOnly: disk.readOnly }
    })
    return { kernel, ...(initrd === undefined ? {} : { initrd }), disks: paths }
  }
  if (choices.length !== wanted.length)
    throw wrong(`this guest has ${wanted.length === 1 ? 'one disk' : `${wanted.length} disks`}, and --disk names ${choices.length}`)
  const disks = choices.map(({ path: file, readOnly }, n) => {
    const writable = known[n]?.readOnly === false
    if (readOnly && writable) throw wrong(`the guest could write to its disk ${n + 1}: --disk ${file},ro would be another device`)
    return { path: file, readOnly: readOnly || known[n]?.readOnly === true }
  })
  return { kernel, ...(initrd === undefined ? {} : { initrd }), disks }
}

/** What became of one file since. */
export interface ChangedFile {
  readonly what: string
  readonly path: string
  readonly message: string
}

export interface OpenedFiles {
  readonly kernel: BootFile
  readonly initrd?: BootFile
  readonly disks: readonly FileDisk[]
}

/** Every file that is not what the snapshot says; a disk without a record cannot be told, and is one of them. Reads the disks whole. */
export function changedFiles(record: BootRecord, devices: readonly DeviceSnapshot[], { kernel, initrd, disks }: OpenedFiles): readonly ChangedFile[] {
  const wanted = disksOf(devices)
  return [
    compare('the kernel', record.kernel, kernel.identity),
    ...(initrd && record.initrd ? [compare('the initramfs', record.initrd, initrd.identity)] : []),
    ...disks.map((disk, n) => {
      const what = disks.length === 1 ? 'the disk' : `disk ${n + 1}`
      const recorded = recordedDisk(devices, wanted[n]!)
      if (!recorded)
        return { what, path: disk.path, message: `${disk.path} cannot be told from the disk that the guest had: the snapshot kept no digest of it` }
      const found = recordedDisk([{ ...diskReference(wanted[n]!, disk), kind: DISK_KIND }], wanted[n]!)!
      return compare(what, recorded, found)
    }),
  ].filter(each => each !== undefined)
}

function compare(what: string, recorded: FileIdentity, found: FileIdentity): ChangedFile | undefined {
  const { path } = found
  if (recorded.size !== found.size)
    return { what, path, message: `${path} is not ${what} that the guest was saved with: it has ${found.size} bytes, that had ${recorded.size}` }
  if (recorded.sha256 !== found.sha256)
    return {
      what,
      path,
      message: `${path} is not ${what} that the guest was saved with: its sha256 is ${found.sha256.slice(0, 16)}…, that was ${recorded.sha256.slice(0, 16)}…`,
    }
  return undefined
}

export const ACCEPT = '--accept-changed-files'

/** Throws FILE_CHANGED for the first one. */
export function refuseChanged(changed: readonly ChangedFile[]): void {
  const [first] = changed
  if (!first) return
  const isDisk = first.what.includes('disk')
  throw new SnapError(
    'FILE_CHANGED',
    first.message,
    { file: first.path },
    {
      hint: isDisk
        ? `somebody has written to it since: to resume what hibernated over it can destroy file systems. --clean boots without resuming; ${ACCEPT} wakes it at that risk`
        : `Linux resumes only with the kernel that hibernated. --clean boots without resuming; ${ACCEPT} tries it at the risk of a boot without its state`,
    },
  )
}

/** The same where it does not stop the work. */
export const changedFindings = (changed: readonly ChangedFile[], isClean: boolean): readonly Finding[] =>
  changed.map(({ message }) => ({
    severity: isClean ? 'info' : 'warning',
    code: 'wake-file-changed',
    message,
    ...(isClean ? {} : { hint: 'accepted as ordered: what is on the disk and what the guest remembers of it may differ' }),
  }))

const shown = (path: string): string => path.replace(/[^\x20-\x7e]/g, '?')
