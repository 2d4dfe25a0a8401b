// Owns reading a saved guest out of a qcow2 image: the state of an internal snapshot, as a source of its own. No other file is opened, a backing file
// least of all. Source: QEMU docs/interop/qcow2.rst; facts/qemu-stream.md §7 (measured).
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { requireInside, type Source } from '../../source/source.ts'
import { QEMU_LIMITS } from './limits.ts'
import type { StreamPlace } from './read.ts'
import { beyondLimit, corrupt } from './window.ts'

const LIMITS = {
  snapshots: 4096,
  snapshotTable: 16 << 20,
  l1Entries: 4 << 20,
  textBytes: 1024,
  cachedTables: 16,
  shownNames: 8,
  shownName: 80,
  emptyEntries: 1 << 24,
} as const
/** A table costs at least as much to look at as so many of its entries. */
const TABLE_WEIGHT = 4096
const INCOMPATIBLE = { corrupt: 2n, externalData: 4n, compressionType: 8n, extendedL2: 16n } as const
const KNOWN = 31n
const OFFSET_BITS = 0x00ff_ffff_ffff_fe00n
const COMPRESSED = 1n << 62n
const ALL_ZERO = 1n

interface Header {
  readonly clusterBits: number
  readonly diskSize: number
  readonly snapshots: number
  readonly snapshotsOffset: number
  readonly extendedL2: boolean
}

interface InternalSnapshot {
  readonly name: string
  readonly l1Offset: number
  readonly l1Size: number
  readonly stateSize: number
  readonly diskSize: number
}

/** The state of the last internal snapshot that has one. Throws FORMAT_FOREIGN when none has. */
export async function openQcow2State(source: Source): Promise<StreamPlace> {
  const header = await readHeader(source)
  const snapshots = await readSnapshots(source, header)
  const withState = snapshots.filter(snapshot => snapshot.stateSize > 0)
  const chosen = withState.at(-1)
  if (!chosen)
    throw new SnapError('FORMAT_FOREIGN', `${source.name} has ${snapshots.length} internal snapshots of its disk and no saved guest`, { file: source.name })
  const findings: Finding[] =
    withState.length < 2
      ? []
      : [
          {
            severity: 'info',
            code: 'several-snapshots',
            message: `the image holds ${withState.length} saved guests (${namesOf(withState)}); the last one is read: ${chosen.name}`,
          },
        ]
  return { source: await Qcow2State.open(source, header, chosen), start: 0, container: `qcow2 snapshot ${chosen.name}`, findings }
}

const namesOf = (list: readonly InternalSnapshot[]): string =>
  list
    .slice(-LIMITS.shownNames)
    .map(({ name }) => name)
    .join(', ') + (list.length > LIMITS.shownNames ? ' and others' : '')

async function readHeader(source: Source): Promise<Header> {
  const bytes = await source.read(0, Math.min(104, source.size))
  const reader = new ByteReader(bytes, { file: source.name }, 'INPUT_CORRUPT')
  reader.skip(4, 'magic')
  const version = reader.u32be('version')
  if (version > 3)
    throw new SnapError('FORMAT_TOO_NEW', `${source.name} is qcow2 version ${version}; this release reads 2 and 3`, { file: source.name, offset: 4 })
  if (version < 2) throw corrupt(source, `qcow2 version ${version}`, 4)
  reader.skip(12, 'backing file')
  const clusterBits = reader.u32be('cluster size')
  const diskSize = size(source, reader.u64be('disk size'), 24)
  const crypt = reader.u32be('encryption')
  reader.skip(24, 'tables')
  const snapshots = reader.u32be('snapshot count')
  const snapshotsOffset = size(source, reader.u64be('snapshot table'), 64)
  const features = version >= 3 ? reader.u64be('features') : 0n
  if (clusterBits < 9 || clusterBits > 21) throw corrupt(source, `clusters of 2^${clusterBits} bytes`, 20)
  if (crypt !== 0)
    throw new SnapError('FORMAT_FOREIGN', `${source.name} is encrypted`, { file: source.name }, { hint: 'decrypt it with qemu-img and name the result' })
  if ((features & INCOMPATIBLE.externalData) !== 0n)
    throw new SnapError('FORMAT_FOREIGN', `${source.name} keeps its data in another file`, { file: source.name })
  if ((features & ~KNOWN) !== 0n)
    throw new SnapError('FORMAT_TOO_NEW', `${source.name} is a qcow2 image with unknown features`, { file: source.name, offset: 72 })
  if (snapshots > LIMITS.snapshots) throw beyondLimit(source, `${snapshots} internal snapshots`, 60)
  return { clusterBits, diskSize, snapshots, snapshotsOffset, extendedL2: (features & INCOMPATIBLE.extendedL2) !== 0n }
}

