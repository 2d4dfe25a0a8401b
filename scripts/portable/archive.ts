// Owns the bytes of the portable tarball: the same tree gives the same bytes, whoever makes it and when.
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { create } from 'tar'

/** Written by nobody at no time; what is executable stays so. 1985, as npm has it: some tools dislike 1970. */
const WHEN = new Date('1985-10-26T08:15:00Z')

/** Packs `parent`/`name` as a gzipped tar with `name` as its only top folder. */
export async function packTree(parent: string, name: string, output: string): Promise<void> {
  const files = readdirSync(join(parent, name), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(parent, join(entry.parentPath, entry.name)))
    .sort((a, b) => (a < b ? -1 : 1))
  await create({ cwd: parent, file: output, portable: true, noMtime: false, mtime: WHEN, gzip: { level: 9 }, noDirRecurse: true, umask: 0o022 }, files)
}
