// Owns what a translation table's descriptor and a MAIR_EL1 byte say, in words. Source: Arm DDI 0487, D8.3 (VMSAv8-64 descriptor formats), D24.2 (MAIR_EL1).
import type { TranslationRegime } from '../../arch/translation/regime.ts'
import { halfOf, isDevice, type WalkStep } from '../../arch/translation/walk.ts'

/** A bit by name, with what it says when it is set. */
type BitRow = readonly [bit: number, word: string]

const TABLE_BITS: readonly BitRow[] = [
  [63, 'NSTable'],
  [62, 'APTable=read-only'],
  [61, 'APTable=no EL0'],
  [60, 'UXNTable'],
  [59, 'PXNTable'],
]
const LEAF_BITS: readonly BitRow[] = [
  [10, 'AF'],
  [11, 'nG'],
  [50, 'GP'],
  [51, 'DBM'],
  [52, 'contiguous'],
  [53, 'PXN'],
  [54, 'UXN'],
]
/** By AP[2:1]. */
const ACCESS = ['EL1 rw', 'EL1 rw, EL0 rw', 'EL1 ro', 'EL1 ro, EL0 ro'] as const
const SHAREABILITY = ['non-shareable', 'reserved shareability', 'outer shareable', 'inner shareable'] as const
export const shareabilityName = (value: number): string => SHAREABILITY[value & 3] as string

const has = (value: bigint, bit: number): boolean => ((value >> BigInt(bit)) & 1n) === 1n
const field = (value: bigint, at: number, bits: number): number => Number((value >> BigInt(at)) & ((1n << BigInt(bits)) - 1n))

export interface DescriptorWords {
  /** Of the next table, or the first byte that is mapped. */
  readonly output?: bigint
  readonly words: readonly string[]
}

/** `address` is what is walked: it chooses the half, and with it the layout. */
export function descriptorWords(regime: TranslationRegime, address: bigint, { descriptor, kind, level }: WalkStep): DescriptorWords {
  if (kind === 'invalid') return { words: [invalidWords(descriptor, level)] }
  const { addressMask, highMask, highShift, startShift, startLevel, stride, shareability } = halfOf(regime, address)
  const next = (descriptor & addressMask) | ((descriptor & highMask) << BigInt(highShift))
  const named = (rows: readonly BitRow[]): string[] => rows.filter(([bit]) => has(descriptor, bit)).map(([, word]) => word)
  if (kind === 'table') return { output: next, words: named(TABLE_BITS) }
  const shift = startShift - (level - startLevel) * stride
  const index = field(descriptor, 2, 3)
  const software = field(descriptor, 55, 4)
  return {
    output: next & ~((1n << BigInt(shift)) - 1n),
    words: [
      ACCESS[field(descriptor, 6, 2)] as string,
      `AttrIndx ${index}`,
      ...(shareability === undefined ? [shareabilityName(field(descriptor, 8, 2))] : []),
      ...named(LEAF_BITS),
      ...(software === 0 ? [] : [`software bits 0x${software.toString(16)}`]),
    ],
  }
}

/** Why a descriptor leads nowhere. */
function invalidWords(descriptor: bigint, level: number): string {
  if ((descriptor & 1n) === 0n) return 'invalid: bit 0 is clear'
  return level === 3 ? 'invalid: no block is allowed at level 3' : 'invalid: no block is allowed at this level'
}

/** `Normal write-back` for 0xff, `Device-nGnRE` for 4. */
export function memoryType(attributes: number): string {
  if (isDevice(attributes)) return `Device-${['nGnRnE', 'nGnRE', 'nGRE', 'GRE'][(attributes >> 2) & 3]}`
  // The top half says no more of these.
  if (attributes === 0xf0) return 'Normal tagged write-back'
  const [outer, inner] = [cacheability(attributes >> 4), cacheability(attributes & 0xf)]
  return outer === inner ? `Normal ${inner}` : `Normal, inner ${inner}, outer ${outer}`
}

/** One half of an attribute byte: R and W are allocation hints. */
function cacheability(half: number): string {
  if (half === 4) return 'non-cacheable'
  const policy = half & 4 ? 'write-back' : 'write-through'
  const transient = half & 8 ? '' : ' transient'
  const hints = ['no allocation', 'write-allocate', 'read-allocate', ''][half & 3]
  return `${policy}${transient}${hints === '' ? '' : ` ${hints}`}`
}
