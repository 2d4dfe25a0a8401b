// Owns finding where the values of a JSON text stand. The text has been parsed before: its grammar and its limits are not checked again.

/** One value: bytes [start, end) of the text, and what is in it. */
export interface JsonSpan {
  readonly start: number
  readonly end: number
  /** Of a list. */
  readonly items?: readonly JsonSpan[]
  /** Of an object; of a key that stands twice the later value, which is the one that JSON.parse takes. */
  readonly entries?: ReadonlyMap<string, JsonSpan>
}

export function jsonSpans(bytes: Uint8Array): JsonSpan {
  return spanAt(bytes, bytes[0] === 0xef ? 3 : 0) // a byte order mark
}

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
const skipBlanks = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (isBlank(bytes[at])) at++
  return at
}
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const ENDS: ReadonlySet<number | undefined> = new Set([COMMA, 0x5d, 0x7d, 0x20, 0x09, 0x0a, 0x0d, undefined])

function spanAt(bytes: Uint8Array, from: number): JsonSpan {
  const start = skipBlanks(bytes, from)
  if (bytes[start] === 0x5b) return listAt(bytes, start)
  if (bytes[start] === 0x7b) return objectAt(bytes, start)
  if (bytes[start] === QUOTE) return { start, end: textEnd(bytes, start) }
  let end = start
  while (!ENDS.has(bytes[end])) end++
  return { start, end }
}

function textEnd(bytes: Uint8Array, start: number): number {
  let at = start + 1
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1
  return at + 1
}

function listAt(bytes: Uint8Array, start: number): JsonSpan {
  const items: JsonSpan[] = []
  let at = skipBlanks(bytes, start + 1)
  while (at < bytes.length && bytes[at] !== 0x5d) {
    const item = spanAt(bytes, at)
    items.push(item)
    at = skipBlanks(bytes, item.end)
    if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1)
  }
  return { start, end: at + 1, items }
}

function objectAt(bytes: Uint8Array, start: number): JsonSpan {
  const entries = new Map<string, JsonSpan>()
  let at = skipBlanks(bytes, start + 1)
  while (at < bytes.length && bytes[at] !== 0x7d) {
    const keyEnd = textEnd(bytes, at)
    const key = JSON.parse(new TextDecoder().decode(bytes.subarray(at, keyEnd))) as string
    const colon = skipBlanks(bytes, keyEnd)
    const value = spanAt(bytes, bytes[colon] === COLON ? colon + 1 : colon)
    entries.set(key, value)
    at = skipBlanks(bytes, value.end)
    if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1)
  }
  return { start, end: at + 1, entries }
}
