// Owns what the translation registers of EL1 mean: for each half of the address space, where the tables are and how they are read.
// Source: Arm ARM (DDI 0487) D8, D24.2 (SCTLR_EL1, TCR_EL1, TTBR0_EL1, MAIR_EL1), pseudocode AArch64.GetS1TTWParamsEL10. Knows no access.
import type { TranslationFeatures } from './features.ts'

export interface TranslationRegisters {
  readonly sctlr: bigint
  readonly tcr: bigint
  readonly ttbr0: bigint
  readonly ttbr1: bigint
  readonly mair: bigint
}

/** One half of the address space: addresses whose bit 55 is 0, or 1. */
export interface Half {
  /** Nothing is translated: TCR_EL1.EPD, or a size out of range. */
  readonly disabled: boolean
  /** TCR_EL1.E0PD: no unprivileged access. */
  readonly privilegedOnly: boolean
  /** Top byte ignored, for data and for instructions. */
  readonly tbi: boolean
  readonly tbiFetch: boolean
  /** Bits of an address that are translated. */
  readonly inputBits: number
  /** log2 of the page. */
  readonly granuleBits: 12 | 14 | 16
  /** Bits that one level resolves, and where the first level's index begins. */
  readonly stride: number
  readonly startLevel: number
  readonly startShift: number
  /** Address of the first table. */
  readonly base: bigint
  /** Bits of an output address that must be zero, else an address size fault. */
  readonly forbidden: bigint
  /** Where a descriptor has its address: these bits in place, and those shifted left. */
  readonly addressMask: bigint
  readonly highMask: bigint
  readonly highShift: number
  /** Whether a block is allowed at a level. */
  readonly blockLevels: readonly number[]
  /** APTable, UXNTable, PXNTable count. */
  readonly hierarchical: boolean
  /** TCR_EL1.SH when descriptors have none (52-bit addresses with 4K and 16K granules). */
  readonly shareability: number | undefined
}

export interface TranslationRegime {
  /** SCTLR_EL1.M. */
  readonly enabled: boolean
  readonly halves: readonly [Half, Half]
  readonly physicalBits: number
  readonly mair: bigint
  /** SCTLR_EL1.WXN, EPAN. */
  readonly writeNeverExecute: boolean
  readonly enhancedPan: boolean
  /** TCR_EL1.HA, HD. */
  readonly hardwareAccessFlag: boolean
  readonly hardwareDirty: boolean
  /** The current ASID. */
  readonly asid: number
}

const bit = (value: bigint, at: number): boolean => ((value >> BigInt(at)) & 1n) === 1n
const field = (value: bigint, at: number, bits: number): number => Number((value >> BigInt(at)) & ((1n << BigInt(bits)) - 1n))
const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n

/** TG0 and TG1 number the granules differently. */
const TG0 = [12, 16, 14, undefined] as const
const TG1 = [undefined, 14, 12, 16] as const
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52, 52]
const MOST_TSZ = 39
const MOST_TSZ_SMALL = 48

/** A granule that does not exist is taken as the smallest that does (the architecture leaves it to the CPU). */
function existingGranule(wanted: 12 | 14 | 16 | undefined, features: TranslationFeatures): 12 | 14 | 16 {
  const has = { 12: features.granule4K !== 'absent', 14: features.granule16K !== 'absent', 16: features.granule64K !== 'absent' }
  if (wanted !== undefined && has[wanted]) return wanted
  return has[12] ? 12 : has[14] ? 14 : 16
}

function half(number: 0 | 1, { tcr, ttbr0, ttbr1 }: TranslationRegisters, features: TranslationFeatures): Half {
  const granuleBits = existingGranule(number === 0 ? TG0[field(tcr, 14, 2)] : TG1[field(tcr, 30, 2)], features)
  const wideGranule = (granuleBits === 12 ? features.granule4K : granuleBits === 14 ? features.granule16K : 'present') === 'wide'
  const wide = wideGranule && bit(tcr, 59) // TCR_EL1.DS
  const tsz = field(tcr, number === 0 ? 0 : 16, 6)
  const least = wide || (granuleBits === 16 && features.largeVirtual) ? 12 : 16
  const most = features.smallTables ? MOST_TSZ_SMALL - (granuleBits === 16 ? 1 : 0) : MOST_TSZ
  const outOfRange = tsz < least || tsz > most
  const inputBits = 64 - Math.min(Math.max(tsz, least), most)
  const stride = granuleBits - 3
  const startLevel = 3 - Math.floor((inputBits - 1 - granuleBits) / stride)
  const startShift = (3 - startLevel) * stride + granuleBits
  const most52 = wide || (granuleBits === 16 && features.physicalBits >= 52)
  const outputBits = Math.min(OUTPUT_BITS[field(tcr, 32, 3)]!, features.physicalBits, most52 ? 52 : 48)
  const tableBits = inputBits - startShift + 3
  const ttbr = number === 0 ? ttbr0 : ttbr1
  const low = ttbr & 0xffff_ffff_fffen & ~ones(Math.max(tableBits, outputBits === 52 ? 6 : 1))
  const base = outputBits === 52 ? low | (BigInt(field(ttbr, 2, 4)) << 48n) : low
  const tbi = bit(tcr, 37 + number)
  const blocks = { 12: wide ? [0, 1, 2] : [1, 2], 14: wide ? [1, 2] : [2], 16: most52 ? [1, 2] : [2] }[granuleBits]
  return {
    disabled: bit(tcr, number === 0 ? 7 : 23) || outOfRange,
    privilegedOnly: features.e0pd && bit(tcr, 55 + number),
    tbi,
    tbiFetch: tbi && !(features.instructionTags && bit(tcr, 51 + number)),
    inputBits,
    granuleBits,
    stride,
    startLevel,
    startShift,
    base,
    forbidden: ones(52) & ~ones(outputBits),
    addressMask: ones(wide ? 50 : 48) & ~ones(granuleBits),
    highMask: wide ? 0x300n : most52 ? 0xf000n : 0n,
    highShift: wide ? 42 : 36,
    blockLevels: blocks,
    hierarchical: !(features.hierarchicalDisable && bit(tcr, 41 + number)),
    shareability: wide ? field(tcr, number === 0 ? 12 : 28, 2) : undefined,
  }
}

export function translationRegime(registers: TranslationRegisters, features: TranslationFeatures): TranslationRegime {
  const { sctlr, tcr, ttbr0, ttbr1, mair } = registers
  const hardwareAccessFlag = features.hardwareUpdate >= 1 && bit(tcr, 39)
  const asid = field(bit(tcr, 22) ? ttbr1 : ttbr0, 48, 16)
  return {
    enabled: bit(sctlr, 0),
    halves: [half(0, registers, features), half(1, registers, features)],
    physicalBits: features.physicalBits,
    mair,
    writeNeverExecute: bit(sctlr, 19),
    enhancedPan: features.enhancedPan && bit(sctlr, 57),
    hardwareAccessFlag,
    hardwareDirty: hardwareAccessFlag && features.hardwareUpdate === 2 && bit(tcr, 40),
    asid: features.asidBits === 16 && bit(tcr, 36) ? asid : asid & 0xff,
  }
}
