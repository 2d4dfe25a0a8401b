// The meaning of instructions by known answers, mostly at the edges; scripts/conformance-exec.ts compares random ones with a reference. And no operation is left over.
import { describe, expect, test } from 'vitest'
import { neighboursOf, seededRandom, wordsOf } from '../../../scripts/conformance/words.ts'
import { CPU_FEATURES } from '../../../src/emulator/cpu/decode/cpu-feature.ts'
import { createDecoder } from '../../../src/emulator/cpu/decode/table.ts'
import { allOperations, lower } from '../../../src/emulator/cpu/semantics/instruction-set.ts'
import { bareMachine, CODE, TEST_SYSREGS, word } from './bare-machine.ts'

const ONES = (1n << 64n) - 1n
const MIN64 = 1n << 63n
const MIN32 = 1n << 31n
const N = 8
const Z = 4
const C = 2
const V = 1

interface Given {
  readonly x1?: bigint
  readonly x2?: bigint
  readonly x3?: bigint
  readonly nzcv?: number
}

/** Executes one instruction with d = 0, n = 1, m = 2, a = 3 and gives X0 and the flags. */
function result(instruction: number, { x1 = 0n, x2 = 0n, x3 = 0n, nzcv = 0 }: Given): { readonly x0: bigint; readonly nzcv: number } {
  const machine = bareMachine()
  const [vcpu] = machine.vcpus
  machine.code(CODE, [instruction])
  vcpu.setX(0, 0x0123_4567_89ab_cdefn)
  vcpu.setX(1, x1)
  vcpu.setX(2, x2)
  vcpu.setX(3, x3)
  vcpu.set('pstate', (BigInt(nzcv) << 28n) | 0x3c5n)
  expect(machine.engine.run(0, 1)).toEqual({ executed: 1, stop: { kind: 'budget' } })
  return { x0: vcpu.x(0), nzcv: Number(vcpu.get('pstate') >> 28n) }
}

const X = (name: string, more: Parameters<typeof word>[1] = {}): number => word(name, { s: 1, n: 1, m: 2, ...more })
const W = (name: string, more: Parameters<typeof word>[1] = {}): number => word(name, { s: 0, n: 1, m: 2, ...more })

