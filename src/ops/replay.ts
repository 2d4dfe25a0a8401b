// Owns the blind replay: what every VMM is told to do (save all registers, restore all registers), with every answer kept.
// It never skips, reorders or stops by itself, and it never judges: verdict.ts does. Source of the procedure: recordings/src/probe.c
// (do_replay), which the recorded replays were made with; Linux Documentation/virt/kvm/api.rst, KVM_ARM_VCPU_FINALIZE.
import { ERRNO } from '../arch/errno.ts'
import type { Feature } from '../arch/features.ts'
import { type RegId, regBytes, sveVlsId } from '../arch/reg-id.ts'
import type { BackendVcpu, BackendVm } from '../backends/backend.ts'
import { SnapError } from '../errors.ts'
import { type RegisterList, registerAt, registerList } from '../model/register-list.ts'
import type { VcpuSnapshot } from '../model/snapshot.ts'

/** What happened to one vCPU. Every array is in saved order (newOnTarget: in the target's), nothing filtered. */
export interface VcpuReplay {
  readonly index: number
  /** KVM_SET_ONE_REG calls made. */
  readonly written: number
  readonly refused: readonly { readonly id: RegId; readonly value: Uint8Array; readonly errno: number }[]
  /** Readable afterwards with another value than the one written, refused ones included. */
  readonly differences: readonly { readonly id: RegId; readonly written: Uint8Array; readonly readBack: Uint8Array }[]
  /** Left out by `omit`: the saved value and, where readable, the one the target has instead. */
  readonly omitted: readonly { readonly id: RegId; readonly saved: Uint8Array; readonly readBack?: Uint8Array }[]
  /** Listed by the target before this vCPU's writes, no longer readable after them: a write took away the feature they belong to. */
  readonly vanished: readonly RegId[]
  /** Saved, but not in the target's list before this vCPU's writes. */
  readonly missingOnTarget: readonly RegId[]
  /** In the target's list before this vCPU's writes, not saved; with the value it had then. */
  readonly newOnTarget: readonly { readonly id: RegId; readonly value: Uint8Array }[]
  /** The target's own value of every register it listed, before this vCPU's writes. */
  readonly before: RegisterList
}

export interface ReplayOptions {
  /** Registers that are not written at all: what a VMM that skips a register does. */
  readonly omit: ReadonlySet<bigint>
  /** Replays the pure list order, VLS included, as recordings/ were made: KVM refuses VLS after FINALIZE. */
  readonly rawOrder: boolean
  readonly signal?: AbortSignal
}

/** The vCPUs made ready for a replay, what the target said to an SVE vector-length write, or the call that failed. */
export interface Prepared {
  readonly vcpus: readonly BackendVcpu[]
  /** errno of the VLS write between INIT and FINALIZE, by position in `vcpus`; absent where none was made. */
  readonly vlsErrno: ReadonlyMap<number, number>
  readonly failed?: { readonly call: string; readonly vcpu: number; readonly errno: number }
}

/** Creates the saved vCPUs in `vm`: INIT of all, VLS and FINALIZE where `features` has sve, then the GIC. */
export async function prepareVcpus(vm: BackendVm, saved: readonly VcpuSnapshot[], features: readonly Feature[], options: ReplayOptions): Promise<Prepared> {
  const vcpus: BackendVcpu[] = []
  const vlsErrno = new Map<number, number>()
  for (const { index } of saved) {
    const vcpu = await vm.createVcpu(index).catch(notMade)
    if (!vcpu) return { vcpus, vlsErrno, failed: { call: 'KVM_CREATE_VCPU', vcpu: index, errno: ERRNO.EINVAL } }
    vcpus.push(vcpu)
  }
  for (const [i, vcpu] of vcpus.entries()) {
    // POWER_OFF is an order for this one call, not state: mp_state is restored by itself (firecracker pull 4567 is what else happens).
    const errno = await vcpu.init(features.filter(feature => feature !== 'power_off'))
    if (errno !== 0) return { vcpus, vlsErrno, failed: { call: 'KVM_ARM_VCPU_INIT', vcpu: saved[i]!.index, errno } }
  }
  if (features.includes('sve'))
    for (const [i, vcpu] of vcpus.entries()) {
      const { registers, index } = saved[i]!
      const at = registers.ids.indexOf(sveVlsId)
      if (at >= 0 && !options.rawOrder && !options.omit.has(sveVlsId)) {
        const [errno = 0] = await vcpu.setRegs(BigUint64Array.of(sveVlsId), registerAt(registers, at))
        vlsErrno.set(i, errno)
      }
      const errno = await vcpu.finalizeSve()
      if (errno !== 0) return { vcpus, vlsErrno, failed: { call: 'KVM_ARM_VCPU_FINALIZE', vcpu: index, errno } }
    }
  await vm.finishSetup()
  return { vcpus, vlsErrno }
}

/** A number that this host has no vCPU for is its refusal, as that of a register is. */
function notMade(error: unknown): undefined {
  if (error instanceof SnapError && error.code === 'KERNEL_REFUSED') return undefined
  throw error
}

