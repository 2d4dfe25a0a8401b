// Owns the value of a saved register list: ids and bytes in the order KVM_GET_REG_LIST gave them. No names, no rules, no I/O.
// Columns, not objects: replays read them by index, thousands of lists a second.

import { type RegId, regBytes, showRegId } from '../arch/reg-id.ts'
import { SnapError } from '../errors.ts'

/** Registers in saved order. `offsets` has one more element than `ids`: value i is bytes[offsets[i] … offsets[i+1]), memory order. */
export interface RegisterList {
  readonly ids: BigUint64Array
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
}

/** Builds a list from (id, value) pairs; a bigint value is written little-endian. Throws REG_VALUE_INVALID when a value does not fit its register. */
export function registerList(entries: Iterable<readonly [RegId, bigint | Uint8Array]>): RegisterList {
  const pairs = [...entries]
  const ids = new BigUint64Array(pairs.length)
  const offsets = new Uint32Array(pairs.length + 1)
  pairs.forEach(([id], i) => {
    ids[i] = id
    offsets[i + 1] = (offsets[i] ?? 0) + regBytes(id)
  })
  const bytes = new Uint8Array(offsets[pairs.length] ?? 0)
  pairs.forEach(([id, value], i) => {
    bytes.set(valueBytes(id, value), offsets[i])
  })
  return { ids, offsets, bytes }
}

/** The bytes of one register's value, exactly as long as its id says. */
export function valueBytes(id: RegId, value: bigint | Uint8Array): Uint8Array {
  const size = regBytes(id)
  if (value instanceof Uint8Array) {
    if (value.length !== size)
      throw new SnapError('REG_VALUE_INVALID', `${showRegId(id)} has ${size} bytes, the value has ${value.length}`, { register: showRegId(id) })
    return value
  }
  if (value < 0n || value >> BigInt(size * 8) !== 0n)
    throw new SnapError('REG_VALUE_INVALID', `0x${value.toString(16)} does not fit the ${size} bytes of ${showRegId(id)}`, { register: showRegId(id) })
  const out = new Uint8Array(size)
  for (let i = 0, rest = value; rest !== 0n; i++, rest >>= 8n) out[i] = Number(rest & 0xffn)
  return out
}

export const registerAt = (list: RegisterList, index: number): Uint8Array => list.bytes.subarray(list.offsets[index], list.offsets[index + 1])

/** Little-endian bytes as a number of any width. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0)
  return value
}

/** The value with this id as a number, or undefined when the list does not hold it. */
export function registerValue(list: RegisterList, id: bigint): bigint | undefined {
  const i = list.ids.indexOf(id)
  return i < 0 ? undefined : bytesToBigint(registerAt(list, i))
}

/** All entries in order. */
export function* registerEntries(list: RegisterList): Generator<readonly [RegId, Uint8Array]> {
  for (let i = 0; i < list.ids.length; i++) yield [list.ids[i] as RegId, registerAt(list, i)]
}
