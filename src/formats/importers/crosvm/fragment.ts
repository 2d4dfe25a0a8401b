// Owns one file of a crosvm snapshot: CBOR since 2025-03, JSON before; in JSON the integer keys of maps are decimal texts. Knows no content.
// Source: facts/vmm-formats.md §3.
import type { Where } from '../../../errors.ts'
import { parseCbor } from '../../data/cbor.ts'
import { parseExactJson } from '../../data/exact-json.ts'
import { Field } from '../../data/fields.ts'
import { readAll, type Source } from '../../source/source.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'

export type Encoding = 'cbor' | 'json'

/** What the first byte says: every JSON file of crosvm begins with `{`, which begins no CBOR map. */
export const encodingOf = (head: Uint8Array): Encoding => (head[0] === 0x7b ? 'json' : 'cbor')

/** Reads a whole file. Throws INPUT_CORRUPT with the offset, LIMIT_EXCEEDED. */
export async function readFragment(source: Source, encoding: Encoding): Promise<Field> {
  const { name: file } = source
  const bytes = await readAll(source, VMM_LIMITS.memberBytes, 'a file of a crosvm snapshot')
  const where: Where = { file }
  return new Field(encoding === 'cbor' ? parseCbor(bytes, file, where) : parseExactJson(bytes, file, where), file)
}

/** Members of a map with unsigned integer keys, in the order of the file, which is that of the keys. Throws INPUT_CORRUPT. */
export function integerEntries(field: Field, bits: number, most: number): readonly (readonly [bigint, Field])[] {
  return field.entries(most).map(([key, value]) => {
    const number = typeof key === 'string' ? (/^(?:0|[1-9][0-9]{0,19})$/.test(key) ? BigInt(key) : -1n) : BigInt(key)
    if (number < 0n || number >> BigInt(bits) !== 0n) throw value.wrong(`has a key that is no ${bits}-bit number`)
    return [number, value] as const
  })
}
