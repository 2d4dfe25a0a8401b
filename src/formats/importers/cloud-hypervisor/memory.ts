// Owns the guest memory of a Cloud Hypervisor snapshot: ranges that stand one behind the other in the file memory-ranges, read on demand.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { MemoryRegion } from '../../../model/snapshot.ts'
import type { Field } from '../../data/fields.ts'
import type { Folder } from '../../source/folder.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { requireApart, storedRegion } from '../kvm/stored-region.ts'

export const MEMORY_FILE = 'memory-ranges'

interface Range {
  readonly start: bigint
  readonly size: number
}

/** `node` is the JSON of memory-manager. Throws INPUT_CORRUPT when the file is shorter than the ranges in it. */
export async function readMemory(
  node: Field,
  folder: Folder | undefined,
  file: string,
): Promise<{ readonly memory: readonly MemoryRegion[]; readonly findings: readonly Finding[] }> {
  const ranges = node
    .at('memory_ranges')
    .at('data')
    .list(VMM_LIMITS.memoryRegions)
    .map((item): Range => ({ start: item.at('gpa').unsigned(), size: regionSize(item.at('length')) }))
    .filter(({ size }) => size > 0)
  requireApart(file, 'memory ranges', ranges)
  const total = ranges.reduce((sum, { size }) => sum + size, 0)
  const zones = node
    .at('guest_ram_mappings')
    .list(VMM_LIMITS.memoryRegions)
    .map(item => ({ start: item.at('gpa').unsigned(), size: regionSize(item.at('size')), name: item.at('zone_id').text() }))
  const findings: Finding[] = []
  const mapped = zones.reduce((sum, { start, size }) => sum + uncovered(start, size, ranges), 0)
  if (mapped > 0)
    findings.push({
      severity: 'warning',
      code: 'memory-elsewhere',
      message: `${mapped} bytes of guest memory are not in the snapshot: they were in files of their own that Cloud Hypervisor left where they are`,
    })
  if (total === 0) return { memory: [], findings }
  if (!folder || !(await folder.has(MEMORY_FILE))) {
    const message = `the ${total} bytes of guest memory are not here: ${folder ? `${MEMORY_FILE} is missing` : `only state.json was given, not the folder with ${MEMORY_FILE}`}`
    return { memory: [], findings: [...findings, { severity: 'warning', code: 'memory-missing', message }] }
  }
  const source = await folder.open(MEMORY_FILE)
  if (source.size < total)
    throw new SnapError('INPUT_CORRUPT', `${source.name} has ${source.size} bytes, but ${file} says that ${total} bytes of guest memory are in it`, {
      file: source.name,
      offset: source.size,
    })
  if (source.size > total)
    findings.push({
      severity: 'error',
      code: 'memory-file-too-long',
      message: `${source.name} has ${source.size - total} bytes more than ${file} accounts for`,
    })
  let at = 0
  const memory = ranges.map(({ start, size }, i) => {
    const name = zones.find(zone => zone.start === start)?.name ?? `range${i}`
    const region = storedRegion(source, { name, start, size }, [{ offset: 0, at, length: size }], false)
    at += size
    return region
  })
  return { memory, findings }
}

function regionSize(field: Field): number {
  const size = field.size()
  if (size > VMM_LIMITS.regionBytes) throw field.wrong(`is ${size} bytes, more than any machine has`)
  return size
}

/** How many bytes of a mapping no range holds. */
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
