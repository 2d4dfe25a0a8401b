// Owns growing bytes for the encoders. Knows no encoding.

export class ByteWriter {
  #bytes = new Uint8Array(1 << 12)
  #view = new DataView(this.#bytes.buffer)
  #at = 0

  u8(value: number): void {
    const at = this.#reserve(1) // may replace the bytes
    this.#bytes[at] = value
  }

  /** `width` bytes, little-endian. */
  int(value: number | bigint, width: 1 | 2 | 4 | 8 | 16): void {
    const at = this.#reserve(width)
    if (width === 1) this.#view.setUint8(at, Number(value))
    else if (width === 2) this.#view.setUint16(at, Number(value), true)
    else if (width === 4) this.#view.setUint32(at, Number(value), true)
    else {
      const wide = BigInt(value)
      this.#view.setBigUint64(at, BigInt.asUintN(64, wide), true)
      if (width === 16) this.#view.setBigUint64(at + 8, BigInt.asUintN(64, wide >> 64n), true)
    }
  }

  bytes(value: Uint8Array): void {
    const at = this.#reserve(value.length)
    this.#bytes.set(value, at)
  }

  /** Everything written so far, in memory of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  #reserve(length: number): number {
    const at = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(this.#at, this.#bytes.length * 2))
      bigger.set(this.#bytes.subarray(0, at))
      this.#bytes = bigger
      this.#view = new DataView(bigger.buffer)
    }
    return at
  }
}
