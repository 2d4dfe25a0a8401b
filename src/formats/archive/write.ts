// Owns the writing of an archive: members in their order, then the index, then the footer. Streams memory; knows neither files nor codecs' insides.
import { SnapError } from '../../errors.ts'
import type { MemoryRegion, Snapshot } from '../../model/snapshot.ts'
import { VERSION } from '../../version.ts'
import type { Sink } from '../output/sink.ts'
import { encode, SCHEMA_VERSION } from '../schema/history.ts'
import type { MemberRow, WriteOptions, Written } from './archive.ts'
import { type ChunkCodec, type Compressed, openChunkCodec, release } from './chunk-codec.ts'
import { contentDigestOf } from './content-digest.ts'
import { encodeFooter, FOOTER_BYTES, sha256 } from './footer.ts'
import { encodeIndex, rawLimit } from './index-file.ts'
import { LIMITS } from './limits.ts'
import { encodeManifest, FORMAT_VERSION, manifestOf } from './manifest.ts'
import { chunkMember, deviceMember, FOOTER, FOREIGN, INDEX, isCompressed, MACHINE, MANIFEST, memberKind, pathNames, VM, vcpuMember } from './member-names.ts'
import { cutChunks, requireSavable } from './memory-chunks.ts'
import { scanPack } from './msgpack-scan.ts'
import { pack } from './pack.ts'
import { BLOCK, END_BYTES, padded, paddingOf, tarHeader } from './tar-blocks.ts'
import { sortUnknown, withUnknownKeys } from './unknown-keys.ts'

const NOTHING_BUT_ZEROS = new Uint8Array(BLOCK)

/**
 * Writes a snapshot as an archive, in order and without seeking. The same snapshot gives the same bytes on the same psci-snap and Node, and the
 * same content digest everywhere. Throws the signal's reason, whatever the sink throws, and CANNOT_WRITE for a snapshot that no archive can hold.
 */
export async function writeArchive(snapshot: Snapshot, sink: Sink, options: WriteOptions = {}): Promise<Written> {
  const { signal, onProgress, tool = `psci-snap ${VERSION}` } = options
  for (const region of snapshot.memory) requireSavable(region)
  if (new Set(snapshot.vcpus.map(vcpu => vcpu.index)).size !== snapshot.vcpus.length)
    throw new SnapError('CANNOT_WRITE', 'two vCPUs of the snapshot have the same index')
  const out = new MemberWriter(sink)
  for (const [name, bytes] of plainMembers(snapshot, tool)) {
    signal?.throwIfAborted()
    await out.member(name, bytes)
  }
  const bytes = snapshot.memory.reduce((sum, region) => sum + region.size, 0)
  const unknownFrames = sortUnknown(snapshot.unknown ?? []).members.filter(item => isCompressed(item.name))
  if (snapshot.memory.length + unknownFrames.length > 0) {
    const codec = await openChunkCodec({ bytes })
    try {
      for (const { name, bytes: raw } of unknownFrames) await out.compressed(name, await codec.compress(new Uint8Array(raw)), raw.length)
      await writeMemory(snapshot.memory, out, codec, done => onProgress?.(done, bytes), signal)
    } finally {
      await codec.close()
    }
  }
  signal?.throwIfAborted()
  return out.end()
}

/** Every member that is stored as it is, in order. */
function* plainMembers(snapshot: Snapshot, tool: string): Generator<readonly [string, Uint8Array]> {
  const unknown = sortUnknown(snapshot.unknown ?? [])
  const packed = (name: string, raw: unknown): readonly [string, Uint8Array] => {
    try {
      const bytes = pack(withUnknownKeys(raw, name, unknown))
      scanPack(bytes, { member: name }) // what the reader would refuse is not written
      return [name, bytes]
    } catch (cause) {
      if (cause instanceof Error) throw new SnapError('CANNOT_WRITE', `${name} cannot be saved: ${cause.message}`, { member: name }, { cause })
      throw cause
    }
  }
  yield [MANIFEST, encodeManifest(manifestOf(snapshot, SCHEMA_VERSION, tool))]
  yield packed(VM, encode.vm(snapshot))
  for (const vcpu of snapshot.vcpus) yield packed(vcpuMember(vcpu.index), encode.vcpu(vcpu))
  const names = pathNames(snapshot.devices.map(device => device.name))
  for (const [i, device] of snapshot.devices.entries()) yield packed(deviceMember(names[i] ?? ''), encode.device(device))
  if (snapshot.machine) yield packed(MACHINE, encode.machine(snapshot.machine))
  if (unknown.foreign.length > 0) yield packed(FOREIGN, encode.foreign(unknown.foreign))
  for (const { name, bytes } of unknown.members) if (!isCompressed(name)) yield [name, bytes]
}

