// Owns the check that a device's saved state has the fields it should, each a number of so many bits.
import { SnapError } from '../../errors.ts'

/**
 * A record with exactly the fields of `bits`, each an unsigned integer of at most that many bits. Throws INPUT_CORRUPT naming device and field.
 */
export function parseFields<K extends string>(kind: string, raw: unknown, bits: Readonly<Record<K, number>>): Readonly<Record<K, number>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new SnapError('INPUT_CORRUPT', `the saved state of ${kind} is not a record`)
  const fields = raw as Readonly<Record<string, unknown>>
  for (const name of Object.keys(fields))
    if (!(name in bits)) throw new SnapError('INPUT_CORRUPT', `the saved state of ${kind} has a field that it never had: ${name}`, { path: name })
  for (const name of Object.keys(bits) as K[]) {
    const value = fields[name]
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** bits[name])
      throw new SnapError('INPUT_CORRUPT', `${name} in the saved state of ${kind} is not a number of ${bits[name]} bits`, { path: name })
  }
  return raw as Readonly<Record<K, number>>
}
