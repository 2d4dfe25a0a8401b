// Owns the choice of registers by what a user types (REG of the command line): a name, an id, or a glob over names.

import { type RegId, regCoproc, regIndex } from '../reg-id.ts'
import { registerName, registerRow, registerRows } from './catalogue.ts'
import { globMatcher, isGlob } from './glob.ts'
import { findRegister, unknownRegister } from './parse.ts'
import { encodingName } from './system.ts'

/** Longer than any useful pattern over names. */
const LONGEST_PATTERN = 256
const PREFIX = /^KVM_REG_ARM(64)?_/

/** All names that a glob may hit: the printed one, the same without KVM_REG_ARM…, the aliases; encodings only when asked for as such. */
function namesOf(id: RegId, byEncoding: boolean): readonly string[] {
  const name = registerName(id)
  const names = [name, ...(registerRow(id)?.aliases ?? [])]
  if (PREFIX.test(name)) names.push(name.replace(PREFIX, ''))
  if (byEncoding && regCoproc(id) === 0x13) names.push(encodingName(regIndex(id)))
  return names
}

/**
 * Those of `ids`, in their order, that `pattern` means: a name or number (also one that the list does not hold: then none), or a glob
 * (`*`, `?`, `[…]`) over names. A name wins over a glob, so `CCSIDR_EL1[0]` is that register. Throws REG_ID_INVALID with near names when
 * the pattern can match no register at all, known or in the list.
 */
export function matchRegisters(pattern: string, ids: Iterable<RegId>): readonly RegId[] {
  const text = pattern.trim()
  const exact = findRegister(text)
  if (exact !== undefined) return [...ids].filter(id => id === exact)
  if (!isGlob(text) || text.length > LONGEST_PATTERN) throw unknownRegister(text)
  const matches = globMatcher(text)
  const byEncoding = /^s[0-3?[]_/i.test(text)
  const isHit = (id: RegId) => namesOf(id, byEncoding).some(matches)
  const hits = [...ids].filter(isHit)
  if (hits.length > 0) return hits
  // S3_7_* and coproc* may mean registers that nobody has named yet
  if (byEncoding || /^coproc/i.test(text)) return []
  for (const row of registerRows()) if (isHit(row.id)) return []
  throw unknownRegister(text)
}
