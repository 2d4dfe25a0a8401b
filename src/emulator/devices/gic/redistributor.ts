// Owns a redistributor's two frames: RD with what LPIs need, SGI with interrupts 0 to 31 of one vCPU. Source: arch/arm64/kvm/vgic/vgic-mmio-v3.c; IHI 0069 §12.11.
import { GICD, GICR } from '../../../model/gic.ts'
import type { AccessSize } from '../device.ts'
import { bankedPlace, isByByte, readBanked, writeBanked } from './banked-registers.ts'
import { KVM_PRODUCT } from './distributor.ts'
import type { InterruptTable } from './interrupt-table.ts'

const IIDR = 0x04
const TYPER = 0x08
const INVLPIR = 0xa0
const INVALLR = 0xb0
const PIDR2 = 0xffe8
const PIDR2_VALUE = 0x3b
const SGI_FRAME = 0x1_0000
/** GICR_CTLR: LPIs are enabled; from revision 3 of KVM's vgic on, that INVLPIR and INVALLR work and that enabling may be undone. */
const ENABLE_LPIS = 1
const CES_IR = 6
const U32 = 0xffff_ffffn
/** GIC_BASER_CACHE_RaWb. */
const READ_ALLOCATE_WRITE_BACK = 3n
/** Reserved bits, and fields that KVM does not take as they are. */
const PROPBASER_RES0 = 0xf8f0_0000_0000_0060n
const PENDBASER_RES0 = 0xb8f0_0000_0000_f07fn
const PTZ = 1n << 62n
const ALL_LANES = 0xffff_ffff
/** Aff3 is not shown. */
const AFFINITY = 0xff_ffff

/** What LPIs are to a redistributor. */
export interface LpiSwitch {
  enable(cpu: number): void
  disable(cpu: number): void
  /** INVLPIR, INVALLR: reads the configuration of one LPI, or all, again. */
  invalidate(intid: number | undefined): void
}

export interface RedistributorParts {
  readonly table: InterruptTable
  /** GICR_TYPER's affinity and processor number. */
  affinity(cpu: number): number
  vcpuIndex(cpu: number): number
  readonly iidr: { readonly revision: number }
  readonly lpis: LpiSwitch | undefined
  /** GICR_CTLR.EnableLPIs of each vCPU. */
  readonly lpisEnabled: Uint8Array
  /** One table of LPI configurations for all vCPUs; each its own of pending LPIs. */
  propbaser: bigint
  readonly pendbaser: BigUint64Array
}

export function readRedistributor(parts: RedistributorParts, cpu: number, offset: number, size: AccessSize): bigint {
  if (offset < SGI_FRAME && size >= 4 && offset % size === 0) return size === 8 && !isWide(offset) ? 0n : readRd(parts, cpu, offset, size)
  if (size === 4 && offset % 4 === 0) return BigInt(readSgi(parts, cpu, offset - SGI_FRAME, false))
  if (size !== 1 || !isByByte(offset - SGI_FRAME)) return 0n
  return BigInt((readSgi(parts, cpu, (offset & ~3) - SGI_FRAME, false) >>> (8 * (offset & 3))) & 0xff)
}

export function writeRedistributor(parts: RedistributorParts, cpu: number, offset: number, size: AccessSize, value: bigint): void {
  if (offset < SGI_FRAME) {
    if (size >= 4 && offset % size === 0 && (size === 4 || isWide(offset))) writeRd(parts, cpu, offset, size, value)
    return
  }
  const word = Number(value & U32)
  if (size === 4 && offset % 4 === 0) writeSgi(parts, cpu, offset - SGI_FRAME, word, ALL_LANES, false)
  else if (size === 1 && isByByte(offset - SGI_FRAME)) {
    const shift = 8 * (offset & 3)
    writeSgi(parts, cpu, (offset & ~3) - SGI_FRAME, ((word & 0xff) << shift) >>> 0, (0xff << shift) >>> 0, false)
  }
}

/** One 32-bit register as a device attribute shows it. */
export const userReadRedistributor = (parts: RedistributorParts, cpu: number, offset: number): number =>
  offset < SGI_FRAME ? Number(readRd(parts, cpu, offset, 4)) : readSgi(parts, cpu, offset - SGI_FRAME, true)

export function userWriteRedistributor(parts: RedistributorParts, cpu: number, offset: number, value: number): void {
  if (offset < SGI_FRAME) writeRd(parts, cpu, offset, 4, BigInt(value))
  else writeSgi(parts, cpu, offset - SGI_FRAME, value, ALL_LANES, true)
}

