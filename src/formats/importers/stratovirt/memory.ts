// Owns the file memory of a StratoVirt snapshot: a header, a JSON map of RAM and of the addresses it is seen at, then the RAM itself.
// Source: address_space/src/state.rs, migration/src/general.rs.
import { SnapError } from '../../../errors.ts'
import type { Finding } from '../../../model/finding.ts'
import type { MemoryRegion } from '../../../model/snapshot.ts'
import { parseExactJson } from '../../data/exact-json.ts'
import { Field } from '../../data/fields.ts'
import type { Source } from '../../source/source.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'
import { type RegionPlace, requireApart, storedRegion } from '../kvm/stored-region.ts'
import { HEADER_BYTES, readHeader } from './header.ts'

const ALIGNMENT = 4096
const MAP_BYTES = 1 << 20

/** Throws INPUT_CORRUPT when the file is shorter than the RAM in it. */
export async function readMemory(source: Source): Promise<{ readonly memory: readonly MemoryRegion[]; readonly findings: readonly Finding[] }> {
  const { name: file } = source
  const header = readHeader(await source.head(HEADER_BYTES), file)
  if (header.file !== 'MemoryFull') throw new SnapError('INPUT_CORRUPT', `${file} is not the memory of a StratoVirt snapshot`, { file, offset: 0 })
  const length = await mapLength(source)
  const where = { file, member: 'memory map' }
  const map = new Field(parseExactJson(await source.read(HEADER_BYTES + 8, length), `the memory map of ${file}`, where), `the memory map of ${file}`, '', where)
  const start = HEADER_BYTES + Math.ceil((8 + length) / ALIGNMENT) * ALIGNMENT
  const ram = map
    .at('ram_region_state')
    .list(VMM_LIMITS.memoryRegions)
    .reduce((sum, region) => sum + size(region.at('size')), 0)
  if (source.size < start + ram)
    throw new SnapError('INPUT_CORRUPT', `${file} ends at byte ${source.size}; its ${ram} bytes of RAM begin at ${start}`, { file, offset: source.size })
  const views = map
    .at('alias_region_state')
    .list(VMM_LIMITS.memoryRegions)
    .map(view => ({
      place: { name: view.at('name').text(), start: view.at('offset').unsigned(), size: size(view.at('size')) } satisfies RegionPlace,
      from: view.at('alias_offset').size(),
      field: view,
    }))
    .filter(({ place }) => place.size > 0)
  requireApart(
    file,
    'memory regions',
    views.map(({ place }) => place),
  )
  const memory = views.map(({ place, from, field }) => {
    if (from + place.size > ram) throw field.wrong(`shows RAM up to ${from + place.size}, of which there are ${ram} bytes`)
    return storedRegion(source, place, [{ offset: 0, at: start + from, length: place.size }], false)
  })
  const shown = memory.reduce((sum, region) => sum + region.size, 0)
  const findings: readonly Finding[] =
    shown === ram
      ? []
      : [{ severity: 'warning', code: 'memory-not-placed', message: `${ram} bytes of RAM are saved, but ${shown} have an address in the guest` }]
  return { memory, findings }
}

async function mapLength(source: Source): Promise<number> {
  const length = Buffer.from(await source.read(HEADER_BYTES, 8)).readBigUInt64LE(0)
  if (length > BigInt(MAP_BYTES))
    throw new SnapError('LIMIT_EXCEEDED', `${source.name} declares a memory map of ${length} bytes, at most ${MAP_BYTES} are allowed`, {
      file: source.name,
      offset: HEADER_BYTES,
    })
  return Number(length)
}

function size(field: Field): number {
  const bytes = field.size()
  if (bytes > VMM_LIMITS.regionBytes) throw field.wrong(`is ${bytes} bytes, more than any machine has`)
  return bytes
}
