// Owns the gate before JSON.parse: one pass over the text that refuses deep nesting and more items than anyone needs, so that a small file cannot
// become gigabytes of objects. Does not check JSON's grammar; JSON.parse does.
import { SnapError } from '../../../errors.ts'
import { parseExactJson } from '../../data/exact-json.ts'

/** Parses JSON text of a stranger. Throws INPUT_CORRUPT or LIMIT_EXCEEDED naming the file and, where known, the offset. */
export function parseJson(bytes: Uint8Array, file: string, limits: { readonly depth: number; readonly items: number }): unknown {
  gate(bytes, file, limits)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) // drops a byte order mark
  } catch (cause) {
    const why =
      cause instanceof SyntaxError
        ? cause.message
            .replace(/ in JSON at position .*/s, '')
            .replace(/[^\x20-\x7e]/g, '?')
            .slice(0, 160)
        : 'the text is not UTF-8'
    const offset = faultAt(bytes, limits)
    throw new SnapError(
      'INPUT_CORRUPT',
      `${file} is not JSON${offset === undefined ? '' : ` at byte ${offset}`}: ${why}`,
      { file, ...(offset === undefined ? {} : { offset }) },
      { cause },
    )
  }
}

/** JSON.parse names no byte; the exact reader, which is slower, does. */
function faultAt(bytes: Uint8Array, limits: { readonly depth: number; readonly items: number }): number | undefined {
  try {
    parseExactJson(bytes, 'JSON', {}, limits)
    return undefined
  } catch (error) {
    return error instanceof SnapError ? error.at.offset : undefined
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

function gate(bytes: Uint8Array, file: string, limits: { readonly depth: number; readonly items: number }): void {
  let depth = 0
  let items = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
    } else if (byte === 0x5b || byte === 0x7b) {
      depth++
      items++
      if (depth > limits.depth) throw new SnapError('LIMIT_EXCEEDED', `${file} is nested deeper than ${limits.depth}`, { file, offset: at })
    } else if (byte === 0x5d || byte === 0x7d) depth--
    else if (byte === COMMA) items++
    if (items > limits.items) throw new SnapError('LIMIT_EXCEEDED', `${file} has more than ${limits.items} items`, { file, offset: at })
  }
}
