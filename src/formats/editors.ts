// Owns the list of formats that can be written again with other registers. To add one: write its Editor and name it here, by its importer's id.
import { SnapError } from '../errors.ts'
import type { Editor } from './importers/editor.ts'

const EDITORS: Readonly<Record<string, () => Promise<Editor>>> = {
  psnap: async () => (await import('./archive/edit.ts')).psnapEditor,
  'cloud-hypervisor': async () => (await import('./importers/cloud-hypervisor/edit.ts')).cloudHypervisorEditor,
  'kvm-reglist': async () => (await import('./importers/reglist/edit.ts')).reglistEditor,
  qemu: async () => {
    const { editQemuStream } = await import('./importers/qemu/edit.ts')
    return {
      writesBytes: true,
      async edit(source, edits, sink, { signal, patches }) {
        await editQemuStream(
          source,
          edits.map(({ vcpu, id, value }) => (value ? { vcpu, set: { id, bytes: value } } : { vcpu, drop: id })),
          sink,
          signal,
          patches,
        )
        return []
      },
    }
  },
  'firecracker-vmstate': async () => {
    const { editVmstate } = await import('./importers/firecracker/edit.ts')
    return {
      async edit(source, edits, sink, { vmmVersion }) {
        const all = edits.map(({ vcpu, id, value, behind }) =>
          value ? { kind: 'put' as const, vcpu, id, value, ...(behind ? { behind } : {}) } : { kind: 'drop' as const, vcpu, id },
        )
        return (await editVmstate(source, all, sink, vmmVersion === undefined ? {} : { vmmVersion })).findings
      },
    }
  },
}
export const EDITABLE = Object.keys(EDITORS) as readonly string[]

/** The editor of a format. Throws FORMAT_UNWRITABLE, saying what to do instead. */
export async function editorOf(format: string, file: string): Promise<Editor> {
  const load = EDITORS[format]
  if (load && Object.hasOwn(EDITORS, format)) return load()
  throw new SnapError(
    'FORMAT_UNWRITABLE',
    `${file} is in the format ${format}, which psci-snap reads and does not write`,
    { file },
    { hint: `formats that can be edited: ${EDITABLE.join(', ')}; \`psci-snap convert\` makes a psnap of any other` },
  )
}
