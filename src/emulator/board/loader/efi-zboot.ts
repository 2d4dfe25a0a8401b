// Owns the wrapping of compressed kernels in an EFI program ("EFI zboot", CONFIG_EFI_ZBOOT): where the compressed Image is in it. Does not decompress.
// Source: Linux drivers/firmware/efi/libstub/zboot-header.S.
import { SnapError } from '../../../errors.ts'

export interface ZbootPayload {
  /** As the header names it: gzip, zstd, xz, lzma, lz4, lzo. */
  readonly compression: string
  readonly payload: Uint8Array
}

const MZ = 0x5a4d
/** `zimg` at offset 4. */
const ZIMG = 0x676d_697a
const PAYLOAD_OFFSET = 8
const COMPRESSION = 24
const HEADER_BYTES = 56
const MOST_NAME = 32

/** Undefined for any other file. Throws INPUT_CORRUPT with the offset for one that is cut off. */
export function zbootPayload(bytes: Uint8Array, file: string): ZbootPayload | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES || view.getUint16(0, true) !== MZ || view.getUint32(4, true) !== ZIMG) return undefined
  const offset = view.getUint32(PAYLOAD_OFFSET, true)
  const size = view.getUint32(PAYLOAD_OFFSET + 4, true)
  if (size === 0 || offset + size > bytes.length)
    throw new SnapError('INPUT_CORRUPT', `${file} says its kernel is ${size} bytes at ${offset}; the file has ${bytes.length}`, {
      file,
      offset: PAYLOAD_OFFSET,
    })
  const name = bytes.subarray(COMPRESSION, COMPRESSION + MOST_NAME)
  const end = name.indexOf(0)
  return { compression: String.fromCharCode(...name.subarray(0, end < 0 ? MOST_NAME : end)), payload: bytes.subarray(offset, offset + size) }
}
