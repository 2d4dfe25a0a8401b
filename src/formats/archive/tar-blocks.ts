// Owns the tar of an archive: a 512-byte ustar header before each member, zero padding after it, two zero blocks at the end. Nothing of tar but
// plain files with fixed metadata is ever written or accepted, so a header is checked by encoding it again: one right answer per name and size.
import { Header } from 'tar/header'
import { SnapError } from '../../errors.ts'

export const BLOCK = 512
/** Bytes after the last member: tar's end-of-archive mark. */
export const END_BYTES = 2 * BLOCK
const EPOCH = new Date(0)

/** Zero bytes after `size` bytes of content, up to a full block. */
export const paddingOf = (size: number): number => -size & (BLOCK - 1)
export const padded = (size: number): number => size + paddingOf(size)

/** The header of a plain file: mode 0644, owner 0, no time, no names. Names of archive members always fit (limits.ts). */
export function tarHeader(name: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK)
  const header = new Header({ path: name, size, type: 'File', mode: 0o644, uid: 0, gid: 0, uname: '', gname: '', mtime: EPOCH })
  header.encode(block)
  if (header.needPax) throw new SnapError('ARCHIVE_CORRUPT', `${JSON.stringify(name)} with ${size} bytes does not fit a plain tar header`, { member: name })
  return block
}

/** Index of the first byte at which two blocks differ, or -1. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i
  return a.length === b.length ? -1 : length
}

/** Index of the first byte that is not zero, or -1. */
export const firstNonZero = (bytes: Uint8Array): number => bytes.findIndex(byte => byte !== 0)

/** What 512 bytes say if they are a header at all. tar throws bare Errors at some numbers. */
function decodeHeader(block: Uint8Array): Header | undefined {
  try {
    return new Header(Buffer.from(block))
  } catch {
    return undefined
  }
}

/** What a header says, as far as one can tell: for messages about a block that is not the expected one. */
export function describeHeader(block: Uint8Array): string {
  const header = decodeHeader(block)
  if (!header) return 'no header'
  if (header.nullBlock) return 'zeros'
  if (!header.cksumValid) return 'a header with a wrong checksum'
  return `${header.type ?? 'an entry'} ${JSON.stringify((header.path ?? '').slice(0, 120))} of ${header.size ?? '?'} bytes`
}

/** Name and size that a header declares, where they can be read: for files whose index cannot. */
export function declaredEntry(block: Uint8Array): { readonly name: string; readonly size: number } | undefined {
  const header = decodeHeader(block)
  return header?.path === undefined || header.size === undefined ? undefined : { name: header.path, size: header.size }
}