async function readSnapshots(source: Source, { snapshots, snapshotsOffset, diskSize }: Header): Promise<readonly InternalSnapshot[]> {
  const most = Math.min(LIMITS.snapshotTable, Math.max(0, source.size - snapshotsOffset))
  const reader = new ByteReader(await source.read(snapshotsOffset, most), { file: source.name }, 'INPUT_CORRUPT')
  const found: InternalSnapshot[] = []
  for (let i = 0; i < snapshots; i++) {
    const at = snapshotsOffset + reader.offset
    const l1Offset = size(source, reader.u64be('L1 table'), at)
    const l1Size = reader.u32be('L1 size')
    const idLength = reader.u16be('id length')
    const nameLength = reader.u16be('name length')
    reader.skip(16, 'times')
    let stateSize = reader.u32be('state size')
    const extraLength = reader.u32be('extra length')
    if (extraLength > LIMITS.textBytes) throw beyondLimit(source, `${extraLength} bytes of extra data in a snapshot entry`, at)
    const extra = new ByteReader(reader.bytes(extraLength, 'extra data'), { file: source.name }, 'INPUT_CORRUPT')
    if (extraLength >= 8) stateSize = size(source, extra.u64be('state size'), at)
    const disk = extraLength >= 16 ? size(source, extra.u64be('disk size'), at) : diskSize
    reader.skip(idLength, 'id')
    const name = Buffer.from(reader.bytes(nameLength, 'name')).toString('utf8').slice(0, LIMITS.shownName)
    if (i + 1 < snapshots) reader.skip((8 - (reader.offset % 8)) % 8, 'padding')
    if (l1Size > LIMITS.l1Entries) throw beyondLimit(source, `an L1 table of ${l1Size} entries`, at)
    found.push({ name, l1Offset, l1Size, stateSize, diskSize: disk })
  }
  return found
}

function size(source: Source, value: bigint, offset: number): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(source, `a size or place of ${value}`, offset)
  return Number(value)
}

/** Guest offsets of a snapshot from where its state begins, mapped cluster by cluster. What is not allocated reads as zeros. */
class Qcow2State implements Source {
  readonly name: string
  readonly size: number
  readonly #source: Source
  readonly #l1: DataView
  readonly #header: Header
  /** Entries of an L2 table, log2, and bytes of one. */
  readonly #l2Bits: number
  readonly #entryBytes: number
  readonly #start: number
  readonly #tables = new Map<number, DataView>()

  private constructor(source: Source, header: Header, l1: DataView, start: number, length: number) {
    this.name = source.name
    this.size = length
    this.#source = source
    this.#header = header
    this.#l1 = l1
    this.#entryBytes = header.extendedL2 ? 16 : 8
    this.#l2Bits = header.clusterBits - (header.extendedL2 ? 4 : 3)
    this.#start = start
  }

