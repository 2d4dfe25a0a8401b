// Owns how a register's value stands in a report: the reglist notation, but for a secret that nobody asked for.
import type { RegId } from '../arch/reg-id.ts'
import { isSecret } from '../arch/secrets.ts'
import { showValue as plainValue } from '../formats/importers/reglist/value-text.ts'

/** `0x…` up to 64 bits, `b` and hex bytes in memory order above; `masked` for a pointer-authentication key unless `reveal`. */
export const showValue = (id: RegId, bytes: Uint8Array, reveal = false): string => (!reveal && isSecret(id) ? 'masked' : plainValue(id, bytes))

/** The first three names, and how many more. */
export function showNames(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length <= 3 ? shown : `${shown} and ${names.length - 3} more`
}

/** For sentences: a value that is wider than 64 bits by its beginning. */
export const shorten = (value: string): string => (value.length <= 20 ? value : `${value.slice(0, 17)}…`)
