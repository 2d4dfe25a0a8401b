// Owns the taking off of compression around a whole file: one layer of gzip, zstd, xz or bzip2, recognised by its first bytes, with limits against
// bombs.
import type { Writable } from 'node:stream'
import { SnapError } from '../../errors.ts'
import { SOURCE_LIMITS } from './limits.ts'
import { bytesSource, type PackedFile, readAll, type Source, sourceSha256 } from './source.ts'

type Compression = PackedFile['compression']

function compressionOf(head: Uint8Array): Compression | undefined {
  const hex = Buffer.from(head).toString('hex')
  if (hex.startsWith('1f8b08')) return 'gzip'
  if (hex.startsWith('28b52ffd')) return 'zstd'
  if (hex.startsWith('fd377a585a00')) return 'xz'
  return /^425a683[1-9](314159265359|177245385090)/.test(hex) ? 'bzip2' : undefined
}

/** What is inside of a compressed file; any other source as it is. The outer one is closed with it. */
export async function unwrap(source: Source, signal?: AbortSignal): Promise<Source> {
  const compression = compressionOf(await source.head(10))
  if (!compression) return source
  const inner = await UNPACK[compression](source, signal)
  return {
    ...inner,
    packed: { compression, size: source.size, sha256: stop => sourceSha256(source, stop) },
    close: async () => {
      await inner.close()
      await source.close()
    },
  }
}

const UNPACK: Readonly<Record<Compression, (source: Source, signal: AbortSignal | undefined) => Promise<Source>>> = {
  gzip: gunzip,
  zstd: unzstd,
  xz: async (source, signal) => unpackWith(source, (await import('./xz.ts')).unxz, signal),
  bzip2: async (source, signal) => unpackWith(source, (await import('./bzip2.ts')).unbzip2, signal),
}

async function unpackWith(
  source: Source,
  decoder: (source: Source, taken: (bytes: number) => void) => AsyncGenerator<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Source> {
  const { spool } = await import('./spool.ts')
  async function* content(): AsyncGenerator<Uint8Array> {
    let given = 0
    let read = 0
    const taken = (bytes: number) => {
      read = bytes
    }
    for await (const piece of decoder(source, taken)) {
      given += piece.length
      requireNoBomb(source, given, read, SOURCE_LIMITS.unwrappedFree)
      yield piece
    }
  }
  return spool(content(), source.name, signal)
}

/** Until more may be written, or nothing ever will. */
const roomIn = (stream: Writable): Promise<void> =>
  new Promise(resolve => {
    const done = (): void => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })

async function gunzip(source: Source, signal: AbortSignal | undefined): Promise<Source> {
  const [{ createGunzip }, { spool }] = await Promise.all([import('node:zlib'), import('./spool.ts')])
  const unzip = createGunzip({ chunkSize: 1 << 18 })
  let read = 0
  const feed = async (): Promise<void> => {
    try {
      for (let at = 0; at < source.size; at += 1 << 16) {
        const piece = await source.read(at, Math.min(1 << 16, source.size - at))
        read = at + piece.length
        if (unzip.destroyed) return
        if (!unzip.write(piece)) await roomIn(unzip)
      }
      unzip.end()
    } catch (error) {
      unzip.destroy(error as Error)
    }
  }
  async function* content(): AsyncGenerator<Uint8Array> {
    const feeding = feed()
    let given = 0
    try {
      for await (const piece of unzip as AsyncIterable<Uint8Array>) {
        given += piece.length
        requireNoBomb(source, given, read, SOURCE_LIMITS.unwrappedFree)
        yield piece
      }
    } catch (cause) {
      throw cause instanceof SnapError
        ? cause
        : new SnapError('INPUT_CORRUPT', `${source.name}: its gzip is damaged: ${(cause as Error).message}`, { file: source.name }, { cause })
    } finally {
      unzip.destroy()
      await feeding
    }
  }
  return spool(content(), source.name, signal)
}

async function unzstd(source: Source): Promise<Source> {
  const [{ inflateFrame }, { measureFrame }] = await Promise.all([import('../archive/chunk-codec.ts'), import('../archive/zstd-frame.ts')])
  const bytes = await readAll(source, SOURCE_LIMITS.zstdBytes, 'a file in zstd that psci-snap unpacks')
  const damaged = (what: string, offset: number, cause?: unknown): SnapError =>
    new SnapError('INPUT_CORRUPT', `${source.name}: its zstd is damaged: ${what}`, { file: source.name, offset }, { cause })
  const parts: Uint8Array[] = []
  let given = 0
  for (let at = 0; at < bytes.length; ) {
    const frame = measureFrame(bytes, at)
    if (!frame) throw damaged('there is no whole frame', at)
    if (frame.usesDictionary) throw damaged('it needs a dictionary', at)
    const bound = Math.min(frame.contentSize ?? frame.contentBound, frame.contentBound)
    if (frame.contentSize !== undefined && frame.contentSize > frame.contentBound)
      throw damaged(`a frame declares ${frame.contentSize} bytes and cannot hold them`, at)
    // An unknown size is only bounded here (128 KiB a block), so what it really gives is counted again below.
    if (frame.contentSize !== undefined) requireNoBomb(source, given + bound, bytes.length, SOURCE_LIMITS.zstdFree)
    if (given + bound > SOURCE_LIMITS.zstdContent)
      throw new SnapError('LIMIT_EXCEEDED', `${source.name} unpacks to more than ${SOURCE_LIMITS.zstdContent} bytes`, { file: source.name })
    if (!frame.skippable) {
      const part = await inflateFrame(bytes.subarray(at, at + frame.size), bound).catch((cause: unknown) => {
        throw damaged(cause instanceof Error ? cause.message : String(cause), at, cause)
      })
      if (frame.contentSize !== undefined && part.length !== frame.contentSize)
        throw damaged(`a frame holds ${part.length} bytes and declares ${frame.contentSize}`, at)
      parts.push(part)
      given += part.length
      requireNoBomb(source, given, bytes.length, SOURCE_LIMITS.zstdFree)
    }
    at += frame.size
  }
  return bytesSource(Buffer.concat(parts), source.name)
}

function requireNoBomb(source: Source, given: number, read: number, free: number): void {
  if (given <= free + SOURCE_LIMITS.unwrappedRatio * read) return
  throw new SnapError(
    'LIMIT_EXCEEDED',
    `${source.name} is a compression bomb: ${read} bytes unpack to ${given} and more`,
    { file: source.name },
    {
      hint: 'if it is a snapshot after all, unpack it yourself',
    },
  )
}
