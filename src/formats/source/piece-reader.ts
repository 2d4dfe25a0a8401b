// Owns reading a source from its start, a little at a time, for decoders that do not know how much comes: bytes with one look-ahead. Knows no format.
import type { Source } from './source.ts'

export class PieceReader {
  readonly #source: Source
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #at = 0

  constructor(source: Source) {
    this.#source = source
  }

  /** Bytes of the source that have been taken. */
  get offset(): number {
    return this.#start + this.#at
  }
  get left(): number {
    return this.#source.size - this.offset
  }

  /** The next bytes, up to `length`, without taking them; fewer only at the end. A view. */
  async peek(length: number): Promise<Uint8Array> {
    const want = Math.min(length, this.left)
    if (this.#at + want > this.#bytes.length) {
      const start = this.offset
      this.#bytes = await this.#source.read(start, Math.min(Math.max(want, 1 << 18), this.#source.size - start))
      this.#start = start
      this.#at = 0
    }
    return this.#bytes.subarray(this.#at, this.#at + want)
  }

  /** Exactly `length` bytes; undefined when there are fewer. A view. */
  async take(length: number): Promise<Uint8Array | undefined> {
    const bytes = await this.peek(length)
    if (bytes.length < length) return undefined
    this.#at += length
    return bytes
  }
}