/** Compresses several chunks at once and writes them in order. */
async function writeMemory(
  regions: readonly MemoryRegion[],
  out: MemberWriter,
  codec: ChunkCodec,
  progress: (done: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const names = pathNames(regions.map(region => region.name))
  let before = 0
  for (const [i, region] of regions.entries()) {
    const pending: { readonly name: string; readonly raw: number; readonly work: Promise<Compressed> }[] = []
    const writeOldest = async (): Promise<void> => {
      const oldest = pending.shift()
      if (!oldest) return
      const made = await oldest.work
      await out.compressed(oldest.name, made, oldest.raw)
      release(made.frame)
    }
    for await (const { number, data } of cutChunks(region, offset => progress(before + offset), signal)) {
      const raw = data.length
      const work = codec.compress(data)
      work.catch(() => {}) // awaited when its turn comes; an earlier failure must not leave it unhandled
      pending.push({ name: chunkMember(names[i] ?? '', number), raw, work })
      if (pending.length >= codec.width) await writeOldest()
    }
    while (pending.length > 0) await writeOldest()
    before += region.size
  }
}

class MemberWriter {
  readonly #sink: Sink
  readonly #rows: MemberRow[] = []
  #at = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    const limit = rawLimit(memberKind(name) ?? { kind: 'unknown' })
    if (bytes.length > limit) throw new SnapError('CANNOT_WRITE', `${name} has ${bytes.length} bytes, at most ${limit} are allowed`, { member: name })
    const digest = sha256(bytes).toString('hex')
    await this.#put(name, bytes, { raw: bytes.length, storedSha256: digest, rawSha256: digest })
  }

  async compressed(name: string, { frame, storedSha256, rawSha256 }: Compressed, raw: number): Promise<void> {
    await this.#put(name, frame, { raw, storedSha256, rawSha256 })
  }

  /** Index, footer, and tar's end. */
  async end(): Promise<Written> {
    const index = encodeIndex(this.#rows, FORMAT_VERSION)
    if (index.length > LIMITS.indexBytes)
      throw new SnapError('CANNOT_WRITE', `the index of the archive needs ${index.length} bytes, at most ${LIMITS.indexBytes} are allowed`)
    const indexOffset = this.#at + BLOCK
    await this.#append(INDEX, index)
    const contentDigest = contentDigestOf(this.#rows)
    const indexSha256 = sha256(index).toString('hex')
    await this.#append(FOOTER, encodeFooter({ formatVersion: FORMAT_VERSION, indexOffset, indexSize: index.length, indexSha256, contentDigest }))
    await this.#sink.write(new Uint8Array(END_BYTES))
    return { contentDigest, size: indexOffset + padded(index.length) + BLOCK + FOOTER_BYTES + END_BYTES }
  }

  async #put(name: string, stored: Uint8Array, row: Pick<MemberRow, 'raw' | 'storedSha256' | 'rawSha256'>): Promise<void> {
    if (this.#rows.length >= LIMITS.members) throw new SnapError('CANNOT_WRITE', `an archive has at most ${LIMITS.members} members`)
    this.#rows.push({ name, offset: this.#at + BLOCK, stored: stored.length, ...row })
    await this.#append(name, stored)
  }

  async #append(name: string, bytes: Uint8Array): Promise<void> {
    await this.#sink.write(tarHeader(name, bytes.length), bytes, NOTHING_BUT_ZEROS.subarray(0, paddingOf(bytes.length)))
    this.#at += BLOCK + padded(bytes.length)
  }
}
