// Owns the cases of the debug check: random debug registers around a few instructions and a little memory, as debug-harness.S reads them, and what it answers.
// Only combinations that the architecture defines and that both sides have: QEMU 7.2 heeds bit 0 of OSLSR_EL1 for the OS lock, which is bit 1, so the lock stays open. Knows no engine and no reference.
import type { Random } from './words.ts'

export const MEMORY = { start: 0x4200_0000n, cases: 0x4210_0000n, results: 0x4240_0000n, bytes: 0x90_0000 } as const
const CASE_BYTES = 256
const RESULT_BYTES = 1024
const DATA = 0x4280_0000n
const BREAKPOINTS = 6
const FIRST_CONTEXT_AWARE = 4
const WATCHPOINTS = 4

const MDSCR = { ss: 1n, kde: 1n << 13n, mde: 1n << 15n } as const
const PSTATE = { el1: 0x3c5n, el0: 0x3c0n, d: 1n << 9n, ss: 1n << 21n } as const

export interface DebugEvent {
  readonly esr: bigint
  readonly elr: bigint
  readonly far: bigint
  readonly spsr: bigint
}
export interface Comparator {
  readonly value: bigint
  readonly control: bigint
}
export interface DebugCase {
  readonly mdscr: bigint
  readonly osLock: bigint
  readonly contextId: bigint
  readonly spsr: bigint
  readonly elr: bigint
  readonly x0: bigint
  readonly x1: bigint
  readonly stepOn: bigint
  readonly breakpoints: readonly Comparator[]
  readonly watchpoints: readonly Comparator[]
}

/** `first` and `last`: addresses of the instructions that there are to stop at. */
export function debugCase(random: Random, first: bigint, last: bigint): DebugCase {
  const chance = (n: number): boolean => random() % n === 0
  const pick = <T>(...from: readonly T[]): T => from[random() % from.length]!
  const bit = (on: boolean, value: bigint): bigint => (on ? value : 0n)
  const instruction = (): bigint => first + BigInt(random() % Number((last - first) / 4n)) * 4n
  const elr = instruction()
  const near = (): bigint => elr + BigInt((random() % 12) * 4)
  const context = (): bigint => BigInt(random() % 3)
  const levels = (): bigint => BigInt(pick(1, 2, 3, 3))
  /** HMC and SSC that mean something with these levels. */
  const state = (pxc: bigint): bigint => (chance(4) ? pick(1n << 14n, 2n << 14n, ...(pxc & 1n ? [1n << 13n, (1n << 13n) | (1n << 14n)] : [])) : 0n)
  const link = (): bigint => BigInt(pick(FIRST_CONTEXT_AWARE, FIRST_CONTEXT_AWARE + 1, 2)) << 16n
  const withBreakpoints = chance(2)
  const breakpoints = Array.from({ length: BREAKPOINTS }, (_, n): Comparator => {
    if (n >= FIRST_CONTEXT_AWARE && chance(2)) return { value: context(), control: bit(!chance(4), 1n) | (3n << 20n) | (15n << 5n) | (3n << 1n) }
    const pxc = levels()
    const linked = chance(4)
    const control = bit(withBreakpoints && chance(2), 1n) | (pxc << 1n) | (BigInt(pick(15, 15, 15, 0)) << 5n) | state(pxc)
    return { value: chance(8) ? instruction() : near(), control: control | (linked ? link() | (1n << 20n) : 0n) }
  })
  const withWatchpoints = chance(2)
  const watchpoints = Array.from({ length: WATCHPOINTS }, (): Comparator => {
    const pxc = levels()
    const mask = chance(4) ? pick(3, 4, 5, 6) : 0
    const size = pick(1, 2, 4, 8)
    const at = pick(...Array.from({ length: 8 / size }, (_, i) => i * size))
    const bytes = mask ? 255 : ((1 << size) - 1) << at
    const value = (DATA + BigInt(random() % 96)) & ~(mask ? (1n << BigInt(mask)) - 1n : 7n)
    const control = bit(withWatchpoints && chance(2), 1n) | (pxc << 1n) | (BigInt(pick(1, 2, 3, 3)) << 3n) | (BigInt(bytes) << 5n) | state(pxc)
    return { value, control: control | (BigInt(mask) << 24n) | (chance(4) ? link() | (1n << 20n) : 0n) }
  })
  const el1 = chance(2)
  const stepping = chance(3)
  return {
    mdscr: bit(!chance(4), MDSCR.kde) | bit(!chance(5), MDSCR.mde) | bit(stepping, MDSCR.ss),
    osLock: 0n,
    contextId: context(),
    spsr: ((el1 ? PSTATE.el1 : PSTATE.el0) & ~bit(!chance(4), PSTATE.d) & ~0n) | bit(chance(2), PSTATE.ss),
    elr,
    x0: DATA + BigInt(pick(0, 0, 8, 16, 32)),
    x1: BigInt(random() % 4),
    stepOn: bit(chance(2), 1n),
    breakpoints,
    watchpoints,
  }
}

/** Memory from MEMORY.start: the harness and its cases. */
export function memoryOf(image: Uint8Array, cases: readonly DebugCase[]): Uint8Array {
  const bytes = new Uint8Array(MEMORY.bytes)
  bytes.set(image)
  const view = new DataView(bytes.buffer, Number(MEMORY.cases - MEMORY.start))
  view.setBigUint64(0, BigInt(cases.length), true)
  cases.forEach((each, i) => {
    const { mdscr, osLock, contextId, spsr, elr, x0, x1, stepOn } = each
    const comparators = [...each.breakpoints, ...each.watchpoints].flatMap(({ value, control }) => [value, control])
    const words = [mdscr, osLock, contextId, spsr, elr, x0, x1, stepOn, ...comparators]
    for (const [n, word] of words.entries()) view.setBigUint64(CASE_BYTES * (i + 1) + 8 * n, word, true)
  })
  return bytes
}

/** Bytes from MEMORY.results on. */
export function eventsOf(results: Uint8Array, count: number): readonly (readonly DebugEvent[])[] {
  const view = new DataView(results.buffer, results.byteOffset, results.byteLength)
  return Array.from({ length: count }, (_, i) => {
    const at = i * RESULT_BYTES
    return Array.from({ length: Number(view.getBigUint64(at, true)) }, (_, n): DebugEvent => {
      const word = (k: number): bigint => view.getBigUint64(at + 32 + n * 32 + k * 8, true)
      return { esr: word(0), elr: word(1), far: word(2), spsr: word(3) }
    })
  })
}
