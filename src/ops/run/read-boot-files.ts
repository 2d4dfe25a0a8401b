// Owns reading what a guest boots from: the kernel with every compression around it taken off, the initramfs as it is (kernels unpack it themselves).
import { type ZbootPayload, zbootPayload } from '../../emulator/board/loader/efi-zboot.ts'
import { SnapError } from '../../errors.ts'
import { openSource } from '../../formats/source/open.ts'
import { bytesSource, readAll } from '../../formats/source/source.ts'
import { unwrap } from '../../formats/source/unwrap.ts'

export interface BootFile {
  readonly file: string
  readonly bytes: Uint8Array
}

/** More than any kernel or initramfs that fits into the machine's memory. */
const MOST_BYTES = 3 * 1024 ** 3
/** What unwrap() takes off, by the names of EFI zboot. */
const UNPACKED = ['gzip', 'zstd', 'xz', 'bzip2']

/** The kernel's image. Throws CANNOT_READ, INPUT_CORRUPT, LIMIT_EXCEEDED, FORMAT_FOREIGN for a compression that is not known here. */
export async function readKernel(path: string, signal?: AbortSignal): Promise<BootFile> {
  const bytes = await readFile(path, false, signal)
  const wrapped = zbootPayload(bytes, path)
  return { file: path, bytes: wrapped ? await unpackPayload(wrapped, path, signal) : bytes }
}

export const readInitrd = async (path: string, signal?: AbortSignal): Promise<BootFile> => ({ file: path, bytes: await readFile(path, true, signal) })

async function readFile(path: string, wrapped: boolean, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const source = await openSource(path, { wrapped, ...(signal ? { signal } : {}) })
  try {
    return await readAll(source, MOST_BYTES, 'a file to boot from')
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