  static async open(source: Source, header: Header, { l1Offset, l1Size, stateSize, diskSize }: InternalSnapshot): Promise<Source> {
    const bits = header.clusterBits + header.clusterBits - (header.extendedL2 ? 4 : 3)
    const first = Math.ceil(diskSize / 2 ** bits)
    const table = await source.read(l1Offset, 8 * l1Size)
    const l1 = new DataView(table.buffer, table.byteOffset, table.byteLength)
    const start = first * 2 ** bits
    const probe = new Qcow2State(source, header, l1, start, 2 ** 52)
    // The header counts bytes written, which for a sparse state is less than its extent.
    const length = Math.max(stateSize, await probe.#extent(first))
    if (length > QEMU_LIMITS.ramBytes) throw beyondLimit(source, `a saved state of ${length} bytes`, l1Offset)
    return new Qcow2State(source, header, l1, start, length)
  }

  /** Bytes up to the end of the last allocated cluster. */
  async #extent(first: number): Promise<number> {
    const perTable = 2 ** this.#l2Bits
    let left = LIMITS.emptyEntries
    for (let index = this.#l1.byteLength / 8 - 1; index >= first; index--) {
      const table = await this.#table(index)
      if (!table) continue
      // One empty table, named by every entry of the L1 table, would be looked at for hours.
      left -= Math.max(perTable, TABLE_WEIGHT)
      if (left < 0) throw beyondLimit(this.#source, 'the saved state ends in empty tables without end', index * 8)
      for (let entry = perTable - 1; entry >= 0; entry--)
        if (table.getBigUint64(entry * this.#entryBytes) !== 0n) return ((index - first) * perTable + entry + 1) * 2 ** this.#header.clusterBits
    }
    return 0
  }

  async #table(index: number): Promise<DataView | undefined> {
    if (index * 8 >= this.#l1.byteLength) return undefined
    const offset = Number(this.#l1.getBigUint64(index * 8) & OFFSET_BITS)
    if (offset === 0) return undefined
    const kept = this.#tables.get(offset)
    if (kept) return kept
    const bytes = await this.#source.read(offset, 2 ** this.#header.clusterBits)
    const table = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (this.#tables.size >= LIMITS.cachedTables) this.#tables.delete(this.#tables.keys().next().value as number)
    this.#tables.set(offset, table)
    return table
  }

  /** Where the piece at a guest offset stands in the file (undefined: it is zeros), and how many bytes from there on are together. */
  async #place(guest: number): Promise<{ readonly at: number | undefined; readonly length: number }> {
    const { clusterBits, extendedL2 } = this.#header
    const cluster = 2 ** clusterBits
    const number = Math.floor(guest / cluster)
    const within = guest % cluster
    const perTable = 2 ** this.#l2Bits
    const table = await this.#table(Math.floor(number / perTable))
    if (!table) return { at: undefined, length: perTable * cluster - (guest % (perTable * cluster)) }
    const entry = table.getBigUint64((number % perTable) * this.#entryBytes)
    if ((entry & COMPRESSED) !== 0n) throw corrupt(this.#source, 'a compressed cluster in a saved state', Number(entry & OFFSET_BITS))
    const offset = Number(entry & OFFSET_BITS)
    if (!extendedL2) return { at: offset === 0 || (entry & ALL_ZERO) !== 0n ? undefined : offset + within, length: cluster - within }
    const bitmap = table.getBigUint64((number % perTable) * this.#entryBytes + 8)
    const part = cluster / 32
    const isThere = (bitmap >> BigInt(Math.floor(within / part))) & 1n
    return { at: offset === 0 || isThere === 0n ? undefined : offset + within, length: part - (within % part) }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    requireInside(this.name, this.size, offset, length)
    const out = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const first = await this.#place(this.#start + offset + done)
      let run = first.length
      // Clusters are mostly one after the other: one read for all that are.
      while (first.at !== undefined && done + run < length) {
        const next = await this.#place(this.#start + offset + done + run)
        if (next.at !== first.at + run) break
        run += next.length
      }
      run = Math.min(run, length - done)
      if (first.at !== undefined) {
        // The last cluster of an image may be cut where its data ends.
        const there = Math.min(run, Math.max(0, this.#source.size - first.at))
        out.set(await this.#source.read(first.at, there), done)
      }
      done += run
    }
    return out
  }

  head = (length: number): Promise<Uint8Array> => this.read(0, Math.min(length, this.size))
  close = async (): Promise<void> => {}
}
