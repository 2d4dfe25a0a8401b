// Owns writing a QEMU stream with changed registers: everything else stays as it is, byte for byte. QEMU's sections carry no lengths, so a longer or
// shorter register list needs no other change than its own count and the description's. Source: facts/qemu-stream.md §5, §8.
import { COPROC, type RegId, regBytes, regCoproc, showRegId } from '../../../arch/reg-id.ts'
import { SnapError } from '../../../errors.ts'
import type { BytePatch } from '../../../model/patched-region.ts'
import type { Sink } from '../../output/sink.ts'
import type { Source } from '../../source/source.ts'
import { corePatch, isFixedField } from './core-patch.ts'
import { acceleratorOf, savedIds } from './cpu.ts'
import { CPU_OFFSET } from './cpu-layout.ts'
import { pageReplacements, type Replacement } from './patch-pages.ts'
import { RamIndex } from './ram-index.ts'
import { findStream } from './read.ts'
import type { QemuStream, Section } from './stream.ts'
import { walkStream } from './stream.ts'
import { exchangeTcgId } from './tcg-ids.ts'
import { describedCounts } from './vmdesc-edit.ts'

/** One change of one register, on one vCPU or (without `vcpu`) on all. Ids as the snapshot shows them; `bytes` in memory order, as long as the id says. */
export type RegisterEdit = { readonly vcpu?: number } & ({ readonly set: { readonly id: bigint; readonly bytes: Uint8Array } } | { readonly drop: bigint })

export interface EditResult {
  /** Registers that the stream had not and has now, or had and has not, or has with another value; per vCPU. */
  readonly changes: readonly { readonly vcpu: number; readonly id: bigint; readonly kind: 'added' | 'dropped' | 'changed' }[]
}

/** Classes that tell a KVM guest from one of TCG. */
const ONLY_KVM: ReadonlySet<number> = new Set([COPROC.demux, COPROC.firmware, COPROC.firmwareBitmap])
const COPY = 1 << 20

/**
 * Writes the stream of `source` to `sink` with the edits made, in the same container when that is a libvirt image without compression. A register that
 * is not in the list is added at its place in the order; `patches` are bytes of RAM blocks, by their names. Throws FORMAT_UNWRITABLE for an edit that the format cannot hold and for a stream in a qcow2
 * image or a compressed libvirt image, USAGE for a vCPU that the stream does not have, and what reading throws.
 */
export async function editQemuStream(
  source: Source,
  edits: readonly RegisterEdit[],
  sink: Sink,
  signal?: AbortSignal,
  patches: readonly BytePatch[] = [],
): Promise<EditResult> {
  const place = await findStream(source, signal)
  try {
    if (place.source !== source)
      throw new SnapError('FORMAT_UNWRITABLE', `${source.name} is a ${place.container ?? 'container'}, which psci-snap reads and does not write`, {
        file: source.name,
      })
    const index = patches.length === 0 ? undefined : new RamIndex(source)
    const stream = await walkStream(source, { start: place.start, pages: index ?? { page() {} }, ...(signal ? { signal } : {}) })
    const { replacements, changes } = planEdits(source, stream, edits)
    const pages = index ? await pageReplacements(source, stream, index, patches, signal) : []
    await copyWith(source, [...replacements, ...pages], sink, signal)
    return { changes }
  } finally {
    if (place.source !== source) await place.source.close()
  }
}

function planEdits(source: Source, stream: QemuStream, edits: readonly RegisterEdit[]): { readonly replacements: readonly Replacement[] } & EditResult {
  const cpus = stream.sections.filter(section => section.name === 'cpu' && section.decoded)
  for (const { vcpu } of edits)
    if (vcpu !== undefined && !cpus.some(cpu => cpu.instance === vcpu))
      throw new SnapError('USAGE', `${source.name} has no vCPU ${vcpu}`, { file: source.name, vcpu })
  const ids = cpus.flatMap(cpu => savedIds(cpu.decoded ?? {}))
  const isTcg = acceleratorOf(ids) === 'tcg'
  const replacements: Replacement[] = []
  const changes: EditResult['changes'][number][] = []
  const counts = new Map<number, number>()
  for (const cpu of cpus) {
    const list = new RegisterTable(source, cpu)
    const patched = new Uint8Array(cpu.bytes)
    for (const edit of edits) {
      if (edit.vcpu !== undefined && edit.vcpu !== cpu.instance) continue
      const id = 'set' in edit ? edit.set.id : edit.drop
      if (isFixedField(cpu, savedIds(cpu.decoded ?? {}), id)) {
        if ('drop' in edit)
          throw new SnapError('FORMAT_UNWRITABLE', `${showRegId(id)} has a fixed place in a QEMU stream and cannot be dropped`, { register: showRegId(id) })
        const before = Buffer.from(patched).toString('latin1')
        corePatch(patched, cpu, edit.set.id, edit.set.bytes)
        if (Buffer.from(patched).toString('latin1') !== before) changes.push({ vcpu: cpu.instance, id, kind: 'changed' })
      } else {
        if (isTcg && 'set' in edit && ONLY_KVM.has(regCoproc(id as RegId)))
          throw new SnapError('FORMAT_UNWRITABLE', `a stream of a TCG guest has no place for ${showRegId(id)}, which is KVM's`, { register: showRegId(id) })
        const kind = 'set' in edit ? list.set(isTcg ? exchangeTcgId(id) : id, edit.set.bytes) : list.drop(isTcg ? exchangeTcgId(id) : id)
        if (kind) changes.push({ vcpu: cpu.instance, id, kind })
      }
    }
    const body = list.spliceInto(patched)
    if (Buffer.compare(body, cpu.bytes) !== 0) replacements.push({ offset: cpu.offset, length: cpu.bytes.length, bytes: body })
    if (list.length !== list.before) counts.set(cpu.instance, list.length)
  }
  if (counts.size > 0 && stream.vmdesc) replacements.push({ ...stream.vmdesc.record, bytes: describedCounts(source, stream.vmdesc, counts) })
  return { replacements, changes }
}

