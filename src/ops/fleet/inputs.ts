// Owns which files a call is about: files, folders with everything recognised below them, patterns. Yields paths as it finds them, in an order that
// depends on names only. Opens no snapshot but to tell a folder that is one from a folder that holds some.
import { lstat, readdir, stat } from 'node:fs/promises'
import { isGlob } from '../../arch/catalogue/glob.ts'
import { SnapError } from '../../errors.ts'
import { recogniseFolder } from '../../formats/importers/open-input.ts'
import { IMPORTERS } from '../../formats/importers/registry.ts'
import { TEMPORARY_NAME } from '../../formats/output/atomic-file.ts'
import { openFolder } from '../../formats/source/folder.ts'
import { byName, expandPathGlob } from './path-glob.ts'

export interface FleetInput {
  readonly path: string
  /** Named by the user, or by a pattern of his: then it must be a snapshot. What was found in a folder may be something else. */
  readonly named: boolean
  /** `path` is the name of a build, and a fresh guest of that host is meant. */
  readonly isHost?: true
  /** Why there is nothing to open, when that is already known. */
  readonly error?: SnapError
}

/** Everything that `words` mean, word by word. What is not there is an input with an error; throws only the signal's reason. */
export async function* listInputs(words: readonly string[], signal?: AbortSignal): AsyncGenerator<FleetInput> {
  for (const word of words) {
    signal?.throwIfAborted()
    if (word === '-' || !isGlob(word) || (await kindOf(word)) !== undefined) yield* inputsAt(word, signal)
    else {
      let found = false
      for await (const path of expandPathGlob(word)) {
        signal?.throwIfAborted()
        found = true
        yield* inputsAt(path, signal)
      }
      if (!found) yield { path: word, named: true, error: new SnapError('CANNOT_READ', `cannot read ${word}: no file matches the pattern`, { file: word }) }
    }
  }
}

async function* inputsAt(path: string, signal: AbortSignal | undefined): AsyncGenerator<FleetInput> {
  if (path === '-' || (await kindOf(path)) !== 'folder') yield { path, named: true }
  else if ((await folderMeaning(path)) !== 'files') yield { path, named: true }
  else yield* inputsBelow(path, signal)
}

async function kindOf(path: string): Promise<'folder' | 'other' | undefined> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'other'
  } catch {
    return lstat(path).then(
      () => 'other',
      () => undefined,
    )
  }
}

/** One snapshot, files that may be some, or something that opening it will explain: a VMM's folder that is not read, one that may not be read. */
async function folderMeaning(path: string): Promise<'snapshot' | 'files' | 'neither'> {
  try {
    const { source } = await recogniseFolder(await openFolder(path), IMPORTERS)
    await source.close()
    return 'snapshot'
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    // More names than any snapshot has: a folder of files.
    return error.code === 'FORMAT_UNKNOWN' || error.code === 'LIMIT_EXCEEDED' ? 'files' : 'neither'
  }
}

const MEMBERS = new Set(IMPORTERS.flatMap(importer => importer.folderMembers ?? []))

/** Every file below a folder. Links to files are followed, links to folders are not: they could lead in a circle. */
async function* inputsBelow(folder: string, signal: AbortSignal | undefined): AsyncGenerator<FleetInput> {
  signal?.throwIfAborted()
  const entries = (await readdir(folder, { withFileTypes: true }).catch(() => undefined))?.sort(byName)
  if (entries === undefined) {
    yield { path: folder, named: true } // opening it says why
    return
  }
  for (const entry of entries) {
    const path = folder === '.' ? entry.name : folder.endsWith('/') ? folder + entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      const isSnapshot = await holdsMember(path)
      if (isSnapshot && (await folderMeaning(path)) === 'snapshot') yield { path, named: false }
      else yield* inputsBelow(path, signal)
    } else if ((entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) && !TEMPORARY_NAME.test(entry.name)) yield { path, named: false }
  }
}

/** Most folders hold no file by which a snapshot's folder is known; looking at the rest costs more. */
async function holdsMember(folder: string): Promise<boolean> {
  for (const member of MEMBERS) if (await isFile(`${folder}/${member}`)) return true
  return false
}

const isFile = async (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isFile(),
    () => false,
  )
