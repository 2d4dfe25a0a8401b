// Owns writing an archive again with other registers: through the model, which keeps what it does not understand.
import type { RegId } from '../../arch/reg-id.ts'
import { registerEntries, registerList } from '../../model/register-list.ts'
import type { VcpuSnapshot } from '../../model/snapshot.ts'
import type { Editor, RegisterEdit } from '../importers/editor.ts'
import { openArchive } from './read.ts'
import { writeArchive } from './write.ts'

export const psnapEditor: Editor = {
  async edit(source, edits, sink, { signal }) {
    const archive = await openArchive(source)
    const { snapshot, findings } = await archive.readSnapshot(signal)
    const vcpus = snapshot.vcpus.map(vcpu => withEdits(vcpu, edits))
    await writeArchive({ ...snapshot, vcpus }, sink, signal ? { signal } : {})
    return findings
  },
}

function withEdits(vcpu: VcpuSnapshot, edits: readonly RegisterEdit[]): VcpuSnapshot {
  const own = new Map(edits.filter(edit => edit.vcpu === vcpu.index).map(edit => [edit.id, edit]))
  if (own.size === 0) return vcpu
  const entries = [...registerEntries(vcpu.registers)].flatMap(([id, bytes]): (readonly [RegId, Uint8Array])[] => {
    const edit = own.get(id)
    if (!edit) return [[id, bytes]]
    return edit.value ? [[id, edit.value]] : []
  })
  return { ...vcpu, registers: registerList(entries) }
}
