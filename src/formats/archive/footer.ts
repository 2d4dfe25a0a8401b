// Owns the 512 bytes that end an archive: where the index is, what it hashes to, and a digest of themselves. Fixed for ever: a later format
// changes `formatVersion` and what the index says, not the place of these fields.
import { createHash } from 'node:crypto'
import { SnapError } from '../../errors.ts'
import { ByteReader } from '../source/byte-reader.ts'
import { firstNonZero } from './tar-blocks.ts'

export const FOOTER_BYTES = 512
const MAGIC = 'psnap-footer\r\n\x1a\n'
const DIGEST_AT = 480

export interface Footer {
  readonly formatVersion: number
  /** Of the content of index.json, from the start of the file. */
  readonly indexOffset: number
  readonly indexSize: number
  readonly indexSha256: string
  readonly contentDigest: string
}

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

export function encodeFooter(footer: Footer): Uint8Array {
  const bytes = Buffer.alloc(FOOTER_BYTES)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(footer.formatVersion, 16)
  bytes.writeBigUInt64LE(BigInt(footer.indexOffset), 24)
  bytes.writeBigUInt64LE(BigInt(footer.indexSize), 32)
  bytes.write(footer.indexSha256, 40, 'hex')
  bytes.write(footer.contentDigest, 72, 'hex')
  sha256(bytes.subarray(0, DIGEST_AT)).copy(bytes, DIGEST_AT)
  return bytes
}

/** Reads the 512 bytes. Throws ARCHIVE_CORRUPT when they are not a footer or not whole. `at` is their offset in the file, for messages. */
export function parseFooter(bytes: Uint8Array, file: string, at: number): Footer {
  const where = { file, member: 'footer', offset: at }
  const corrupt = (what: string, offset = 0): SnapError => new SnapError('ARCHIVE_CORRUPT', `${file}: ${what}`, { ...where, offset: at + offset })
  const reader = new ByteReader(bytes, where)
  if (Buffer.from(reader.bytes(16, 'the magic')).toString('latin1') !== MAGIC) throw corrupt('the file does not end in a footer: it was cut short or damaged')
  if (Buffer.compare(sha256(bytes.subarray(0, DIGEST_AT)), bytes.subarray(DIGEST_AT)) !== 0) throw corrupt('the footer does not match its own digest')
  const formatVersion = reader.u32le('the format version')
  reader.skip(4, 'reserved')
  const footer: Footer = {
    formatVersion,
    indexOffset: reader.size64le('the offset of the index'),
    indexSize: reader.size64le('the size of the index'),
    indexSha256: Buffer.from(reader.bytes(32, 'the digest of the index')).toString('hex'),
    contentDigest: Buffer.from(reader.bytes(32, 'the content digest')).toString('hex'),
  }
  const junk = firstNonZero(Buffer.concat([bytes.subarray(20, 24), bytes.subarray(reader.offset, DIGEST_AT)]))
  if (junk >= 0) throw corrupt('reserved bytes of the footer are not zero', 20)
  return footer
}
