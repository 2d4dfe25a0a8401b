// Owns the opening and reading of an archive: three reads to any member, nothing trusted before it is checked, memory never loaded whole.
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { SCHEMA_VERSION } from '../schema/history.ts'
import type { Source } from '../source/source.ts'
import type { Archive, MemberRow } from './archive.ts'
import { openChunkCodec } from './chunk-codec.ts'
import type { Footer } from './footer.ts'
import { sha256 } from './footer.ts'
import { type Report, readIndex, readStored, readTail, throwFault } from './layout.ts'
import { LIMITS } from './limits.ts'
import { encodeManifest, type Manifest, manifestOf, parseManifest } from './manifest.ts'
import { isCompressed, MANIFEST } from './member-names.ts'
import { readCompressed, storedRegion } from './read-memory.ts'
import { decodeParts, type SnapshotParts } from './snapshot-parts.ts'
import { BLOCK, declaredEntry } from './tar-blocks.ts'

/** The members of an archive, before anyone asks what they mean. */
export interface OpenMembers {
  readonly contentDigest: string
  readonly rows: readonly MemberRow[]
  /** The raw bytes of one member, checked: one read. */
  read(row: MemberRow): Promise<Uint8Array>
}

/**
 * Reads footer and index: two reads, whatever the size of the file. Throws FORMAT_TOO_NEW or SCHEMA_TOO_NEW for a file from the future whose tail
 * is not one of ours, else ARCHIVE_CORRUPT or LIMIT_EXCEEDED.
 */
export async function openMembers(source: Source): Promise<OpenMembers> {
  const report = throwFault(source.name)
  let footer: Footer | undefined
  let rows: readonly MemberRow[] | undefined
  try {
    footer = await readTail(source, report)
    rows = footer && (await readIndex(source, footer, report))
  } catch (error) {
    await requireNotTooNew(source)
    throw error
  }
  if (!footer || !rows) throw new SnapError('ARCHIVE_CORRUPT', `${source.name} has no members`, { file: source.name })
  return { contentDigest: footer.contentDigest, rows, read: row => readRaw(source, row, report) }
}

/**
 * Opens an archive: footer, index and manifest are read and checked, nothing else. Throws FORMAT_TOO_NEW or SCHEMA_TOO_NEW for a file from the
 * future (its versions are looked at before anything is believed damaged), else ARCHIVE_CORRUPT or LIMIT_EXCEEDED with member and offset.
 */
export async function openArchive(source: Source): Promise<Archive> {
  const report = throwFault(source.name)
  const { contentDigest, rows, read } = await openMembers(source)
  const byName = new Map(rows.map(row => [row.name, row]))
  const rowOf = (name: string): MemberRow => {
    const row = byName.get(name)
    if (!row) throw new SnapError('ARCHIVE_CORRUPT', `${source.name} has no member ${name}`, { file: source.name, member: name })
    return row
  }
  const first = rowOf(MANIFEST)
  const stored = await readStored(source, first, report)
  const manifest = parseManifest(stored, source.name, SCHEMA_VERSION)
  requireDigest(stored, first, report)
  return {
    name: source.name,
    manifest,
    contentDigest,
    members: rows,
    readMember: async name => read(rowOf(name)),
    readSnapshot: async signal => {
      const members = {
        file: source.name,
        rows,
        read: (row: MemberRow) => {
          signal?.throwIfAborted()
          return read(row)
        },
      }
      const parts = await decodeParts(members, manifest.schemaVersion, error => {
        throw error
      })
      if (!parts) throw new SnapError('ARCHIVE_CORRUPT', `${source.name}: vm.msgpack cannot be read`, { file: source.name, member: 'vm.msgpack' })
      const snapshot = assemble(source, parts)
      return { snapshot, findings: [...unknownFindings(parts), ...manifestFindings(manifest, snapshot)] }
    },
  }
}

/** The checked raw bytes of any member. Throws what `report` throws. */
async function readRaw(source: Source, row: MemberRow, report: Report): Promise<Uint8Array> {
  if (!isCompressed(row.name)) {
    const stored = await readStored(source, row, report)
    requireDigest(stored, row, report)
    return stored
  }
  const codec = await openChunkCodec({ bytes: row.raw })
  try {
    return (await readCompressed(source, row, codec, report)) ?? new Uint8Array()
  } finally {
    await codec.close()
  }
}

export function requireDigest(stored: Uint8Array, row: MemberRow, report: Report): void {
  if (sha256(stored).toString('hex') !== row.storedSha256)
    report({ code: 'ARCHIVE_CORRUPT', message: `${row.name} does not match its digest`, member: row.name, offset: row.offset })
}

export function assemble(source: Source, { vm, vcpus, devices, regions, machine, unknown }: SnapshotParts): Snapshot {
  return {
    origin: vm.origin,
    gic: vm.gic,
    stop: vm.stop,
    vm: vm.vm,
    vcpus,
    devices,
    memory: regions.map(region => storedRegion(source, region)),
    ...(machine ? { machine } : {}),
    ...(unknown.length > 0 ? { unknown } : {}),
  }
}

/** What is kept although this release does not understand it. */
export function unknownFindings({ unknown }: SnapshotParts): readonly Finding[] {
  return unknown.map(({ name, bytes }) => ({
    severity: 'info' as const,
    code: 'unknown-content',
    message: `${JSON.stringify(name)} (${bytes.length} bytes) is not understood by this release and is kept as it is`,
  }))
}

/** A manifest that says something else than the members. */
export function manifestFindings(manifest: Manifest, snapshot: Snapshot): readonly Finding[] {
  const expected = encodeManifest(manifestOf(snapshot, manifest.schemaVersion, manifest.tool))
  if (Buffer.compare(expected, encodeManifest(manifest)) === 0) return []
  return [{ severity: 'error', code: 'manifest-differs', message: 'manifest.json does not say what the members hold' }]
}

/** For a file whose tail is no tail of ours: throws FORMAT_TOO_NEW or SCHEMA_TOO_NEW when its manifest announces the future. */
export async function requireNotTooNew(source: Source): Promise<void> {
  const head = await source.head(BLOCK)
  const entry = head.length === BLOCK ? declaredEntry(head) : undefined
  if (entry?.name !== MANIFEST || entry.size > LIMITS.manifestBytes || BLOCK + entry.size > source.size) return
  try {
    parseManifest(await source.read(BLOCK, entry.size), source.name, SCHEMA_VERSION)
  } catch (error) {
    if (error instanceof SnapError && (error.code === 'FORMAT_TOO_NEW' || error.code === 'SCHEMA_TOO_NEW')) throw error
  }
}
