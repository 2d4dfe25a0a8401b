// Owns the making and rewriting of archives in memory for tests.
import { createHash } from 'node:crypto'
import type { MemberRow } from '../../../src/formats/archive/archive.ts'
import { contentDigestOf } from '../../../src/formats/archive/content-digest.ts'
import { encodeFooter } from '../../../src/formats/archive/footer.ts'
import { encodeIndex } from '../../../src/formats/archive/index-file.ts'
import { openArchive } from '../../../src/formats/archive/read.ts'
import { BLOCK, padded, tarHeader } from '../../../src/formats/archive/tar-blocks.ts'
import { writeArchive } from '../../../src/formats/archive/write.ts'
import { BytesSink } from '../../../src/formats/output/sink.ts'
import { bytesSource } from '../../../src/formats/source/source.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'

export async function archiveOf(snapshot: Snapshot, tool = 'test'): Promise<Uint8Array> {
  const sink = new BytesSink()
  await writeArchive(snapshot, sink, { tool })
  return sink.bytes()
}

export async function readArchive(bytes: Uint8Array): Promise<Snapshot> {
  return (await (await openArchive(bytesSource(bytes, 'test.psnap'))).readSnapshot()).snapshot
}

export interface RawMember {
  readonly name: string
  readonly stored: Uint8Array
  readonly raw?: Partial<Pick<MemberRow, 'raw' | 'rawSha256'>>
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The members of an archive as they are stored. */
export async function membersOf(bytes: Uint8Array): Promise<RawMember[]> {
  const archive = await openArchive(bytesSource(bytes))
  return archive.members.map(({ name, offset, stored, raw, rawSha256 }) => ({ name, stored: bytes.slice(offset, offset + stored), raw: { raw, rawSha256 } }))
}

/** Builds a whole archive of any members with digests, index and footer that are right: what a hostile but careful writer would make. */
export function forge(
  members: readonly RawMember[],
  change: { readonly index?: (text: string) => string; readonly formatVersion?: number; readonly header?: (name: string, size: number) => Uint8Array } = {},
): Uint8Array {
  const header = change.header ?? tarHeader
  const parts: Uint8Array[] = []
  const rows: MemberRow[] = []
  let at = 0
  const put = (name: string, bytes: Uint8Array): void => {
    parts.push(header(name, bytes.length), bytes, new Uint8Array(padded(bytes.length) - bytes.length))
    at += BLOCK + padded(bytes.length)
  }
  for (const { name, stored, raw } of members) {
    rows.push({
      name,
      offset: at + BLOCK,
      stored: stored.length,
      raw: raw?.raw ?? stored.length,
      storedSha256: sha256(stored),
      rawSha256: raw?.rawSha256 ?? sha256(stored),
    })
    put(name, stored)
  }
  const formatVersion = change.formatVersion ?? 1
  const text = Buffer.from(encodeIndex(rows, formatVersion)).toString()
  const index = Buffer.from(change.index?.(text) ?? text)
  const indexOffset = at + BLOCK
  put('index.json', index)
  put('footer', encodeFooter({ formatVersion, indexOffset, indexSize: index.length, indexSha256: sha256(index), contentDigest: contentDigestOf(rows) }))
  parts.push(new Uint8Array(2 * BLOCK))
  return new Uint8Array(Buffer.concat(parts))
}
