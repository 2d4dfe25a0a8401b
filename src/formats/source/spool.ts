// Owns the keeping of streams: in memory while they are small, then in a temporary file that is unlinked before anything is written to it, so that
// nothing is left behind however the process ends. Knows no format.
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { SnapError } from '../../errors.ts'
import { SOURCE_LIMITS } from './limits.ts'
import { cannotRead, fileSource } from './open.ts'
import { bytesSource, type Source } from './source.ts'

/** Reads a stream to its end. Throws LIMIT_EXCEEDED beyond the stream limit and CANNOT_READ when it breaks. */
export async function spool(stream: AsyncIterable<Uint8Array | string>, name: string, signal?: AbortSignal): Promise<Source> {
  const parts: Uint8Array[] = []
  let size = 0
  let file: FileHandle | undefined
  const iterator = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      signal?.throwIfAborted()
      const next = await iterator.next().catch((cause: unknown) => {
        throw cause instanceof SnapError ? cause : cannotRead(name, cause)
      })
      if (next.done) break
      const piece = typeof next.value === 'string' ? new TextEncoder().encode(next.value) : next.value
      size += piece.length
      if (size > SOURCE_LIMITS.streamBytes)
        throw new SnapError(
          'LIMIT_EXCEEDED',
          `${name} goes on beyond ${SOURCE_LIMITS.streamBytes} bytes`,
          { file: name },
          { hint: 'store it in a file and name that' },
        )
      if (!file && size > SOURCE_LIMITS.streamMemory) {
        file = await temporaryFile()
        for (const part of parts.splice(0)) await append(file, part)
      }
      if (file) await append(file, piece)
      else parts.push(new Uint8Array(piece))
    }
  } catch (error) {
    await file?.close()
    await iterator.return?.()
    throw error
  }
  return file ? fileSource(file, name, size) : bytesSource(Buffer.concat(parts), name)
}

async function temporaryFile(): Promise<FileHandle> {
  const [{ tmpdir }, { randomBytes }, { join }] = await Promise.all([import('node:os'), import('node:crypto'), import('node:path')])
  const path = join(tmpdir(), `psci-snap-${randomBytes(12).toString('hex')}.spool`)
  try {
    const file = await open(path, 'wx+', 0o600)
    await unlink(path)
    return file
  } catch (cause) {
    throw new SnapError('CANNOT_WRITE', `cannot keep a long stream in ${tmpdir()}: ${(cause as Error).message}`, { file: path }, { cause })
  }
}

async function append(file: FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    await file.writeFile(bytes)
  } catch (cause) {
    throw new SnapError('CANNOT_WRITE', `cannot keep a long stream in a temporary file: ${(cause as Error).message}`, {}, { cause })
  }
}
