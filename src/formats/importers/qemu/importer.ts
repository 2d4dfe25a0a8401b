// Owns how a QEMU stream is recognised and read as any other input, by itself or in a container. The reader is loaded when there is one.
import type { Importer } from '../importer.ts'
import { containerOf } from './container-magic.ts'

export const qemu: Importer = {
  id: 'qemu',
  sniff(head) {
    const found = containerOf(head)
    return found && { because: found.because }
  },
  async read(source, signal) {
    const { readQemu } = await import('./read.ts')
    return readQemu(source, signal)
  },
}
