// Owns the distributor's frame: what guests read and write there, by version, and what device attributes do. Interrupts 0 to 31 are in it for a v2 only,
// one set for each vCPU. Source: arch/arm64/kvm/vgic/vgic-mmio-v3.c, vgic-mmio-v2.c; IHI 0069 §12.9, IHI 0048 §4.3.
import { GICD } from '../../../model/gic.ts'
import type { AccessSize } from '../device.ts'
import { bankedPlace, fourBytes, isByByte, readBanked, writeBanked } from './banked-registers.ts'
import { type InterruptTable, PRIVATE, SGIS } from './interrupt-table.ts'

/** GICD_IIDR and GICR_IIDR: product K of implementer Arm. */
export const KVM_PRODUCT = 0x4b00_043b
const REVISION_SHIFT = 12
/** GICD_CTLR of a v3: affinity routing and one security state, always; the group enable. */
const CTLR_V3 = 0x50
const ENABLE_V3 = 2
const ENABLE_V2 = 1
const PIDR2_V3 = 0xffe8
const PIDR2_VALUE = 0x3b
const SGIR = 0xf00
const CPENDSGIR = 0xf10
const ALL_LANES = 0xffff_ffff
const AFFINITY = 0xff_ffff

export interface DistributorParts {
  readonly table: InterruptTable
  /** Position of the vCPU with this Aff2.Aff1.Aff0; -1 when there is none. */
  cpuOfAffinity(affinity: number): number
  /** INTIDs have 16 bits and LPIs exist. */
  readonly hasIts: boolean
  /** GICD_IIDR.Revision: how KVM's vgic behaves. */
  revision: number
}

export const iidr = ({ revision }: DistributorParts): number => KVM_PRODUCT | (revision << REVISION_SHIFT)

/** GICD_TYPER. */
export function typer({ table, hasIts }: DistributorParts): number {
  if (table.version === 'v2') return table.sharedWords | ((table.cpus - 1) << 5)
  return table.sharedWords | (hasIts ? (15 << 19) | (1 << 17) : 9 << 19)
}

/** `cpu` makes the access; registers of a size that they do not have read as zero and ignore writes. */
export function readDistributor(parts: DistributorParts, cpu: number, offset: number, size: AccessSize): bigint {
  if (size === 8) return isRoute(parts, offset) && offset % 8 === 0 ? BigInt(readWord(parts, cpu, offset, false)) : 0n
  if (size === 4) return offset % 4 === 0 ? BigInt(readWord(parts, cpu, offset, false)) : 0n
  if (size !== 1 || !hasBytes(parts, offset)) return 0n
  return BigInt((readWord(parts, cpu, offset & ~3, false) >>> (8 * (offset & 3))) & 0xff)
}

export function writeDistributor(parts: DistributorParts, cpu: number, offset: number, size: AccessSize, value: bigint): void {
  const word = Number(value & 0xffff_ffffn)
  if (size === 8 ? isRoute(parts, offset) && offset % 8 === 0 : size === 4 && offset % 4 === 0) writeWord(parts, cpu, offset, word, ALL_LANES, false)
  else if (size === 1 && hasBytes(parts, offset)) {
    const shift = 8 * (offset & 3)
    writeWord(parts, cpu, offset & ~3, ((word & 0xff) << shift) >>> 0, (0xff << shift) >>> 0, false)
  }
}

/** One register as a device attribute shows it. `cpu` says whose interrupts 0 to 31 a v2 means. */
export const userReadDistributor = (parts: DistributorParts, cpu: number, offset: number): number => readWord(parts, cpu, offset, true)
export const userWriteDistributor = (parts: DistributorParts, cpu: number, offset: number, value: number): void =>
  writeWord(parts, cpu, offset, value, ALL_LANES, true)

const hasBytes = ({ table }: DistributorParts, offset: number): boolean => isByByte(offset) || (table.version === 'v2' && isSgiPending(offset))
const isRoute = ({ table }: DistributorParts, offset: number): boolean => table.version === 'v3' && offset >= GICD.irouter && offset < 0x8000
const isSgiPending = (offset: number): boolean => offset >= CPENDSGIR && offset < CPENDSGIR + 0x20

function readWord(parts: DistributorParts, cpu: number, offset: number, user: boolean): number {
  const { table } = parts
  const v2 = table.version === 'v2'
  switch (offset) {
    case GICD.ctlr:
      return v2 ? (table.forwarding ? ENABLE_V2 : 0) : CTLR_V3 | (table.forwarding ? ENABLE_V3 : 0)
    case GICD.typer:
      return typer(parts)
    case GICD.iidr:
      return iidr(parts)
    case GICD.statusr:
      return v2 ? 0 : ALL_LANES
    case PIDR2_V3:
      return v2 ? 0 : PIDR2_VALUE
  }
  const place = bankedPlace(offset)
  if (place) {
    const bank = bankAt(parts, cpu, place.word)
    if (bank < 0) return 0
    return isTargets(offset) ? readTargets(parts, cpu, place.word, place.part) : readBanked(table, bank, offset, place.part, user)
  }
  if (v2 && isSgiPending(offset)) return fourBytes(table.senders, cpu * SGIS + (offset & 0xc))
  const spi = spiOfRoute(parts, offset)
  return spi !== undefined && offset % 8 === 0 ? table.route[spi]! : 0
}

