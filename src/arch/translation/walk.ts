// Owns stage 1 translation of an address for EL1 and EL0, decided completely: every descriptor on the way, the attributes, or the exact fault.
// A pure function of the registers and of physical memory. Source: Arm ARM (DDI 0487) D8, pseudocode AArch64.S1Translate, AArch64.S1Walk.
import { type AccessRights, permitted } from './permissions.ts'
import type { Half, TranslationRegime } from './regime.ts'

/** Reads 8 bytes, little-endian, at a physical address; undefined where nothing answers. */
export type ReadPhysical64 = (address: bigint) => bigint | undefined

export interface WalkStep {
  readonly level: number
  readonly descriptorAddress: bigint
  readonly descriptor: bigint
  readonly kind: 'table' | 'block' | 'page' | 'invalid'
}

export type FaultKind = 'translation' | 'address-size' | 'access-flag' | 'permission' | 'external'
export interface TranslationFault {
  readonly kind: FaultKind
  readonly level: number
  /** Fault status code, as in ESR_EL1.IFSC and DFSC, and in PAR_EL1.FST. */
  readonly status: number
}

export interface Mapping {
  /** Physical address. */
  readonly address: bigint
  /** log2 of the page or block that holds it. */
  readonly sizeBits: number
  readonly level: number
  /** The byte of MAIR_EL1; 0 (Device-nGnRnE) where nothing is translated. */
  readonly attributes: number
  /** Shareability as PAR_EL1 gives it. */
  readonly shareability: number
  readonly device: boolean
  readonly global: boolean
  /** Hardware management of access flag and dirty state: the descriptor that has to be written before the access is made. */
  readonly update?: { readonly address: bigint; readonly value: bigint }
}

export type Translation = { readonly steps: readonly WalkStep[] } & (
  | { readonly mapping: Mapping; readonly fault?: undefined }
  | { readonly fault: TranslationFault; readonly mapping?: undefined }
)

const STATUS: Readonly<Record<FaultKind, number>> = { 'address-size': 0x00, translation: 0x04, 'access-flag': 0x08, permission: 0x0c, external: 0x14 }
/** Level -1 has codes of its own. */
const STATUS_BEFORE_0: Readonly<Partial<Record<FaultKind, number>>> = { 'address-size': 0x29, translation: 0x2b, external: 0x13 }
const faultOf = (kind: FaultKind, level: number): TranslationFault => ({
  kind,
  level,
  status: level < 0 ? (STATUS_BEFORE_0[kind] ?? STATUS[kind]) : STATUS[kind] + level,
})

const VALID = 1n
const TABLE_OR_PAGE = 2n
const ACCESS_FLAG = 1n << 10n
const DIRTY_MANAGED = 1n << 51n
const READ_ONLY = 1n << 7n
const bit = (value: bigint, at: number): boolean => ((value >> BigInt(at)) & 1n) === 1n
const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n

/** Memory that this byte of MAIR_EL1 describes is Device. */
export const isDevice = (attributes: number): boolean => (attributes & 0xf0) === 0
const isNonCacheable = (attributes: number): boolean => attributes === 0x44

/** Which half of the address space an address is in. */
export const halfOf = (regime: TranslationRegime, address: bigint): Half => regime.halves[bit(address, 55) ? 1 : 0]

/** A branch target as PC takes it: without a tag where the top byte is ignored. */
export function branchTarget(regime: TranslationRegime, address: bigint): bigint {
  if (!halfOf(regime, address).tbiFetch) return address
  return BigInt.asUintN(64, BigInt.asIntN(56, address))
}

