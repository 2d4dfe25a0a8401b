// Owns how JSON is spoiled so that it stays JSON: bytes changed anywhere mostly end at the grammar, and what stands behind it has to hold too.
import { generator } from './random.ts'

const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null/g
const VALUES = [
  'null',
  'true',
  '[]',
  '{}',
  '[[]]',
  '""',
  '0',
  '-1',
  '1e400',
  '9007199254740993',
  '18446744073709551616',
  '"0x"',
  '"0x0"',
  '"b"',
  '"b00"',
  '"0xffffffffffffffff"',
  '"0x10000000000000000"',
  '"0x60f0000000140000"',
  '"0x6030000000140000"',
  '"__proto__"',
  '"\\ud800"',
  '"-0x1"',
]

/** One to four values or keys become others, of this text or troublesome ones. The same changes for the same number. */
export function mutateJson(seed: Uint8Array, random: number): Uint8Array {
  const next = generator(random)
  let text = Buffer.from(seed.buffer, seed.byteOffset, seed.byteLength).toString('utf8')
  for (let changes = 1 + (next() % 4); changes > 0; changes--) {
    const tokens = [...text.matchAll(TOKENS)]
    const [token, other] = [tokens[next() % Math.max(1, tokens.length)], tokens[next() % Math.max(1, tokens.length)]]
    if (!token || !other) break
    const value = next() % 2 === 0 ? other[0] : (VALUES[next() % VALUES.length] ?? '')
    // A text may lose or gain digits instead: the same kind of value, another width.
    const shorter =
      token[0].startsWith('"') && next() % 3 === 0
        ? `${token[0].slice(0, 1 + (next() % token[0].length))}${'f'.repeat(next() % 5)}"`.replace(/"+$/, '"')
        : value
    text = text.slice(0, token.index) + shorter + text.slice(token.index + token[0].length)
  }
  return new Uint8Array(Buffer.from(text))
}
