// Owns reading JSON with every integer exact (JSON.parse rounds above 2^53, which changes register ids), duplicate keys refused, depth and size
// bounded, and the byte offset of every fault. RFC 8259, strictly. Knows no format.
import { SnapError, type Where } from '../../errors.ts'
import { CONTAINER_WEIGHT, DATA_LIMITS, type Data, type DataLimits, exactInteger } from './plain-data.ts'

/** u128 has 39 digits; nothing that a VMM writes has more. */
const INTEGER_DIGITS = 40
const NUMBER_BYTES = 400
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses one JSON text. `what` names it in messages; `where` is added to errors. Throws INPUT_CORRUPT or LIMIT_EXCEEDED with the offset in `bytes`.
 */
export function parseExactJson(bytes: Uint8Array, what: string, where: Where = {}, limits: DataLimits = DATA_LIMITS): Data {
  const reader = new JsonReader(bytes, what, where, limits)
  const value = reader.value(0)
  reader.end()
  return value
}

/** Parses texts that stand one behind the other. */
export function parseJsonSequence(bytes: Uint8Array, what: string, where: Where = {}, limits: DataLimits = DATA_LIMITS): readonly Data[] {
  const reader = new JsonReader(bytes, what, where, limits)
  const values: Data[] = []
  while (!reader.atEnd()) values.push(reader.value(0))
  return values
}

class JsonReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  readonly #where: Where
  readonly #limits: DataLimits
  #at = 0
  #items = 0

  constructor(bytes: Uint8Array, what: string, where: Where, limits: DataLimits) {
    this.#bytes = bytes
    this.#what = what
    this.#where = where
    this.#limits = limits
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#at = 3
  }

  value(depth: number): Data {
    this.#space()
    const byte = this.#bytes[this.#at]
    switch (byte) {
      case 0x7b:
        return this.#map(depth)
      case 0x5b:
        return this.#list(depth)
      case 0x22:
        return this.#text()
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      case undefined:
        throw this.#fault('ends where a value must stand')
      default:
        return this.#number()
    }
  }

  atEnd(): boolean {
    this.#space()
    return this.#at >= this.#bytes.length
  }

  end(): void {
    if (!this.atEnd()) throw this.#fault('goes on after its end')
  }

  #map(depth: number): Data {
    const map = new Map<string, Data>()
    this.#open(depth)
    if (this.#closes(0x7d)) return map
    for (;;) {
      this.#space()
      const at = this.#at
      if (this.#bytes[at] !== 0x22) throw this.#fault('has something else where a key must stand')
      const key = this.#text()
      if (map.has(key)) throw this.#fault(`has the key ${JSON.stringify(key.slice(0, 60))} twice in one object`, at)
      this.#space()
      if (this.#bytes[this.#at] !== 0x3a) throw this.#fault('has no colon after a key')
      this.#at++
      map.set(key, this.value(depth + 1))
      this.#count(1)
      if (this.#closes(0x7d)) return map
      this.#comma()
    }
  }

  #list(depth: number): Data {
    const list: Data[] = []
    this.#open(depth)
    if (this.#closes(0x5d)) return list
    for (;;) {
      list.push(this.value(depth + 1))
      this.#count(1)
      if (this.#closes(0x5d)) return list
      this.#comma()
    }
  }

  #open(depth: number): void {
    if (depth >= this.#limits.depth) throw this.#tooMuch(`is nested deeper than ${this.#limits.depth}`)
    this.#at++
    this.#count(CONTAINER_WEIGHT)
  }
  #closes(byte: number): boolean {
    this.#space()
    if (this.#bytes[this.#at] !== byte) return false
    this.#at++
    return true
  }
  #comma(): void {
    if (this.#bytes[this.#at] !== 0x2c) throw this.#fault(this.#at >= this.#bytes.length ? 'ends inside a list or object' : 'has no comma between two items')
    this.#at++
  }
  #count(weight: number): void {
    this.#items += weight
    if (this.#items > this.#limits.items) throw this.#tooMuch(`has more than ${this.#limits.items} items`)
  }

  #text(): string {
    const start = this.#at
    let plain = true
    for (let at = start + 1; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at] as number
      if (byte === 0x22) {
        this.#at = at + 1
        return this.#decode(start, at + 1, plain)
      }
      if (byte < 0x20) throw this.#fault('has a control character in a text', at)
      if (byte === 0x5c) {
        plain = false
        at++
      }
    }
    throw this.#fault('ends inside a text', this.#bytes.length)
  }

  #decode(from: number, to: number, plain: boolean): string {
    let text: string
    try {
      text = DECODER.decode(this.#bytes.subarray(plain ? from + 1 : from, plain ? to - 1 : to))
    } catch {
      throw this.#fault('has a text that is not UTF-8', from)
    }
    if (plain) return text
    let unescaped: string
    try {
      unescaped = JSON.parse(text) as string
    } catch {
      throw this.#fault('has an escape in a text that JSON does not know', from)
    }
    if (/\p{Surrogate}/u.test(unescaped)) throw this.#fault('has half a surrogate pair in a text', from)
    return unescaped
  }

  #number(): number | bigint {
    const start = this.#at
    let at = start
    for (; at < this.#bytes.length && at - start <= NUMBER_BYTES && isNumberByte(this.#bytes[at] as number); at++);
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, at - start).toString('latin1')
    const match = /^(-?)(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.exec(text)
    if (!match) throw this.#fault(text === '' ? 'has something that is no value' : 'has a number that JSON does not know', start)
    this.#at = at
    const [, sign, digits = '', fraction, exponent] = match
    if (fraction !== undefined || exponent !== undefined) {
      const value = Number(text)
      if (!Number.isFinite(value)) throw this.#fault('has a number that is too large', start)
      return value + 0 // -0 reads as 0
    }
    if (digits.length < 16) return Number(text) + 0
    if (digits.length > INTEGER_DIGITS) throw this.#fault(`has an integer of ${digits.length} digits`, start)
    return exactInteger(sign === '-' ? -BigInt(digits) : BigInt(digits))
  }

  #word<T>(word: string, value: T): T {
    for (let i = 0; i < word.length; i++) if (this.#bytes[this.#at + i] !== word.charCodeAt(i)) throw this.#fault('has something that is no value')
    this.#at += word.length
    return value
  }

  #space(): void {
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at]
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
    }
  }

  #fault = (what: string, offset = Math.min(this.#at, this.#bytes.length)): SnapError =>
    new SnapError('INPUT_CORRUPT', `${this.#what} is damaged JSON: it ${what}`, { ...this.#where, offset })
  #tooMuch = (what: string): SnapError => new SnapError('LIMIT_EXCEEDED', `${this.#what} ${what}`, { ...this.#where, offset: this.#at })
}

const isNumberByte = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45
