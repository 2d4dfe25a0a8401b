// Owns how a crosvm snapshot is recognised: by the beginning of mem_metadata in its folder. Its reader is loaded when there is one.
import type { Importer } from '../importer.ts'

export const crosvm: Importer = {
  id: 'crosvm',
  folderMembers: ['mem_metadata'],
  sniff(head) {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
    if (/^\{\s*"regions"\s*:\s*\[/.test(text) && /"guest_base"|\[\s*\]/.test(text)) return { because: "JSON with crosvm's map of memory regions" }
    return /^[\xa1-\xb7\xbf]gregions[\x80-\x9f]/.test(text) ? { because: "CBOR with crosvm's map of memory regions" } : undefined
  },
  async read(source) {
    const { readCrosvm } = await import('./read.ts')
    return readCrosvm(source)
  },
}
