// Owns the first 4096 bytes of a StratoVirt file, state or memory: a length, a JSON header, zeros. Knows nothing behind them.
// Source: facts/vmm-formats.md §4; migration/src/{protocol,general}.rs.
import { SnapError } from '../../../errors.ts'
import { parseExactJson } from '../../data/exact-json.ts'
import { Field } from '../../data/fields.ts'

export const HEADER_BYTES = 4096
const NEWEST = 0x2002
const DESCRIPTIONS_BYTES = 1 << 20

export type StratovirtFile = 'Device' | 'MemoryFull'

export interface Header {
  readonly file: StratovirtFile
  readonly version: string
  /** Bytes of device descriptions behind the header of a state file. */
  readonly descriptions: number
}

/** `head` has the first 4096 bytes. Throws INPUT_CORRUPT, FORMAT_FOREIGN for x86, FORMAT_TOO_NEW. */
export function readHeader(head: Uint8Array, file: string): Header {
  const where = { file, member: 'header' }
  if (head.length < HEADER_BYTES) throw new SnapError('INPUT_CORRUPT', `${file} ends inside the header of StratoVirt`, { file, offset: head.length })
  const length = Buffer.from(head.buffer, head.byteOffset, 8).readBigUInt64LE(0)
  if (length > BigInt(HEADER_BYTES - 8)) throw new SnapError('INPUT_CORRUPT', `${file} has a header of ${length} bytes, at most 4088 fit`, { file, offset: 0 })
  const end = 8 + Number(length)
  const rest = head.subarray(end, HEADER_BYTES).findIndex(byte => byte !== 0)
  if (rest >= 0) throw new SnapError('INPUT_CORRUPT', `${file} has something behind the header of StratoVirt`, { file, offset: end + rest })
  const header = new Field(parseExactJson(head.subarray(8, end), `the header of ${file}`, where), `the header of ${file}`, '', where)
  const version = Number(header.at('compat_version').unsigned(32))
  const shown = `${version >> 12}.${version & 0xfff}`
  const architecture = Buffer.from(header.at('arch').bytes(8, 8)).toString('latin1')
  if (architecture !== 'aarch640')
    throw new SnapError('FORMAT_FOREIGN', `${file} is a StratoVirt snapshot of a guest that is not arm64 (${JSON.stringify(architecture)})`, { file })
  if (version > NEWEST)
    throw new SnapError(
      'FORMAT_TOO_NEW',
      `${file} is StratoVirt's format ${shown}; 2.2 is the newest that is known`,
      { file },
      { hint: 'its layout is not known to this release of psci-snap, and nothing is guessed' },
    )
  if (header.at('byte_order').text() !== 'Little') throw header.at('byte_order').wrong('is not Little, as arm64 guests of StratoVirt are saved')
  const kind = header.at('format').text()
  if (kind !== 'Device' && kind !== 'MemoryFull') throw header.at('format').wrong('is neither Device nor MemoryFull')
  const descriptions = header.at('desc_len').size()
  if (kind === 'Device' && descriptions > DESCRIPTIONS_BYTES)
    throw new SnapError('LIMIT_EXCEEDED', `${file} declares ${descriptions} bytes of device descriptions, at most ${DESCRIPTIONS_BYTES} are allowed`, { file })
  return { file: kind, version: shown, descriptions }
}
