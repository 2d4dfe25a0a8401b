// Owns the outside of a zstd frame: what it declares and where it ends, read without a codec (RFC 8878 §3.1.1). Decoders differ in what they let
// pass (truncation, bytes after the frame, absurd windows), so frames are measured here first, and every decoder is given only what fits.

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50

export interface FrameInfo {
  /** Bytes of the whole frame, checksum included. */
  readonly size: number
  /** What the header declares, when it does. */
  readonly contentSize: number | undefined
  /** Upper bound of what the blocks can hold: 128 KiB or the window each, run-length blocks exactly. */
  readonly contentBound: number
  readonly windowSize: number
  readonly usesDictionary: boolean
  readonly skippable: boolean
}

/** Measures the frame at `start`; undefined when there is no whole frame. */
export function measureFrame(bytes: Uint8Array, start = 0): FrameInfo | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = bytes.length
  if (start + 8 > end) return undefined
  const magic = view.getUint32(start, true)
  if (magic >>> 4 === SKIPPABLE >>> 4) {
    const size = 8 + view.getUint32(start + 4, true)
    return start + size > end ? undefined : { size, contentSize: 0, contentBound: 0, windowSize: 0, usesDictionary: false, skippable: true }
  }
  if (magic !== MAGIC) return undefined
  const descriptor = view.getUint8(start + 4)
  const single = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
  if ((descriptor & 0x08) !== 0) return undefined // reserved bit
  let at = start + 5
  if (at + (single ? 0 : 1) + dictionaryBytes + sizeBytes > end) return undefined
  let windowSize = 0
  if (!single) {
    const window = view.getUint8(at++)
    const base = 2 ** (10 + (window >> 3))
    windowSize = base + (base / 8) * (window & 7)
  }
  const usesDictionary = dictionaryBytes > 0 && bytes.subarray(at, at + dictionaryBytes).some(byte => byte !== 0)
  at += dictionaryBytes
  const contentSize =
    sizeBytes === 0
      ? undefined
      : sizeBytes === 1
        ? view.getUint8(at)
        : sizeBytes === 2
          ? view.getUint16(at, true) + 256
          : sizeBytes === 4
            ? view.getUint32(at, true)
            : Number(view.getBigUint64(at, true))
  at += sizeBytes
  if (single) windowSize = contentSize ?? 0
  const blockMax = Math.min(windowSize, 128 * 1024)
  let contentBound = 0
  for (let last = false; !last; ) {
    if (at + 3 > end) return undefined
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16)
    last = (header & 1) !== 0
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === 3 || size > 128 * 1024) return undefined
    contentBound += type === 2 ? blockMax : size
    at += 3 + (type === 1 ? 1 : size)
  }
  at += (descriptor & 4) !== 0 ? 4 : 0
  if (at > end) return undefined
  return { size: at - start, contentSize, contentBound, windowSize, usesDictionary, skippable: false }
}

/** Why `frame` is not one zstd frame that declares exactly `rawSize` bytes and ends where the bytes end; undefined when it is. */
export function frameFault(frame: Uint8Array, rawSize: number): string | undefined {
  const info = measureFrame(frame)
  if (!info || info.skippable) return 'it is not a whole zstd frame'
  if (info.size !== frame.length) return `${frame.length - info.size} bytes follow the zstd frame`
  if (info.usesDictionary) return 'the zstd frame needs a dictionary'
  if (info.contentSize !== rawSize) return `the zstd frame declares ${info.contentSize ?? 'no'} bytes, the index ${rawSize}`
  if (info.contentBound < rawSize) return `the blocks of the zstd frame hold at most ${info.contentBound} bytes, the index declares ${rawSize}`
  return undefined
}
