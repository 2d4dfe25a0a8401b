// Owns the structures of ACPI that lead to the FACS, as bytes: RSDP, table headers, XSDT and RSDT, FADT, FACS. Pure; trusts no length; follows no address.
// Source: ACPI 6.5, §5.2.5 (RSDP), §5.2.6 (headers), §5.2.7 and §5.2.8 (RSDT, XSDT), §5.2.9 (FADT), §5.2.10 (FACS).

export const HEADER_BYTES = 36
export const RSDP_BYTES = 36
/** What the first checksum covers, and all there is of a revision 0 RSDP. */
const RSDP_OLD_BYTES = 20
/** Offset of the checksum in every table that has a header. */
export const CHECKSUM_AT = 9
/** Offset of hardware_signature in the FACS: 32 bits, little-endian. */
export const HARDWARE_SIGNATURE_AT = 8
/** Its least length; later versions may be longer. Aligned to as much (§5.2.10). */
export const FACS_BYTES = 64
/** No FACS that anybody defined is longer than this; what says so is none. */
const FACS_MOST_BYTES = 4096
export const MOST_TABLE_BYTES = 1 << 20

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes).trimEnd()

/** Whether the bytes add up to zero, as those of every table but the FACS do. */
export function sumsToZero(bytes: Uint8Array): boolean {
  let sum = 0
  for (const byte of bytes) sum = (sum + byte) & 0xff
  return sum === 0
}

/** Sets the byte at `at` so that all of them add up to zero. */
export function setChecksum(bytes: Uint8Array, at: number = CHECKSUM_AT): void {
  bytes[at] = 0
  let sum = 0
  for (const byte of bytes) sum = (sum + byte) & 0xff
  bytes[at] = -sum & 0xff
}

export interface Rsdp {
  readonly revision: number
  /** What it says itself, of revision 2; 20 before. */
  readonly length: number
  readonly oem: string
  /** Physical addresses; 0 where there is none. */
  readonly rsdt: bigint
  readonly xsdt: bigint
  /** Both checksums of a revision 2 one. */
  readonly checksumOk: boolean
}

/** Undefined for bytes without its signature, or too few. */
export function parseRsdp(bytes: Uint8Array): Rsdp | undefined {
  if (bytes.length < RSDP_OLD_BYTES || text(bytes.subarray(0, 8)) !== 'RSD PTR') return undefined
  const view = viewOf(bytes)
  const revision = view.getUint8(15)
  const isExtended = revision >= 2 && bytes.length >= RSDP_BYTES
  const isSound = sumsToZero(bytes.subarray(0, RSDP_OLD_BYTES)) && (!isExtended || sumsToZero(bytes.subarray(0, RSDP_BYTES)))
  return {
    revision,
    length: isExtended ? view.getUint32(20, true) : RSDP_OLD_BYTES,
    oem: text(bytes.subarray(9, 15)),
    rsdt: BigInt(view.getUint32(16, true)),
    xsdt: isExtended ? view.getBigUint64(24, true) : 0n,
    checksumOk: isSound,
  }
}

export interface TableHeader {
  /** Four letters or digits. */
  readonly signature: string
  /** Bytes, the header with them. */
  readonly length: number
}

/** Undefined for what cannot be the beginning of a table. */
export function parseTableHeader(bytes: Uint8Array): TableHeader | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const signature = text(bytes.subarray(0, 4))
  const length = viewOf(bytes).getUint32(4, true)
  return /^[A-Z0-9]{4}$/.test(signature) && length >= HEADER_BYTES && length <= MOST_TABLE_BYTES ? { signature, length } : undefined
}

/** The addresses in a whole XSDT or RSDT; undefined for any other table. A rest that is no whole entry is left out. */
export function rootEntries(table: Uint8Array): readonly bigint[] | undefined {
  const signature = parseTableHeader(table)?.signature
  const wide = signature === 'XSDT'
  if (!wide && signature !== 'RSDT') return undefined
  const view = viewOf(table)
  const size = wide ? 8 : 4
  return Array.from({ length: Math.floor((table.length - HEADER_BYTES) / size) }, (_, i) => {
    const at = HEADER_BYTES + i * size
    return wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true))
  })
}

