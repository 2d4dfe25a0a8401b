// Owns the making of output files: whole or not at all, private, never over another file unless told so. Knows no format.
// A killed process may leave `.NAME.psci-snap-<random>.tmp` beside the output; the final name never holds anything but a whole file.
import { constants } from 'node:fs'
import { type FileHandle, link, lstat, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SnapError } from '../../errors.ts'
import type { Sink } from './sink.ts'

/** What a file is called until it is whole. One that is left over from a killed process may be deleted. */
export const TEMPORARY_NAME = /^\..*\.psci-snap-[0-9a-f]{12}\.tmp$/

export interface OutputOptions {
  /** Replace an existing file. */
  readonly force?: boolean
  readonly signal?: AbortSignal
}

/**
 * Gives `writer` a sink for `path` (`-`: standard output) and makes the file appear under its name only after everything is written and on disk.
 * On any failure nothing is left. Mode 0600. A FIFO or a character device (`/dev/null`) is written to directly.
 * Throws OUTPUT_EXISTS, CANNOT_WRITE, the signal's reason, or whatever `writer` throws.
 */
export async function writeFileAtomically<T>(path: string, options: OutputOptions, writer: (sink: Sink) => Promise<T>): Promise<T> {
  options.signal?.throwIfAborted()
  if (path === '-') {
    process.stdout.on('error', () => {}) // the failed write itself says so; without a listener the event would end the process
    return writer(standardOutput)
  }
  const target = await resolveTarget(path, options.force ?? false)
  return target.stream ? writeThrough(target.path, path, writer) : writeBeside(target.path, path, options, writer)
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the quota is used up',
  EFBIG: 'the file is too large for the file system',
  EISDIR: 'it is a directory',
  ENAMETOOLONG: 'the name is too long',
  EPIPE: 'the reader has gone',
}
const cannotWrite = (name: string, cause: unknown): SnapError => {
  const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? (cause instanceof Error ? cause.message : String(cause))
  return new SnapError('CANNOT_WRITE', `cannot write ${name}: ${reason}`, { file: name }, { cause })
}
const outputExists = (name: string): SnapError => new SnapError('OUTPUT_EXISTS', `${name} exists already`, { file: name })

/** Where the bytes go in the end: symbolic links are followed, so that the file and not the link is replaced. */
async function resolveTarget(path: string, force: boolean): Promise<{ readonly path: string; readonly stream: boolean }> {
  try {
    const link = await lstat(path)
    if (!link.isSymbolicLink() && link.isFile() && !force) throw outputExists(path)
    const found = await stat(path)
    if (found.isFIFO() || found.isCharacterDevice()) return { path, stream: true }
    if (!found.isFile())
      throw new SnapError('CANNOT_WRITE', `cannot write ${path}: it is a ${found.isDirectory() ? 'directory' : 'device'}, not a file`, { file: path })
    if (!force) throw outputExists(path)
    return { path: await realpath(path), stream: false }
  } catch (error) {
    if (error instanceof SnapError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path, stream: false } // the usual case; a dangling link is found at the end
    throw cannotWrite(path, error)
  }
}

async function writeBeside<T>(target: string, name: string, options: OutputOptions, writer: (sink: Sink) => Promise<T>): Promise<T> {
  const { randomBytes } = await import('node:crypto')
  const temporary = join(dirname(target), `.${basename(target).slice(0, 200)}.psci-snap-${randomBytes(6).toString('hex')}.tmp`)
  let file: FileHandle
  try {
    file = await open(temporary, 'wx', 0o600)
  } catch (cause) {
    throw cannotWrite(name, cause)
  }
  let result: T
  try {
    try {
      result = await writer(fileSink(file, name))
      options.signal?.throwIfAborted()
      await file.sync().catch((cause: unknown) => {
        throw cannotWrite(name, cause)
      })
    } finally {
      await file.close()
    }
    options.signal?.throwIfAborted()
    await publish(temporary, target, name, options.force ?? false)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error
  }
  await syncDirectory(dirname(target))
  return result
}

/** Gives the finished file its name. Without `force` by a hard link, which fails when the name is taken, without a moment in between. */
async function publish(temporary: string, target: string, name: string, force: boolean): Promise<void> {
  try {
    if (force) return await rename(temporary, target)
    await link(temporary, target)
    await unlink(temporary)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') throw outputExists(name)
    if (force || (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS' && code !== 'EMLINK')) throw cannotWrite(name, cause)
    await publishWithoutLinks(temporary, target, name)
  }
}

/** For file systems without hard links (FAT, some FUSE): looks and renames; only there two writers at the same instant could meet. */
async function publishWithoutLinks(temporary: string, target: string, name: string): Promise<void> {
  const taken = await lstat(target).then(
    () => true,
    () => false,
  )
  if (taken) throw outputExists(name)
  await rename(temporary, target).catch((cause: unknown) => {
    throw cannotWrite(name, cause)
  })
}

/** Makes the new name survive a power failure. File systems that cannot do that refuse; then there is nothing to be done. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, constants.O_RDONLY)
    await directory.sync().finally(() => directory.close())
  } catch {
    // EINVAL, EPERM, EISDIR: directories cannot be synced there
  }
}

async function writeThrough<T>(path: string, name: string, writer: (sink: Sink) => Promise<T>): Promise<T> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_WRONLY)
  } catch (cause) {
    throw cannotWrite(name, cause)
  }
  try {
    return await writer(handleSink(file, name))
  } finally {
    await file.close()
  }
}

/** Of a new regular file: written at places that it counts itself, so that it can have holes. */
function fileSink(file: FileHandle, name: string): Sink {
  let at = 0
  return {
    ...handleSink(file, name, length => {
      at += length
      return at - length
    }),
    async hole(length) {
      at += length
      await file.truncate(at).catch((cause: unknown) => {
        throw cannotWrite(name, cause)
      })
    },
  }
}

/** `place` is told how many bytes will be written and says where; without it they go where the file's own position is. */
function handleSink(file: FileHandle, name: string, place?: (length: number) => number): Sink {
  return {
    async write(...parts) {
      let left = parts.filter(part => part.length > 0)
      let at = place?.(left.reduce((sum, part) => sum + part.length, 0))
      try {
        while (left.length > 0) {
          const { bytesWritten } = await file.writev(left as NodeJS.ArrayBufferView[], at)
          left = after(left, bytesWritten)
          if (at !== undefined) at += bytesWritten
        }
      } catch (cause) {
        throw cannotWrite(name, cause)
      }
    },
  }
}

/** What is left of `parts` after their first `written` bytes. */
function after(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = []
  let skip = written
  for (const part of parts) {
    if (skip < part.length) left.push(skip === 0 ? part : part.subarray(skip))
    skip = Math.max(0, skip - part.length)
  }
  return left
}

const standardOutput: Sink = {
  async write(...parts) {
    for (const part of parts) {
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(part, error => (error ? reject(cannotWrite('standard output', error)) : resolve()))
      })
    }
  },
}
