// Owns the sequential encoding of Firecracker v1.0 to v1.14: versionize and serde bincode with fixed-width integers, which put the same bytes down for
// the types we read. Source: facts/vmm-formats.md §1.2. Knows no Firecracker type.
import { ByteWriter } from './byte-writer.ts'
import type { Input } from './input.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'
import type { Shape } from './shape.ts'

/** Reads one value. `what` names it in errors. Throws INPUT_CORRUPT or LIMIT_EXCEEDED with the offset. */
export function decodeBincode<T>(shape: Shape<T>, input: Input, what: string): T {
  return decode(shape, input, what, 0) as T
}

/** The bytes of one value. */
export function encodeBincode<T>(shape: Shape<T>, value: T): Uint8Array {
  const writer = new ByteWriter()
  encode(shape, value, writer)
  return writer.finish()
}

function decode(shape: Shape<unknown>, input: Input, what: string, depth: number): unknown {
  switch (shape.kind) {
    case 'int':
      return decodeInt(shape.width, input, what)
    case 'bool':
      return flag(input, what) === 1
    case 'text': {
      const length = input.size64le(what)
      return input.text(input.bytes(length, what), what)
    }
    case 'bytes': {
      const length = input.size64le(what)
      return new Uint8Array(input.bytes(length, what))
    }
    case 'list': {
      const length = input.spend(input.u64le(what), what)
      const items: unknown[] = []
      for (let i = 0; i < length; i++) items.push(decode(shape.item, input, what, depth))
      return items
    }
    case 'option':
      return flag(input, what) === 1 ? decode(shape.item, input, what, depth) : undefined
    case 'enum': {
      const index = input.u32le(what)
      const variant = shape.variants[index]
      if (variant === undefined) throw input.wrong(`${what} is variant ${index}, of which there are ${shape.variants.length}`)
      return typeof variant === 'string' ? variant : [variant[0], decode(variant[1], input, variant[0], depth)]
    }
    case 'struct': {
      const value: Record<string, unknown> = {}
      for (const [name, field] of shape.fields) value[name] = decode(field, input, name, depth)
      return value
    }
    case 'later':
      if (depth >= FIRECRACKER_LIMITS.depth) throw input.wrong(`${what} is nested deeper than ${FIRECRACKER_LIMITS.depth}`, 'LIMIT_EXCEEDED')
      return decode(shape.shape(), input, what, depth + 1)
    default:
      return shape satisfies never
  }
}

function decodeInt(width: 1 | 2 | 4 | 8 | 16, input: Input, what: string): number | bigint {
  if (width === 1) return input.u8(what)
  if (width === 2) return input.u16le(what)
  if (width === 4) return input.u32le(what)
  const low = input.u64le(what)
  return width === 8 ? low : low | (input.u64le(what) << 64n)
}

function flag(input: Input, what: string): number {
  const value = input.u8(what)
  if (value > 1) throw input.wrong(`${what} is ${value}, where only 0 and 1 have a meaning`)
  return value
}

function encode(shape: Shape<unknown>, value: unknown, writer: ByteWriter): void {
  switch (shape.kind) {
    case 'int':
      writer.int(value as number | bigint, shape.width)
      break
    case 'bool':
      writer.u8(value === true ? 1 : 0)
      break
    case 'text':
    case 'bytes': {
      const raw = shape.kind === 'text' ? new TextEncoder().encode(value as string) : (value as Uint8Array)
      writer.int(raw.length, 8)
      writer.bytes(raw)
      break
    }
    case 'list': {
      const items = value as readonly unknown[]
      writer.int(items.length, 8)
      for (const item of items) encode(shape.item, item, writer)
      break
    }
    case 'option':
      writer.u8(value === undefined ? 0 : 1)
      if (value !== undefined) encode(shape.item, value, writer)
      break
    case 'enum': {
      const name = Array.isArray(value) ? value[0] : value
      const index = shape.variants.findIndex(variant => (typeof variant === 'string' ? variant : variant[0]) === name)
      const variant = shape.variants[index]
      writer.int(index, 4)
      if (typeof variant === 'object') encode(variant[1], (value as readonly unknown[])[1], writer)
      break
    }
    case 'struct':
      for (const [name, field] of shape.fields) encode(field, (value as Readonly<Record<string, unknown>>)[name], writer)
      break
    case 'later':
      encode(shape.shape(), value, writer)
      break
    default:
      shape satisfies never
  }
}
