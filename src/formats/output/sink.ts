// Owns the idea of writable output: bytes in order, nothing else. Knows no file and no format.

export interface Sink {
  /** Appends the parts; resolves when they may be reused. Throws CANNOT_WRITE. */
  write(...parts: readonly Uint8Array[]): Promise<void>
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
