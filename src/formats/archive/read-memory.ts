// Owns the reading of one memory region: several chunks decompressed at once, given out in order. Knows no schema.
import { touches } from '../../model/memory.ts'
import type { MemoryChunk, MemoryRange, MemoryRegion } from '../../model/snapshot.ts'
import type { Source } from '../source/source.ts'
import type { MemberRow } from './archive.ts'
import { type ChunkCodec, openChunkCodec, release } from './chunk-codec.ts'
import { type Fault, type Report, readStored, throwFault } from './layout.ts'
import { LIMITS } from './limits.ts'
import type { StoredRegion } from './snapshot-parts.ts'
import { frameFault } from './zstd-frame.ts'

/** A region whose chunks are read from the source when they are asked for. */
export function storedRegion(source: Source, { name, start, size, chunks }: StoredRegion): MemoryRegion {
  const present = chunks.reduce((sum, { row }) => sum + row.raw, 0)
  return { name, start, size, present, chunks: (signal, range) => readChunks(source, inRange(chunks, range), present, signal) }
}

const inRange = (chunks: StoredRegion['chunks'], range: MemoryRange | undefined): StoredRegion['chunks'] =>
  range === undefined ? chunks : chunks.filter(({ number, row }) => touches(range, number * LIMITS.chunkBytes, row.raw))

async function* readChunks(source: Source, chunks: StoredRegion['chunks'], bytes: number, signal: AbortSignal | undefined): AsyncGenerator<MemoryChunk> {
  if (chunks.length === 0) return
  const codec = await openChunkCodec({ bytes })
  const report = throwFault(source.name)
  try {
    const pending: { readonly offset: number; readonly data: Promise<Uint8Array | undefined> }[] = []
    for (const { number, row } of chunks) {
      signal?.throwIfAborted()
      const data = readCompressed(source, row, codec, report)
      data.catch(() => {}) // awaited when its turn comes
      pending.push({ offset: number * LIMITS.chunkBytes, data })
      if (pending.length > codec.width) yield* oldest(pending)
    }
    while (pending.length > 0) {
      signal?.throwIfAborted()
      yield* oldest(pending)
    }
  } finally {
    await codec.close()
  }
}

async function* oldest(pending: { readonly offset: number; readonly data: Promise<Uint8Array | undefined> }[]): AsyncGenerator<MemoryChunk> {
  const next = pending.shift()
  const data = await next?.data
  if (!next || !data) return
  yield { offset: next.offset, data }
  release(data) // the next chunk is asked for: this one's time is over
}

/** The content of a member that is one zstd frame; undefined when `report` was told of a fault and did not throw. */
export async function readCompressed(source: Source, row: MemberRow, codec: ChunkCodec, report: Report): Promise<Uint8Array | undefined> {
  const frame = await readStored(source, row, report)
  const wrong = (message: string): undefined => {
    const fault: Fault = { code: 'ARCHIVE_CORRUPT', message: `${row.name}: ${message}`, member: row.name, offset: row.offset }
    report(fault)
  }
  const fault = frameFault(frame, row.raw)
  if (fault !== undefined) return wrong(fault)
  const raw = await codec.decompress(frame, row.raw, row.storedSha256, row.rawSha256)
  return typeof raw === 'string' ? wrong(raw) : raw
}
