// Owns the one cursor over bytes: every read names what it reads, and a short input is an error with its offset. Knows no format.
import { type ErrorCode, SnapError, type Where } from '../../errors.ts'

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #where: Where
  readonly #code: ErrorCode
  #at = 0

  /** `where` is added to every error; `code` is what a short input throws. */
  constructor(bytes: Uint8Array, where: Where = {}, code: ErrorCode = 'ARCHIVE_CORRUPT') {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#where = where
    this.#code = code
  }

  get offset(): number {
    return this.#at
  }
  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8 = (what: string): number => this.#view.getUint8(this.#take(1, what))
  u16le = (what: string): number => this.#view.getUint16(this.#take(2, what), true)
  u16be = (what: string): number => this.#view.getUint16(this.#take(2, what), false)
  u32le = (what: string): number => this.#view.getUint32(this.#take(4, what), true)
  u32be = (what: string): number => this.#view.getUint32(this.#take(4, what), false)
  u64le = (what: string): bigint => this.#view.getBigUint64(this.#take(8, what), true)
  u64be = (what: string): bigint => this.#view.getBigUint64(this.#take(8, what), false)

  /** A view of the next `length` bytes, not a copy. */
  bytes(length: number, what: string): Uint8Array {
    const at = this.#take(length, what)
    return this.#bytes.subarray(at, at + length)
  }

  /** A view of everything that has not been read, without reading it. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at)
  }

  /** A 64-bit count, length or offset as a number; one that cannot be exact as a number throws. */
  size64le(what: string): number {
    const value = this.u64le(what)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new SnapError(this.#code, `${what} is absurd: ${value}`, { ...this.#where, offset: this.#at - 8 })
    return Number(value)
  }

  skip(length: number, what: string): void {
    this.#take(length, what)
  }

  #take(length: number, what: string): number {
    if (length > this.left)
      throw new SnapError(this.#code, `the data ends inside ${what}: ${length} bytes needed, ${this.left} left`, { ...this.#where, offset: this.#at })
    const at = this.#at
    this.#at += length
    return at
  }
}
