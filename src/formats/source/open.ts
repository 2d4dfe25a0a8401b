// Owns the way from a path, or `-`, to a Source: files are read in place, streams are kept (spool.ts), compression is taken off (unwrap.ts).
import { constants, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { SnapError } from '../../errors.ts'
import { requireInside, type Source } from './source.ts'

export interface OpenOptions {
  readonly signal?: AbortSignal
  /** Leave gzip and zstd as they are. */
  readonly wrapped?: boolean
}

/**
 * Opens an input: a file, a FIFO, or standard input for `-`, with gzip or zstd around it taken off. Throws CANNOT_READ when there is nothing to
 * read, INPUT_CORRUPT for damaged compression, LIMIT_EXCEEDED for a stream without end or a compression bomb. The caller closes it.
 */
export async function openSource(path: string, options: OpenOptions = {}): Promise<Source> {
  const source = path === '-' ? await openStandardInput(options.signal) : await openPath(path, options.signal)
  if (options.wrapped) return source
  const { unwrap } = await import('./unwrap.ts')
  try {
    return await unwrap(source, options.signal)
  } catch (error) {
    await source.close()
    throw error
  }
}

export const cannotRead = (name: string, cause: unknown): SnapError => {
  const reason = REASONS[(cause as NodeJS.ErrnoException).code ?? ''] ?? (cause instanceof Error ? cause.message : String(cause))
  return new SnapError('CANNOT_READ', `cannot read ${name}: ${reason}`, { file: name }, { cause })
}
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is not a directory',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
}

async function openPath(path: string, signal: AbortSignal | undefined): Promise<Source> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY)
  } catch (cause) {
    throw cannotRead(path, cause)
  }
  try {
    const stat = await file.stat()
    if (stat.isFile()) return fileSource(file, path, stat.size)
    if (!stat.isFIFO() && !stat.isSocket())
      throw new SnapError('CANNOT_READ', `cannot read ${path}: it is a ${stat.isDirectory() ? 'directory' : 'device'}, not a file`, { file: path })
    const { spool } = await import('./spool.ts')
    const source = await spool(file.createReadStream({ autoClose: false }), path, signal)
    await file.close()
    return source
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
}

async function openStandardInput(signal: AbortSignal | undefined): Promise<Source> {
  if (process.stdin.isTTY) throw new SnapError('CANNOT_READ', 'standard input is a terminal; pipe or redirect a file into it', { file: 'standard input' })
  const { spool } = await import('./spool.ts')
  return spool(process.stdin, 'standard input', signal)
}

function readAtOnce(file: FileHandle, name: string, target: Uint8Array, at: number, position: number): number {
  try {
    return readSync(file.fd, target, at, target.length - at, position)
  } catch (cause) {
    throw cannotRead(name, cause)
  }
}

/** A source over an open file, which it closes. */
export function fileSource(file: FileHandle, name: string, size: number): Source {
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    requireInside(name, size, offset, length)
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await file.read(bytes, done, length - done, offset + done).catch((cause: unknown) => {
        throw cannotRead(name, cause)
      })
      if (bytesRead === 0) throw new SnapError('CANNOT_READ', `${name} became shorter while it was read`, { file: name, offset: offset + done })
      done += bytesRead
    }
    return bytes
  }
  const readInto = (offset: number, target: Uint8Array): void => {
    requireInside(name, size, offset, target.length)
    for (let done = 0; done < target.length; ) {
      const bytesRead = readAtOnce(file, name, target, done, offset + done)
      if (bytesRead === 0) throw new SnapError('CANNOT_READ', `${name} became shorter while it was read`, { file: name, offset: offset + done })
      done += bytesRead
    }
  }
  return { name, size, read, readInto, head: length => read(0, Math.min(length, size)), close: () => file.close() }
}
