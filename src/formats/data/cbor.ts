// Owns reading CBOR (RFC 8949): one item, definite or indefinite lengths, bignums of up to 128 bits; other tags, duplicate keys and undefined are
// refused. Nothing is allocated for a declared length before the bytes are there. Our own, because every fault must carry its offset and every
// integer must be exact: a library leaves both, and the limits, to be done around it again. Knows no format.
import { SnapError, type Where } from '../../errors.ts'
import { CONTAINER_WEIGHT, DATA_LIMITS, type Data, type DataLimits, exactInteger } from './plain-data.ts'

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const INDEFINITE = -1
const BREAK = Symbol('break')
const BIGNUM_BYTES = 16

/** Parses one CBOR item that fills `bytes`. Throws INPUT_CORRUPT or LIMIT_EXCEEDED with the offset in `bytes`. */
export function parseCbor(bytes: Uint8Array, what: string, where: Where = {}, limits: DataLimits = DATA_LIMITS): Data {
  const reader = new CborReader(bytes, what, where, limits)
  const value = reader.item(0)
  reader.end()
  return value
}

class CborReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #what: string
  readonly #where: Where
  readonly #limits: DataLimits
  #at = 0
  #items = 0

  constructor(bytes: Uint8Array, what: string, where: Where, limits: DataLimits) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
    this.#where = where
    this.#limits = limits
  }

  item(depth: number): Data {
    const start = this.#at
    const value = this.#next(depth)
    if (value === BREAK) throw this.#fault('has a break outside of a list or map', start)
    return value
  }

  end(): void {
    if (this.#at < this.#bytes.length) throw this.#fault('goes on after its end')
  }

  #next(depth: number): Data | typeof BREAK {
    const start = this.#at
    const first = this.#byte()
    const info = first & 0x1f
    switch (first >> 5) {
      case 0:
        return exactInteger(this.#argument(info, start))
      case 1:
        return exactInteger(-1n - this.#argument(info, start))
      case 2:
        return new Uint8Array(this.#string(2, info, start))
      case 3:
        return this.#text(info, start)
      case 4:
        return this.#list(info, depth, start)
      case 5:
        return this.#map(info, depth, start)
      case 6:
        return this.#tagged(info, depth, start)
      default:
        return this.#simple(info, start)
    }
  }

  #list(info: number, depth: number, start: number): Data {
    const length = this.#open(info, depth, start)
    const list: Data[] = []
    for (let i = 0; length === INDEFINITE || i < length; i++) {
      const value = length === INDEFINITE ? this.#next(depth + 1) : this.item(depth + 1)
      if (value === BREAK) break
      list.push(value)
      this.#count(1)
    }
    return list
  }

  #map(info: number, depth: number, start: number): Data {
    const length = this.#open(info, depth, start)
    const map = new Map<string | number | bigint, Data>()
    for (let i = 0; length === INDEFINITE || i < length; i++) {
      const at = this.#at
      const key = length === INDEFINITE ? this.#next(depth + 1) : this.item(depth + 1)
      if (key === BREAK) break
      if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'bigint') throw this.#fault('has a key that is neither text nor integer', at)
      if (map.has(key)) throw this.#fault(`has the key ${typeof key === 'string' ? JSON.stringify(key.slice(0, 60)) : key} twice in one map`, at)
      map.set(key, this.item(depth + 1))
      this.#count(1)
    }
    return map
  }

  #tagged(info: number, depth: number, start: number): Data {
    const tag = this.#argument(info, start)
    if (tag !== 2n && tag !== 3n) throw this.#fault(`has tag ${tag}, which no VMM writes`, start)
    if (depth >= this.#limits.depth) throw this.#tooMuch(`is nested deeper than ${this.#limits.depth}`)
    const bytes = this.item(depth + 1)
    if (!(bytes instanceof Uint8Array)) throw this.#fault('has a bignum that is not bytes', start)
    if (bytes.length > BIGNUM_BYTES) throw this.#fault(`has a bignum of ${bytes.length} bytes`, start)
    const value = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
    return exactInteger(tag === 2n ? value : -1n - value)
  }

  #simple(info: number, start: number): Data | typeof BREAK {
    switch (info) {
      case 20:
        return false
      case 21:
        return true
      case 22:
        return null
      case 25:
        return this.#float(halfFloat(this.#view.getUint16(this.#take(2)))) // DataView has no getFloat16 on Node 20
      case 26:
        return this.#float(this.#view.getFloat32(this.#take(4)))
      case 27:
        return this.#float(this.#view.getFloat64(this.#take(8)))
      case 31:
        return BREAK
      default:
        throw this.#fault(`has the simple value ${info}, which no VMM writes`, start)
    }
  }

  #float(value: number): number {
    if (!Number.isFinite(value)) throw this.#fault('has a number that is not finite')
    return value + 0
  }

  #text(info: number, start: number): string {
    try {
      return DECODER.decode(this.#string(3, info, start))
    } catch (error) {
      throw error instanceof SnapError ? error : this.#fault('has a text that is not UTF-8', start)
    }
  }

  /** A view of a definite string; a copy of one in pieces. */
  #string(major: 2 | 3, info: number, start: number): Uint8Array {
    const length = this.#length(info, start)
    if (length !== INDEFINITE) {
      const at = this.#take(length)
      return this.#bytes.subarray(at, at + length)
    }
    const parts: Uint8Array[] = []
    for (;;) {
      const at = this.#at
      const first = this.#byte()
      if (first === 0xff) return Buffer.concat(parts)
      if (first >> 5 !== major || (first & 0x1f) === 31) throw this.#fault('has a piece of a string that is none', at)
      parts.push(this.#string(major, first & 0x1f, at))
      this.#count(CONTAINER_WEIGHT)
    }
  }

  #open(info: number, depth: number, start: number): number {
    const length = this.#length(info, start)
    if (depth >= this.#limits.depth) throw this.#tooMuch(`is nested deeper than ${this.#limits.depth}`)
    if (length > this.#bytes.length - this.#at) throw this.#fault(`declares ${length} items and ends before them`, start)
    this.#count(CONTAINER_WEIGHT)
    return length
  }

  /** A length; -1 for an indefinite one. */
  #length(info: number, start: number): number {
    if (info === 31) return INDEFINITE
    const length = this.#argument(info, start)
    if (length > BigInt(this.#bytes.length)) throw this.#fault(`declares a length of ${length}, beyond its end`, start)
    return Number(length)
  }

  #argument(info: number, start: number): bigint {
    if (info < 24) return BigInt(info)
    if (info === 24) return BigInt(this.#byte())
    if (info === 25) return BigInt(this.#view.getUint16(this.#take(2)))
    if (info === 26) return BigInt(this.#view.getUint32(this.#take(4)))
    if (info === 27) return this.#view.getBigUint64(this.#take(8))
    throw this.#fault('has a head that CBOR does not know', start)
  }

  #byte = (): number => this.#view.getUint8(this.#take(1))
  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw this.#fault('ends too early', this.#bytes.length)
    this.#at += length
    return at
  }
  #count(weight: number): void {
    this.#items += weight
    if (this.#items > this.#limits.items) throw this.#tooMuch(`has more than ${this.#limits.items} items`)
  }
  #fault = (what: string, offset = this.#at): SnapError =>
    new SnapError('INPUT_CORRUPT', `${this.#what} is damaged CBOR: it ${what}`, { ...this.#where, offset })
  #tooMuch = (what: string): SnapError => new SnapError('LIMIT_EXCEEDED', `${this.#what} ${what}`, { ...this.#where, offset: this.#at })
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
