// Owns the search for the ACPI tables of a guest wherever they may be: in its memory, and in what its VMM keeps for firmware. One pass over memory, and
// only the tables that hang on an RSDP count; a FACS that only looks like one is a candidate.
import { carriedFacs, carriedTables, loaderPointers } from '../../arch/acpi/carried.ts'
import { FACS_BYTES, parseFacs, parseRsdp, RSDP_BYTES } from '../../arch/acpi/tables.ts'
import { readMemory } from '../../model/read-memory.ts'
import type { DeviceSnapshot, Snapshot } from '../../model/snapshot.ts'
import type { AcpiReport, CarriedAcpi, FacsReport, FoundAcpi } from '../inspect-report.ts'
import type { Work } from '../work.ts'
import { facsReport, readAcpi } from './acpi.ts'
import { type Needle, scanMemory } from './scan.ts'

/**
 * On arm64 firmware tells the kernel where the RSDP is, and it is wherever the firmware's allocator put it: EDK2 puts it 24 bytes into a pool, so at 8
 * modulo 16 [measured], and not at the 16 of a PC's BIOS.
 */
export const RSDP_NEEDLE: Needle = {
  bytes: Buffer.from('RSD PTR '),
  alignment: 8,
  most: 16,
  // The letters alone are in every kernel. One with a wrong checksum is shown when it looks right otherwise.
  accept(from) {
    const rsdp = from.length < RSDP_BYTES ? undefined : parseRsdp(from.subarray(0, RSDP_BYTES))
    return from.length < RSDP_BYTES || (rsdp !== undefined && (rsdp.checksumOk || rsdp.length === RSDP_BYTES))
  },
}

const FACS_NEEDLE: Needle = {
  bytes: Buffer.from('FACS'),
  alignment: FACS_BYTES,
  most: 64,
  accept: from => from.length < FACS_BYTES || parseFacs(from.subarray(0, FACS_BYTES)) !== undefined,
}

/** Reads all memory that is not zero. Throws what reading it throws. */
export async function searchAcpi(snapshot: Snapshot, work: Work): Promise<AcpiReport> {
  const { memory } = snapshot
  const { hits, searched } = await scanMemory(memory, [RSDP_NEEDLE, FACS_NEEDLE], work)
  const [roots = [], facses = []] = hits
  const found = await acpiAt(memory, roots, work.signal)
  const reached = new Set(found.flatMap(({ facs }) => facs?.address ?? []))
  const candidates: FacsReport[] = []
  for (const address of facses) {
    const bytes = await readMemory(memory, address, FACS_BYTES, work.signal)
    const facs = bytes && parseFacs(bytes)
    if (facs && !reached.has(`0x${address.toString(16)}`)) candidates.push(facsReport(address, facs))
  }
  return { searched, memory: found, carried: carriedAcpi(snapshot.devices), candidates }
}

/** What hangs on each of these RSDPs. */
export async function acpiAt(memory: Snapshot['memory'], addresses: readonly bigint[], signal?: AbortSignal): Promise<readonly FoundAcpi[]> {
  const all: FoundAcpi[] = []
  for (const address of addresses) {
    const tables = await readAcpi(memory, address, signal)
    if (tables) all.push(tables)
  }
  return all
}

/** QEMU keeps each fw_cfg file in a RAM block of that name. */
const TABLES = /^\/rom@(etc\/acpi\/.*tables.*)$/
const LOADER = '/rom@etc/table-loader'

function carriedAcpi(devices: readonly DeviceSnapshot[]): readonly CarriedAcpi[] {
  const script = devices.find(({ name }) => name === LOADER)
  const pointers = loaderPointers((script && bytesOf(script)) ?? new Uint8Array())
  return devices.flatMap(device => {
    const file = TABLES.exec(device.name)?.[1]
    const blob = file === undefined ? undefined : bytesOf(device)
    if (file === undefined || !blob) return []
    const tables = carriedTables(blob).map(({ signature, offset, length }) => ({ signature, offset, length }))
    const facs = carriedFacs(file, blob, pointers).map(each => ({ ...facsReport(BigInt(each.offset), each.facs), linked: each.linked }))
    return tables.length === 0 ? [] : [{ device: device.name, tables, facs }]
  })
}

/** The bytes of a device that is kept as bytes. */
export function bytesOf({ state }: DeviceSnapshot): Uint8Array | undefined {
  if (typeof state !== 'object' || state === null || !('bytes' in state)) return undefined
  return state.bytes instanceof Uint8Array ? state.bytes : undefined
}
