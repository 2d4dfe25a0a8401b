// Owns the reading of small things out of a large source: pieces that lie close together cost one read. Knows no format.
import { SnapError } from '../../../errors.ts'
import type { Source } from '../../source/source.ts'

const PIECE = 1 << 17

/** The error for a stream that does not hold what it promises at `offset`. */
export const corrupt = (source: Source, message: string, offset: number): SnapError =>
  new SnapError('INPUT_CORRUPT', `${source.name}: ${message}`, { file: source.name, offset: Math.min(offset, source.size) })

export const beyondLimit = (source: Source, message: string, offset: number): SnapError =>
  new SnapError('LIMIT_EXCEEDED', `${source.name}: ${message}`, { file: source.name, offset: Math.min(offset, source.size) })

export class Window {
  readonly source: Source
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0

  constructor(source: Source) {
    this.source = source
  }

  /** Exactly `length` bytes at `offset`; throws INPUT_CORRUPT naming `what` when the source ends before that. A view: valid until the next call. */
  async view(offset: number, length: number, what: string): Promise<Uint8Array> {
    if (offset + length > this.source.size) {
      const left = Math.max(0, this.source.size - offset)
      throw corrupt(this.source, `the data ends inside ${what}: ${length} bytes needed, ${left} left`, offset)
    }
    return this.some(offset, length)
  }

  /** Up to `length` bytes at `offset`, fewer only at the end of the source. A view: valid until the next call. */
  async some(offset: number, length: number): Promise<Uint8Array> {
    const want = Math.min(length, this.source.size - offset)
    if (want <= 0) return new Uint8Array(0)
    if (offset < this.#start || offset + want > this.#start + this.#bytes.length) {
      this.#bytes = await this.source.read(offset, Math.min(Math.max(want, PIECE), this.source.size - offset))
      this.#start = offset
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + want)
  }
}
