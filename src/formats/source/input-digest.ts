// Owns what an input is as a whole, file or folder: its name, its size, its digest. Knows no format.
import { type PackedFile, type Source, sourceSha256 } from './source.ts'

export interface Extent {
  /** As the user gave it, or `standard input`. */
  readonly name: string
  /** Bytes on disk. */
  readonly size: number
  /** Of a file that is compressed as a whole: how, and how many bytes are in it. */
  readonly compression?: PackedFile['compression']
  readonly unpacked?: number
}

/** `members` are the files of a folder that belong to the snapshot, as its importer says; without them the source is all. */
export async function inputExtent(path: string, source: Source, members: readonly string[] | undefined): Promise<Extent> {
  if (!source.folder || !members) return sourceExtent(source)
  let size = 0
  for (const member of members) size += await withMember(source, member, async file => file.size)
  return { name: path, size }
}

function sourceExtent({ name, size, packed }: Source): Extent {
  return packed ? { name, size: packed.size, compression: packed.compression, unpacked: size } : { name, size }
}

/**
 * sha256 of a file in hex, as it is on disk. Of a folder: sha256 of one line `<sha256>  <relative name>` per file, in byte order of the names, so that
 * `sha256sum $(find . -type f -printf '%P\n' | LC_ALL=C sort) | sha256sum` gives the same for a folder that holds nothing else.
 */
export async function inputSha256(source: Source, members: readonly string[] | undefined, signal?: AbortSignal): Promise<string> {
  if (!source.folder || !members) return source.packed ? source.packed.sha256(signal) : sourceSha256(source, signal)
  const { createHash } = await import('node:crypto')
  const hash = createHash('sha256')
  const sorted = [...members].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const member of sorted) hash.update(`${await withMember(source, member, file => sourceSha256(file, signal))}  ${member}\n`)
  return hash.digest('hex')
}

async function withMember<T>({ folder }: Source, member: string, use: (file: Source) => Promise<T>): Promise<T> {
  if (!folder) throw new Error('a source without a folder has no members')
  const file = await folder.open(member)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}
