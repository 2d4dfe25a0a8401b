// Owns a guest's disk that is a file of the host: read and written in place, at once. A snapshot keeps its path, size and digest, never its contents.
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import type { Disk } from '../../emulator/devices/device.ts'
import { SnapError } from '../../errors.ts'
import { cannotRead } from '../../formats/source/open.ts'
import type { DeviceSnapshot } from '../../model/snapshot.ts'
import { type FileIdentity, fileIdentity } from './boot-record.ts'

export interface DiskChoice {
  readonly path: string
  readonly readOnly: boolean
}
export interface FileDisk extends Disk {
  readonly path: string
  close(): void
}

const SECTOR = 512
const PIECE = 1 << 20

/** `FILE` or `FILE,ro`. Throws USAGE. */
export function parseDisk(text: string): DiskChoice {
  const [, path = '', option] = /^(.*?)(?:,(ro|rw))?$/s.exec(text) ?? []
  if (path === '')
    throw new SnapError('USAGE', `"${text.slice(0, 60)}" names no disk`, {}, { hint: '--disk FILE, or --disk FILE,ro for one that the guest cannot write to' })
  return { path, readOnly: option === 'ro' }
}

/** Opens an existing file; the guest's writes go to it unless it is read-only. Throws CANNOT_READ, USAGE for one that is no disk. */
export function openDisk({ path, readOnly }: DiskChoice): FileDisk {
  let fd: number
  try {
    fd = openSync(path, readOnly ? 'r' : 'r+')
  } catch (cause) {
    const error = cannotRead(path, cause)
    if (readOnly) throw error
    throw new SnapError(error.code, error.message, error.at, {
      cause,
      hint: `a disk is a file that you may write to; --disk ${path},ro opens it for reading only`,
    })
  }
  const stat = fstatSync(fd)
  const wrong = !stat.isFile()
    ? 'is no plain file'
    : stat.size === 0 || stat.size % SECTOR !== 0
      ? `has ${stat.size} bytes, not a multiple of ${SECTOR}`
      : undefined
  if (wrong !== undefined) {
    closeSync(fd)
    throw new SnapError('USAGE', `${path} ${wrong}: it cannot be a disk`, { file: path }, { hint: 'make one with `truncate -s 64M FILE`' })
  }
  return {
    path,
    size: stat.size,
    readOnly,
    read(offset, length) {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; ) {
        const got = readSync(fd, bytes, at, length - at, offset + at)
        if (got === 0) throw new Error(`${path} became shorter while a guest used it`)
        at += got
      }
      return bytes
    },
    write(offset, bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, offset + at)
    },
    flush: () => fsyncSync(fd),
    close: () => closeSync(fd),
  }
}

export const DISK_KIND = 'disk-file'

/** What a snapshot keeps of the disk behind the device of this name. */
export function diskReference(device: string, disk: FileDisk): DeviceSnapshot {
  const hash = createHash('sha256')
  for (let at = 0; at < disk.size; at += PIECE) hash.update(disk.read(at, Math.min(PIECE, disk.size - at)))
  return { name: `${device}.disk`, kind: DISK_KIND, state: { path: disk.path, size: BigInt(disk.size), readOnly: disk.readOnly, sha256: hash.digest('hex') } }
}

/** What a snapshot kept of the disk behind the device of this name; undefined when it kept nothing. Throws INPUT_CORRUPT. */
export function recordedDisk(devices: readonly DeviceSnapshot[], device: string): (FileIdentity & { readonly readOnly: boolean }) | undefined {
  const state = devices.find(({ kind, name }) => kind === DISK_KIND && name === `${device}.disk`)?.state
  if (state === undefined) return undefined
  return { ...fileIdentity(state, `the disk of ${device}`), readOnly: (state as { readonly readOnly?: unknown }).readOnly === true }
}
