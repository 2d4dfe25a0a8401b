// Owns taking typed values out of JSON or CBOR data: every fault names the path that is wrong. Knows no format.
import { SnapError, type Where } from '../../errors.ts'
import type { Data, DataMap } from './plain-data.ts'

/** A value and where it stands. Methods throw INPUT_CORRUPT with the path when the value is not what is asked for. */
export class Field {
  readonly value: Data | undefined
  readonly path: string
  readonly #file: string
  readonly #where: Where

  /** `file` names the data in messages; `path` is where in it the value stands, empty for all of it. */
  constructor(value: Data | undefined, file: string, path = '', where: Where = { file }) {
    this.value = value
    this.path = path
    this.#file = file
    this.#where = where
  }

  /** The member of a map; its value is undefined when there is none. */
  at(key: string | number): Field {
    return this.#inner(this.map().get(key), typeof key === 'number' || /^\w[\w-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 60))}]`)
  }
  /** The member, or undefined when it is absent or null. */
  optional(key: string): Field | undefined {
    const member = this.at(key)
    return member.value === undefined || member.value === null ? undefined : member
  }
  has(key: string): boolean {
    return this.map().has(key)
  }

  map(): DataMap {
    if (!(this.value instanceof Map)) throw this.wrong('is not an object')
    return this.value as DataMap
  }
  /** Members in the order of the file. */
  entries(most: number): readonly (readonly [string | number | bigint, Field])[] {
    const map = this.map()
    if (map.size > most) throw this.#tooMany(map.size, most)
    return [...map].map(([key, value]) => [key, this.#inner(value, `[${String(key).slice(0, 60)}]`)] as const)
  }
  /** Items, at most `most`, and exactly `length` when it is given. */
  list(most: number, length?: number): readonly Field[] {
    return this.#items(most, length).map((value, i) => this.#inner(value, `[${i}]`))
  }

  /** An unsigned integer of at most `bits`. */
  unsigned(bits = 64): bigint {
    const { value } = this
    if (typeof value !== 'bigint' && (typeof value !== 'number' || !Number.isSafeInteger(value))) throw this.wrong('is not an integer')
    const exact = BigInt(value)
    if (exact < 0n || exact >> BigInt(bits) !== 0n) throw this.wrong(`does not fit ${bits} bits`)
    return exact
  }
  /** An unsigned integer that is exact as a number. */
  size(): number {
    const value = this.unsigned()
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.wrong('is absurdly large')
    return Number(value)
  }
  text(): string {
    if (typeof this.value !== 'string') throw this.wrong('is not a text')
    return this.value
  }
  flag(): boolean {
    if (typeof this.value !== 'boolean') throw this.wrong('is neither true nor false')
    return this.value
  }
  /** Bytes, or a list of numbers that are bytes; exactly `length` when it is given. */
  bytes(most: number, length?: number): Uint8Array {
    if (this.value instanceof Uint8Array) {
      if (this.value.length > most) throw this.#tooMany(this.value.length, most)
      if (length !== undefined && this.value.length !== length) throw this.wrong(`has ${this.value.length} bytes instead of ${length}`)
      return this.value
    }
    return Uint8Array.from(this.#numbers(most, 0xff, length))
  }
  /** A list of 32-bit words. */
  words(most: number): readonly number[] {
    return this.#numbers(most, 0xffff_ffff)
  }

  wrong(what: string): SnapError {
    const path = this.path === '' ? 'the whole' : this.path
    const missing = this.value === undefined ? 'is missing' : what
    return new SnapError('INPUT_CORRUPT', `${this.#file}: ${path} ${missing}`, { ...this.#where, path: this.path })
  }

  #numbers(most: number, largest: number, length?: number): readonly number[] {
    const items = this.#items(most, length)
    for (let i = 0; i < items.length; i++) {
      const item = items[i]
      if (typeof item !== 'number' || !Number.isInteger(item) || item < 0 || item > largest)
        throw this.#inner(item, `[${i}]`).wrong(`is not a number from 0 to ${largest}`)
    }
    return items as readonly number[]
  }
  #items(most: number, length?: number): readonly Data[] {
    if (!Array.isArray(this.value)) throw this.wrong('is not a list')
    const items = this.value as readonly Data[]
    if (items.length > most) throw this.#tooMany(items.length, most)
    if (length !== undefined && items.length !== length) throw this.wrong(`has ${items.length} items instead of ${length}`)
    return items
  }
  #inner(value: Data | undefined, step: string): Field {
    const path = this.path === '' ? step.replace(/^\./, '') : this.path + step
    return new Field(value, this.#file, path, this.#where)
  }
  #tooMany(count: number, most: number): SnapError {
    return new SnapError('LIMIT_EXCEEDED', `${this.#file}: ${this.path} has ${count} items, at most ${most} are allowed`, { ...this.#where, path: this.path })
  }
}

/** Data as plain values that any output can hold: maps with text keys become objects, others lists of pairs; integers beyond 64 bits become texts. */
export function toPlain(data: Data): unknown {
  if (typeof data === 'bigint') return data >= 1n << 64n || data < -(1n << 63n) ? String(data) : data
  if (data === null || typeof data !== 'object' || data instanceof Uint8Array) return data
  if (!(data instanceof Map)) return (data as readonly Data[]).map(toPlain)
  const entries = [...(data as DataMap)]
  if (entries.some(([key]) => typeof key !== 'string' || key === '__proto__')) return entries.map(([key, value]) => [toPlain(key), toPlain(value)])
  return Object.fromEntries(entries.map(([key, value]) => [key, toPlain(value)]))
}
