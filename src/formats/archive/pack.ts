// Owns msgpack: the only file that knows msgpackr. Plain maps with keys in insertion order, u64 as bigint, bytes copied out, nothing private.
// Knows no schema; msgpack-scan.ts refuses hostile bytes before the decoder sees them.
import { Packr, Unpackr } from 'msgpackr/pack'
import type { Where } from '../../errors.ts'
import { scanPack } from './msgpack-scan.ts'
import { plainValue } from './plain-value.ts'

let packr: Packr | undefined
let unpackr: Unpackr | undefined
// variableMapSize: the smallest map header, as the format asks; without it every map costs three bytes and other writers differ.
const OPTIONS = { useRecords: false, variableMapSize: true, int64AsType: 'bigint' } as const

/**
 * Bytes of a value made of null, booleans, numbers, bigints (64 bits), strings, Uint8Array, arrays and plain objects. Keys with an undefined
 * value are left out. Anything else throws a TypeError naming its path: the caller made a value that cannot be saved.
 */
export function pack(value: unknown): Uint8Array {
  packr ??= new Packr(OPTIONS)
  return new Uint8Array(packr.pack(plainValue(value)))
}

/** The value of `bytes`. Throws ARCHIVE_CORRUPT or LIMIT_EXCEEDED, with `where` and the offset, for what `pack` could not have written. */
export function unpack(bytes: Uint8Array, where: Where): unknown {
  scanPack(bytes, where)
  unpackr ??= new Unpackr(OPTIONS)
  return ownBytes(unpackr.unpack(bytes))
}

/** msgpackr gives byte strings as Buffers; ours are Uint8Arrays. */
function ownBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(ownBytes)
  if (typeof value !== 'object' || value === null) return value
  const map = value as Record<string, unknown>
  for (const key of Object.keys(map)) map[key] = ownBytes(map[key])
  return map
}
