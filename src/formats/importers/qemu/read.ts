// Owns reading a QEMU stream from whatever holds it: find the stream, walk it once, put it together.

import type { Source } from '../../source/source.ts'
import { type Imported, SNIFF_BYTES } from '../importer.ts'
import { containerOf } from './container-magic.ts'
import { RamIndex } from './ram-index.ts'
import { type Surroundings, toSnapshot } from './snapshot.ts'
import { STREAM_VERSION, walkStream } from './stream.ts'

/** Where a stream is: `start` is the offset of its magic number; offsets of mapped-ram count from the start of `source`. */
export interface StreamPlace extends Surroundings {
  readonly source: Source
  readonly start: number
  /** What holds it, for the format's name; absent for a bare stream. */
  readonly container?: string
}

export async function findStream(source: Source, signal?: AbortSignal): Promise<StreamPlace> {
  switch (containerOf(await source.head(SNIFF_BYTES))?.kind) {
    case 'libvirt': {
      const { openLibvirtSave } = await import('./libvirt-save.ts')
      return openLibvirtSave(source, signal)
    }
    case 'qcow2': {
      const { openQcow2State } = await import('./qcow2.ts')
      return openQcow2State(source)
    }
    default:
      return { source, start: 0 }
  }
}

/** Throws INPUT_CORRUPT with the offset, LIMIT_EXCEEDED, FORMAT_TOO_NEW, FORMAT_FOREIGN. */
export async function readQemu(source: Source, signal?: AbortSignal): Promise<Imported> {
  const place = await findStream(source, signal)
  const { source: inner } = place
  try {
    const index = new RamIndex(inner)
    const stream = await walkStream(inner, { start: place.start, pages: index, ...(signal ? { signal } : {}) })
    const pieced = await toSnapshot(inner, stream, index, place, signal)
    const version = place.container === undefined ? String(STREAM_VERSION) : `${STREAM_VERSION} in a ${place.container}`
    return { format: { id: 'qemu', version }, ...pieced, ...(inner === source ? {} : { close: () => inner.close() }) }
  } catch (error) {
    if (inner !== source) await inner.close()
    throw error
  }
}
