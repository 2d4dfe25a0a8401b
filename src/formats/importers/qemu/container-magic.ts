// Owns the recognition of QEMU streams and of what they come in, by their first bytes. Cheap, total.

export type Container = 'stream' | 'libvirt' | 'qcow2'

const ascii = (head: Uint8Array, text: string): boolean => head.length >= text.length && [...text].every((char, i) => head[i] === char.charCodeAt(0))
const be32 = (head: Uint8Array, at: number): number => new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(at)

/** Libvirt writes the second while it is not done. */
export const LIBVIRT_SAVE = 'LibvirtQemudSave'
export const LIBVIRT_PART = 'LibvirtQemudPart'
/** Byte offset of the number of internal snapshots in a qcow2 header. */
const QCOW2_SNAPSHOTS = 60

export function containerOf(head: Uint8Array): { readonly kind: Container; readonly because: string } | undefined {
  if (ascii(head, 'QEVM')) return { kind: 'stream', because: 'the magic number QEVM' }
  if (ascii(head, LIBVIRT_SAVE) || ascii(head, LIBVIRT_PART)) return { kind: 'libvirt', because: 'the header of a libvirt save image' }
  // A qcow2 image without snapshots is a disk, and somebody else's to explain.
  if (ascii(head, 'QFI\xfb') && head.length >= 72 && be32(head, QCOW2_SNAPSHOTS) > 0) return { kind: 'qcow2', because: 'a qcow2 image with internal snapshots' }
  return undefined
}
