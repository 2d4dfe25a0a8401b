// Owns how a Cloud Hypervisor snapshot is recognised: by the beginning of state.json. Its reader is loaded when there is one.
import type { Importer } from '../importer.ts'

export const cloudHypervisor: Importer = {
  id: 'cloud-hypervisor',
  folderMembers: ['state.json'],
  sniff(head) {
    const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1')
    if (!/^(?:\xef\xbb\xbf)?\s*\{\s*"(?:snapshots|snapshot_data|id)"\s*:/.test(text)) return undefined
    return /"(?:cpu-manager|memory-manager|device-manager)"\s*:\s*\{/.test(text)
      ? { because: "JSON that begins with Cloud Hypervisor's tree of snapshots" }
      : undefined
  },
  async read(source) {
    const { readCloudHypervisor } = await import('./read.ts')
    return readCloudHypervisor(source)
  },
}