describe('values', () => {
  test.each<[string, number, Given, bigint]>([
    ['udiv by zero', X('UDIV'), { x1: 7n, x2: 0n }, 0n],
    ['sdiv by zero', X('SDIV'), { x1: MIN64, x2: 0n }, 0n],
    ['sdiv of the most negative by -1', X('SDIV'), { x1: MIN64, x2: ONES }, MIN64],
    ['32-bit sdiv of the most negative by -1', W('SDIV'), { x1: MIN32, x2: ONES }, MIN32],
    ['sdiv rounds towards zero', X('SDIV'), { x1: BigInt.asUintN(64, -7n), x2: 2n }, BigInt.asUintN(64, -3n)],
    ['umulh of all ones', word('UMULH', { n: 1, m: 2 }), { x1: ONES, x2: ONES }, ONES - 1n],
    ['smulh of the most negative squared', word('SMULH', { n: 1, m: 2 }), { x1: MIN64, x2: MIN64 }, 1n << 62n],
    ['smulh of -1 and 1', word('SMULH', { n: 1, m: 2 }), { x1: ONES, x2: 1n }, ONES],
    ['smaddl takes the low halves as signed', word('SMADDL', { n: 1, m: 2, a: 3 }), { x1: 0xf_ffff_ffffn, x2: 2n, x3: 5n }, 3n],
    ['umsubl wraps', word('UMSUBL', { n: 1, m: 2, a: 3 }), { x1: 1n, x2: 1n, x3: 0n }, ONES],
    ['lslv by 64 is by 0', X('LSLV'), { x1: 5n, x2: 64n }, 5n],
    ['32-bit lsrv by 33 is by 1', W('LSRV'), { x1: 0x1_8000_0000n, x2: 33n }, 0x4000_0000n],
    ['32-bit asrv fills the low half only', W('ASRV'), { x1: MIN32, x2: 31n }, 0xffff_ffffn],
    ['clz of zero', 0xdac01020, {}, 64n],
    ['32-bit cls of all ones', 0x5ac01420, { x1: ONES }, 31n],
    ['cls of zero', 0xdac01420, {}, 63n],
    ['rbit', 0xdac00020, { x1: 1n }, MIN64],
    ['rev16', 0xdac00420, { x1: 0x0102_0304_0506_0708n }, 0x0201_0403_0605_0807n],
    ['rev32', 0xdac00820, { x1: 0x0102_0304_0506_0708n }, 0x0403_0201_0807_0605n],
    ['rev', 0xdac00c20, { x1: 0x0102_0304_0506_0708n }, 0x0807_0605_0403_0201n],
    ['extr', X('EXTR', { b: 1, e: 8 }), { x1: 0xffn, x2: 0xab00n }, (0xffn << 56n) | 0xabn],
    ['movk keeps the rest', word('MOVK', { s: 1, h: 1, i: 0xffff }), {}, 0x0123_4567_ffff_cdefn],
    ['32-bit movk clears the upper half', word('MOVK', { s: 0, h: 1, i: 0xffff }), {}, 0xffff_cdefn],
    ['32-bit movn', word('MOVN', { s: 0, i: 0 }), {}, 0xffff_ffffn],
    ['bfi', word('BFM', { s: 1, b: 1, r: 60, e: 3, n: 1 }), { x1: 0xffn }, 0x0123_4567_89ab_cdffn],
    ['sbfiz', word('SBFM', { s: 1, b: 1, r: 56, e: 7, n: 1 }), { x1: 0x80n }, BigInt.asUintN(64, -0x8000n)],
    ['add of sxtb shifted by 4', X('ADD_ext', { o: 4, y: 4 }), { x1: 0n, x2: 0x80n }, BigInt.asUintN(64, -0x800n)],
    ['csneg, condition false', X('CSNEG', { c: 0 }), { x1: 1n, x2: 5n }, BigInt.asUintN(64, -5n)],
    ['csinv with the condition "never" takes the first, as "always" does', X('CSINV', { c: 15 }), { x1: 9n, x2: 5n }, 9n],
    ['sbc with borrow', X('SBC'), { x1: 5n, x2: 5n, nzcv: 0 }, ONES],
    ['adr backwards', word('ADR', { i: 0x7ffff, p: 3 }), {}, CODE - 1n],
    ['adrp backwards', word('ADRP', { i: 0x7ffff, p: 3 }), {}, CODE - 0x1000n],
  ])('%s', (_, instruction, given, x0) => {
    expect(result(instruction, given).x0).toBe(x0)
  })
})

