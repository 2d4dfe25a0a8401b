// Owns how an archive is recognised and read as any other input. The archive's own code is loaded when there is one.
import type { Importer } from './importer.ts'

const NAME = 'manifest.json\0'
const START = '{"format":"psnap"'

export const psnap: Importer = {
  id: 'psnap',
  /** Either mark is enough: a file with a damaged one is still an archive, and `verify` says what is wrong with it. */
  sniff(head) {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
    if (text.startsWith(NAME)) return { because: 'a tar that begins with manifest.json' }
    return text.startsWith(START, 512) ? { because: 'a tar block, then a psnap manifest' } : undefined
  },
  async read(source, signal) {
    const { openArchive } = await import('../archive/read.ts')
    const archive = await openArchive(source)
    return { format: { id: 'psnap', version: archive.manifest.formatVersion }, ...(await archive.readSnapshot(signal)) }
  },
}
