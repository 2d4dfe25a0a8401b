// Owns the checksum of Firecracker's state files: CRC-64/Jones, reflected, start 0, no final xor. Knows nothing of what it covers.
// Source: facts/vmm-formats.md §0.3 (poly 0xad93d23594c935a9; "123456789" gives 0xe9c6d914c4b8d9ca). Two 32-bit halves, eight tables: 10 MiB take about 20 ms.

const REFLECTED_HIGH = 0x95ac9329
const REFLECTED_LOW = 0xac4bc9b5

/** tables[k][b]: what byte b does to the checksum when k zero bytes follow; low half at 2b, high half at 2b+1. */
function makeTables(): readonly Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(512))
  for (let byte = 0; byte < 256; byte++) {
    let low = byte
    let high = 0
    for (let bit = 0; bit < 8; bit++) {
      const out = low & 1
      low = ((low >>> 1) | (high << 31)) >>> 0
      high >>>= 1
      if (out === 1) {
        low = (low ^ REFLECTED_LOW) >>> 0
        high = (high ^ REFLECTED_HIGH) >>> 0
      }
    }
    tables[0]![byte * 2] = low
    tables[0]![byte * 2 + 1] = high
  }
  for (let k = 1; k < 8; k++)
    for (let byte = 0; byte < 256; byte++) {
      const low = tables[k - 1]![byte * 2]!
      const high = tables[k - 1]![byte * 2 + 1]!
      const at = (low & 0xff) * 2
      tables[k]![byte * 2] = (((low >>> 8) | (high << 24)) ^ tables[0]![at]!) >>> 0
      tables[k]![byte * 2 + 1] = ((high >>> 8) ^ tables[0]![at + 1]!) >>> 0
    }
  return tables
}

let made: readonly Uint32Array[] | undefined

/** The checksum of all bytes. */
export function crc64(bytes: Uint8Array): bigint {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (made ??= makeTables()) as readonly [...Uint32Array[]] & { readonly length: 8 }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let low = 0
  let high = 0
  let at = 0
  for (; at + 8 <= bytes.length; at += 8) {
    const a = low ^ view.getUint32(at, true)
    const b = high ^ view.getUint32(at + 4, true)
    const i7 = (a & 0xff) * 2
    const i6 = ((a >>> 8) & 0xff) * 2
    const i5 = ((a >>> 16) & 0xff) * 2
    const i4 = (a >>> 24) * 2
    const i3 = (b & 0xff) * 2
    const i2 = ((b >>> 8) & 0xff) * 2
    const i1 = ((b >>> 16) & 0xff) * 2
    const i0 = (b >>> 24) * 2
    low = t7![i7]! ^ t6![i6]! ^ t5![i5]! ^ t4![i4]! ^ t3![i3]! ^ t2![i2]! ^ t1![i1]! ^ t0![i0]!
    high = t7![i7 + 1]! ^ t6![i6 + 1]! ^ t5![i5 + 1]! ^ t4![i4 + 1]! ^ t3![i3 + 1]! ^ t2![i2 + 1]! ^ t1![i1 + 1]! ^ t0![i0 + 1]!
  }
  for (; at < bytes.length; at++) {
    const i = ((low ^ bytes[at]!) & 0xff) * 2
    low = ((low >>> 8) | (high << 24)) ^ t0![i]!
    high = (high >>> 8) ^ t0![i + 1]!
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

/** The checksum as it stands at the end of a file: eight bytes, little-endian. */
export function crc64Bytes(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, crc64(bytes), true)
  return out
}
