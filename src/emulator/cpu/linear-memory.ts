// Owns the layout of one engine's linear memory above the fixed addresses: vCPU blocks, code maps, decoded pages, guest RAM. Knows no instruction.
import { SnapError } from '../../errors.ts'
import { VCPU_STATE_BYTES } from '../state-layout.ts'
import type { EngineOptions } from './engine.ts'
import { AT, BANKS, PAGE_RECORD_BYTES, REGION, SLOT, TABLES } from './interpreter/layout.ts'

/** A guest RAM region and where it is in linear memory. */
export interface RamRegion {
  readonly start: bigint
  readonly size: number
  readonly linear: number
  readonly codeMap: number
}

export interface LinearMemory {
  readonly memory: WebAssembly.Memory
  readonly blocks: readonly number[]
  /** Each vCPU's look-up tables: BANKS times TABLES. */
  readonly tables: readonly number[]
  readonly regions: readonly RamRegion[]
  readonly decodedPages: number
  readonly decodedPageCount: number
  /** Compiled regions' places of entry: SLOT.limit times SLOT. */
  readonly slots: number
}

const WASM_PAGE = 65536
const GUEST_PAGE = 4096
/** Bytes of guest RAM: linear memory has 4 GiB. */
export const MOST_RAM = 3 * 2 ** 30
/** 70 MiB of records, where they are used: about the code of a booting Linux. When more pages of code are alive than this, all are forgotten and decoded again. */
const DECODED_PAGES = 4096

const align = (value: number, to: number): number => Math.ceil(value / to) * to

/** Allocates linear memory for these options. Throws LIMIT_EXCEEDED or USAGE for RAM that cannot be. */
export function allocateLinearMemory({ ram, vcpus }: Pick<EngineOptions, 'ram' | 'vcpus'>): LinearMemory {
  checkRam(ram)
  let at: number = AT.blocks
  const take = (bytes: number, alignment: number): number => {
    const address = align(at, alignment)
    at = address + bytes
    return address
  }
  const blocks = Array.from({ length: vcpus }, () => take(VCPU_STATE_BYTES, 64))
  const tables = blocks.map(() => take(TABLES.bytes * BANKS, 64))
  const codeMaps = ram.map(({ size }) => take((size / GUEST_PAGE) * 4, 64))
  const pages = ram.reduce((sum, { size }) => sum + size / GUEST_PAGE, 0)
  const decodedPageCount = Math.min(DECODED_PAGES, pages)
  const slots = take(SLOT.bytes * SLOT.limit, 64)
  const decodedPages = take(decodedPageCount * PAGE_RECORD_BYTES, GUEST_PAGE)
  const regions = ram.map(({ start, size }, i): RamRegion => ({ start, size, linear: take(size, GUEST_PAGE), codeMap: codeMaps[i]! }))
  const memory = new WebAssembly.Memory({ initial: Math.ceil(at / WASM_PAGE), maximum: WASM_PAGE })
  const view = new DataView(memory.buffer)
  view.setUint32(AT.slots, slots, true)
  view.setUint32(AT.regionCount, regions.length, true)
  regions.forEach(({ start, size, linear, codeMap }, i) => {
    const entry = AT.regions + i * REGION.bytes
    view.setBigUint64(entry + REGION.start, start, true)
    view.setBigUint64(entry + REGION.size, BigInt(size), true)
    view.setUint32(entry + REGION.linear, linear, true)
    view.setUint32(entry + REGION.codeMap, codeMap, true)
  })
  return { memory, blocks, tables, regions, decodedPages, decodedPageCount, slots }
}

function checkRam(ram: EngineOptions['ram']): void {
  if (ram.length > REGION.limit) throw new SnapError('LIMIT_EXCEEDED', `${ram.length} RAM regions; the CPU takes ${REGION.limit}`)
  const total = ram.reduce((sum, { size }) => sum + size, 0)
  if (total > MOST_RAM) throw new SnapError('LIMIT_EXCEEDED', `${total} bytes of guest RAM; the CPU takes ${MOST_RAM}`)
  const sorted = [...ram].sort((a, b) => (a.start < b.start ? -1 : 1))
  sorted.forEach(({ start, size }, i) => {
    const next = sorted[i + 1]
    if (start < 0n || start % BigInt(GUEST_PAGE) !== 0n || size <= 0 || size % GUEST_PAGE !== 0)
      throw new SnapError('USAGE', `guest RAM at 0x${start.toString(16)}, ${size} bytes, is not whole pages`)
    if (next && start + BigInt(size) > next.start) throw new SnapError('USAGE', `guest RAM overlaps at 0x${next.start.toString(16)}`)
  })
}
