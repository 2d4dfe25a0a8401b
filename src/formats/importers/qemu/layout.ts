// Owns the reading of vmstate bodies: fields back to back without tags, then subsections, by a layout that says what comes. Knows no device.
// Source: migration/vmstate.c, vmstate-types.c of QEMU 5.2 to 11.1; facts/qemu-stream.md §3.
import type { ByteReader } from '../../source/byte-reader.ts'

export type Scalar = 'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64' | 'bool'
export const SCALAR_BYTES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8, bool: 1 }

export interface Field {
  readonly name: string
  /** `bytes` are `size` raw bytes; a layout is a nested structure with subsections of its own. */
  readonly type: Scalar | 'bytes' | Layout
  /** Of one element when the type is `bytes`. */
  readonly size?: number
  /** Elements of an array; the name of an earlier integer field; or `many`: as many as come before the body's end or
   * the owner's subsections. */
  readonly count?: number | { readonly field: string } | 'many'
}

export interface Layout {
  readonly name: string
  readonly fields: readonly Field[]
  /** Of a subsection, when another version would be laid out otherwise. */
  readonly version?: number
  /** By name; those that the body really has are met in the body. */
  readonly subsections: readonly Layout[]
}

/** A decoded body: numbers up to 32 bits, bigint for 64, bytes and u8 arrays as Uint8Array, structures as objects, subsections by their name. */
export type Decoded = { readonly [name: string]: DecodedValue }
export type DecodedValue = number | bigint | boolean | Uint8Array | Decoded | readonly DecodedValue[]

/** A body that the layout does not fit. Never leaves this folder: the caller has other ways to find where a body ends. */
export class LayoutMisfit extends Error {}

export interface DecodeRun {
  readonly reader: ByteReader
  /** What `many` asks before each element: is this the end of the body? */
  readonly atEnd: () => boolean
  /** Decoded values that are still allowed. */
  budget: number
  /** Where the fields of each subsection begin, by its name; the first of equal names. */
  readonly marks?: Map<string, number>
  /** Set by a caller that can do with part of a body: the outermost subsection that is not described ends the decoding and is named here. */
  stopAtUnknown?: boolean
  stoppedAt?: string
}

/** Decodes one structure with its subsections. Throws LayoutMisfit, or what the reader throws at the end of the data. */
export function decode(layout: Layout, run: DecodeRun, depth = 0): Decoded {
  const out: Record<string, DecodedValue> = {}
  const lists = new Map<string, DecodedValue[]>()
  /** Under a name that a file chose; a repeated name makes a list. */
  const put = (name: string, value: DecodedValue | undefined): void => {
    if (value === undefined) return
    const key = name === '__proto__' ? '_proto_' : name
    const list = lists.get(key)
    if (list) list.push(value)
    else if (Object.hasOwn(out, key)) {
      const made = [out[key] as DecodedValue, value]
      lists.set(key, made)
      out[key] = made
    } else out[key] = value
  }
  for (const field of layout.fields) put(field.name, readField(layout.name, field, run, out, depth))
  for (let name = peekSubsection(run.reader, layout.name); name !== undefined; name = peekSubsection(run.reader, layout.name)) {
    const found = layout.subsections.find(each => each.name === name)
    if (!found) {
      if (!run.stopAtUnknown || depth > 0) throw new LayoutMisfit(`subsection ${name} is not described`)
      run.stoppedAt = name
      break
    }
    run.reader.skip(2 + name.length, name)
    const version = run.reader.u32be(name)
    if (found.version !== undefined && version !== found.version) throw new LayoutMisfit(`subsection ${name} has version ${version}`)
    if (run.marks && !run.marks.has(name)) run.marks.set(name, run.reader.offset)
    put(name, decode(found, run, depth + 1))
  }
  return out
}

function readField(owner: string, field: Field, run: DecodeRun, earlier: Readonly<Record<string, DecodedValue>>, depth: number): DecodedValue | undefined {
  const { type, count } = field
  if (count === undefined) return readOne(field, run, depth)
  if (count === 'many') {
    const list: DecodedValue[] = []
    while (!run.atEnd() && peekSubsection(run.reader, owner) === undefined) list.push(readOne(field, run, depth))
    return list
  }
  const length = typeof count === 'number' ? count : Number(earlier[count.field])
  if (!Number.isSafeInteger(length) || length < 0) throw new LayoutMisfit(`${field.name} has ${length} elements`)
  const each = typeof type === 'string' ? (type === 'bytes' ? (field.size ?? 0) : SCALAR_BYTES[type]) : 1
  if (each * length > run.reader.left) throw new LayoutMisfit(`${field.name} has ${length} elements, which do not fit`)
  if (type === 'u8') return new Uint8Array(run.reader.bytes(length, field.name))
  if (length === 0) return undefined
  const list: DecodedValue[] = []
  for (let i = 0; i < length; i++) list.push(readOne(field, run, depth))
  return list
}

function readOne({ name, type, size = 0 }: Field, run: DecodeRun, depth: number): DecodedValue {
  if (--run.budget < 0) throw new LayoutMisfit('too many values')
  const { reader } = run
  switch (type) {
    case 'u8':
      return reader.u8(name)
    case 'u16':
      return reader.u16be(name)
    case 'u32':
      return reader.u32be(name)
    case 'u64':
      return reader.u64be(name)
    case 'i8':
      return (reader.u8(name) << 24) >> 24
    case 'i16':
      return (reader.u16be(name) << 16) >> 16
    case 'i32':
      return reader.u32be(name) | 0
    case 'i64':
      return BigInt.asIntN(64, reader.u64be(name))
    case 'bool':
      return reader.u8(name) !== 0
    case 'bytes':
      return new Uint8Array(reader.bytes(size, name))
    default:
      return decode(type, run, depth + 1)
  }
}

const SUBSECTION = 0x05

/** The name of the subsection that comes next, when it is one of `owner`: QEMU's own rule. */
export function peekSubsection(reader: ByteReader, owner: string): string | undefined {
  const bytes = reader.rest()
  if (bytes[0] !== SUBSECTION) return undefined
  const length = bytes[1] ?? 0
  if (length <= owner.length || bytes.length < 2 + length + 4) return undefined
  const name = Buffer.from(bytes.buffer, bytes.byteOffset + 2, length).toString('latin1')
  return name.startsWith(`${owner}/`) ? name : undefined
}
