// Owns the idea of schema history: each version has a strict parser, each step from one to the next is a pure function. Knows no version.
import { SnapError } from '../../errors.ts'

type Parse<T> = (raw: unknown, context: ParseContext) => T

/** Where the raw value came from, for errors, and what becomes of keys that this release does not know. */
export interface ParseContext {
  readonly file: string
  readonly member: string
  /** Called with a JSON pointer and the value. */
  readonly unknown: (pointer: string, value: unknown) => void
}

export interface Chain<T> {
  readonly version: number
  /** The current form of a value of schema `version`. Throws SCHEMA_TOO_NEW, or ARCHIVE_CORRUPT naming the path that fails. */
  decode(version: number, raw: unknown, context: ParseContext): T
  /** The same history with one more version. */
  next<U>(parse: Parse<U>, up: (old: T) => U): Chain<U>
}

export function chain<T>(parse: Parse<T>, version = 1, older?: (version: number, raw: unknown, context: ParseContext) => T): Chain<T> {
  const decode = (from: number, raw: unknown, context: ParseContext): T => {
    if (from > version)
      throw new SnapError('SCHEMA_TOO_NEW', `${context.file} has schema version ${from}; this release reads up to ${version}`, { file: context.file })
    return from === version || !older ? parse(raw, context) : older(from, raw, context)
  }
  return { version, decode, next: (p, up) => chain(p, version + 1, (v, raw, context) => up(decode(v, raw, context))) }
}
