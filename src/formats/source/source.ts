// Owns the idea of readable input: named bytes with a size and random access. Knows no format; file.ts and spool.ts make sources of files and streams.
import { SnapError } from '../../errors.ts'
import type { Folder } from './folder.ts'

/** A file that is compressed as a whole. */
export interface PackedFile {
  readonly compression: 'gzip' | 'zstd' | 'xz' | 'bzip2'
  /** Bytes. */
  readonly size: number
  sha256(signal?: AbortSignal): Promise<string>
}

/** Random access to input bytes. All offsets and sizes in bytes. */
export interface Source {
  /** For messages: the path as the user gave it, or `standard input`. */
  readonly name: string
  readonly size: number
  /** Of a snapshot that is a folder: the folder, with the other files. Closed with the source. */
  readonly folder?: Folder
  /** Of a file that was unpacked: the file as it is on disk. */
  readonly packed?: PackedFile
  /**
   * Exactly `length` bytes from `offset`, in memory that nobody else will change. Throws INPUT_CORRUPT when the source ends before that (never
   * a short read) and CANNOT_READ when the system refuses.
   */
  read(offset: number, length: number): Promise<Uint8Array>
  /**
   * Fills `target` from `offset`, at once and without a promise: for passes over gigabytes, in memory that is used again. Only sources have it for
   * which that is cheap; throws as `read` does.
   */
  readInto?(offset: number, target: Uint8Array): void
  /** The first `length` bytes, or all of them when there are fewer. */
  head(length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** A source over bytes in memory; reads are copies. */
export function bytesSource(bytes: Uint8Array, name = 'bytes'): Source {
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      requireInside(name, bytes.length, offset, length)
      return new Uint8Array(bytes.subarray(offset, offset + length)) // slice() of a Buffer would be a view
    },
    head: async length => new Uint8Array(bytes.subarray(0, length)),
    close: async () => {},
  }
}

/** Throws INPUT_CORRUPT unless `length` bytes at `offset` lie inside a source of `size` bytes. */
export function requireInside(name: string, size: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > size)
    throw new SnapError('INPUT_CORRUPT', `${name} ends at byte ${size}; ${length} bytes are needed at ${offset}`, {
      file: name,
      offset: Math.min(offset, size),
    })
}

/** Reads a whole source, refusing more than `limit` bytes with LIMIT_EXCEEDED. */
export async function readAll(source: Source, limit: number, what: string): Promise<Uint8Array> {
  if (source.size > limit) throw new SnapError('LIMIT_EXCEEDED', `${source.name} has ${source.size} bytes; ${what} has at most ${limit}`, { file: source.name })
  return source.read(0, source.size)
}

/** sha256 of all bytes in lower-case hex, read in 1 MiB pieces. */
export async function sourceSha256(source: Source, signal?: AbortSignal): Promise<string> {
  const { createHash } = await import('node:crypto')
  const hash = createHash('sha256')
  const piece = 1 << 20
  for (let at = 0; at < source.size; at += piece) {
    signal?.throwIfAborted()
    hash.update(await source.read(at, Math.min(piece, source.size - at)))
  }
  return hash.digest('hex')
}
