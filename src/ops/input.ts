// Owns opening a file or folder of any known format for an operation. The importers judge the bytes; nothing is decided here.
import type { Imported, Importer } from '../formats/importers/importer.ts'
import { openInput } from '../formats/importers/open-input.ts'
import { IMPORTERS } from '../formats/importers/registry.ts'
import { type Extent, inputExtent, inputSha256 } from '../formats/source/input-digest.ts'
import type { Source } from '../formats/source/source.ts'
import type { Work } from './work.ts'

export interface Opened extends Imported {
  /** The file that was recognised: of a folder, the one in it that says what it is. */
  readonly source: Source
  /** What the user named, and how many bytes belong to it: of a folder, those of all its files. */
  extent(): Promise<Extent>
  /** sha256 of the whole file, hex; of a folder, that of the list `sha256sum` prints of its files (formats/source/input-digest.ts). */
  sha256(): Promise<string>
}

/** Opens `path` (`-`: standard input), whatever it is; `use` may read memory until it returns. Throws CANNOT_READ, FORMAT_UNKNOWN and what the reader finds. */
export async function withInput<T>(path: string, work: Work, use: (opened: Opened) => Promise<T>): Promise<T> {
  return withSource(path, work, async (source, importer) => {
    const imported = await importer.read(source, work.signal)
    return use({
      ...imported,
      source,
      extent: () => inputExtent(path, source, imported.members),
      sha256: () => inputSha256(source, imported.members, work.signal),
    })
  })
}

/** The same before anything but the first bytes is read. */
export async function withSource<T>(path: string, work: Work, use: (source: Source, importer: Importer) => Promise<T>): Promise<T> {
  const { source, importer } = await openInput(path, IMPORTERS, work.signal ? { signal: work.signal } : {})
  try {
    return await use(source, importer)
  } finally {
    await source.close()
  }
}
