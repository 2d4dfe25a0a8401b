// Owns the writing of an ELF core of a guest: what `gdb` and `crash` open. Registers as notes, one loadable segment per memory region at its guest
// physical address, more of them where the guest's kernel maps the same bytes, zeros as holes. One pass over memory, nothing kept.
// Source: System V ABI (ELF-64), AArch64 ELF supplement; note names as Linux's /proc/vmcore and QEMU's dump-guest-memory have them.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { COPROC, type RegId, regCoproc } from '../../arch/reg-id.ts'
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import { isAllZero } from '../../model/memory.ts'
import type { MemoryRegion, Snapshot } from '../../model/snapshot.ts'
import { type Sink, writeZeros } from '../output/sink.ts'
import { inRegions, kernelMap } from './kernel-map.ts'
import { coreRegisters } from './registers.ts'

const HEADER = 64
const PROGRAM_HEADER = 56
/** Segments begin where a page of any size begins. */
const ALIGNMENT = 65536
/** A hole is worth making from here on. */
const BLOCK = 65536
const PT = { load: 1, note: 4 } as const
const NT = { vmcoreinfo: 0, prstatus: 1, fpregset: 2 } as const
/** e_phnum has 16 bits, and 0xffff means more. */
const MOST_SEGMENTS = 0xfffe

export interface CoreOptions {
  readonly signal?: AbortSignal
  /** `done` of `total` bytes of memory. */
  onProgress?(done: number, total: number): void
  /** The text that a Linux kernel leaves for dump readers, when somebody found it in guest memory. */
  readonly vmcoreinfo?: Uint8Array
}

/** Throws FORMAT_UNWRITABLE for more memory regions than a core has room for, and what reading and writing throw. */
export async function writeElfCore(snapshot: Snapshot, sink: Sink, options: CoreOptions): Promise<readonly Finding[]> {
  const { vcpus, memory } = snapshot
  if (memory.length + 1 > MOST_SEGMENTS) throw new SnapError('FORMAT_UNWRITABLE', `an ELF core has at most ${MOST_SEGMENTS} segments`)
  const registers = vcpus.map((vcpu, i) => coreRegisters(vcpu.registers, i + 1))
  const notes = Buffer.concat([
    ...registers.flatMap(({ prstatus, fpregset }) => [note('CORE', NT.prstatus, prstatus), note('CORE', NT.fpregset, fpregset)]),
    ...(options.vmcoreinfo ? [note('VMCOREINFO', NT.vmcoreinfo, options.vmcoreinfo)] : []),
  ])
  const map = await kernelMap(snapshot, options.signal)
  const mapped = [...inRegions(map?.ranges ?? [], memory)].slice(0, MOST_SEGMENTS - 1 - memory.length)
  const notesAt = HEADER + PROGRAM_HEADER * (memory.length + mapped.length + 1)
  let next = align(notesAt + notes.length)
  const places = memory.map(({ size }) => {
    const offset = next
    next = align(offset + size)
    return offset
  })
  const headers = [
    programHeader({ type: PT.note, offset: notesAt, address: 0n, size: notes.length, flags: 0, alignment: 4 }),
    ...memory.map(({ start, size }, i) => programHeader({ type: PT.load, offset: places[i] ?? 0, address: start, size, flags: 7, alignment: ALIGNMENT })),
    // The same bytes where the guest's kernel sees them.
    ...mapped.map(({ virtual, region, offset, size }) =>
      programHeader({
        type: PT.load,
        offset: (places[region] ?? 0) + offset,
        address: (memory[region]?.start ?? 0n) + BigInt(offset),
        virtual,
        size,
        flags: 7,
        alignment: 4096,
      }),
    ),
  ]
  await sink.write(header(headers.length), ...headers, notes)
  let written = notesAt + notes.length
  const total = memory.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  for (const [i, region] of memory.entries()) {
    await writeZeros(sink, (places[i] ?? 0) - written)
    await writeRegion(region, sink, options.signal, offset => options.onProgress?.(done + offset, total))
    written = (places[i] ?? 0) + region.size
    done += region.size
  }
  return lost(
    snapshot,
    registers.some(({ cutVectors }) => cutVectors),
    options.vmcoreinfo !== undefined,
  ).concat(map?.isCut ? [CUT_MAP] : [])
}