function writeWord(parts: DistributorParts, cpu: number, offset: number, value: number, lanes: number, user: boolean): void {
  const { table } = parts
  const v2 = table.version === 'v2'
  if (offset === GICD.ctlr) {
    table.forwarding = (value & (v2 ? ENABLE_V2 : ENABLE_V3)) !== 0
    table.stale.fill(1)
    return
  }
  if (offset === GICD.iidr && user) {
    const revision = (value >>> REVISION_SHIFT) & 0xf
    if (revision >= 1 && revision <= 3) parts.revision = revision
    return
  }
  const place = bankedPlace(offset)
  if (place) {
    const bank = bankAt(parts, cpu, place.word)
    if (bank < 0) return
    if (isTargets(offset)) writeTargets(parts, place.word, place.part, value, lanes)
    else writeBanked(table, bank, offset, place.part, value, lanes, user)
    return
  }
  if (v2) {
    if (offset === SGIR && !user) generateSgi(table, cpu, value)
    else if (isSgiPending(offset)) writeSenders(table, cpu, offset, value, lanes)
    return
  }
  const spi = spiOfRoute(parts, offset)
  // Aff3 is not implemented: the upper word is not there.
  if (spi === undefined || offset % 8 !== 0) return
  table.route[spi] = value & AFFINITY
  table.retarget(spi, parts.cpuOfAffinity)
  table.stale.fill(1)
}

/** A v3 has interrupts 0 to 31 in the redistributors. */
function bankAt({ table }: DistributorParts, cpu: number, word: number): number {
  return word === 0 && table.version === 'v3' ? -1 : table.bank(cpu, word)
}

function spiOfRoute(parts: DistributorParts, offset: number): number | undefined {
  if (!isRoute(parts, offset)) return undefined
  const intid = (offset - GICD.irouter) >> 3
  return intid >= PRIVATE && intid >> 5 <= parts.table.sharedWords ? intid - PRIVATE : undefined
}

const isTargets = (offset: number): boolean => offset >= GICD.itargetsr && offset < GICD.icfgr

/** ITARGETSR: of a v2 only; private interrupts go to the vCPU that looks. */
function readTargets({ table }: DistributorParts, cpu: number, word: number, part: number): number {
  if (table.version === 'v3') return 0
  if (word === 0) return ((1 << cpu) * 0x0101_0101) >>> 0
  let value = 0
  for (let n = 0; n < 4; n++) value |= table.route[32 * (word - 1) + 4 * part + n]! << (8 * n)
  return value >>> 0
}

function writeTargets({ table, cpuOfAffinity }: DistributorParts, word: number, part: number, value: number, lanes: number): void {
  if (table.version === 'v3' || word === 0) return
  const every = 2 ** table.cpus - 1
  for (let n = 0; n < 4; n++) {
    if (((lanes >>> (8 * n)) & 0xff) === 0) continue
    const spi = 32 * (word - 1) + 4 * part + n
    table.route[spi] = (value >>> (8 * n)) & 0xff & every
    table.retarget(spi, cpuOfAffinity)
  }
  table.stale.fill(1)
}

/** GICD_SGIR. */
function generateSgi(table: InterruptTable, cpu: number, value: number): void {
  const every = 2 ** table.cpus - 1
  const mode = (value >>> 24) & 3
  if (mode === 3) return
  const targets = mode === 0 ? (value >>> 16) & 0xff : mode === 1 ? every & ~(1 << cpu) : 1 << cpu
  for (let target = 0; target < table.cpus; target++) if ((targets >>> target) & 1) table.raiseSgi(target, value & 15, cpu)
}

/** CPENDSGIR and SPENDSGIR: a byte for each SGI, a bit for each sender. */
function writeSenders(table: InterruptTable, cpu: number, offset: number, value: number, lanes: number): void {
  const set = offset >= GICD.spendsgir
  for (let n = 0; n < 4; n++) {
    const byte = (value >>> (8 * n)) & (lanes >>> (8 * n)) & 0xff
    const sgi = (offset & 0xc) + n
    const senders = set ? table.senders[cpu * SGIS + sgi]! | byte : table.senders[cpu * SGIS + sgi]! & ~byte
    table.senders[cpu * SGIS + sgi] = senders
    if (senders !== 0 && set) table.latch[cpu] = table.latch[cpu]! | (1 << sgi)
    else if (senders === 0 && !set) table.latch[cpu] = table.latch[cpu]! & ~(1 << sgi)
  }
  table.stale[cpu] = 1
}
