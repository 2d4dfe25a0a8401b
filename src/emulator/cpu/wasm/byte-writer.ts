// Owns a growing byte buffer with WebAssembly's LEB128 numbers. Knows no section and no opcode.

export class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** A view of what has been written, valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#length++] = value
  }

  bytes(values: Uint8Array | readonly number[]): void {
    this.#grow(values.length)
    this.#bytes.set(values, this.#length)
    this.#length += values.length
  }

  /** Unsigned LEB128 of a 32-bit number. */
  u32(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** Signed LEB128 of a 32-bit number. */
  s32(value: number): void {
    let rest = value | 0
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      const last = (low & 0x40) === 0 ? rest === 0 : rest === -1
      this.byte(last ? low : low | 0x80)
      if (last) return
    }
  }

  /** Signed LEB128 of a 64-bit number. */
  s64(value: bigint): void {
    if (value >= -0x8000_0000n && value < 0x8000_0000n) {
      this.s32(Number(value))
      return
    }
    let rest = value
    for (;;) {
      const low = Number(rest & 0x7fn)
      rest >>= 7n
      const last = (low & 0x40) === 0 ? rest === 0n : rest === -1n
      this.byte(last ? low : low | 0x80)
      if (last) return
    }
  }

  /** A name: length and ASCII characters. */
  name(text: string): void {
    this.u32(text.length)
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i))
  }

  /** A vector of bytes: length and content. */
  sized(content: ByteWriter): void {
    this.u32(content.length)
    this.bytes(content.written())
  }

  #grow(by: number): void {
    if (this.#length + by <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + by))
    larger.set(this.written())
    this.#bytes = larger
  }
}
