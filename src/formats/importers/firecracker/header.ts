// Owns the first bytes of a state file: magic, architecture, encoding, version. They are read before anything else is, whatever wrote the rest.
// Source: facts/vmm-formats.md §1.1.
import { SnapError } from '../../../errors.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'
import type { Encoding } from './releases.ts'

const AARCH64 = 0x0710_1984_aaaa_0000n
const X86_64 = 0x0710_1984_8664_0000n
/** versionize keeps its own format's number in the magic. */
const VERSIONIZE_FORMAT = 1n
const FORMAT_BITS = 0xffffn
/** Magic and the start of the version: what sniffing needs. */
const SHORTEST = 10

export interface Header {
  readonly encoding: Encoding
  readonly arch: 'aarch64' | 'x86_64'
  /** versionize's own format number; 1 is the only one known. */
  readonly formatNumber: bigint
}

/** What the first bytes are, or undefined when they are not Firecracker's. */
export function recognizeHeader(head: Uint8Array): Header | undefined {
  if (head.length < SHORTEST) return undefined
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  for (const at of [0, 1]) {
    if (at === 1 && head[0] !== 0) continue
    const magic = view.getBigUint64(at, true)
    const arch = [AARCH64, X86_64].indexOf(magic & ~FORMAT_BITS)
    const formatNumber = magic & FORMAT_BITS
    // bitcode writes the magic as a packed column: one header byte 0 before it.
    if (arch < 0 || (at === 1 && formatNumber !== 0n)) continue
    return { encoding: at === 1 ? 'bitcode' : formatNumber === 0n ? 'bincode' : 'versionize', arch: arch === 0 ? 'aarch64' : 'x86_64', formatNumber }
  }
  return undefined
}

export interface VersionedHeader extends Header {
  /** `9` (versionize's data version) or `8.0.0`. */
  readonly version: string
  /** Where the state begins. */
  readonly bodyOffset: number
}

/** Reads the header. Throws INPUT_CORRUPT when it is none, FORMAT_FOREIGN for an x86_64 snapshot, FORMAT_TOO_NEW for another versionize. */
export function readHeader(bytes: Uint8Array, file: string): VersionedHeader {
  const header = recognizeHeader(bytes)
  if (!header) throw new SnapError('INPUT_CORRUPT', `${file} does not begin like a Firecracker state file`, { file, offset: 0 })
  if (header.arch === 'x86_64') throw new SnapError('FORMAT_FOREIGN', `${file} is the state of an x86_64 Firecracker microVM`, { file, offset: 0 })
  const reader = new ByteReader(bytes, { file }, 'INPUT_CORRUPT')
  reader.skip(header.encoding === 'bitcode' ? 9 : 8, 'the magic')
  if (header.encoding === 'versionize') {
    if (header.formatNumber !== VERSIONIZE_FORMAT)
      throw new SnapError('FORMAT_TOO_NEW', `${file} is in versionize format ${header.formatNumber}; only format 1 is known`, { file, offset: 0 }, NOT_KNOWN)
    return { ...header, version: String(reader.u16le('the data version')), bodyOffset: reader.offset }
  }
  const at = reader.offset
  const length = header.encoding === 'bincode' ? reader.size64le("the version's length") : reader.u8("the version's length")
  if (length > FIRECRACKER_LIMITS.versionText)
    throw new SnapError('LIMIT_EXCEEDED', `${file}: its version would have ${length} characters`, { file, offset: at })
  const version = Buffer.from(reader.bytes(length, 'the version')).toString('latin1')
  if (!/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(version))
    throw new SnapError('INPUT_CORRUPT', `${file}: its version ${JSON.stringify(version)} is not of the form X.Y.Z`, { file, offset: at })
  return { ...header, version, bodyOffset: reader.offset }
}

export const NOT_KNOWN = { hint: 'psci-snap never guesses a layout; update it, or save the guest with a Firecracker release that it knows' } as const
