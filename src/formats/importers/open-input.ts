// Owns the way from a path to (source, importer): a file, a stream, a snapshot's folder, or the file in a folder by which it is recognised.
// Knows no format: importers say which file of a folder is theirs.
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { SnapError } from '../../errors.ts'
import { type Folder, openFolder } from '../source/folder.ts'
import { type OpenOptions, openSource } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { type Importer, pickImporter, SNIFF_BYTES } from './importer.ts'

export interface Input {
  /** Close it when done; its folder closes with it. */
  readonly source: Source
  readonly importer: Importer
}

/**
 * Opens `path` (`-`: standard input), whatever it is, and finds the one importer that recognises it. A folder is recognised by a file in it, and that
 * file named by itself stands for the folder. Throws CANNOT_READ, FORMAT_UNKNOWN, FORMAT_FOREIGN.
 */
export async function openInput(path: string, importers: readonly Importer[], options: OpenOptions = {}): Promise<Input> {
  if (path !== '-' && (await isFolder(path))) return recogniseFolder(await openFolder(path), importers)
  let source = await openSource(path, options)
  try {
    const importer = await pickImporter(source, importers)
    if (path !== '-' && importer.folderMembers?.includes(basename(path))) source = await withFolder(source, dirname(path))
    return { source, importer }
  } catch (error) {
    await source.close()
    throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false // opening it as a file says why
  }
}

async function withFolder(source: Source, path: string): Promise<Source> {
  const folder = await openFolder(path)
  return {
    ...source,
    folder,
    close: async () => {
      await source.close()
      await folder.close()
    },
  }
}

/** The same for a folder that is open; it is closed with the source, or when it is not recognised. */
export async function recogniseFolder(folder: Folder, importers: readonly Importer[]): Promise<Input> {
  const { name: path } = folder
  try {
    const found: Input[] = []
    for (const importer of importers)
      for (const member of importer.folderMembers ?? []) {
        if (!(await folder.has(member))) continue
        const source = await folder.open(member)
        if (!importer.sniff(await source.head(SNIFF_BYTES))) await source.close()
        else found.push({ importer, source: { ...source, folder, close: () => folder.close() } })
      }
    const [only, rival] = found
    if (rival) throw new SnapError('FORMAT_UNKNOWN', `both ${only?.importer.id} and ${rival.importer.id} claim ${path}`, { file: path })
    if (only) return only
    const { refuseForeignFolder } = await import('./foreign/refuse.ts')
    return await refuseForeignFolder(folder, importers)
  } catch (error) {
    await folder.close()
    throw error
  }
}
