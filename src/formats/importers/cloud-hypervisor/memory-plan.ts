// Owns the node memory-manager of state.json: which guest addresses the file memory-ranges holds. JSON since v39; before, a packed struct (u64 and u32
// little-endian, a list or text behind its u64 length). Source: facts/vmm-formats.md §1.2 (the packing) and §2; vmm/src/memory_manager.rs of v25 to v53.
import { SnapError } from '../../../errors.ts'
import type { Field } from '../../data/fields.ts'
import { ByteReader } from '../../source/byte-reader.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { requireApart } from '../kvm/stored-region.ts'

interface Range {
  readonly start: bigint
  readonly size: number
}
export interface MemoryPlan {
  /** In the order in which they stand in memory-ranges. */
  readonly ranges: readonly Range[]
  /** What the guest sees, with the names of the zones. */
  readonly mappings: readonly (Range & { readonly name: string })[]
}

/** Throws INPUT_CORRUPT. */
export function jsonPlan(node: Field, file: string): MemoryPlan {
  const range = (item: Field, size: string): Range => ({ start: item.at('gpa').unsigned(), size: bounded(item.at(size).unsigned(), file) })
  return checked(
    {
      ranges: node
        .at('memory_ranges')
        .at('data')
        .list(VMM_LIMITS.memoryRegions)
        .map(item => range(item, 'length')),
      mappings: node
        .at('guest_ram_mappings')
        .list(VMM_LIMITS.memoryRegions)
        .map(item => ({ ...range(item, 'size'), name: item.at('zone_id').text() })),
    },
    file,
  )
}

/** The struct, which must fill `bytes`. Throws INPUT_CORRUPT. */
export function packedPlan(bytes: Uint8Array, file: string): MemoryPlan {
  const reader = new ByteReader(bytes, { file, member: 'memory-manager' }, 'INPUT_CORRUPT')
  const list = <T>(what: string, item: () => T): readonly T[] => {
    const length = reader.size64le(`the number of ${what}`)
    if (length > VMM_LIMITS.memoryRegions)
      throw new SnapError('LIMIT_EXCEEDED', `${file} declares ${length} ${what}, at most ${VMM_LIMITS.memoryRegions} are allowed`, {
        file,
        member: 'memory-manager',
      })
    return Array.from({ length }, item)
  }
  const u64 = (what: string): bigint => reader.u64le(what)
  const ranges = list('memory ranges', () => ({ start: u64('an address'), size: bounded(u64('a length'), file) }))
  const mappings = list('mappings', () => {
    reader.skip(4, 'a slot')
    const start = u64('an address')
    const size = bounded(u64('a size'), file)
    const name = new TextDecoder().decode(reader.bytes(reader.size64le('the length of a name'), 'a name'))
    reader.skip(1 + 8, 'a mapping')
    return { start, size, name }
  })
  reader.skip(3 * 8, 'the sizes of memory')
  list('regions', () => reader.skip(8 + 8 + 4, 'a region'))
  list('hotplug slots', () => reader.skip(8 + 8 + 3, 'a hotplug slot'))
  reader.skip(4 + 8 + 8, 'the next slots')
  if (reader.left > 0)
    throw new SnapError('INPUT_CORRUPT', `${file}: memory-manager goes on after its end`, { file, member: 'memory-manager', offset: reader.offset })
  return checked({ ranges, mappings }, file)
}

function bounded(size: bigint, file: string): number {
  if (size > BigInt(VMM_LIMITS.regionBytes))
    throw new SnapError('INPUT_CORRUPT', `${file} has ${size} bytes of memory in one piece, more than any machine has`, { file })
  return Number(size)
}

function checked({ ranges, mappings }: MemoryPlan, file: string): MemoryPlan {
  requireApart(file, 'memory ranges', ranges)
  return { ranges: ranges.filter(({ size }) => size > 0), mappings }
}

/** Bytes of guest memory that no range holds. */
export const unheldBytes = ({ ranges, mappings }: MemoryPlan): number => mappings.reduce((sum, { start, size }) => sum + uncovered(start, size, ranges), 0)

function uncovered(start: bigint, size: number, ranges: readonly Range[]): number {
  const end = start + BigInt(size)
  const held = ranges.reduce((sum, range) => {
    const from = range.start > start ? range.start : start
    const rangeEnd = range.start + BigInt(range.size)
    const to = rangeEnd < end ? rangeEnd : end
    return to > from ? sum + Number(to - from) : sum
  }, 0)
  return Math.max(0, size - held)
}
