// What breakpoints and watchpoints match, field by field.
import { describe, expect, test } from 'vitest'
import { anyBreakpointMatches, type Comparator, type Comparators, watches, watchRanges } from '../../../src/emulator/cpu/debug/comparators.ts'

const NONE: Comparator = { value: 0n, control: 0 }
const ADDRESS = 0xffff_8000_1234_5678n

interface Bcr {
  readonly e?: number
  readonly pmc?: number
  readonly bas?: number
  readonly hmc?: number
  readonly ssc?: number
  readonly lbn?: number
  readonly bt?: number
}
const bcr = ({ e = 1, pmc = 3, bas = 15, hmc = 0, ssc = 0, lbn = 0, bt = 0 }: Bcr = {}): number =>
  e | (pmc << 1) | (bas << 5) | (hmc << 13) | (ssc << 14) | (lbn << 16) | (bt << 20)

/** Six breakpoints, the last two of which compare contexts. */
function breakpoints(given: Readonly<Record<number, Comparator>>, more: Partial<Comparators> = {}): Comparators {
  const all = Array.from({ length: 6 }, (_, n) => given[n] ?? NONE)
  return { breakpoints: all, firstContextAware: 4, watchpoints: [], contextId: 42n, aarch32: false, ...more }
}

describe('a breakpoint', () => {
  const at = (control: number, value = ADDRESS) => breakpoints({ 0: { value, control } })
  test.each<[string, Comparators, 0 | 1, boolean]>([
    ['matches its address at both levels', at(bcr()), 1, true],
    ['matches at EL0 with PMC 2', at(bcr({ pmc: 2 })), 0, true],
    ['does not match at EL1 with PMC 2', at(bcr({ pmc: 2 })), 1, false],
    ['does not match at EL0 with PMC 1', at(bcr({ pmc: 1 })), 0, false],
    ['ignores bits 1 and 0 and the top byte of the value', at(bcr(), (ADDRESS & ~(255n << 56n)) | 3n), 1, true],
    ['does not match the next instruction', at(bcr(), ADDRESS + 4n), 1, false],
    ['does not match when it is off', at(bcr({ e: 0 })), 1, false],
    ['for Secure state only does not match', at(bcr({ ssc: 2 })), 1, false],
    ['for Non-secure state only matches', at(bcr({ ssc: 1 })), 1, true],
    ['with HMC, SSC and PMC reserved does not match', at(bcr({ hmc: 0, ssc: 3 })), 1, false],
    ['with HMC and PMC for EL1 matches there', at(bcr({ hmc: 1, pmc: 1 })), 1, true],
    ['without byte selects matches where no level has AArch32', at(bcr({ bas: 0 })), 1, true],
    ['without byte selects does not match where one has', { ...at(bcr({ bas: 0 })), aarch32: true }, 1, false],
    ['of a mismatch type does not match', at(bcr({ bt: 4 }), ADDRESS + 4n), 1, false],
  ])('%s', (_, all, el, expected) => expect(anyBreakpointMatches(all, el, ADDRESS)).toBe(expected))

  const linked = (lbn: number, context: Comparator) => breakpoints({ 0: { value: ADDRESS, control: bcr({ bt: 1, lbn }) }, [lbn]: context })
  test.each<[string, Comparators, boolean]>([
    ['linked to the current context matches', linked(4, { value: 42n, control: bcr({ bt: 3 }) }), true],
    ['linked to another context does not', linked(4, { value: 43n, control: bcr({ bt: 3 }) }), false],
    ['linked to a context that is not for linking does not', linked(4, { value: 42n, control: bcr({ bt: 2, pmc: 0 }) }), false],
    ['linked to one that is off does not', linked(4, { value: 42n, control: bcr({ bt: 3, e: 0 }) }), false],
    ['linked to one that cannot compare contexts does not', linked(3, { value: 42n, control: bcr({ bt: 3 }) }), false],
    ['linked to none does not', linked(9, NONE), false],
    ['of a context matches every address of it', breakpoints({ 5: { value: 42n, control: bcr({ bt: 2 }) } }), true],
    ['of another context matches none', breakpoints({ 5: { value: 41n, control: bcr({ bt: 2 }) } }), false],
    ['of a context that is for linking matches nothing itself', breakpoints({ 5: { value: 42n, control: bcr({ bt: 3 }) } }), false],
    ['of a VMID matches nothing in a guest', breakpoints({ 5: { value: 0n, control: bcr({ bt: 8 }) } }), false],
  ])('%s', (_, all, expected) => expect(anyBreakpointMatches(all, 1, ADDRESS)).toBe(expected))
})