describe('flags', () => {
  test.each<[string, number, Given, number]>([
    ['subs of equals', X('SUBS_shift'), { x1: 5n, x2: 5n }, Z | C],
    ['subs with borrow', X('SUBS_shift'), { x1: 0n, x2: 1n }, N],
    ['subs that overflows', X('SUBS_shift'), { x1: MIN64, x2: 1n }, C | V],
    ['32-bit subs that overflows', W('SUBS_shift'), { x1: MIN32, x2: 1n }, C | V],
    ['32-bit subs ignores the upper halves', W('SUBS_shift'), { x1: 1n << 40n, x2: 0n }, Z | C],
    ['adds that carries', X('ADDS_shift'), { x1: ONES, x2: 1n }, Z | C],
    ['adds that overflows', X('ADDS_shift'), { x1: MIN64 - 1n, x2: 1n }, N | V],
    ['32-bit adds that carries and overflows', W('ADDS_shift'), { x1: MIN32, x2: MIN32 }, Z | C | V],
    ['ands clears C and V', X('ANDS_shift'), { x1: ONES, x2: MIN64, nzcv: C | V }, N],
    ['32-bit ands of a zero low half', W('ANDS_shift'), { x1: ONES << 32n, x2: ONES }, Z],
    ['adcs through the carry', X('ADCS'), { x1: ONES, x2: 0n, nzcv: C }, Z | C],
    ['adcs whose carry makes the overflow', X('ADCS'), { x1: MIN64 - 1n, x2: 0n, nzcv: C }, N | V],
    ['32-bit sbcs', W('SBCS'), { x1: 0n, x2: 0n, nzcv: 0 }, N],
    ['ccmp, condition false: the given flags', word('CCMP_imm', { s: 1, n: 1, i: 3, c: 0, z: N | V }), { x1: 3n }, N | V],
    ['ccmn, condition true', X('CCMN_reg', { c: 1 }), { x1: ONES, x2: 1n }, Z | C],
    ['add leaves flags alone', X('ADD_shift'), { x1: 1n, x2: 1n, nzcv: 13 }, 13],
  ])('%s', (_, instruction, given, nzcv) => {
    expect(result(instruction, given).nzcv).toBe(nzcv)
  })

  test('every condition after every combination of flags', () => {
    const holds = (code: number, nzcv: number): boolean => {
      const [n, z, c, v] = [8, 4, 2, 1].map(bit => (nzcv & bit) !== 0) as [boolean, boolean, boolean, boolean]
      const base = [z, c, n, v, c && !z, n === v, n === v && !z, true][code >> 1]!
      return code & 1 && code !== 15 ? !base : base
    }
    for (let code = 0; code < 16; code++) {
      for (let nzcv = 0; nzcv < 16; nzcv++) {
        expect([code, nzcv, result(X('CSEL', { c: code }), { x1: 1n, x2: 2n, nzcv }).x0]).toEqual([code, nzcv, holds(code, nzcv) ? 1n : 2n])
      }
    }
  })
})

describe('operations', () => {
  const context = { sysregs: TEST_SYSREGS, zvaBlock: 4, countersInside: true }

  test('every word of every row has one that exists, and none exists for no word', () => {
    const random = seededRandom(3)
    const { encodings, decode } = createDecoder(new Set(CPU_FEATURES))
    const operations = new Set(allOperations().map(({ name }) => name))
    const used = new Set<string>()
    const use = (candidate: number): void => {
      const { op, offset } = lower(decode(candidate), candidate, context)
      for (const name of offset === undefined ? [op] : [op, `${op}.near`]) used.add(name)
    }
    for (const row of encodings) {
      for (const next of [wordsOf(row, random), neighboursOf(row, random)]) for (let i = 0; i < 300; i++) use(next())
    }
    for (let register = 0; register < 1 << 15; register++) for (const base of [0xd5100000, 0xd5300000]) use((base | (register << 5)) >>> 0)
    for (let operation = 0; operation < 1 << 14; operation++) use((0xd5080000 | (operation << 5)) >>> 0)
    // Shifts by a constant are bitfield moves whose imms is 31 or 63, or one less than immr: tried on purpose.
    for (let r = 0; r < 64; r++)
      for (const e of [31, 63, r - 1]) for (const s of [0, 1]) for (const name of ['SBFM', 'UBFM']) use(word(name, { s, b: s, r, e }))
    for (const name of ['CSEL', 'CSINC', 'CSINV', 'CSNEG']) for (let c = 0; c < 16; c++) for (const s of [0, 1]) use(word(name, { s, c }))
    // The stack pointer as base is one register of 32: tried for every load and store on purpose.
    for (const row of encodings.filter(({ semantics }) => semantics.startsWith('loadStore'))) {
      const next = wordsOf(row, random)
      for (let i = 0; i < 300; i++) use((next() | (31 << 5)) >>> 0)
    }
    expect([...used].filter(name => !operations.has(name))).toEqual([])
    expect([...operations].filter(name => !used.has(name))).toEqual([])
  })
})
