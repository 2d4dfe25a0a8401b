// Owns reading libvirt's save images (`virsh save`, managedsave, memory snapshots): header, domain XML, then the stream, plain, compressed or sparse.
// Source: libvirt src/qemu/qemu_saveimage.h; facts/qemu-stream.md §7 (raw and gzip measured on libvirt 9.0).
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { requireInside, type Source } from '../../source/source.ts'
import { unwrap } from '../../source/unwrap.ts'
import { LIBVIRT_PART } from './container-magic.ts'
import { readDomain } from './domain-xml.ts'
import { QEMU_LIMITS } from './limits.ts'
import type { StreamPlace } from './read.ts'
import { beyondLimit, corrupt } from './window.ts'

const HEADER = 92
const NEWEST = 2
/** By the number in the header. */
const FORMATS = ['raw', 'gzip', 'bzip2', 'xz', 'lzop', 'zstd', 'sparse'] as const

/** Throws INPUT_CORRUPT for an unfinished or damaged image, FORMAT_FOREIGN for lzop, FORMAT_TOO_NEW. */
export async function openLibvirtSave(source: Source, signal?: AbortSignal): Promise<StreamPlace> {
  const head = await source.read(0, Math.min(HEADER, source.size))
  if (Buffer.from(head.subarray(0, 16)).toString('latin1') === LIBVIRT_PART)
    throw new SnapError('INPUT_CORRUPT', `${source.name} is a save image that libvirt did not finish`, { file: source.name, offset: 0 })
  if (head.length < HEADER) throw corrupt(source, 'the data ends inside the header of a save image', head.length)
  const reader = new ByteReader(head, { file: source.name }, 'INPUT_CORRUPT')
  reader.skip(16, 'magic')
  // Numbers are in the host's order, which the version shows: it is small.
  const little = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(16, true) <= 0xffff
  const u32 = (what: string) => (little ? reader.u32le(what) : reader.u32be(what))
  const version = u32('version')
  const xmlLength = u32('length of the domain XML')
  const wasRunning = u32('was running') !== 0
  const format = u32('compression')
  const cookieOffset = u32('offset of the cookie')
  reader.skip(56, 'unused')
  if (version > NEWEST || version === 0)
    throw new SnapError('FORMAT_TOO_NEW', `${source.name} is a save image of version ${version}; this release reads 1 and ${NEWEST}`, {
      file: source.name,
      offset: 16,
    })
  if (xmlLength > QEMU_LIMITS.vmdescBytes) throw beyondLimit(source, `${xmlLength} bytes of domain XML`, 20)
  const name = FORMATS[format]
  if (name === undefined) throw new SnapError('FORMAT_TOO_NEW', `${source.name} is compressed in the unknown way ${format}`, { file: source.name, offset: 28 })
  const start = HEADER + xmlLength
  if (start > source.size) throw corrupt(source, 'the data ends inside the domain XML', HEADER)
  const xml = await source.read(HEADER, xmlLength)
  const domain = describe(xml, cookieOffset, wasRunning)
  const container = `libvirt save image, ${name}`
  if (name === 'raw' || name === 'sparse') return { source, start, container, ...domain }
  return { source: await unpack(part(source, start), name, signal), start: 0, container, ...domain }
}

async function unpack(inner: Source, format: 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'lzop', signal: AbortSignal | undefined): Promise<Source> {
  if (format === 'lzop')
    throw new SnapError(
      'FORMAT_FOREIGN',
      `${inner.name} is a libvirt save image compressed with lzop, which psci-snap does not unpack`,
      { file: inner.name },
      { hint: 'set save_image_format in qemu.conf to zstd or raw and save again; or `virsh restore` and save it anew' },
    )
  const plain = await unwrap(inner, signal)
  if (plain === inner) throw corrupt(inner, `what should be ${format} is not`, 0)
  return plain
}

/** The rest of a source from `start` on. */
function part(source: Source, start: number): Source {
  const size = source.size - start
  return {
    name: source.name,
    size,
    read(offset, length) {
      requireInside(source.name, size, offset, length)
      return source.read(start + offset, length)
    },
    head: length => source.read(start, Math.min(length, size)),
    close: async () => {},
  }
}

function describe(bytes: Uint8Array, cookieOffset: number, wasRunning: boolean): Pick<StreamPlace, 'origin' | 'accelerator' | 'devices' | 'findings'> {
  const end = bytes.indexOf(0)
  const xml = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
  const { domain, wrong } = readDomain(xml)
  const findings: Finding[] = []
  if (wrong !== undefined) findings.push({ severity: 'warning', code: 'domain-xml-unread', message: `the domain XML is not read: ${wrong}` })
  const cookie = cookieOffset > 0 && cookieOffset < bytes.length ? bytes.subarray(cookieOffset) : undefined
  const cookieEnd = cookie?.indexOf(0) ?? -1
  const state = {
    ...domain,
    wasRunning,
    xml,
    ...(cookie ? { cookie: Buffer.from(cookieEnd < 0 ? cookie : cookie.subarray(0, cookieEnd)).toString('utf8') } : {}),
  }
  const cpu = domain?.cpuModel ?? domain?.cpuMode
  return {
    ...(cpu === undefined ? {} : { origin: { cpu } }),
    ...(domain?.type === 'kvm' ? { accelerator: 'kvm' } : domain?.type === 'qemu' ? { accelerator: 'tcg' } : {}),
    devices: [{ name: 'domain', kind: 'libvirt-domain', state }],
    findings,
  }
}
