// Owns the guest memory of a Cloud Hypervisor snapshot: ranges that stand one behind the other in the file memory-ranges, read on demand.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { MemoryRegion } from '../../../model/snapshot.ts'
import type { Folder } from '../../source/folder.ts'
import { storedRegion } from '../kvm/stored-region.ts'
import { type MemoryPlan, unheldBytes } from './memory-plan.ts'

export const MEMORY_FILE = 'memory-ranges'

export interface ReadMemory {
  readonly memory: readonly MemoryRegion[]
  readonly findings: readonly Finding[]
}

/** Throws INPUT_CORRUPT when the file is shorter than the ranges in it. */
export async function readMemory(plan: MemoryPlan, folder: Folder | undefined, file: string): Promise<ReadMemory> {
  const { ranges, mappings } = plan
  const total = ranges.reduce((sum, { size }) => sum + size, 0)
  const findings: Finding[] = []
  const unheld = unheldBytes(plan)
  if (unheld > 0)
    findings.push({
      severity: 'warning',
      code: 'memory-elsewhere',
      message: `${unheld} bytes of guest memory are not in the snapshot: they were in files of their own that Cloud Hypervisor left where they are`,
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
    const name = mappings.find(mapping => mapping.start === start)?.name ?? `range${i}`
    const region = storedRegion(source, { name, start, size }, [{ offset: 0, at, length: size }], false)
    const first = at
    at += size
    return { ...region, storedAt: (offset: number) => (offset < size ? { file: source.name, at: first + offset } : undefined) }
  })
  return { memory, findings }
}
