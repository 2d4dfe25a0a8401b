// Owns index.json: one line of JSON per member, in file order. It is parsed by hand, line by line: there is one spelling for each table, so
// nothing hostile can be hidden in it, and a hundred megabytes of it do not become gigabytes of objects.
import { SnapError } from '../../errors.ts'
import type { MemberRow } from './archive.ts'
import { LIMITS } from './limits.ts'
import { isCompressed, MANIFEST, type MemberKind, memberKind } from './member-names.ts'
import { BLOCK, padded } from './tar-blocks.ts'

const head = (formatVersion: number): string => `{"formatVersion":${formatVersion},"members":[\n`
const TAIL = ']}\n'
const HEX = '[0-9a-f]{64}'
const LINE = new RegExp(`^\\["([A-Za-z0-9._/-]{1,99})",(0|[1-9][0-9]{0,15}),(0|[1-9][0-9]{0,15}),(0|[1-9][0-9]{0,15}),"(${HEX})","(${HEX})"\\](,?)$`)

const line = (row: MemberRow): string => `["${row.name}",${row.offset},${row.stored},${row.raw},"${row.storedSha256}","${row.rawSha256}"]`

/** The bytes of index.json, in pieces of some thousand rows. */
export function encodeIndex(rows: readonly MemberRow[], formatVersion: number): Uint8Array {
  return new TextEncoder().encode(`${head(formatVersion)}${rows.map(line).join(',\n')}\n${TAIL}`)
}

/**
 * Reads index.json and checks that its rows lie end to end from the start of the file to `end` (the offset of the index's own header), that names
 * are known ones or harmless, each once, and that sizes are within limits. Throws ARCHIVE_CORRUPT or LIMIT_EXCEEDED.
 */
export function parseIndex(bytes: Uint8Array, file: string, formatVersion: number, end: number): readonly MemberRow[] {
  const corrupt = (what: string, offset = 0): SnapError =>
    new SnapError('ARCHIVE_CORRUPT', `${file}: index.json: ${what}`, { file, member: 'index.json', offset })
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const start = head(formatVersion)
  if (!text.startsWith(start)) throw corrupt('it does not begin as an index does')
  if (!text.endsWith(`\n${TAIL}`)) throw corrupt('it does not end as an index does', text.length)
  const rows: MemberRow[] = []
  const names = new Set<string>()
  const tailAt = text.length - TAIL.length
  let next = BLOCK
  for (let at = start.length; at < tailAt; ) {
    const stop = text.indexOf('\n', at)
    const match = LINE.exec(text.slice(at, stop))
    if (!match) throw corrupt(`row ${rows.length} is not a row`, at)
    const [, name = '', offset, stored, raw, storedSha256 = '', rawSha256 = '', comma] = match
    if ((comma === '') !== (stop + 1 === tailAt)) throw corrupt(`row ${rows.length} has a comma too many or too few`, at)
    const row: MemberRow = { name, offset: Number(offset), stored: Number(stored), raw: Number(raw), storedSha256, rawSha256 }
    if (rows.length >= LIMITS.members) throw new SnapError('LIMIT_EXCEEDED', `${file}: there are more than ${LIMITS.members} members`, { file })
    if ((rows.length === 0) !== (name === MANIFEST)) throw corrupt(`row ${rows.length} is ${name}; ${MANIFEST} is the first member and comes once`, at)
    if (names.has(name)) throw corrupt(`${name} comes twice`, at)
    names.add(name)
    if (row.offset !== next) throw corrupt(`${name} starts at ${row.offset}, but the member before it ends at ${next - BLOCK}`, at)
    checkRow(row, file)
    next = row.offset + padded(row.stored) + BLOCK
    if (next - BLOCK > end) throw corrupt(`${name} reaches beyond the index`, at)
    rows.push(row)
    at = stop + 1
  }
  if (rows.length === 0) throw corrupt('it has no rows')
  if (next - BLOCK !== end) throw corrupt(`the last member ends at ${next - BLOCK}, the index starts at ${end}`, tailAt)
  return rows
}

function checkRow(row: MemberRow, file: string): void {
  const kind = memberKind(row.name)
  const where = { file, member: row.name }
  if (!kind || kind.kind === 'index' || kind.kind === 'footer') throw new SnapError('ARCHIVE_CORRUPT', `${file}: ${row.name} is not a name of a member`, where)
  const limit = rawLimit(kind)
  if (row.raw > limit) throw new SnapError('LIMIT_EXCEEDED', `${file}: ${row.name} declares ${row.raw} bytes, at most ${limit} are allowed`, where)
  const compressed = isCompressed(row.name)
  if (!compressed && (row.stored !== row.raw || row.storedSha256 !== row.rawSha256))
    throw new SnapError('ARCHIVE_CORRUPT', `${file}: ${row.name} is stored as it is, but its sizes or digests differ`, where)
  if (compressed && row.stored > row.raw + LIMITS.frameOverhead)
    throw new SnapError('LIMIT_EXCEEDED', `${file}: ${row.name} is stored in ${row.stored} bytes, more than its ${row.raw} need`, where)
}

/** Bytes that a member of this kind may have, uncompressed. */
export function rawLimit(kind: MemberKind): number {
  switch (kind.kind) {
    case 'manifest':
      return LIMITS.manifestBytes
    case 'machine':
    case 'foreign':
      return LIMITS.machineBytes
    case 'chunk':
      return LIMITS.chunkBytes
    case 'index':
      return LIMITS.indexBytes
    default:
      return LIMITS.memberBytes
  }
}