/** Writes one saved vCPU's registers into a prepared one, in saved order, and reads all of them back. `vls` is prepareVcpus' errno for it. */
export async function replayVcpu(vcpu: BackendVcpu, saved: VcpuSnapshot, options: ReplayOptions, vls: number | undefined): Promise<VcpuReplay> {
  const list = saved.registers
  const before = await readAll(vcpu)
  const chosen = selectRegisters(list, id => !options.omit.has(id) && !(vls !== undefined && id === sveVlsId))
  const setErrnos = await vcpu.setRegs(chosen.ids, chosen.bytes)
  const errnos = new Int32Array(list.ids.length).fill(NOT_WRITTEN)
  for (let i = 0, next = 0; i < list.ids.length; i++) {
    if (vls !== undefined && list.ids[i] === sveVlsId) errnos[i] = vls
    else if (!options.omit.has(list.ids[i]!)) errnos[i] = setErrnos[next++] ?? 0
  }
  return tallyReplay({ index: saved.index, saved: list, errnos, before, after: await vcpu.getRegs(list.ids) })
}

/** Errno of a saved register for which KVM_SET_ONE_REG was not called. */
export const NOT_WRITTEN = -1

export interface Written {
  readonly index: number
  readonly saved: RegisterList
  /** Of each saved register: 0, the errno of its write, or NOT_WRITTEN. */
  readonly errnos: Int32Array
  /** The target's list with its values, before this vCPU's writes. */
  readonly before: RegisterList
  /** KVM_GET_ONE_REG of every saved register afterwards. */
  readonly after: { readonly bytes: Uint8Array; readonly errnos: Int32Array }
}

/** What became of one vCPU's saved registers; those that were not written are `omitted`. Pure. */
export function tallyReplay({ index, saved, errnos, before, after }: Written): VcpuReplay {
  const isSameList = sameIds(saved.ids, before.ids)
  const known = isSameList ? undefined : idSet(before.ids)
  const isKnown = (id: bigint): boolean => known?.has(id) ?? true
  const refused: { id: RegId; value: Uint8Array; errno: number }[] = []
  const differences: { id: RegId; written: Uint8Array; readBack: Uint8Array }[] = []
  const omitted: { id: RegId; saved: Uint8Array; readBack?: Uint8Array }[] = []
  const vanished: RegId[] = []
  const missingOnTarget: RegId[] = []
  let written = 0
  for (let i = 0, offset = 0; i < saved.ids.length; i++) {
    const id = saved.ids[i] as RegId
    const errno = errnos[i]!
    const start = saved.offsets[i]!
    const end = saved.offsets[i + 1]!
    const from = offset
    offset += end - start
    const readable = after.errnos[i] === 0
    if (errno !== NOT_WRITTEN) written++
    if (errno === 0 && readable && isSameList && rangeEqual(saved.bytes, start, after.bytes, from, end - start)) continue
    const value = saved.bytes.subarray(start, end)
    const readBack = after.bytes.subarray(from, offset)
    if (!isKnown(id)) missingOnTarget.push(id)
    if (errno > 0) refused.push({ id, value, errno })
    if (errno === NOT_WRITTEN) omitted.push(readable ? { id, saved: value, readBack } : { id, saved: value })
    if (readable) {
      if (errno !== NOT_WRITTEN && !rangeEqual(value, 0, readBack, 0, value.length)) differences.push({ id, written: value, readBack })
    } else if (isKnown(id)) vanished.push(id)
  }
  const newOnTarget: { id: RegId; value: Uint8Array }[] = []
  if (!isSameList) {
    const saving = new Set<bigint>(saved.ids)
    before.ids.forEach((id, i) => {
      if (!saving.has(id)) newOnTarget.push({ id: id as RegId, value: registerAt(before, i) })
    })
  }
  return { index, written, refused, differences, omitted, vanished, missingOnTarget, newOnTarget, before }
}

const sets = new WeakMap<BigUint64Array, ReadonlySet<bigint>>()
/** Lists of one build share their arrays of ids. */
function idSet(ids: BigUint64Array): ReadonlySet<bigint> {
  let set = sets.get(ids)
  if (!set) sets.set(ids, (set = new Set(ids)))
  return set
}

function sameIds(a: BigUint64Array, b: BigUint64Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Everything a vCPU lists, with the values it can read: what a VMM saves. Ids that the kernel lists but cannot read are left out. */
export async function readAll(vcpu: BackendVcpu): Promise<RegisterList> {
  const { errno, ids } = await vcpu.regList()
  if (errno !== 0) return registerList([])
  const asked = BigUint64Array.from(ids)
  const { bytes, errnos } = await vcpu.getRegs(asked)
  const offsets = new Uint32Array(asked.length + 1)
  for (let i = 0; i < asked.length; i++) offsets[i + 1] = offsets[i]! + regBytes(asked[i] as RegId)
  const all = { ids: asked, offsets, bytes }
  return errnos.every(e => e === 0) ? all : selectRegisters(all, (_, i) => errnos[i] === 0)
}

/** The registers that `keep` wants, order kept; the same list when it wants all. */
export function selectRegisters(list: RegisterList, keep: (id: bigint, index: number) => boolean): RegisterList {
  const kept: number[] = []
  for (let i = 0; i < list.ids.length; i++) if (keep(list.ids[i]!, i)) kept.push(i)
  if (kept.length === list.ids.length) return list
  return registerList(kept.map(i => [list.ids[i] as RegId, registerAt(list, i)] as const))
}

function rangeEqual(a: Uint8Array, fromA: number, b: Uint8Array, fromB: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[fromA + i] !== b[fromB + i]) return false
  return true
}
