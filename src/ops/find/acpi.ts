// Owns the ACPI tables of a guest as they stand in its memory: from an RSDP to the XSDT, the FADT and the FACS, with every checksum. Trusts no address
// and no length; what the bytes mean is arch/acpi's.
import {
  FACS_BYTES,
  type Facs,
  HEADER_BYTES,
  parseFacs,
  parseFadt,
  parseRsdp,
  parseTableHeader,
  RSDP_BYTES,
  rootEntries,
  sumsToZero,
} from '../../arch/acpi/tables.ts'
import { readMemory } from '../../model/read-memory.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { FacsReport, FoundAcpi, FoundTable } from '../inspect-report.ts'

const MOST_TABLES = 256
/** Of all tables of one RSDP together: real ones have a few hundred kilobytes. */
const MOST_BYTES = 16 << 20

type Read = (address: bigint, length: number) => Promise<Uint8Array | undefined>

/** What hangs on the RSDP at `address`; undefined when the bytes are neither right by their checksum nor lead to an XSDT. */
export async function readAcpi(memory: Snapshot['memory'], address: bigint, signal?: AbortSignal): Promise<FoundAcpi | undefined> {
  let left = MOST_BYTES
  const read: Read = async (at, length) => {
    left -= length
    return left < 0 ? undefined : readMemory(memory, at, length, signal)
  }
  const bytes = await read(address, RSDP_BYTES)
  const rsdp = bytes && parseRsdp(bytes)
  if (!rsdp) return undefined
  const { revision, oem, checksumOk } = rsdp
  const rootAddress = rsdp.xsdt === 0n ? rsdp.rsdt : rsdp.xsdt
  const root = await tableAt(read, rootAddress)
  const entries = root && rootEntries(root.bytes)
  if (!checksumOk && !entries) return undefined
  const found = { address: hex(address), revision, oem, checksumOk }
  if (!root || !entries) return { ...found, tables: [], fault: `there is no table of tables at ${hex(rootAddress)}` }
  const tables = await readTables(read, root, entries)
  return { ...found, ...tables, ...(left < 0 ? { fault: `its tables have more than ${MOST_BYTES >> 20} MiB; the rest is not read` } : {}) }
}

interface Table {
  readonly row: FoundTable
  readonly bytes: Uint8Array
}

async function readTables(read: Read, root: Table, entries: readonly bigint[]): Promise<Omit<FoundAcpi, 'address' | 'revision' | 'oem' | 'checksumOk'>> {
  const tables: FoundTable[] = [root.row]
  let more: Partial<FoundAcpi> = {}
  let fault = entries.length > MOST_TABLES ? `it lists ${entries.length} tables, of which ${MOST_TABLES} are read` : undefined
  for (const address of entries.slice(0, MOST_TABLES)) {
    const table = await tableAt(read, address)
    if (!table) {
      fault ??= `there is no table at ${hex(address)}`
      continue
    }
    tables.push(table.row)
    if (table.row.signature === 'FACP') {
      const { fault: own, ...rest } = await readFadt(read, table.bytes, tables)
      more = rest
      fault ??= own
    }
  }
  return { tables, ...more, ...(fault === undefined ? {} : { fault }) }
}

async function readFadt(read: Read, bytes: Uint8Array, tables: FoundTable[]): Promise<Partial<FoundAcpi>> {
  const fadt = parseFadt(bytes)
  const dsdt = await tableAt(read, fadt.dsdt)
  if (dsdt) tables.push(dsdt.row)
  const facsBytes = fadt.facs === 0n ? undefined : await read(fadt.facs, FACS_BYTES)
  const facs = facsBytes && parseFacs(facsBytes)
  if (facs) tables.push({ signature: 'FACS', address: hex(fadt.facs), length: facs.length })
  return {
    hardwareReduced: fadt.hardwareReduced,
    ...(fadt.psci ? { psci: fadt.psci } : {}),
    ...(facs ? { hardwareSignature: word(facs.hardwareSignature), facs: facsReport(fadt.facs, facs) } : {}),
    ...(fadt.facs !== 0n && !facs ? { fault: `there is no FACS at ${hex(fadt.facs)}, where the FADT says that it is` } : {}),
  }
}

/** A table by its header; undefined where there is none. */
async function tableAt(read: Read, address: bigint): Promise<Table | undefined> {
  if (address === 0n) return undefined
  const head = await read(address, HEADER_BYTES)
  const header = head && parseTableHeader(head)
  if (!header) return undefined
  const { signature, length } = header
  const bytes = await read(address, length)
  return bytes?.length === length ? { row: { signature, address: hex(address), length, checksumOk: sumsToZero(bytes) }, bytes } : undefined
}

/** At an address in memory, or an offset in a blob. */
export function facsReport(address: bigint, { length, version, hardwareSignature, wakingVector, xWakingVector, flags }: Facs): FacsReport {
  return {
    address: hex(address),
    length,
    version,
    hardwareSignature: word(hardwareSignature),
    wakingVector: hex(wakingVector),
    xWakingVector: hex(xWakingVector),
    flags: hex(flags),
  }
}

/** A hardware signature, always eight digits. */
export const word = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`
const hex = (value: bigint | number): string => `0x${value.toString(16)}`
