// Owns asking a fresh vCPU of the target what it has and what it takes. One VM, never run; every question leaves it as it was.
import type { Feature } from '../../arch/features.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { emulatorBackend } from '../../backends/emulator.ts'
import type { Build } from '../../builds/build.ts'
import { encodingId } from '../../builds/compose.ts'
import { type RegisterList, registerAt, registerValue, valueBytes } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { prepareVcpus, readAll } from '../replay.ts'

export interface TargetVcpu {
  /** What it lists, in its order, with its own values. */
  readonly list: RegisterList
  valueOf(id: RegId): bigint | undefined
  /** True when a write of the value succeeds and the register then reads it. */
  accepts(id: RegId, value: bigint): Promise<boolean>
  /** The ID register and field (4 bits at `shift`) without which it has no such register. */
  gateOf(id: RegId): { readonly id: RegId; readonly shift: number } | undefined
  /** What stands before `id` in its list, nearest first. */
  before(id: RegId): readonly RegId[]
}

/** vCPU 0 of a VM like the snapshot's; undefined when the target does not make one with these features. */
export async function targetVcpu(build: Build, { gic, vm: saved, vcpus }: Snapshot, features: readonly Feature[]): Promise<TargetVcpu | undefined> {
  const vm = await emulatorBackend(build).createVm({
    gic,
    ...(saved.systemSuspend ? { systemSuspend: true } : {}),
    ...(saved.writableImpIdRegs ? { writableImpIdRegs: true } : {}),
  })
  const prepared = await prepareVcpus(vm, vcpus.slice(0, 1), features, { omit: new Set(), rawOrder: false })
  const [vcpu] = prepared.vcpus
  if (prepared.failed || !vcpu) return undefined
  const list = await readAll(vcpu)
  const write = async (id: RegId, bytes: Uint8Array): Promise<number> => (await vcpu.setRegs(BigUint64Array.of(id), bytes))[0] ?? 0
  return {
    list,
    valueOf: id => registerValue(list, id),
    async accepts(id, value) {
      const at = list.ids.indexOf(id)
      if (at < 0) return false
      const bytes = valueBytes(id, value)
      const errno = await write(id, bytes)
      const back = await vcpu.getRegs(BigUint64Array.of(id))
      await write(id, registerAt(list, at))
      return errno === 0 && back.errnos[0] === 0 && Buffer.compare(back.bytes, bytes) === 0
    },
    gateOf(id) {
      const field = build.kernel.sysregs.find(row => encodingId(row.encoding) === id)?.field
      return field && { id: encodingId(field.encoding), shift: field.shift }
    },
    before: id => {
      const at = list.ids.indexOf(id)
      return at < 0 ? [] : ([...list.ids.subarray(0, at)].reverse() as RegId[])
    },
  }
}
