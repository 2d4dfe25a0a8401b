// Owns patterns over paths that no shell has expanded: * ? […] within a name, ** over folders. Reads names of folders only; knows no format.
import type { Dirent } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { globMatcher, isGlob } from '../../arch/catalogue/glob.ts'

/**
 * Paths that `pattern` means, each folder's names in order. Names that start with a dot are meant only by a pattern that does, and ** follows no
 * links, as in a shell. A ** at the end is the folder itself. Folders that cannot be read match nothing.
 */
export async function* expandPathGlob(pattern: string): AsyncGenerator<string> {
  const parts = pattern.split('/').filter((part, at, all) => part !== '**' || all[at - 1] !== '**')
  while (parts.length > 1 && parts.at(-1) === '**') parts.pop()
  yield* expand('', parts)
}

async function* expand(base: string, [part, ...rest]: readonly string[]): AsyncGenerator<string> {
  if (part === undefined) {
    yield base === '' ? '.' : base
    return
  }
  if (part === '') {
    // `/a` and `a//b`; a slash at the end asks for a folder
    const next = base === '' ? '/' : base
    if (rest.length > 0 || (await isFolder(next))) yield* expand(next, rest)
    return
  }
  if (part === '**') {
    yield* expand(base, rest)
    for (const entry of await namesIn(base)) if (entry.isDirectory() && !entry.name.startsWith('.')) yield* expand(below(base, entry.name), [part, ...rest])
    return
  }
  if (!isGlob(part)) {
    const next = below(base, part)
    if (rest.length === 0 ? await exists(next) : await isFolder(next)) yield* expand(next, rest)
    return
  }
  const matches = globMatcher(part, { exactCase: true })
  for (const entry of await namesIn(base)) {
    if (!matches(entry.name) || (entry.name.startsWith('.') && !part.startsWith('.'))) continue
    const next = below(base, entry.name)
    if (rest.length === 0 || (await isFolder(next))) yield* expand(next, rest)
  }
}

/** Keeps the path as it was written: `./a` stays `./a`. */
const below = (base: string, name: string): string => (base === '' || base.endsWith('/') ? base + name : `${base}/${name}`)

async function namesIn(folder: string): Promise<readonly Dirent[]> {
  try {
    return (await readdir(folder === '' ? '.' : folder, { withFileTypes: true })).sort(byName)
  } catch {
    return []
  }
}

/** An order that is the same on every machine. */
export const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )

const exists = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )
