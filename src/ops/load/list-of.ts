// Owns reading a vCPU of a load: one register, or everything that it lists.
import { type RegId, regBytes } from '../../arch/reg-id.ts'
import { type RegisterList, registerAt } from '../../model/register-list.ts'
import type { LoadVcpu } from './load-host.ts'

export const NOTHING: RegisterList = { ids: new BigUint64Array(0), offsets: new Uint32Array(1), bytes: new Uint8Array(0) }

/** KVM_GET_ONE_REG of a 64-bit register; undefined when it is refused. */
export function get64(vcpu: LoadVcpu, id: bigint): bigint | undefined {
  const { bytes, errnos } = vcpu.getRegs(BigUint64Array.of(id))
  return errnos[0] === 0 ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true) : undefined
}

const offsetsOf = new WeakMap<BigUint64Array, Uint32Array>()

/** Everything a vCPU lists and can read, in list order. */
export function listOf(vcpu: LoadVcpu): RegisterList {
  const { errno, ids } = vcpu.regList()
  if (errno !== 0) return NOTHING
  const { bytes, errnos } = vcpu.getRegs(ids)
  let offsets = offsetsOf.get(ids)
  if (!offsets) {
    offsets = new Uint32Array(ids.length + 1)
    for (let i = 0; i < ids.length; i++) offsets[i + 1] = offsets[i]! + regBytes(ids[i] as RegId)
    offsetsOf.set(ids, offsets)
  }
  const all = { ids, offsets, bytes }
  return errnos.every(each => each === 0) ? all : readable(all, errnos)
}

function readable(list: RegisterList, errnos: Int32Array): RegisterList {
  const kept = [...list.ids.keys()].filter(i => errnos[i] === 0)
  const offsets = new Uint32Array(kept.length + 1)
  kept.forEach((place, i) => {
    offsets[i + 1] = offsets[i]! + list.offsets[place + 1]! - list.offsets[place]!
  })
  return { ids: BigUint64Array.from(kept, i => list.ids[i]!), offsets, bytes: Buffer.concat(kept.map(i => registerAt(list, i))) }
}
