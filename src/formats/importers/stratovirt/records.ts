// Owns the records of a StratoVirt state file: descriptions of structs, then one record per device that names its description. Knows no device.
// Source: facts/vmm-formats.md §4; migration/src/{protocol,general,manager}.rs.
import { SnapError } from '../../../errors.ts'
import { parseJsonSequence } from '../../data/exact-json.ts'
import { Field } from '../../data/fields.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'

/** StratoVirt's own limit on one device's state. */
const RECORD_BYTES = 1 << 20

export interface StructField {
  readonly offset: number
  readonly size: number
}

/** How a struct lies in memory: StratoVirt writes its structs as they are, with a table of where their members stand. */
export interface StructLayout {
  readonly name: string
  readonly version: number
  /** 0: the state is JSON. */
  readonly size: number
  readonly fields: ReadonlyMap<string, StructField>
}

export interface DeviceRecord {
  /** Hash of the device's name. */
  readonly id: bigint
  readonly layout: StructLayout
  readonly bytes: Uint8Array
  /** Of `bytes` in the file. */
  readonly offset: number
}

/** The records, and what is described but has none. `bytes` are those behind the header, whose first `descriptions` are the tables; `start` is where they stand in the file. Throws INPUT_CORRUPT. */
export function readRecords(
  bytes: Uint8Array,
  descriptions: number,
  start: number,
  file: string,
): { readonly records: readonly DeviceRecord[]; readonly absent: readonly StructLayout[] } {
  if (descriptions > bytes.length) throw new SnapError('INPUT_CORRUPT', `${file} ends inside its device descriptions`, { file, offset: start + bytes.length })
  const layouts = readLayouts(bytes.subarray(0, descriptions), file)
  const reader = new ByteReader(bytes, { file }, 'INPUT_CORRUPT')
  reader.skip(descriptions, 'the device descriptions')
  const records: DeviceRecord[] = []
  while (reader.left > 0) {
    const at = start + reader.offset
    if (records.length >= VMM_LIMITS.devices) throw new SnapError('LIMIT_EXCEEDED', `${file} has more than ${VMM_LIMITS.devices} devices`, { file, offset: at })
    if (reader.left < 24) throw new SnapError('INPUT_CORRUPT', `${file} ends inside the head of a device`, { file, offset: start + bytes.length })
    const id = reader.u64le('the name of a device')
    const kind = reader.u64le('the type of a device')
    const size = reader.u64le('the size of a device')
    const layout = layouts.get(kind)
    if (!layout) throw new SnapError('INPUT_CORRUPT', `${file}: the device at byte ${at} has a type that is described nowhere`, { file, offset: at })
    if (layout.size !== 0 && size !== BigInt(layout.size))
      throw new SnapError('INPUT_CORRUPT', `${file}: a ${layout.name} has ${size} bytes, its description says ${layout.size}`, { file, offset: at })
    if (size > BigInt(RECORD_BYTES))
      throw new SnapError('LIMIT_EXCEEDED', `${file}: a ${layout.name} has ${size} bytes, at most ${RECORD_BYTES} are allowed`, { file, offset: at })
    if (size > BigInt(reader.left)) throw new SnapError('INPUT_CORRUPT', `${file} ends inside a ${layout.name}`, { file, offset: start + bytes.length })
    const offset = start + reader.offset
    records.push({ id, layout, bytes: reader.bytes(Number(size), layout.name), offset })
  }
  const present = new Set(records.map(({ layout }) => layout))
  return { records, absent: [...layouts.values()].filter(layout => !present.has(layout)) }
}

function readLayouts(bytes: Uint8Array, file: string): ReadonlyMap<bigint, StructLayout> {
  const what = `the device descriptions of ${file}`
  const where = { file, member: 'device descriptions' }
  const layouts = new Map<bigint, StructLayout>()
  for (const data of parseJsonSequence(bytes, what, where)) {
    const field = new Field(data, what, '', where)
    const size = Number(field.at('size').unsigned(32))
    const fields = new Map<string, StructField>()
    for (const member of field.at('fields').list(4096)) {
      const place = { offset: Number(member.at('offset').unsigned(32)), size: Number(member.at('size').unsigned(32)) }
      if (place.offset + place.size > size) throw member.wrong(`lies outside of the ${size} bytes of its struct`)
      fields.set(member.at('var_name').text(), place)
    }
    const name = field.at('name').text()
    const version = Number(field.at('current_version').unsigned(32))
    layouts.set(field.at('alias').unsigned(), { name: name.slice(0, 80), version, size, fields })
  }
  return layouts
}

/** Access to the members of a record by name. Numbers are little-endian. */
export class StructView {
  readonly #record: DeviceRecord
  readonly #file: string

  constructor(record: DeviceRecord, file: string) {
    this.#record = record
    this.#file = file
  }

  /** A cursor over (a part of) a member; what it throws names the file and the member. */
  reader(name: string, bytes = this.bytes(name)): ByteReader {
    return new ByteReader(bytes, { file: this.#file, member: `${this.#record.layout.name}.${name}` }, 'INPUT_CORRUPT')
  }
  has(name: string): boolean {
    return this.#record.layout.fields.has(name)
  }
  /** The member's bytes, at least `least` of them. Throws INPUT_CORRUPT when the description has no such member. */
  bytes(name: string, least = 0): Uint8Array {
    const place = this.#record.layout.fields.get(name)
    if (!place || place.size < least) throw this.wrong(name, place ? `has ${place.size} bytes, ${least} are needed` : 'is not described')
    return this.#record.bytes.subarray(place.offset, place.offset + place.size)
  }
  unsigned(name: string, size: 1 | 4 | 8): bigint {
    const bytes = Buffer.from(this.bytes(name, size))
    return size === 8 ? bytes.readBigUInt64LE(0) : BigInt(size === 4 ? bytes.readUInt32LE(0) : (bytes[0] as number))
  }
  /** A count of items in another member. */
  count(name: string, most: number): number {
    const value = this.unsigned(name, 8)
    if (value > BigInt(most)) throw this.wrong(name, `is ${value}, but there is room for ${most}`)
    return Number(value)
  }
  wrong(name: string, what: string): SnapError {
    const { layout, offset } = this.#record
    return new SnapError('INPUT_CORRUPT', `${this.#file}: ${name} of ${layout.name} ${what}`, { file: this.#file, offset, path: name })
  }
}
