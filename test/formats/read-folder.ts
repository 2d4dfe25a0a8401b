// Owns reading a snapshot folder that is in memory, for tests: all of it, memory included, as a value that can be compared.
import { SnapError } from '../../src/errors.ts'
import { plainValue } from '../../src/formats/archive/plain-value.ts'
import type { Imported } from '../../src/formats/importers/importer.ts'
import { recogniseFolder } from '../../src/formats/importers/open-input.ts'
import { IMPORTERS } from '../../src/formats/importers/registry.ts'
import { bytesFolder } from '../../src/formats/source/bytes-folder.ts'
import type { Folder } from '../../src/formats/source/folder.ts'
import type { Source } from '../../src/formats/source/source.ts'

export type Files = Readonly<Record<string, Uint8Array>>

export async function readFolder(folder: Folder): Promise<Imported> {
  const { source, importer } = await recogniseFolder(folder, IMPORTERS)
  return importer.read(source)
}
export const readFiles = (files: Files): Promise<Imported> => readFolder(bytesFolder(files))

/** Everything that was read, its memory as chunks. */
export async function whole({ snapshot, ...rest }: Imported): Promise<unknown> {
  for (const { state } of snapshot.devices) plainValue(state) // what cannot be written to an archive throws
  const memory = []
  for (const { chunks, storedAt: _, ...place } of snapshot.memory) {
    const pieces: [number, string][] = []
    for await (const { offset, data } of chunks()) pieces.push([offset, Buffer.from(data).toString('base64')])
    memory.push({ ...place, pieces })
  }
  return { ...rest, snapshot: { ...snapshot, memory } }
}

/** `golden`, or the SnapError that came instead. */
export async function outcome(files: Files): Promise<unknown> {
  try {
    return await whole(await readFiles(files))
  } catch (error) {
    if (error instanceof SnapError) return error
    throw error
  }
}

/** The same folder, but a read gives its bytes in pieces of one: what depends on how much a read returns shows. */
export function slowFolder(files: Files): Folder {
  const inner = bytesFolder(files)
  return {
    ...inner,
    async open(path) {
      const source = await inner.open(path)
      const read: Source['read'] = async (offset, length) => {
        if (length === 0 || offset + length > source.size) return source.read(offset, length)
        const bytes = new Uint8Array(length)
        for (let i = 0; i < length; i++) bytes.set(await source.read(offset + i, 1), i)
        return bytes
      }
      return { ...source, read, head: length => read(0, Math.min(length, source.size)) }
    },
  }
}