export function translate(regime: TranslationRegime, address: bigint, rights: AccessRights, read: ReadPhysical64): Translation {
  const half = halfOf(regime, address)
  const tagged = rights.kind === 'fetch' ? half.tbiFetch : half.tbi
  if (!regime.enabled) return untranslated(regime, tagged ? address & ones(56) : address)
  const steps: WalkStep[] = []
  const fault = (kind: FaultKind, level: number): Translation => ({ steps, fault: faultOf(kind, level) })

  const untagged = BigInt.asIntN(64, tagged ? BigInt.asIntN(56, address) : address)
  const inRange = untagged >> BigInt(half.inputBits) === (bit(address, 55) ? -1n : 0n)
  if (!inRange || half.disabled || (half.privilegedOnly && !rights.privileged)) return fault('translation', 0)
  if (half.base & half.forbidden) return fault('address-size', 0)

  const input = address & ones(half.inputBits)
  let table = half.base
  let fromTables = 0n
  for (let level = half.startLevel, shift = half.startShift; ; level++, shift -= half.stride) {
    const index = (input >> BigInt(shift)) & (level === half.startLevel ? ones(half.inputBits - shift) : ones(half.stride))
    const descriptorAddress = table + index * 8n
    const descriptor = read(descriptorAddress)
    if (descriptor === undefined) return fault('external', level)
    const leaf = level === 3 || !(descriptor & TABLE_OR_PAGE)
    const exists = descriptor & VALID && (level === 3 ? descriptor & TABLE_OR_PAGE : !leaf || half.blockLevels.includes(level))
    steps.push({ level, descriptorAddress, descriptor, kind: !exists ? 'invalid' : level === 3 ? 'page' : leaf ? 'block' : 'table' })
    if (!exists) return fault('translation', level)
    const next = (descriptor & half.addressMask) | ((descriptor & half.highMask) << BigInt(half.highShift))
    if (next & half.forbidden) return fault('address-size', level)
    if (leaf) return last({ regime, half, rights, input, level, shift, descriptor, descriptorAddress, output: next, fromTables, steps })
    if (half.hierarchical) fromTables |= descriptor
    table = next
  }
}

interface Last {
  readonly regime: TranslationRegime
  readonly half: Half
  readonly rights: AccessRights
  readonly input: bigint
  readonly level: number
  readonly shift: number
  readonly descriptor: bigint
  readonly descriptorAddress: bigint
  readonly output: bigint
  /** Attribute bits of the tables on the way, or-ed. */
  readonly fromTables: bigint
  readonly steps: readonly WalkStep[]
}

function last({ regime, half, rights, input, level, shift, descriptor, descriptorAddress, output, fromTables, steps }: Last): Translation {
  const flagged = bit(descriptor, 10)
  if (!flagged && !regime.hardwareAccessFlag) return { steps, fault: faultOf('access-flag', level) }
  const dirtyManaged = regime.hardwareDirty && (descriptor & DIRTY_MANAGED) !== 0n
  const page = {
    user: bit(descriptor, 6) && !bit(fromTables, 61),
    readOnly: (bit(descriptor, 7) && !dirtyManaged) || bit(fromTables, 62),
    userNeverExecute: bit(descriptor, 54) || bit(fromTables, 60),
    privilegedNeverExecute: bit(descriptor, 53) || bit(fromTables, 59),
  }
  if (!permitted(page, rights, regime)) return { steps, fault: faultOf('permission', level) }
  let value = descriptor | ACCESS_FLAG
  if (dirtyManaged && rights.kind === 'write') value &= ~READ_ONLY
  const attributes = Number((regime.mair >> (((descriptor >> 2n) & 7n) * 8n)) & 0xffn)
  const device = isDevice(attributes)
  const outer = device || isNonCacheable(attributes)
  const mapping: Mapping = {
    address: (output & ~ones(shift)) | (input & ones(shift)),
    sizeBits: shift,
    level,
    attributes,
    shareability: outer ? 2 : (half.shareability ?? Number((descriptor >> 8n) & 3n)),
    device,
    global: !bit(descriptor, 11),
    ...(value === descriptor ? {} : { update: { address: descriptorAddress, value } }),
  }
  return { steps, mapping }
}

/** With SCTLR_EL1.M clear the address is the physical one, Device-nGnRnE. */
function untranslated(regime: TranslationRegime, address: bigint): Translation {
  if (address >> BigInt(regime.physicalBits) !== 0n) return { steps: [], fault: faultOf('address-size', 0) }
  return { steps: [], mapping: { address, sizeBits: 12, level: 0, attributes: 0, shareability: 2, device: true, global: true } }
}
