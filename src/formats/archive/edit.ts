// Owns writing an archive again with other registers: through the model, which keeps what it does not understand.
import type { RegId } from '../../arch/reg-id.ts'
import { applyPatches, type BytePatch, patchedRegion } from '../../model/patched-region.ts'
import { registerEntries, registerList, valueBytes } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'
import { placeOfAdded } from '../importers/added-place.ts'
import type { Editor, RegisterEdit } from '../importers/editor.ts'
import { openArchive } from './read.ts'
import { writeArchive } from './write.ts'

export const psnapEditor: Editor = {
  writesBytes: true,
  async edit(source, edits, sink, { signal, patches = [] }) {
    const archive = await openArchive(source)
    const { snapshot, findings } = await archive.readSnapshot(signal)
    const vcpus = snapshot.vcpus.map(vcpu => withEdits(vcpu, edits))
    await writeArchive({ ...withPatches(snapshot, patches), vcpus }, sink, signal ? { signal } : {})
    return findings
  },
}

/** Bytes of memory, and of devices that are kept as bytes. */
function withPatches(snapshot: Snapshot, patches: readonly BytePatch[]): Snapshot {
  const of = (place: BytePatch['in'], name: string, start?: bigint): readonly BytePatch[] =>
    patches.filter(each => each.in === place && each.name === name && each.start === start)
  return {
    ...snapshot,
    memory: snapshot.memory.map(region => patchedRegion(region, of('memory', region.name, region.start))),
    devices: snapshot.devices.map(device => {
      const own = of('device', device.name)
      const { state } = device
      if (own.length === 0 || typeof state !== 'object' || state === null || !('bytes' in state) || !(state.bytes instanceof Uint8Array)) return device
      const bytes = new Uint8Array(state.bytes)
      applyPatches(bytes, 0, own)
      return { ...device, state: { ...state, bytes } }
    }),
  }
}

/** Also for a snapshot in memory that a file will be written from. Throws REG_VALUE_INVALID. */
export function withEdits(vcpu: VcpuSnapshot, edits: readonly RegisterEdit[]): VcpuSnapshot {
  const own = new Map(edits.filter(edit => edit.vcpu === vcpu.index).map(edit => [edit.id, edit]))
  if (own.size === 0) return vcpu
  const entries = [...registerEntries(vcpu.registers)].flatMap(([id, bytes]): (readonly [RegId, Uint8Array])[] => {
    const edit = own.get(id)
    if (!edit) return [[id, bytes]]
    return edit.value ? [[id, edit.value]] : []
  })
  const had = new Set<bigint>(vcpu.registers.ids)
  for (const { id, value, behind } of own.values()) {
    if (!value || had.has(id)) continue
    const ids = entries.map(([each]) => each)
    entries.splice(placeOfAdded(ids, id, behind), 0, [id, valueBytes(id, value)])
  }
  return { ...vcpu, registers: registerList(entries) }
}
