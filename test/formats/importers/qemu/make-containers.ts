// Builds what QEMU streams come in: libvirt save images, qcow2 images with an internal snapshot.

export const DOMAIN = `<?xml version='1.0'?>
<!-- made by a test -->
<domain type="kvm" id='7'>
  <name>guest &amp; co</name>
  <vcpu placement='static'>4</vcpu>
  <os><type arch='aarch64' machine='virt-9.0'>hvm</type></os>
  <features><gic version='3'/></features>
  <cpu mode='custom' match='exact'><model fallback='forbid'>neoverse-n1</model><topology sockets='1' cores='2' threads='2'/></cpu>
</domain>
`

/** `format` as libvirt numbers compressions; `stream` already compressed. */
export function libvirtImage(
  stream: Uint8Array,
  format: number,
  { little = true, xml = DOMAIN, cookie = '', magic = 'LibvirtQemudSave', version = 2 } = {},
): Uint8Array {
  const body = Buffer.concat([Buffer.from(`${xml}\0`), Buffer.from(cookie), Buffer.alloc(100)])
  const head = Buffer.alloc(92)
  head.write(magic, 'latin1')
  const numbers = [version, body.length, 1, format, cookie === '' ? 0 : Buffer.byteLength(xml) + 1]
  numbers.forEach((value, i) => {
    if (little) head.writeUInt32LE(value, 16 + 4 * i)
    else head.writeUInt32BE(value, 16 + 4 * i)
  })
  return new Uint8Array(Buffer.concat([head, body, stream]))
}

export interface Qcow2Spec {
  readonly clusterBits?: number
  readonly extended?: boolean
  /** Clusters of the state that are holes although the stream has bytes there. */
  readonly holes?: readonly number[]
  readonly backing?: boolean
  /** State size in the header; the extent of the stream by default. */
  readonly stateSize?: number
}

/** A version 3 image with one snapshot, whose clusters stand in reverse order in the file. */
export function qcow2Image(
  stream: Uint8Array,
  { clusterBits = 12, extended = false, holes = [], backing = false, stateSize = stream.length }: Qcow2Spec = {},
): Uint8Array {
  const cluster = 1 << clusterBits
  const entryBytes = extended ? 16 : 8
  const l2Entries = cluster / entryBytes
  const diskSize = 3 * cluster * l2Entries + 5
  const first = Math.ceil(diskSize / (cluster * l2Entries))
  const clusters = Math.ceil(stream.length / cluster)
  const tables = Math.ceil(clusters / l2Entries)
  // header, snapshot table, L1, L2 tables, data
  const l2At = 3
  const dataAt = l2At + tables
  const out = Buffer.alloc((dataAt + clusters) * cluster)
  out.write('QFI\xfb', 'latin1')
  out.writeUInt32BE(3, 4)
  if (backing) out.writeBigUInt64BE(0x200n, 8)
  out.writeUInt32BE(clusterBits, 20)
  out.writeBigUInt64BE(BigInt(diskSize), 24)
  out.writeUInt32BE(1, 60)
  out.writeBigUInt64BE(BigInt(cluster), 64)
  out.writeBigUInt64BE(extended ? 16n : 0n, 72)
  out.writeUInt32BE(104, 100)
  const entry = cluster
  out.writeBigUInt64BE(BigInt(2 * cluster), entry)
  out.writeUInt32BE(first + tables, entry + 8)
  out.writeUInt16BE(1, entry + 12)
  out.writeUInt16BE(5, entry + 14)
  out.writeUInt32BE(24, entry + 36)
  out.writeBigUInt64BE(BigInt(stateSize), entry + 40)
  out.writeBigUInt64BE(BigInt(diskSize), entry + 48)
  out.write('1snap1', entry + 64, 'latin1')
  for (let table = 0; table < tables; table++) out.writeBigUInt64BE(BigInt((l2At + table) * cluster) | (1n << 63n), 2 * cluster + 8 * (first + table))
  for (let i = 0; i < clusters; i++) {
    if (holes.includes(i)) continue
    const at = (dataAt + clusters - 1 - i) * cluster
    const row = l2At * cluster + i * entryBytes
    out.writeBigUInt64BE(BigInt(at) | (1n << 63n), row)
    if (extended) out.writeBigUInt64BE(0xffff_ffffn, row + 8)
    Buffer.from(stream.buffer, stream.byteOffset).copy(out, at, i * cluster, Math.min(stream.length, (i + 1) * cluster))
  }
  return new Uint8Array(out)
}
