// Owns what bzip2 does to bytes beside coding them: the Burrows-Wheeler transform, runs, its checksum. All total on any input; bzip2.ts checks bounds.

/** Undoes the Burrows-Wheeler transform: `origin` is the row of the original text. */
export function inverseTransform(last: Uint8Array, origin: number): Uint8Array {
  const starts = new Int32Array(257)
  for (const byte of last) starts[byte + 1] = (starts[byte + 1] as number) + 1
  for (let i = 1; i < 257; i++) starts[i] = (starts[i] as number) + (starts[i - 1] as number)
  const next = new Int32Array(last.length)
  for (let i = 0; i < last.length; i++) {
    const byte = last[i] as number
    const at = starts[byte] as number
    next[at] = i
    starts[byte] = at + 1
  }
  const out = new Uint8Array(last.length)
  let row = next[origin] as number
  for (let i = 0; i < out.length; i++) {
    out[i] = last[row] as number
    row = next[row] as number
  }
  return out
}

/** Four equal bytes are followed by a count of more of them. */
export function expandRuns(packed: Uint8Array): Uint8Array {
  let size = 0
  let same = 0
  for (let i = 0; i < packed.length; i++) {
    if (same === 4) {
      size += packed[i] as number
      same = 0
      continue
    }
    same = i > 0 && same > 0 && packed[i] === packed[i - 1] ? same + 1 : 1
    size++
  }
  const out = new Uint8Array(size)
  let at = 0
  same = 0
  for (let i = 0; i < packed.length; i++) {
    const byte = packed[i] as number
    if (same === 4) {
      out.fill(packed[i - 1] as number, at, at + byte)
      at += byte
      same = 0
      continue
    }
    same = same > 0 && byte === packed[i - 1] ? same + 1 : 1
    out[at++] = byte
  }
  return out
}

let crcTable: Uint32Array | undefined

/** The CRC-32 of bzip2: highest bit first. */
export function crc(bytes: Uint8Array): number {
  if (!crcTable) {
    crcTable = new Uint32Array(256)
    for (let i = 0; i < 256; i++) {
      let value = i << 24
      for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c1_1db7 : value << 1
      crcTable[i] = value >>> 0
    }
  }
  let sum = 0xffff_ffff
  for (const byte of bytes) sum = ((sum << 8) ^ (crcTable[(sum >>> 24) ^ byte] as number)) >>> 0
  return ~sum >>> 0
}
