// Owns writing CBOR for tests: definite lengths, shortest heads, integers beyond 64 bits as bignums, as crosvm's library does.
import type { Data, DataMap } from '../../../src/formats/data/plain-data.ts'

export function encodeCbor(data: Data): Uint8Array {
  if (data === null) return Uint8Array.of(0xf6)
  if (typeof data === 'boolean') return Uint8Array.of(data ? 0xf5 : 0xf4)
  if (typeof data === 'string') return concat(head(3, BigInt(Buffer.byteLength(data))), Buffer.from(data))
  if (data instanceof Uint8Array) return concat(head(2, BigInt(data.length)), data)
  if (typeof data === 'number' && !Number.isInteger(data)) {
    const bytes = Buffer.alloc(9, 0xfb)
    bytes.writeDoubleBE(data, 1)
    return bytes
  }
  if (typeof data === 'number' || typeof data === 'bigint') return integer(BigInt(data))
  if (data instanceof Map) {
    const map = data as DataMap
    return concat(head(5, BigInt(map.size)), ...[...map].flatMap(([key, value]) => [encodeCbor(key), encodeCbor(value)]))
  }
  const list = data as readonly Data[]
  return concat(head(4, BigInt(list.length)), ...list.map(encodeCbor))
}

const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

function integer(value: bigint): Uint8Array {
  const magnitude = value < 0n ? -1n - value : value
  if (magnitude < 1n << 64n) return head(value < 0n ? 1 : 0, magnitude)
  const hex = magnitude.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  return concat(head(6, value < 0n ? 3n : 2n), head(2, BigInt(bytes.length)), bytes)
}

function head(major: number, argument: bigint): Uint8Array {
  const first = (info: number): number => (major << 5) | info
  if (argument < 24n) return Uint8Array.of(first(Number(argument)))
  const [size, info] = argument < 256n ? [1, 24] : argument < 65536n ? [2, 25] : argument < 1n << 32n ? [4, 26] : [8, 27]
  return Uint8Array.of(first(info as number), ...Buffer.from(argument.toString(16).padStart((size as number) * 2, '0'), 'hex'))
}
