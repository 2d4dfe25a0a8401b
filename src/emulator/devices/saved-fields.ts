// Owns the check that a device's saved state has the fields it should, each of its kind and size.
import { SnapError } from '../../errors.ts'

type Raw = Readonly<Record<string, unknown>>

/** A saved state as a record. Throws INPUT_CORRUPT naming the device. */
export function savedRecord(kind: string, raw: unknown, path = ''): Raw {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || raw instanceof Uint8Array)
    throw new SnapError('INPUT_CORRUPT', `the saved state of ${kind} is not a record${path && ` at ${path}`}`, path === '' ? {} : { path })
  return raw as Raw
}

/** Throws INPUT_CORRUPT for a field that is none of `names`. */
export function onlyFields(kind: string, fields: Raw, names: readonly string[]): void {
  for (const name of Object.keys(fields))
    if (!names.includes(name)) throw new SnapError('INPUT_CORRUPT', `the saved state of ${kind} has a field that it never had: ${name}`, { path: name })
}

/** An unsigned integer of at most `bits` bits, at most 53. Throws INPUT_CORRUPT. */
export function savedNumber(kind: string, name: string, value: unknown, bits: number): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0 || number >= 2 ** bits)
    throw new SnapError('INPUT_CORRUPT', `${name} in the saved state of ${kind} is not a number of ${bits} bits`, { path: name })
  return number
}

/** An unsigned integer of 64 bits; small ones may come back from a file as plain numbers. Throws INPUT_CORRUPT. */
export function savedU64(kind: string, name: string, value: unknown): bigint {
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof number !== 'bigint' || number < 0n || number >> 64n !== 0n)
    throw new SnapError('INPUT_CORRUPT', `${name} in the saved state of ${kind} is not a number of 64 bits`, { path: name })
  return number
}

/** At most `most` bytes. Throws INPUT_CORRUPT. */
export function savedBytes(kind: string, name: string, value: unknown, most: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > most)
    throw new SnapError('INPUT_CORRUPT', `${name} in the saved state of ${kind} is not at most ${most} bytes`, { path: name })
  return new Uint8Array(value)
}

/**
 * A record with exactly the fields of `bits`, each an unsigned integer of at most that many bits. Throws INPUT_CORRUPT naming device and field.
 */
export function parseFields<K extends string>(kind: string, raw: unknown, bits: Readonly<Record<K, number>>): Readonly<Record<K, number>> {
  const fields = savedRecord(kind, raw)
  const names = Object.keys(bits) as K[]
  onlyFields(kind, fields, names)
  return Object.fromEntries(names.map(name => [name, savedNumber(kind, name, fields[name], bits[name])])) as Record<K, number>
}
