// Owns the reading cursor of both decoders: where a value was expected, what may follow, how many values a file may hold. Knows no encoding.
import { type ErrorCode, SnapError } from '../../../errors.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'

export class Input extends ByteReader {
  readonly #file: string
  readonly #start: number
  #values: number = FIRECRACKER_LIMITS.values

  /** Reads `bytes` from `start` on; offsets in errors count from the beginning of `bytes`. */
  constructor(bytes: Uint8Array, file: string, start = 0) {
    super(bytes, { file }, 'INPUT_CORRUPT')
    this.#file = file
    this.#start = start
    this.skip(start, 'the header')
  }

  /** Bytes taken since the start. */
  get taken(): number {
    return this.offset - this.#start
  }

  /** Takes `count` values off what the file may hold altogether. Throws LIMIT_EXCEEDED. */
  spend(count: number | bigint, what: string): number {
    if (count > this.#values)
      throw this.wrong(`${what} declares ${count} values; psci-snap reads at most ${FIRECRACKER_LIMITS.values} in one file`, 'LIMIT_EXCEEDED')
    this.#values -= Number(count)
    return Number(count)
  }

  text(bytes: Uint8Array, what: string): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw this.wrong(`${what} is not UTF-8`)
    }
  }

  /** An error at the present offset. */
  wrong(what: string, code: ErrorCode = 'INPUT_CORRUPT'): SnapError {
    return new SnapError(code, `${this.#file}: ${what}`, { file: this.#file, offset: this.offset })
  }
}
