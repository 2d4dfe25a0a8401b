// Owns the two ways a vCPU's registers are saved, as the model's list and as edited. Knows no encoding.
import { type RegId, regBytes, showRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import { bytesToBigint, type RegisterList, registerList, valueBytes } from '../../../model/register-list.ts'
import { isVector, type VcpuState } from './state.ts'

export interface SavedRegisters {
  readonly list: RegisterList
  /** Ids whose slot is narrower than the register: the upper half of each value is not in the file and reads as zero. */
  readonly cut: readonly RegId[]
  /** Ids whose slot holds more than fits the register. */
  readonly overflown: readonly RegId[]
}

/** `slotBytes`: what releases before v1.5 keep of any register. */
export function savedRegisters(regs: VcpuState['regs'], slotBytes: number): SavedRegisters {
  if (isVector(regs)) {
    const offsets = new Uint32Array(regs.ids.length + 1)
    regs.ids.forEach((id, i) => {
      offsets[i + 1] = offsets[i]! + regBytes(id as RegId)
    })
    return { list: { ids: BigUint64Array.from(regs.ids), offsets, bytes: regs.data }, cut: [], overflown: [] }
  }
  const ids = regs.map(({ id }) => id as RegId)
  return {
    list: registerList(regs.map(({ id, value }) => [id as RegId, BigInt.asUintN(regBytes(id as RegId) * 8, value)] as const)),
    cut: ids.filter(id => regBytes(id) > slotBytes),
    overflown: ids.filter((id, i) => regs[i]!.value >> BigInt(regBytes(id) * 8) !== 0n),
  }
}

/** One register changed: `value` undefined drops it. */
export interface RegisterChange {
  readonly id: RegId
  readonly before?: Uint8Array
  readonly after?: Uint8Array
}

/**
 * The registers with every one of this id set to `value`, or dropped when it is undefined, and what that changed. Throws REG_VALUE_INVALID for a
 * value of another size, FORMAT_UNWRITABLE for one that the release's slots cannot hold.
 */
export function changeRegister(
  regs: VcpuState['regs'],
  id: RegId,
  value: Uint8Array | undefined,
  slotBytes: number,
): { readonly regs: VcpuState['regs']; readonly found: boolean; readonly changes: readonly RegisterChange[] } {
  const after = value === undefined ? undefined : valueBytes(id, value)
  const { list } = savedRegisters(regs, slotBytes)
  const at = [...list.ids.keys()].filter(i => list.ids[i] === id)
  const changes = at
    .map(i => ({ id, before: list.bytes.slice(list.offsets[i], list.offsets[i + 1]), ...(after ? { after } : {}) }))
    .filter(change => !after || Buffer.compare(change.before, after) !== 0)
  if (changes.length === 0) return { regs, found: at.length > 0, changes }
  if (!isVector(regs)) {
    const slot = after && slotValue(id, after, slotBytes)
    const edited = regs.flatMap(each => (each.id !== id ? [each] : slot === undefined ? [] : [{ id, value: slot }]))
    return { regs: edited, found: true, changes }
  }
  if (after) {
    const data = regs.data.slice()
    for (const i of at) data.set(after, list.offsets[i])
    return { regs: { ids: regs.ids, data }, found: true, changes }
  }
  const kept = [...list.ids.keys()].filter(i => list.ids[i] !== id)
  const data = Buffer.concat(kept.map(i => list.bytes.subarray(list.offsets[i], list.offsets[i + 1])))
  return { regs: { ids: kept.map(i => regs.ids[i]!), data: new Uint8Array(data) }, found: true, changes }
}

/** The registers with one more at position `at`. Throws as `changeRegister`. */
export function insertRegister(regs: VcpuState['regs'], at: number, id: RegId, value: Uint8Array, slotBytes: number): VcpuState['regs'] {
  const after = valueBytes(id, value)
  if (!isVector(regs)) return regs.toSpliced(at, 0, { id, value: slotValue(id, after, slotBytes) })
  const offset = regs.ids.slice(0, at).reduce((sum, each) => sum + regBytes(each as RegId), 0)
  return {
    ids: regs.ids.toSpliced(at, 0, id),
    data: new Uint8Array(Buffer.concat([regs.data.subarray(0, offset), after, regs.data.subarray(offset)])),
  }
}

function slotValue(id: RegId, value: Uint8Array, slotBytes: number): bigint {
  const wide = bytesToBigint(value)
  if (wide >> BigInt(slotBytes * 8) !== 0n)
    throw new SnapError(
      'FORMAT_UNWRITABLE',
      `this file keeps ${slotBytes * 8} bits of a register; the value for ${showRegId(id)} has more`,
      { register: showRegId(id) },
      { hint: 'the upper half of a vector register has no place in a Firecracker state file of v1.0 to v1.1.3' },
    )
  return wide
}