const CUT_MAP: Finding = {
  severity: 'warning',
  code: 'kernel-map-cut',
  message: "the guest's page tables are more than are read: some kernel addresses are not in the core, physical ones all are",
}

const align = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT

async function writeRegion({ size, chunks }: MemoryRegion, sink: Sink, signal: AbortSignal | undefined, progress: (offset: number) => void): Promise<void> {
  let at = 0
  for await (const { offset, data } of chunks(signal)) {
    signal?.throwIfAborted()
    await writeZeros(sink, offset - at)
    for (let from = 0; from < data.length; from += BLOCK) {
      const block = data.subarray(from, Math.min(from + BLOCK, data.length))
      if (isAllZero(block)) await writeZeros(sink, block.length)
      else await sink.write(block)
    }
    at = offset + data.length
    progress(at)
  }
  await writeZeros(sink, size - at)
}

function header(programHeaders: number): Uint8Array {
  const bytes = new Uint8Array(HEADER)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) // ELF, 64-bit, little-endian, version 1
  view.setUint16(16, 4, true) // ET_CORE
  view.setUint16(18, 183, true) // EM_AARCH64
  view.setUint32(20, 1, true)
  view.setBigUint64(32, BigInt(HEADER), true)
  view.setUint16(52, HEADER, true)
  view.setUint16(54, PROGRAM_HEADER, true)
  view.setUint16(56, programHeaders, true)
  return bytes
}

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: bigint
  /** Where a debugger finds it; by default at its guest physical address. */
  readonly virtual?: bigint
  readonly size: number
  readonly flags: number
  readonly alignment: number
}

function programHeader({ type, offset, address, virtual = address, size, flags, alignment }: Segment): Uint8Array {
  const bytes = new Uint8Array(PROGRAM_HEADER)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, flags, true)
  view.setBigUint64(8, BigInt(offset), true)
  view.setBigUint64(16, virtual, true)
  view.setBigUint64(24, address, true)
  view.setBigUint64(32, BigInt(size), true)
  view.setBigUint64(40, BigInt(type === PT.note ? 0 : size), true)
  view.setBigUint64(48, BigInt(alignment), true)
  return bytes
}

function note(name: string, type: number, content: Uint8Array): Uint8Array {
  const padded = (length: number): number => Math.ceil(length / 4) * 4
  const nameAt = 12
  const contentAt = nameAt + padded(name.length + 1)
  const bytes = new Uint8Array(contentAt + padded(content.length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, name.length + 1, true)
  view.setUint32(4, content.length, true)
  view.setUint32(8, type, true)
  bytes.set(Buffer.from(name, 'latin1'), nameAt)
  bytes.set(content, contentAt)
  return bytes
}

function lost({ vcpus, devices, memory }: Snapshot, cutVectors: boolean, hasVmcoreinfo: boolean): readonly Finding[] {
  const isCore = (id: bigint): boolean => regCoproc(id as RegId) === COPROC.core
  const others = vcpus[0] ? [...vcpus[0].registers.ids].filter(id => !isCore(id) && regCoproc(id as RegId) !== COPROC.sve) : []
  const what = [
    ...(others.length > 0 ? [`${others.length} system and firmware registers of each vCPU (${others.slice(0, 2).map(registerName).join(', ')} …)`] : []),
    ...(devices.length > 0 ? [`${devices.length} devices`] : []),
    'power states',
  ]
  return [
    { severity: 'info', code: 'not-exported', message: `an ELF core has no place for ${what.join(', ')}` },
    ...(cutVectors ? [{ severity: 'info', code: 'sve-vectors-cut', message: 'of the SVE vectors the core has the low 128 bits' } as const] : []),
    ...(memory.length === 0
      ? [{ severity: 'warning', code: 'memory-missing', message: 'the core has registers only: there is no guest memory here' } as const]
      : []),
    ...(memory.length > 0 && !hasVmcoreinfo
      ? [
          {
            severity: 'info',
            code: 'vmcoreinfo-missing',
            message: 'no vmcoreinfo of a Linux kernel is in guest memory; crash needs one, gdb does not',
          } as const,
        ]
      : []),
  ]
}
