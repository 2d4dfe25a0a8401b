// Owns the comparison of two register lists as QEMU does it on load (target/arm/machine.c, cpu_post_load): which saved registers find their place in
// the destination's list. Pure; what a release makes of the others is qemu.ts's.
import { COPROC, type RegId, regCoproc } from '../../arch/reg-id.ts'
import type { RegisterList } from '../../model/register-list.ts'

/** QEMU keeps core and SVE registers in fields of their own; the others are its list. */
export const isListed = (id: bigint): boolean => {
  const coproc = regCoproc(id as RegId)
  return coproc !== COPROC.core && coproc !== COPROC.sve
}

/** Places of the registers that stand in QEMU's list, ascending by id, or as they are. */
export function listPlaces(ids: BigUint64Array, isSorted: boolean): readonly number[] {
  const places: number[] = []
  for (let i = 0; i < ids.length; i++) if (isListed(ids[i]!)) places.push(i)
  return isSorted ? places.sort((a, b) => (ids[a]! < ids[b]! ? -1 : ids[a]! > ids[b]! ? 1 : 0)) : places
}

const sorted = new WeakMap<BigUint64Array, readonly number[]>()
/** The destination's list: KVM_GET_REG_LIST without core and SVE registers, ascending. Arrays of ids are shared by the vCPUs of a build. */
export function ownPlaces(ids: BigUint64Array): readonly number[] {
  let places = sorted.get(ids)
  if (!places) sorted.set(ids, (places = listPlaces(ids, true)))
  return places
}

export interface Merge {
  /** By position in the destination's list: place in the saved list, or -1. */
  readonly taken: Int32Array
  /** Saved registers that have no place in the destination's list, as they come: `trailing` ones come when that list has ended. */
  readonly unknown: readonly { readonly at: number; readonly isTrailing: boolean }[]
}

/** One step in either list at a time; an unknown register is stepped over, so that all of them are found. */
export function merge(saved: RegisterList, savedPlaces: readonly number[], own: RegisterList, places: readonly number[]): Merge {
  const taken = new Int32Array(places.length).fill(-1)
  const unknown: { at: number; isTrailing: boolean }[] = []
  let i = 0
  for (const at of savedPlaces) {
    const id = saved.ids[at]!
    while (i < places.length && own.ids[places[i]!]! < id) i++
    if (i < places.length && own.ids[places[i]!]! === id) taken[i++] = at
    else unknown.push({ at, isTrailing: i >= places.length })
  }
  return { taken, unknown }
}
