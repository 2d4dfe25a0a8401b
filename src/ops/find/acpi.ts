// Owns the ACPI tables of a guest: from an RSDP to the XSDT, the FADT and the FACS, with every checksum. Trusts no address and no length.
// Source: ACPI 6.5, §5.2.5 (RSDP), §5.2.6 (headers), §5.2.9 (FADT), §5.2.10 (FACS).
import { readMemory } from '../../model/read-memory.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { FoundAcpi, FoundTable } from '../inspect-report.ts'

const LIMITS = { tables: 256, tableBytes: 1 << 20 } as const
const HEADER = 36
const RSDP = { bytes: 36, oldBytes: 20, oem: 9, revision: 15, rsdt: 16, length: 20, xsdt: 24 } as const
const FADT = { facs: 36, dsdt: 40, armBootArch: 129, xFacs: 132, xDsdt: 140 } as const
/** ARM_BOOT_ARCH of the FADT. */
const PSCI_COMPLIANT = 1
const PSCI_USE_HVC = 2

type Read = (address: bigint, length: number) => Promise<Uint8Array | undefined>

/** What hangs on the RSDP at `address`; undefined when the bytes are neither right by their checksum nor lead to an XSDT. */
export async function readAcpi(memory: Snapshot['memory'], address: bigint, signal?: AbortSignal): Promise<FoundAcpi | undefined> {
  const read: Read = (at, length) => readMemory(memory, at, length, signal)
  const rsdp = await read(address, RSDP.bytes)
  if (!rsdp || rsdp.length < RSDP.oldBytes) return undefined
  const view = viewOf(rsdp)
  const revision = rsdp[RSDP.revision] ?? 0
  const isExtended = revision >= 2 && rsdp.length === RSDP.bytes
  const checksumOk = sum(rsdp.subarray(0, RSDP.oldBytes)) === 0 && (!isExtended || sum(rsdp) === 0)
  const xsdt = isExtended ? view.getBigUint64(RSDP.xsdt, true) : 0n
  const root = xsdt === 0n ? await tableAt(read, BigInt(view.getUint32(RSDP.rsdt, true))) : await tableAt(read, xsdt)
  const isRoot = root !== undefined && (root.row.signature === 'XSDT' || root.row.signature === 'RSDT')
  if (!checksumOk && !isRoot) return undefined
  const found = { address: hex(address), revision, oem: text(rsdp.subarray(RSDP.oem, RSDP.oem + 6)), checksumOk }
  if (!isRoot) return { ...found, tables: [], fault: `there is no table of tables at ${hex(xsdt)}` }
  return { ...found, ...(await readTables(read, root)) }
}

interface Table {
  readonly row: FoundTable
  readonly bytes: Uint8Array
}

async function readTables(read: Read, root: Table): Promise<Omit<FoundAcpi, 'address' | 'revision' | 'oem' | 'checksumOk'>> {
  const wide = root.row.signature === 'XSDT'
  const view = viewOf(root.bytes)
  const count = Math.floor((root.bytes.length - HEADER) / (wide ? 8 : 4))
  const tables: FoundTable[] = [root.row]
  let more: Partial<FoundAcpi> = {}
  let fault = count > LIMITS.tables ? `it lists ${count} tables, of which ${LIMITS.tables} are read` : undefined
  for (let i = 0; i < Math.min(count, LIMITS.tables); i++) {
    const at = HEADER + i * (wide ? 8 : 4)
    const address = wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true))
    const table = await tableAt(read, address)
    if (!table) {
      fault ??= `there is no table at ${hex(address)}`
      continue
    }
    tables.push(table.row)
    if (table.row.signature === 'FACP') more = await readFadt(read, table.bytes, tables)
  }
  return { tables, ...more, ...(fault === undefined ? {} : { fault }) }
}

async function readFadt(read: Read, bytes: Uint8Array, tables: FoundTable[]): Promise<Partial<FoundAcpi>> {
  const view = viewOf(bytes)
  const pointer = (wide: number, narrow: number): bigint => {
    const far = bytes.length >= wide + 8 ? view.getBigUint64(wide, true) : 0n
    if (far !== 0n) return far
    return bytes.length >= narrow + 4 ? BigInt(view.getUint32(narrow, true)) : 0n
  }
  const dsdt = await tableAt(read, pointer(FADT.xDsdt, FADT.dsdt))
  if (dsdt) tables.push(dsdt.row)
  const facsAddress = pointer(FADT.xFacs, FADT.facs)
  const facs = facsAddress === 0n ? undefined : await read(facsAddress, 64)
  const isFacs = facs !== undefined && facs.length >= 12 && text(facs.subarray(0, 4)) === 'FACS'
  if (isFacs) tables.push({ signature: 'FACS', address: hex(facsAddress), length: viewOf(facs).getUint32(4, true) })
  const boot = bytes.length >= FADT.armBootArch + 2 ? view.getUint16(FADT.armBootArch, true) : undefined
  return {
    ...(boot === undefined ? {} : { psci: { compliant: (boot & PSCI_COMPLIANT) !== 0, conduit: boot & PSCI_USE_HVC ? 'hvc' : 'smc' } as const }),
    ...(isFacs ? { hardwareSignature: `0x${viewOf(facs).getUint32(8, true).toString(16).padStart(8, '0')}` } : {}),
  }
}

/** A table by its header; undefined where there is none. */
async function tableAt(read: Read, address: bigint): Promise<Table | undefined> {
  if (address === 0n) return undefined
  const header = await read(address, HEADER)
  if (!header || header.length < HEADER) return undefined
  const signature = text(header.subarray(0, 4))
  const length = viewOf(header).getUint32(4, true)
  if (!/^[A-Z0-9]{4}$/.test(signature) || length < HEADER || length > LIMITS.tableBytes) return undefined
  const bytes = await read(address, length)
  return bytes?.length === length ? { row: { signature, address: hex(address), length, checksumOk: sum(bytes) === 0 }, bytes } : undefined
}

const hex = (value: bigint): string => `0x${value.toString(16)}`
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0)
const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').trimEnd()
