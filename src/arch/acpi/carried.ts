// Owns ACPI tables as a VMM carries them for the firmware of its guest: one behind the other in a blob, and a script that says which of their fields are
// addresses. Pure. Until the firmware has followed the script a pointer holds an offset into its blob, and a checksum may be anything.
// Source: the commands are those of hw/acpi/bios-linker-loader.c in QEMU, which firmware reads as fw_cfg file etc/table-loader; measured on QEMU 7.2.
import { FACS_BYTES, FADT, type Facs, parseFacs, parseTableHeader, sumsToZero } from './tables.ts'

export interface CarriedTable {
  readonly signature: string
  readonly offset: number
  readonly length: number
  /** Absent for the FACS, which has none. */
  readonly checksumOk?: boolean
}

const MOST_TABLES = 256

/** The tables of a blob in their order, with nothing or zeros between them; ends at the first thing that is none. */
export function carriedTables(blob: Uint8Array): readonly CarriedTable[] {
  const tables: CarriedTable[] = []
  for (let at = 0; at < blob.length && tables.length < MOST_TABLES; ) {
    if (blob[at] === 0) {
      at++
      continue
    }
    const rest = blob.subarray(at)
    const facs = parseFacs(rest)
    const header = facs ? { signature: 'FACS', length: facs.length } : parseTableHeader(rest)
    if (!header || header.length > rest.length) break
    tables.push({ ...header, offset: at, ...(facs ? {} : { checksumOk: sumsToZero(rest.subarray(0, header.length)) }) })
    at += header.length
  }
  return tables
}

const ENTRY_BYTES = 128
const FILE_NAME_BYTES = 56
const COMMAND = { addPointer: 2 } as const

/** A field that the firmware adds an address to: that of `source`. */
export interface LoaderPointer {
  readonly file: string
  readonly source: string
  readonly offset: number
  readonly size: number
}

/** The pointers of a script, up to its first empty entry. */
export function loaderPointers(script: Uint8Array): readonly LoaderPointer[] {
  const view = new DataView(script.buffer, script.byteOffset, script.byteLength)
  const name = (at: number): string => {
    const bytes = script.subarray(at, at + FILE_NAME_BYTES)
    const end = bytes.indexOf(0)
    return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)))
  }
  const pointers: LoaderPointer[] = []
  for (let at = 0; at + ENTRY_BYTES <= script.length; at += ENTRY_BYTES) {
    const command = view.getUint32(at, true)
    if (command === 0) break
    if (command !== COMMAND.addPointer) continue
    pointers.push({ file: name(at + 4), source: name(at + 4 + FILE_NAME_BYTES), offset: view.getUint32(at + 116, true), size: script[at + 120] ?? 0 })
  }
  return pointers
}

export interface CarriedFacs {
  readonly offset: number
  readonly facs: Facs
  /** Whether a FADT of the same blob leads to it, by a field that the script makes an address. */
  readonly linked: boolean
}

/** Every FACS of the blob `file`. */
export function carriedFacs(file: string, blob: Uint8Array, pointers: readonly LoaderPointer[]): readonly CarriedFacs[] {
  const tables = carriedTables(blob)
  const linkedTo = new Set<bigint>()
  for (const { signature, offset, length } of tables) {
    if (signature !== 'FACP') continue
    const isPointer = (field: number): boolean => pointers.some(each => each.file === file && each.source === file && each.offset === offset + field)
    const view = new DataView(blob.buffer, blob.byteOffset + offset, length)
    const wide = isPointer(FADT.xFirmwareCtrl) && length >= FADT.xFirmwareCtrl + 8
    // It may be 0: QEMU puts the FACS first. Only the script tells that from no pointer.
    if (wide) linkedTo.add(view.getBigUint64(FADT.xFirmwareCtrl, true))
    else if (isPointer(FADT.firmwareCtrl) && length >= FADT.firmwareCtrl + 4) linkedTo.add(BigInt(view.getUint32(FADT.firmwareCtrl, true)))
  }
  return tables.flatMap(({ signature, offset }) => {
    const facs = signature === 'FACS' ? parseFacs(blob.subarray(offset, offset + FACS_BYTES)) : undefined
    return facs ? [{ offset, facs, linked: linkedTo.has(BigInt(offset)) }] : []
  })
}
