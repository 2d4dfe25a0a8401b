// Owns the reading of one map out of a decoded member: key by key, each with its type, the failing path named, the keys left over handed on.
import { SnapError } from '../../errors.ts'
import type { ParseContext } from './chain.ts'

const U64 = (1n << 64n) - 1n

export class Fields {
  readonly #map: Readonly<Record<string, unknown>>
  readonly #context: ParseContext
  readonly #path: string
  readonly #seen = new Set<string>()

  /** `path` is a JSON pointer: empty for the member itself. */
  constructor(raw: unknown, context: ParseContext, path = '') {
    this.#context = context
    this.#path = path
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || raw instanceof Uint8Array) throw this.#wrong('', 'is not a map')
    this.#map = raw as Record<string, unknown>
  }

  has(key: string): boolean {
    return this.#map[key] !== undefined
  }

  /** `{ key: value }` when the key is there, else nothing: to be spread. */
  optional<K extends string, T>(key: K, read: (key: K) => T): { [P in K]?: T } {
    return (this.has(key) ? { [key]: read(key) } : {}) as { [P in K]?: T }
  }

  text = (key: string): string => {
    const value = this.raw(key)
    if (typeof value !== 'string') throw this.#wrong(key, 'is not a text')
    return value
  }
  bool = (key: string): boolean => {
    const value = this.raw(key)
    if (typeof value !== 'boolean') throw this.#wrong(key, 'is not true or false')
    return value
  }
  bytes = (key: string): Uint8Array => {
    const value = this.raw(key)
    if (!(value instanceof Uint8Array)) throw this.#wrong(key, 'is not a byte string')
    return value
  }
  /** 0 … 2^64 - 1, whichever integer type it was written as. */
  u64 = (key: string): bigint => this.#u64(this.raw(key), key)
  u64s = (key: string, most: number): readonly bigint[] => this.#array(key, most).map((item, i) => this.#u64(item, `${key}/${i}`))
  /** A whole number 0 … `most` (at most 2^53 - 1). */
  count = (key: string, most: number): number => this.#count(this.raw(key), key, most)
  counts = (key: string, most: number, highest: number): readonly number[] => this.#array(key, most).map((item, i) => this.#count(item, `${key}/${i}`, highest))
  texts = (key: string, most: number): readonly string[] =>
    this.#array(key, most).map((item, i) => {
      if (typeof item !== 'string') throw this.#wrong(`${key}/${i}`, 'is not a text')
      return item
    })
  oneOf = <T extends string>(key: string, names: readonly T[]): T => {
    const value = this.raw(key)
    const found = names.find(name => name === value)
    if (found === undefined) throw this.#wrong(key, `is not one of ${names.join(' ')}`)
    return found
  }
  /** A map inside; `read` must read all of its keys. */
  map = <T>(key: string, read: (fields: Fields) => T): T => this.#nested(this.raw(key), key, read)
  maps = <T>(key: string, most: number, read: (fields: Fields) => T): readonly T[] =>
    this.#array(key, most).map((item, i) => this.#nested(item, `${key}/${i}`, read))
  /** Whatever is there; an absent key is an error. */
  raw = (key: string): unknown => {
    this.#seen.add(key)
    const value = this.#map[key]
    if (value === undefined) throw this.#wrong(key, 'is missing')
    return value
  }

  /** Hands the keys that nobody asked for to the context. */
  close(): void {
    for (const [key, value] of Object.entries(this.#map)) if (!this.#seen.has(key)) this.#context.unknown(`${this.#path}/${escapeKey(key)}`, value)
  }

  fail(key: string, what: string): never {
    throw this.#wrong(key, what)
  }

  #nested<T>(raw: unknown, key: string, read: (fields: Fields) => T): T {
    const fields = new Fields(raw, this.#context, `${this.#path}/${key}`)
    const value = read(fields)
    fields.close()
    return value
  }
  #array(key: string, most: number): readonly unknown[] {
    const value = this.raw(key)
    if (!Array.isArray(value)) throw this.#wrong(key, 'is not a list')
    if (value.length > most) throw this.#wrong(key, `has ${value.length} items, at most ${most} are allowed`, 'LIMIT_EXCEEDED')
    return value
  }
  #u64(value: unknown, key: string): bigint {
    const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
    if (typeof number !== 'bigint' || number < 0n || number > U64) throw this.#wrong(key, 'is not a number of 64 bits')
    return number
  }
  #count(value: unknown, key: string, most: number): number {
    const number = this.#u64(value, key)
    if (number > BigInt(most)) throw this.#wrong(key, `is ${number}, more than ${most}`)
    return Number(number)
  }
  #wrong(key: string, what: string, code: 'ARCHIVE_CORRUPT' | 'LIMIT_EXCEEDED' = 'ARCHIVE_CORRUPT'): SnapError {
    const { file, member } = this.#context
    const path = key === '' ? this.#path || '/' : `${this.#path}/${key}`
    return new SnapError(code, `${file}: ${member}: ${path} ${what}`, { file, member, path })
  }
}

/** One key as a part of a JSON pointer (RFC 6901). */
export const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1')
export const unescapeKey = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~')
