// Owns reading what a guest boots from: the kernel with every compression around it taken off, the initramfs as it is (kernels unpack it themselves).
import { createHash } from 'node:crypto'
import { type ZbootPayload, zbootPayload } from '../../emulator/board/loader/efi-zboot.ts'
import { SnapError } from '../../errors.ts'
import { openSource } from '../../formats/source/open.ts'
import { bytesSource, readAll } from '../../formats/source/source.ts'
import { unwrap } from '../../formats/source/unwrap.ts'
import type { FileIdentity } from './boot-record.ts'

export interface BootFile {
  readonly file: string
  readonly bytes: Uint8Array
  /** Of the file as it lies there. */
  readonly identity: FileIdentity
}

/** More than any kernel or initramfs that fits into the machine's memory. */
const MOST_BYTES = 3 * 1024 ** 3
/** What unwrap() takes off, by the names of EFI zboot. */
const UNPACKED = ['gzip', 'zstd', 'xz', 'bzip2']

/** The kernel's image. Throws CANNOT_READ, INPUT_CORRUPT, LIMIT_EXCEEDED, FORMAT_FOREIGN for a compression that is not known here. */
export async function readKernel(path: string, signal?: AbortSignal): Promise<BootFile> {
  const { bytes: packed, identity } = await readInitrd(path, signal)
  const bytes = await unpack(packed, path, signal)
  const wrapped = zbootPayload(bytes, path)
  return { file: path, bytes: wrapped ? await unpackPayload(wrapped, path, signal) : bytes, identity }
}

/** The file as it is. Throws CANNOT_READ, LIMIT_EXCEEDED. */
export async function readInitrd(path: string, signal?: AbortSignal): Promise<BootFile> {
  const source = await openSource(path, { wrapped: true, ...(signal ? { signal } : {}) })
  try {
    const bytes = await readAll(source, MOST_BYTES, 'a file to boot from')
    return { file: path, bytes, identity: { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') } }
  } finally {
    await source.close()
  }
}

async function unpack(bytes: Uint8Array, file: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const source = await unwrap(bytesSource(bytes, file), signal)
  try {
    return source.packed ? await readAll(source, MOST_BYTES, 'a file to boot from') : bytes
  } finally {
    await source.close()
  }
}

async function unpackPayload({ compression, payload }: ZbootPayload, file: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (!UNPACKED.includes(compression))
    throw new SnapError(
      'FORMAT_FOREIGN',
      `the kernel in ${file} is compressed with "${compression.replace(/[^\w-]/g, '?')}"`,
      { file },
      {
        hint: `unpacked here: ${UNPACKED.join(', ')}; give the Image itself`,
      },
    )
  const source = await unwrap(bytesSource(payload, `the kernel in ${file}`), signal)
  try {
    if (!source.packed) throw new SnapError('INPUT_CORRUPT', `${file} says its kernel is compressed with ${compression}, and it is not`, { file })
    return await readAll(source, MOST_BYTES, 'a kernel')
  } finally {
    await source.close()
  }
}
