// Owns the content digest: the identity of what an archive holds, independent of codec, of Node and of who wrote it. manifest.json is left out:
// all it adds is the writer's name.
import { createHash } from 'node:crypto'
import type { MemberRow } from './archive.ts'
import { MANIFEST } from './member-names.ts'

/** sha256, in hex, of one line per member in order of names: name, raw size and raw sha256, separated by spaces, each line ended by a newline. */
export function contentDigestOf(rows: readonly MemberRow[]): string {
  const hash = createHash('sha256')
  const sorted = rows.filter(row => row.name !== MANIFEST).sort((a, b) => (a.name < b.name ? -1 : 1))
  for (const row of sorted) hash.update(`${row.name} ${row.raw} ${row.rawSha256}\n`)
  return hash.digest('hex')
}
