// Owns the complete check of an archive: every byte of the file is covered by a comparison or a digest, and what fails is a finding, not a throw.
import { SnapError } from '../../errors.ts'
import { SCHEMA_VERSION } from '../schema/history.ts'
import type { Source } from '../source/source.ts'
import type { ArchiveFinding, MemberRow, VerifyOptions, VerifyReport } from './archive.ts'
import { type ChunkCodec, openChunkCodec } from './chunk-codec.ts'
import { type Fault, faultOf, type Report, readIndex, readStored, readTail } from './layout.ts'
import { type Manifest, parseManifest } from './manifest.ts'
import { isCompressed, MANIFEST } from './member-names.ts'
import { assemble, manifestFindings, requireDigest, requireNotTooNew, unknownFindings } from './read.ts'
import { readCompressed } from './read-memory.ts'
import { decodeParts } from './snapshot-parts.ts'
import { BLOCK, declaredEntry, describeHeader, padded, tarHeader } from './tar-blocks.ts'

/** Stop collecting here: a file in which everything is wrong needs no longer list. */
const MOST_FINDINGS = 1000

/**
 * Checks every byte of an archive and decodes all of it but what memory means. Finds every flipped bit and every truncation. Throws FORMAT_TOO_NEW
 * and SCHEMA_TOO_NEW for a whole file from the future, CANNOT_READ, and the signal's reason; whatever else is wrong is in the report.
 */
export async function verifyArchive(source: Source, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { signal, onProgress } = options
  const findings: ArchiveFinding[] = []
  const report: Report = ({ code, message, member, offset }) => {
    if (findings.length < MOST_FINDINGS) findings.push({ severity: 'error', code: FINDING_CODES[code] ?? 'damaged', message, ...place(member, offset) })
    else if (findings.length === MOST_FINDINGS)
      findings.push({ severity: 'error', code: 'more-damage', message: 'there is more that is wrong; it is not listed' })
  }
  const finish = (rest: Pick<VerifyReport, 'members' | 'manifest' | 'contentDigest'>): VerifyReport => ({
    ok: !findings.some(finding => finding.severity === 'error'),
    findings,
    bytes: source.size,
    ...rest,
  })

  const footer = await readTail(source, report)
  const rows = footer && (await readIndex(source, footer, report))
  if (!footer || !rows) {
    await requireNotTooNew(source)
    return finish({ members: await walk(source, report, signal) })
  }
  const manifest = await verifyManifest(source, rows[0], report)
  const good = await verifyMembers(source, rows, report, onProgress, signal)
  if (manifest) {
    const members = {
      file: source.name,
      rows: rows.filter(row => good.has(row) || isCompressed(row.name)),
      read: (row: MemberRow) => readStored(source, row, () => {}),
    }
    const whole = members.rows.length === rows.length
    const parts = await decodeParts(members, manifest.schemaVersion, (error, member) => {
      const row = rows.find(candidate => candidate.name === member)
      // A member whose bytes are wrong has its finding already; what it would have said is not wrong again.
      if (row ? good.has(row) || isCompressed(row.name) : whole) report(faultOf(error, source.name, member, row?.offset ?? 0))
    })
    if (parts) {
      findings.push(...unknownFindings(parts))
      if (whole && !findings.some(finding => finding.severity === 'error')) findings.push(...manifestFindings(manifest, assemble(source, parts)))
    }
  }
  return finish({ members: rows.length + 2, contentDigest: footer.contentDigest, ...(manifest ? { manifest } : {}) })
}

const FINDING_CODES: Partial<Record<Fault['code'], string>> = { LIMIT_EXCEEDED: 'limit-exceeded' }
const place = (member: string | undefined, offset: number | undefined): Pick<ArchiveFinding, 'member' | 'offset'> => ({
  ...(member === undefined ? {} : { member }),
  ...(offset === undefined ? {} : { offset }),
})

/** The manifest, if its bytes are what the index says. A damaged one is reported with all other members. */
async function verifyManifest(source: Source, row: MemberRow | undefined, report: Report): Promise<Manifest | undefined> {
  if (!row) return undefined
  let damaged = false
  const stored = await readStored(source, row, () => {})
  requireDigest(stored, row, () => {
    damaged = true
  })
  if (damaged) return undefined
  try {
    return parseManifest(stored, source.name, SCHEMA_VERSION)
  } catch (error) {
    report(faultOf(error, source.name, MANIFEST, row.offset))
    return undefined
  }
}

/** Header, padding, sizes and both digests of every member; gives those with nothing wrong. */
async function verifyMembers(
  source: Source,
  rows: readonly MemberRow[],
  report: Report,
  onProgress: VerifyOptions['onProgress'],
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<MemberRow>> {
  const good = new Set<MemberRow>()
  const codec = await openChunkCodec({ bytes: rows.reduce((sum, row) => sum + (isCompressed(row.name) ? row.raw : 0), 0) })
  try {
    const pending: Promise<void>[] = []
    for (const row of rows) {
      signal?.throwIfAborted()
      const check = verifyMember(source, row, codec, report).then(fine => {
        if (fine) good.add(row)
      })
      check.catch(() => {}) // awaited when its turn comes
      pending.push(check)
      if (pending.length > codec.width) await pending.shift()
      onProgress?.(row.offset + padded(row.stored), source.size)
    }
    for (const check of pending) await check
    onProgress?.(source.size, source.size)
  } finally {
    await codec.close()
  }
  return good
}

async function verifyMember(source: Source, row: MemberRow, codec: ChunkCodec, report: Report): Promise<boolean> {
  let fine = true
  const note: Report = fault => {
    fine = false
    report(fault)
  }
  if (isCompressed(row.name)) await readCompressed(source, row, codec, note)
  else requireDigest(await readStored(source, row, note), row, note)
  return fine
}

/** Without an index: goes from header to header and says where it ends. Nothing can be vouched for, but the reader learns what is there. */
async function walk(source: Source, report: Report, signal: AbortSignal | undefined): Promise<number> {
  let at = 0
  let members = 0
  let last = ''
  while (at + BLOCK <= source.size) {
    signal?.throwIfAborted()
    const block = await source.read(at, BLOCK)
    if (block.every(byte => byte === 0)) return members
    const entry = declaredEntry(block)
    if (!entry || !isHeader(block, entry.name, entry.size)) {
      report({ code: 'ARCHIVE_CORRUPT', message: `no header of a member at ${at}${last ? `, after ${last}` : ''}: ${describeHeader(block)}`, offset: at })
      return members
    }
    const { name, size } = entry
    const end = at + BLOCK + padded(size)
    if (end > source.size) {
      report({
        code: 'ARCHIVE_CORRUPT',
        message: `the file ends at ${source.size}, inside ${name}, which reaches to ${end}`,
        member: name,
        offset: source.size,
      })
      return members
    }
    members++
    last = name
    at = end
  }
  return members
}

function isHeader(block: Uint8Array, name: string, size: number): boolean {
  try {
    return Buffer.compare(block, tarHeader(name, size)) === 0
  } catch (error) {
    if (error instanceof SnapError) return false
    throw error
  }
}
