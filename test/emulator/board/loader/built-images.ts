// Images of every kind, made here byte by byte: what loaders are tested with.

/** An arm64 Image: header, then `code` bytes of zero. */
export function arm64Image({
  textOffset = 0n,
  imageSize,
  flags = 0xan,
  code = 4096,
}: {
  textOffset?: bigint
  imageSize?: bigint
  flags?: bigint
  code?: number
} = {}): Uint8Array {
  const bytes = new Uint8Array(64 + code)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(8, textOffset, true)
  view.setBigUint64(16, imageSize ?? BigInt(bytes.length), true)
  view.setBigUint64(24, flags, true)
  view.setUint32(56, 0x644d_5241, true)
  return bytes
}

export interface Segment {
  readonly virtual: bigint
  readonly physical: bigint
  readonly bytes: Uint8Array
  readonly size?: bigint
}

/** An ELF64 program for `machine`, by default AArch64. */
export function elf(entry: bigint, segments: readonly Segment[], machine = 183): Uint8Array {
  const table = 64
  let at = table + 56 * segments.length
  const bytes = new Uint8Array(at + segments.reduce((sum, each) => sum + each.bytes.length, 0))
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  view.setUint16(16, 2, true)
  view.setUint16(18, machine, true)
  view.setBigUint64(24, entry, true)
  view.setBigUint64(32, BigInt(table), true)
  view.setUint16(54, 56, true)
  view.setUint16(56, segments.length, true)
  segments.forEach(({ virtual, physical, bytes: data, size = BigInt(data.length) }, n) => {
    const row = table + 56 * n
    view.setUint32(row, 1, true)
    view.setBigUint64(row + 8, BigInt(at), true)
    view.setBigUint64(row + 16, virtual, true)
    view.setBigUint64(row + 24, physical, true)
    view.setBigUint64(row + 32, BigInt(data.length), true)
    view.setBigUint64(row + 40, size, true)
    bytes.set(data, at)
    at += data.length
  })
  return bytes
}

/** An EFI program around `payload`. */
export function zboot(payload: Uint8Array, compression: string): Uint8Array {
  const bytes = new Uint8Array(64 + payload.length)
  const view = new DataView(bytes.buffer)
  bytes.set(new TextEncoder().encode('MZ\0\0zimg'))
  view.setUint32(8, 64, true)
  view.setUint32(12, payload.length, true)
  bytes.set(new TextEncoder().encode(compression), 24)
  bytes.set(payload, 64)
  return bytes
}