const isWide = (offset: number): boolean => [TYPER, GICR.propbaser, GICR.pendbaser, INVLPIR, INVALLR].includes(offset & ~7)

/** The half or whole of a 64-bit register that an access of this size reaches. */
const piece = (value: bigint, offset: number, size: number): bigint => (size === 8 ? value : (value >> BigInt(8 * (offset & 4))) & U32)
const replaced = (old: bigint, offset: number, size: number, value: bigint): bigint =>
  size === 8 ? value : offset & 4 ? (old & U32) | ((value & U32) << 32n) : (old & ~U32) | (value & U32)

function readRd(parts: RedistributorParts, cpu: number, offset: number, size: number): bigint {
  switch (offset & ~7) {
    case TYPER:
      return piece(typer(parts, cpu), offset, size)
    case GICR.propbaser:
      return piece(parts.propbaser, offset, size)
    case GICR.pendbaser:
      return piece(parts.pendbaser[cpu]! & ~PTZ, offset, size)
  }
  switch (offset) {
    case GICR.ctlr:
      return BigInt(parts.lpisEnabled[cpu]! | (parts.iidr.revision >= 3 ? CES_IR : 0))
    case IIDR:
      return BigInt(KVM_PRODUCT)
    case PIDR2:
      return BigInt(PIDR2_VALUE)
  }
  return 0n
}

/** Affinity, processor number, last of the row, physical LPIs. */
function typer({ table, affinity, vcpuIndex, lpis }: RedistributorParts, cpu: number): bigint {
  const last = cpu === table.cpus - 1
  return (BigInt(affinity(cpu) & AFFINITY) << 32n) | BigInt((vcpuIndex(cpu) << 8) | (last ? 0x10 : 0) | (lpis ? 1 : 0))
}

function writeRd(parts: RedistributorParts, cpu: number, offset: number, size: number, value: bigint): void {
  const { lpis, lpisEnabled } = parts
  switch (offset & ~7) {
    case GICR.propbaser:
      if (!lpisEnabled[cpu]) parts.propbaser = shared(replaced(parts.propbaser, offset, size, value) & ~PROPBASER_RES0)
      return
    case GICR.pendbaser:
      if (!lpisEnabled[cpu]) parts.pendbaser[cpu] = shared(replaced(parts.pendbaser[cpu]!, offset, size, value) & ~PENDBASER_RES0)
      return
    case INVLPIR:
      if (!(offset & 4) && lpisEnabled[cpu]) lpis?.invalidate(Number(value & U32))
      return
    case INVALLR:
      if (!(offset & 4) && lpisEnabled[cpu]) lpis?.invalidate(undefined)
      return
  }
  if (offset !== GICR.ctlr || !lpis) return
  const enabled = Number(value & 1n) & ENABLE_LPIS
  if (enabled === lpisEnabled[cpu]) return
  lpisEnabled[cpu] = enabled
  if (enabled) lpis.enable(cpu)
  else lpis.disable(cpu)
}

/**
 * Memory attributes that KVM offers for its tables: no outer shareable, no inner non-cacheable, and outer cacheability "as inner" unless it is non-cacheable
 * (vgic_sanitise_shareability and its siblings). Fields at the places they have in GICR_PROPBASER, GICR_PENDBASER and GITS_BASER's upper half alike.
 */
export function sanitised(value: bigint, inner: bigint, shareability: bigint, outer: bigint): bigint {
  let result = value
  if (((value >> shareability) & 3n) === 2n) result = (result & ~(3n << shareability)) | (1n << shareability)
  if (((value >> inner) & 7n) <= 1n) result = (result & ~(7n << inner)) | (READ_ALLOCATE_WRITE_BACK << inner)
  if (((value >> outer) & 7n) > 1n) result &= ~(7n << outer)
  return result
}

const shared = (value: bigint): bigint => sanitised(value, 7n, 10n, 56n)

function readSgi({ table }: RedistributorParts, cpu: number, offset: number, user: boolean): number {
  const place = bankedPlace(offset)
  if (place?.word !== 0 || (offset >= GICD.itargetsr && offset < GICD.icfgr)) return 0
  return readBanked(table, cpu, offset, place.part, user)
}

function writeSgi({ table }: RedistributorParts, cpu: number, offset: number, value: number, lanes: number, user: boolean): void {
  const place = bankedPlace(offset)
  if (place?.word === 0 && (offset < GICD.itargetsr || offset >= GICD.icfgr)) writeBanked(table, cpu, offset, place.part, value, lanes, user)
}
