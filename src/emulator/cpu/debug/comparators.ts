// Owns what breakpoints and watchpoints match. Arm ARM D2.8, D2.10; AArch64.StateMatch, BreakpointMatch, BreakpointValueMatch, WatchpointMatch. Pure.
// Addresses are compared without their top byte, which is a tag or repeats bit 55.

/** A value register and its control register. */
export interface Comparator {
  readonly value: bigint
  readonly control: number
}

export interface Comparators {
  readonly breakpoints: readonly Comparator[]
  /** This breakpoint and those after it can compare CONTEXTIDR_EL1. */
  readonly firstContextAware: number
  readonly watchpoints: readonly Comparator[]
  readonly contextId: bigint
  /** Some exception level can use AArch32, so a breakpoint has byte selects. */
  readonly aarch32: boolean
}

export interface WatchRange {
  /** First and last byte. */
  readonly start: bigint
  readonly last: bigint
  readonly loads: boolean
  readonly stores: boolean
  readonly comparator: Comparator
}

const ENABLE = 1
const HMC = 1 << 13
/** Bits of an address that are compared. */
export const ADDRESS = (1n << 56n) - 1n
const bits = (control: number, at: number, count: number): number => (control >>> at) & ((1 << count) - 1)
const privilege = (control: number): number => bits(control, 1, 2)
const security = (control: number): number => bits(control, 14, 2)
const linkedTo = (control: number): number => bits(control, 16, 4)
/** DBGBCR.BT. Bit 0: linked. */
const TYPE = { address: 0, contextId: 2, contextIdEl1: 6 } as const

/** Whether this HMC, SSC and PxC mean something: HMC:SSC:PxC against the reserved patterns. */
function reserved(control: number): boolean {
  const [ssc, pxc] = [security(control), privilege(control)]
  if (!(control & HMC)) return ssc === 3
  if (ssc <= 1) return (pxc & 1) === 0
  return ssc === 2 ? pxc === 2 : pxc !== 0
}

/** Whether accesses or instructions of this exception level are looked at, of a guest in Non-secure state. */
function stateMatches(all: Comparators, control: number, el: 0 | 1, linked: boolean): boolean {
  if (!(control & ENABLE) || reserved(control)) return false
  if (!((privilege(control) >> (el === 0 ? 1 : 0)) & 1)) return false
  const ssc = security(control)
  if (ssc === 2 || (ssc === 3 && !(control & HMC))) return false
  return !linked || contextMatches(all, linkedTo(control), true)
}

/** A context comparison, for itself or where another comparator is linked to it. */
function contextMatches(all: Comparators, n: number, wanted: boolean): boolean {
  const breakpoint = all.breakpoints[n]
  if (!breakpoint || n < all.firstContextAware || !(breakpoint.control & ENABLE)) return false
  const type = bits(breakpoint.control, 20, 4)
  if (((type & 1) === 1) !== wanted) return false
  const compared = type & ~1
  if (compared !== TYPE.contextId && compared !== TYPE.contextIdEl1) return false
  return (breakpoint.value & 0xffff_ffffn) === (all.contextId & 0xffff_ffffn)
}

function breakpointMatches(all: Comparators, n: number, el: 0 | 1, address: bigint): boolean {
  const { value, control } = all.breakpoints[n]!
  const type = bits(control, 20, 4)
  const isAddress = (type & ~1) === TYPE.address
  if (!stateMatches(all, control, el, isAddress && (type & 1) === 1)) return false
  if (!isAddress) return contextMatches(all, n, false)
  if (all.aarch32 && bits(control, 5, 1) === 0) return false
  return ((value ^ address) & ADDRESS & ~3n) === 0n
}

/** Whether a breakpoint matches the instruction at this address. */
export const anyBreakpointMatches = (all: Comparators, el: 0 | 1, address: bigint): boolean =>
  all.breakpoints.some((_, n) => breakpointMatches(all, n, el, address))

/** Whether one may match an instruction of this exception level at all. */
export const anyBreakpointEnabled = (all: Comparators, el: 0 | 1): boolean =>
  all.breakpoints.some(({ control }) => (control & ENABLE) !== 0 && ((privilege(control) >> (el === 0 ? 1 : 0)) & 1) === 1)

/** The bytes that enabled watchpoints look at, whatever the exception level. */
export function watchRanges(all: Comparators): readonly WatchRange[] {
  return all.watchpoints.flatMap((comparator): readonly WatchRange[] => {
    const { value, control } = comparator
    if (!(control & ENABLE)) return []
    const loads = bits(control, 3, 1) === 1
    const stores = bits(control, 4, 1) === 1
    const mask = bits(control, 24, 5)
    if (mask >= 3) {
      const size = 1n << BigInt(mask)
      const start = value & ADDRESS & ~(size - 1n)
      return [{ start, last: start + size - 1n, loads, stores, comparator }]
    }
    // A word, when bit 2 of the value is set; the byte selects are contiguous, or what they mean is not said.
    const word = (value & 4n) !== 0n
    const bytes = bits(control, 5, word ? 4 : 8)
    if (bytes === 0) return []
    const base = value & ADDRESS & (word ? ~3n : ~7n)
    const lowest = 31 - Math.clz32(bytes & -bytes)
    return [{ start: base + BigInt(lowest), last: base + BigInt(31 - Math.clz32(bytes)), loads, stores, comparator }]
  })
}

/** Whether this watchpoint looks at accesses with the rights of this exception level. */
export const watches = (all: Comparators, { comparator: { control } }: WatchRange, el: 0 | 1): boolean =>
  stateMatches(all, control, el, bits(control, 20, 1) === 1)
