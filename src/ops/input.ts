// Owns opening a file or folder of any known format for an operation. The importers judge the bytes; nothing is decided here.
import type { Imported, Importer, ReadOptions } from '../formats/importers/importer.ts'
import { openInput } from '../formats/importers/open-input.ts'
import { IMPORTERS } from '../formats/importers/registry.ts'
import { type Extent, inputExtent, inputSha256 } from '../formats/source/input-digest.ts'
import { openSource } from '../formats/source/open.ts'
import type { Source } from '../formats/source/source.ts'
import type { Work } from './work.ts'

/** What the user says about an input beside its name. */
export interface InputOptions extends Work {
  /** Files that hold the guest's memory, for formats that keep it apart: a full one, then the diffs over it. */
  readonly memoryFiles?: readonly string[]
  /** The VMM release that wrote the file, for versions that stand for several layouts. */
  readonly vmmVersion?: string
}

export interface Opened extends Imported {
  /** The file that was recognised: of a folder, the one in it that says what it is. */
  readonly source: Source
  /** What the user named, and how many bytes belong to it: of a folder, those of all its files. */
  extent(): Promise<Extent>
  /** sha256 of the whole file, hex; of a folder, that of the list `sha256sum` prints of its files (formats/source/input-digest.ts). */
  sha256(): Promise<string>
}

/** Opens `path` (`-`: standard input), whatever it is; `use` may read memory until it returns. Throws CANNOT_READ, FORMAT_UNKNOWN and what the reader finds. */
export async function withInput<T>(path: string, work: InputOptions, use: (opened: Opened) => Promise<T>): Promise<T> {
  return withSource(path, work, async (source, importer, said) => {
    const imported = await importer.read(source, work.signal, said)
    try {
      return await use({
        ...imported,
        source,
        extent: () => inputExtent(path, source, imported.members),
        sha256: () => inputSha256(source, imported.members, work.signal),
      })
    } finally {
      await imported.close?.()
    }
  })
}

/** The same before anything but the first bytes is read; `said` is for the importer's `read`. */
export async function withSource<T>(path: string, work: InputOptions, use: (source: Source, importer: Importer, said: ReadOptions) => Promise<T>): Promise<T> {
  const memory: Source[] = []
  const signal = work.signal ? { signal: work.signal } : {}
  const { source, importer } = await openInput(path, IMPORTERS, signal)
  try {
    for (const file of work.memoryFiles ?? []) memory.push(await openSource(file, signal))
    return await use(source, importer, { memory, ...(work.vmmVersion === undefined ? {} : { vmmVersion: work.vmmVersion }) })
  } finally {
    for (const layer of memory) await layer.close()
    await source.close()
  }
}