describe('a watchpoint', () => {
  interface Wcr {
    readonly e?: number
    readonly pac?: number
    readonly lsc?: number
    readonly bas?: number
    readonly mask?: number
    readonly lbn?: number
    readonly wt?: number
  }
  const wcr = ({ e = 1, pac = 3, lsc = 3, bas = 255, mask = 0, lbn = 0, wt = 0 }: Wcr = {}): number =>
    e | (pac << 1) | (lsc << 3) | (bas << 5) | (lbn << 16) | (wt << 20) | (mask << 24)
  const all = (control: number, value: bigint): Comparators =>
    breakpoints({ 4: { value: 42n, control: bcr({ bt: 3 }) } }, { watchpoints: [{ value, control }] })
  const places = (control: number, value = 0x1000n) => watchRanges(all(control, value)).map(({ start, last, loads, stores }) => [start, last, loads, stores])

  test.each<[string, number, bigint, readonly unknown[]]>([
    ['covers a doubleword', wcr(), 0x1000n, [[0x1000n, 0x1007n, true, true]]],
    ['covers the selected bytes', wcr({ bas: 0b0011_1100 }), 0x1000n, [[0x1002n, 0x1005n, true, true]]],
    ['of a word whose address has bit 2 set has four byte selects', wcr({ bas: 0b1111_0011 }), 0x1004n, [[0x1004n, 0x1005n, true, true]]],
    ['covers a power of two', wcr({ mask: 12 }), 0x1234_5678n, [[0x1234_5000n, 0x1234_5fffn, true, true]]],
    ['covers 2 GiB', wcr({ mask: 31 }), 0x8000_0000n, [[0x8000_0000n, 0xffff_ffffn, true, true]]],
    ['with a reserved mask covers the selected bytes', wcr({ mask: 2, bas: 1 }), 0x1000n, [[0x1000n, 0x1000n, true, true]]],
    ['without byte selects covers nothing', wcr({ bas: 0 }), 0x1000n, []],
    ['that is off covers nothing', wcr({ e: 0 }), 0x1000n, []],
    ['of loads', wcr({ lsc: 1 }), 0x1000n, [[0x1000n, 0x1007n, true, false]]],
    ['of stores', wcr({ lsc: 2 }), 0x1000n, [[0x1000n, 0x1007n, false, true]]],
    ['of a kernel address compares 56 bits', wcr(), 0xffff_8000_0000_1000n, [[0xff_8000_0000_1000n, 0xff_8000_0000_1007n, true, true]]],
  ])('%s', (_, control, value, expected) => expect(places(control, value)).toEqual(expected))

  const levels = (control: number) => {
    const comparators = all(control, 0x1000n)
    const [range] = watchRanges(comparators)
    return [watches(comparators, range!, 0), watches(comparators, range!, 1)]
  }
  test('looks at the levels of PAC', () => {
    expect([levels(wcr({ pac: 1 })), levels(wcr({ pac: 2 })), levels(wcr({ pac: 0 }))]).toEqual([
      [false, true],
      [true, false],
      [false, false],
    ])
  })
  test('may be linked to a context', () => {
    expect([levels(wcr({ wt: 1, lbn: 4 })), levels(wcr({ wt: 1, lbn: 5 }))]).toEqual([
      [true, true],
      [false, false],
    ])
  })
})
