// Owns the idea of writable output: bytes in order, nothing else. Knows no file and no format.

export interface Sink {
  /** Appends the parts; resolves when they may be reused. Throws CANNOT_WRITE. */
  write(...parts: readonly Uint8Array[]): Promise<void>
  /** Appends zeros as a hole, which takes no room; absent where there can be none. Throws CANNOT_WRITE. */
  hole?(length: number): Promise<void>
}

const ZEROS = 1 << 16

/** Appends zeros: a hole where the sink can have one and it is worth it. */
export async function writeZeros(sink: Sink, length: number): Promise<void> {
  if (length <= 0) return
  if (sink.hole && length >= 4096) return sink.hole(length)
  const zeros = new Uint8Array(Math.min(length, ZEROS))
  for (let left = length; left > 0; left -= zeros.length) await sink.write(left < zeros.length ? zeros.subarray(0, left) : zeros)
}

/** A sink that keeps everything in memory. */
export class BytesSink implements Sink {
  readonly #parts: Uint8Array[] = []

  async write(...parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) this.#parts.push(new Uint8Array(part))
  }

  bytes(): Uint8Array {
    const out = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of this.#parts) {
      out.set(part, at)
      at += part.length
    }
    return out
  }
}
