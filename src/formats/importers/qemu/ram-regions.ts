// Owns the way from RAM blocks to guest memory: which block stands where in guest physical memory, and reading one on demand.
// Source: hw/arm/virt.c memory map; facts/qemu-stream.md §4 (block names measured).
import type { Finding } from '../../../model/finding.ts'
import { touches } from '../../../model/memory.ts'
import type { DeviceSnapshot, MemoryRange, MemoryRegion } from '../../../model/snapshot.ts'
import type { Source } from '../../source/source.ts'
import { countMappedPages, mappedChunks } from './mapped-ram.ts'
import { pageChunks } from './page-reader.ts'
import type { RamBlock } from './ram-blocks.ts'
import { type RamIndex, WINDOW_PAGES, WindowIndex } from './ram-index.ts'
import { RamScanner } from './ram-scan.ts'
import type { QemuStream } from './stream.ts'
import { Window } from './window.ts'

const RAM_START = 0x4000_0000n
/** Blocks of the virt machine that are at one place in every release. */
const PLACES: Readonly<Record<string, bigint>> = {
  'mach-virt.ram': RAM_START,
  'virt.flash0': 0n,
  'virt.flash1': 0x0400_0000n,
  'virt.secure-ram': 0x0e00_0000n,
  pvtime: 0x090a_0000n,
}
/** ROMs of PCI devices, tables for firmware, video memory: mapped where the guest puts them, or nowhere. */
const UNMAPPED = /^\/rom@|\.rom$|\/|vga|vram|\.bar/i
/** A block that is nowhere in guest memory is kept as a device when it is no larger. */
const KEPT_BYTES = 1 << 20

export interface PlacedMemory {
  readonly memory: readonly MemoryRegion[]
  readonly devices: readonly DeviceSnapshot[]
  readonly findings: readonly Finding[]
}

/** `source` holds the pages; `index` is what the walk found. */
export async function placeMemory(source: Source, stream: QemuStream, index: RamIndex, signal?: AbortSignal): Promise<PlacedMemory> {
  const memory: MemoryRegion[] = []
  const devices: DeviceSnapshot[] = []
  const findings: Finding[] = []
  const main = mainBlock(stream.blocks, findings)
  for (const [number, block] of stream.blocks.entries()) {
    if (block.size === 0) continue
    const start = block.address ?? PLACES[block.name] ?? (block === main ? RAM_START : undefined)
    const region = await regionOf(source, stream, index, number, start ?? 0n)
    if (block.leftOut)
      findings.push({ severity: 'warning', code: 'memory-not-saved', message: `${block.name} is shared memory that x-ignore-shared left out of the file` })
    if (start !== undefined && start + BigInt(block.size) <= 1n << 64n) memory.push(region)
    else devices.push(await unplaced(block, region, signal))
  }
  return { memory: memory.toSorted((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0)), devices, findings }
}

/** Guest RAM under another name than virt's own: a memory backend. One such block can only be at the start of RAM; several are NUMA nodes in unknown order. */
function mainBlock(blocks: readonly RamBlock[], findings: Finding[]): RamBlock | undefined {
  if (blocks.some(({ name, address }) => name === 'mach-virt.ram' || address !== undefined)) return undefined
  const candidates = blocks.filter(
    ({ name, size }) => PLACES[name] === undefined && (/^\/objects\/|^ram-node/.test(name) || !UNMAPPED.test(name)) && size >= KEPT_BYTES,
  )
  const [only] = candidates
  if (!only) return undefined
  if (candidates.length === 1) {
    findings.push({
      severity: 'info',
      code: 'memory-address-assumed',
      message: `RAM block ${JSON.stringify(only.name)} is taken to be the guest's memory at 0x${RAM_START.toString(16)}: the file has no addresses`,
    })
    return only
  }
  findings.push({
    severity: 'warning',
    code: 'memory-address-unknown',
    message: `the file does not say where in guest memory its ${candidates.length} RAM blocks are (${candidates.map(block => block.name).join(', ')})`,
  })
  return undefined
}

async function regionOf(source: Source, stream: QemuStream, index: RamIndex, number: number, start: bigint): Promise<MemoryRegion> {
  const block = stream.blocks[number] as RamBlock
  const { pageSize } = stream
  const { name, size, mapped } = block
  if (mapped) {
    const present = Math.min(size, (await countMappedPages(source, size, mapped)) * pageSize)
    return { name, start, size, present, chunks: (signal, range) => mappedChunks(source, size, mapped, signal, range) }
  }
  const present = Math.min(size, index.present(number) * pageSize)
  return { name, start, size, present, chunks: (signal, range) => (present === 0 ? [] : streamedChunks(source, stream, index, number, signal, range)) }
}

async function* streamedChunks(source: Source, stream: QemuStream, index: RamIndex, number: number, signal?: AbortSignal, range?: MemoryRange) {
  const { pageSize, blocks } = stream
  const { size } = blocks[number] as RamBlock
  if (index.isWhole) {
    const table = index.table(number)
    if (table) yield* pageChunks({ source, table, chain: index.chain, pageSize, size }, signal, range)
    return
  }
  for (let from = 0; from * pageSize < size; from += WINDOW_PAGES) {
    if (!touches(range, from * pageSize, WINDOW_PAGES * pageSize)) continue
    const window = new WindowIndex(source, number, from, from + WINDOW_PAGES)
    await rescan(source, stream, window, signal)
    yield* pageChunks({ source, table: window.table, chain: window.chain, pageSize, size }, signal, range)
  }
}

/** Walks the guest memory once more, for a window of a guest that is too large to be indexed at once. */
export async function rescan(source: Source, stream: QemuStream, sink: WindowIndex, signal?: AbortSignal): Promise<void> {
  const capabilities = stream.configuration?.capabilities ?? []
  const format = { pageSize: stream.pageSize, ignoreShared: capabilities.includes('x-ignore-shared'), mappedRam: capabilities.includes('mapped-ram') }
  const scanner = new RamScanner(new Window(source), format, sink, signal)
  for (const body of stream.ramBodies) await scanner.body(body)
}

async function unplaced({ name, size }: RamBlock, region: MemoryRegion, signal?: AbortSignal): Promise<DeviceSnapshot> {
  const state: Record<string, unknown> = { size, present: region.present ?? 0 }
  if (size <= KEPT_BYTES && region.present !== 0) {
    const bytes = new Uint8Array(size)
    for await (const { offset, data } of region.chunks(signal)) bytes.set(data, offset)
    state.bytes = bytes
  }
  return { name, kind: 'qemu-ram-block', state }
}
