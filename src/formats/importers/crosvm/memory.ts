// Owns the guest memory of a crosvm snapshot: mem_metadata says which ranges of which regions stand, one behind the other, in the file mem.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { MemoryRegion } from '../../../model/snapshot.ts'
import type { Field } from '../../data/fields.ts'
import type { Folder } from '../../source/folder.ts'
import type { Source } from '../../source/source.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { type RegionPlace, requireApart, type StoredRange, storedRegion } from '../kvm/stored-region.ts'
import { lz4Region } from './lz4-region.ts'

export const MEMORY_FILE = 'mem'
/** Regions of a compressed memory file: each is reached by unpacking all that stands before it. Machines have one to three. */
const COMPRESSED_REGIONS = 32

interface Planned {
  readonly place: RegionPlace
  readonly ranges: readonly StoredRange[]
}

/** Throws INPUT_CORRUPT when ranges overlap or the file is shorter than they are. */
export async function readMemory(
  metadata: Field,
  folder: Folder,
  file: string,
): Promise<{ readonly memory: readonly MemoryRegion[]; readonly findings: readonly Finding[] }> {
  const plans = plan(metadata)
  requireApart(
    file,
    'memory regions',
    plans.map(({ place }) => place),
  )
  const total = plans.reduce((sum, { ranges }) => sum + ranges.reduce((part, { length }) => part + length, 0), 0)
  const compressed = metadata.at('compressed').flag()
  if (!(await folder.has(MEMORY_FILE)))
    return {
      memory: [],
      findings: [{ severity: 'warning', code: 'memory-missing', message: `the file ${MEMORY_FILE} with ${total} bytes of guest memory is missing` }],
    }
  const source = await folder.open(MEMORY_FILE)
  if (compressed && plans.length > COMPRESSED_REGIONS)
    throw new SnapError('LIMIT_EXCEEDED', `${file} describes ${plans.length} regions of compressed memory; at most ${COMPRESSED_REGIONS} are read`, { file })
  if (compressed) return { memory: plans.map(({ place, ranges }) => lz4Region(source, place, ranges)), findings: [] }
  requireLength(source, total, file)
  const findings: Finding[] = []
  if (source.size > total)
    findings.push({
      severity: 'error',
      code: 'memory-file-too-long',
      message: `${source.name} has ${source.size - total} bytes more than ${file} accounts for`,
    })
  return { memory: plans.map(({ place, ranges }) => storedRegion(source, place, ranges, true)), findings }
}

function plan(metadata: Field): readonly Planned[] {
  let at = 0
  return metadata
    .at('regions')
    .list(VMM_LIMITS.memoryRegions)
    .map((region, i): Planned => {
      const size = region.at('size').size()
      if (size > VMM_LIMITS.regionBytes) throw region.wrong(`has ${size} bytes, more than any machine has`)
      let end = 0
      const ranges = region
        .at('data_ranges')
        .list(VMM_LIMITS.memoryRanges)
        .map((range): StoredRange => {
          const from = range.at('start').size()
          const to = range.at('end').size()
          if (from < end || to < from || to > size) throw range.wrong(`is ${from} to ${to}, which does not follow ${end} in a region of ${size} bytes`)
          end = to
          const stored = { offset: from, at, length: to - from }
          at += to - from
          return stored
        })
      return { place: { name: `region${i}`, start: region.at('guest_base').unsigned(), size }, ranges }
    })
    .filter(({ place }) => place.size > 0)
}

function requireLength(source: Source, total: number, file: string): void {
  if (source.size < total)
    throw new SnapError('INPUT_CORRUPT', `${source.name} has ${source.size} bytes, but ${file} says that ${total} bytes of guest memory are in it`, {
      file: source.name,
      offset: source.size,
    })
}
