// Owns how Firecracker's state files are recognised and read as any other input. What reads them is loaded when there is one.
import { readAll } from '../../source/source.ts'
import type { Importer } from '../importer.ts'
import { recognizeHeader } from './header.ts'
import { FIRECRACKER_LIMITS } from './limits.ts'

export const firecrackerVmstate: Importer = {
  id: 'firecracker-vmstate',
  sniff(head) {
    const header = recognizeHeader(head)
    return header && { because: `the magic of a Firecracker ${header.arch} state file in ${header.encoding}` }
  },
  async read(source, _signal, options) {
    const [{ readVmstate }, { vmstateSnapshot }] = await Promise.all([import('./vmstate.ts'), import('./snapshot.ts')])
    const bytes = await readAll(source, FIRECRACKER_LIMITS.vmstateBytes, 'a Firecracker state file')
    return vmstateSnapshot(readVmstate(bytes, source.name, options?.vmmVersion), source.name, options)
  },
}