/** Offsets of pointers in the FADT: the 64-bit ones win where they are not zero. */
export const FADT = { firmwareCtrl: 36, dsdt: 40, flags: 112, armBootArch: 129, xFirmwareCtrl: 132, xDsdt: 140 } as const
const HW_REDUCED_ACPI = 1 << 20
const PSCI_COMPLIANT = 1
const PSCI_USE_HVC = 2

export interface Fadt {
  /** Physical addresses; 0 where there is none. */
  readonly dsdt: bigint
  readonly facs: bigint
  /** Then there need be no FACS, and systems that take the flag for "there is none" do not look for one. */
  readonly hardwareReduced: boolean
  /** Absent in tables that are older than ACPI 5.1. */
  readonly psci?: { readonly compliant: boolean; readonly conduit: 'hvc' | 'smc' }
}

/** Reads a whole FADT of any revision: what is behind its end is as if it were zero. */
export function parseFadt(table: Uint8Array): Fadt {
  const view = viewOf(table)
  const pointer = (wide: number, narrow: number): bigint => {
    const far = table.length >= wide + 8 ? view.getBigUint64(wide, true) : 0n
    if (far !== 0n) return far
    return table.length >= narrow + 4 ? BigInt(view.getUint32(narrow, true)) : 0n
  }
  const boot = table.length >= FADT.armBootArch + 2 ? view.getUint16(FADT.armBootArch, true) : undefined
  return {
    dsdt: pointer(FADT.xDsdt, FADT.dsdt),
    facs: pointer(FADT.xFirmwareCtrl, FADT.firmwareCtrl),
    hardwareReduced: table.length >= FADT.flags + 4 && (view.getUint32(FADT.flags, true) & HW_REDUCED_ACPI) !== 0,
    ...(boot === undefined ? {} : { psci: { compliant: (boot & PSCI_COMPLIANT) !== 0, conduit: boot & PSCI_USE_HVC ? 'hvc' : 'smc' } as const }),
  }
}

export interface Facs {
  readonly length: number
  readonly hardwareSignature: number
  readonly wakingVector: number
  readonly flags: number
  readonly xWakingVector: bigint
  readonly version: number
}

/** The FACS has a signature and a length, and no checksum: undefined for what has not both. */
export function parseFacs(bytes: Uint8Array): Facs | undefined {
  if (bytes.length < FACS_BYTES || text(bytes.subarray(0, 4)) !== 'FACS') return undefined
  const view = viewOf(bytes)
  const length = view.getUint32(4, true)
  if (length < FACS_BYTES || length > FACS_MOST_BYTES) return undefined
  return {
    length,
    hardwareSignature: view.getUint32(HARDWARE_SIGNATURE_AT, true),
    wakingVector: view.getUint32(12, true),
    flags: view.getUint32(20, true),
    xWakingVector: view.getBigUint64(24, true),
    version: view.getUint8(32),
  }
}

/** A hardware signature as it stands in the FACS. */
export function hardwareSignatureBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setUint32(0, value, true)
  return bytes
}

/**
 * A whole table with zeros for what firmware makes anew each time it puts the tables somewhere: its checksum, and the pointers of a FADT. So the same
 * table is the same bytes wherever it stands, and as its VMM carries it.
 */
export function withoutPlace(table: Uint8Array): Uint8Array {
  const copy = new Uint8Array(table)
  copy.fill(0, CHECKSUM_AT, CHECKSUM_AT + 1)
  if (parseTableHeader(copy)?.signature !== 'FACP') return copy
  copy.fill(0, FADT.firmwareCtrl, FADT.dsdt + 4)
  return copy.fill(0, FADT.xFirmwareCtrl, FADT.xDsdt + 8)
}
