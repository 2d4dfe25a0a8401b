// Owns opening a file of any known format for an operation. The importers judge the bytes; nothing is decided here.
import type { Imported, Importer } from '../formats/importers/importer.ts'
import { pickImporter } from '../formats/importers/importer.ts'
import { IMPORTERS } from '../formats/importers/registry.ts'
import { openSource } from '../formats/source/open.ts'
import type { Source } from '../formats/source/source.ts'
import { sourceSha256 } from '../formats/source/source.ts'
import type { Work } from './work.ts'

export interface Opened extends Imported {
  readonly source: Source
  /** sha256 of the whole file, hex. */
  sha256(): Promise<string>
}

/** Opens `path` (`-`: standard input), whatever it is; `use` may read memory until it returns. Throws CANNOT_READ, FORMAT_UNKNOWN and what the reader finds. */
export async function withInput<T>(path: string, work: Work, use: (opened: Opened) => Promise<T>): Promise<T> {
  return withSource(path, work, async (source, importer) =>
    use({ ...(await importer.read(source, work.signal)), source, sha256: () => sourceSha256(source, work.signal) }),
  )
}

/** The same before anything but the first bytes is read. */
export async function withSource<T>(path: string, work: Work, use: (source: Source, importer: Importer) => Promise<T>): Promise<T> {
  const source = await openSource(path, work.signal ? { signal: work.signal } : {})
  try {
    return await use(source, await pickImporter(source, IMPORTERS))
  } finally {
    await source.close()
  }
}