/** The cpreg list of one vCPU: ids ascending as unsigned 64-bit numbers, a value of 64 bits each. */
class RegisterTable {
  readonly #values: Map<bigint, bigint>
  readonly #vcpu: number
  readonly before: number
  readonly #isSorted: boolean
  readonly #ids: readonly bigint[]

  constructor(source: Source, cpu: Section) {
    this.#vcpu = cpu.instance
    const decoded = cpu.decoded ?? {}
    this.#ids = savedIds(decoded)
    const values = (decoded.values ?? []) as readonly bigint[]
    this.#values = new Map(this.#ids.map((id, i) => [id, values[i] ?? 0n]))
    this.before = this.#ids.length
    this.#isSorted = this.#ids.every((id, i) => i === 0 || (this.#ids[i - 1] ?? 0n) < id)
    if (this.#values.size !== this.before)
      throw new SnapError('INPUT_CORRUPT', `${source.name}: vCPU ${cpu.instance} lists a register twice`, { vcpu: cpu.instance, offset: cpu.offset })
  }

  get length(): number {
    return this.#values.size
  }

  set(id: bigint, bytes: Uint8Array): 'added' | 'changed' | undefined {
    const register = showRegId(id)
    const size = regBytes(id as RegId)
    if ((size !== 4 && size !== 8) || (id >> 56n !== 0x60n && id >> 56n !== 0x40n) || regCoproc(id as RegId) === 0)
      throw new SnapError('FORMAT_UNWRITABLE', `a QEMU stream has no place for ${register}: its list holds registers of 32 and 64 bits`, {
        vcpu: this.#vcpu,
        register,
      })
    if (bytes.length !== size) throw new SnapError('REG_VALUE_INVALID', `${register} has ${size} bytes, the value has ${bytes.length}`, { register })
    const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    const before = this.#values.get(id)
    this.#values.set(id, value)
    if (before === undefined) return 'added'
    return before === value ? undefined : 'changed'
  }

  drop(id: bigint): 'dropped' | undefined {
    return this.#values.delete(id) ? 'dropped' : undefined
  }

  /** The body with this list in place of its own. */
  spliceInto(body: Uint8Array): Uint8Array {
    // A list that was not in order keeps its order; what was added goes to its end.
    const entries = [...this.#values]
    if (this.#isSorted) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const out = new Uint8Array(body.length + 16 * (entries.length - this.before))
    const view = new DataView(out.buffer)
    out.set(body.subarray(0, CPU_OFFSET.list))
    view.setInt32(CPU_OFFSET.count, entries.length)
    entries.forEach(([id, value], i) => {
      view.setBigUint64(CPU_OFFSET.list + 8 * i, id)
      view.setBigUint64(CPU_OFFSET.list + 8 * (entries.length + i), value)
    })
    out.set(body.subarray(CPU_OFFSET.list + 16 * this.before), CPU_OFFSET.list + 16 * entries.length)
    return out
  }
}

async function copyWith(source: Source, replacements: readonly Replacement[], sink: Sink, signal: AbortSignal | undefined): Promise<void> {
  let at = 0
  const upTo = async (end: number): Promise<void> => {
    for (; at < end; ) {
      signal?.throwIfAborted()
      const piece = await source.read(at, Math.min(COPY, end - at))
      await sink.write(piece)
      at += piece.length
    }
  }
  for (const { offset, length, bytes } of replacements.toSorted((a, b) => a.offset - b.offset)) {
    await upTo(offset)
    await sink.write(bytes)
    at = offset + length
  }
  await upTo(source.size)
}
