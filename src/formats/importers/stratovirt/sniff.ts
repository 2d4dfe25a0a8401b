// Owns how a StratoVirt snapshot is recognised: by the magic number in the JSON header of its files. Its reader is loaded when there is one.
import type { Importer } from '../importer.ts'

const MAGIC = [...Buffer.from('STRATOVIRT', 'latin1')].join(',')

export const stratovirt: Importer = {
  id: 'stratovirt',
  folderMembers: ['state'],
  sniff(head) {
    const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 256)).toString('latin1', 8)
    return text.startsWith(`{"magic_num":[${MAGIC},`) ? { because: "StratoVirt's magic number in a JSON header" } : undefined
  },
  async read(source) {
    const { readStratovirt } = await import('./read.ts')
    return readStratovirt(source)
  },
}
