// Random programs that get hot: functions with loops, calls, computed branches and conditions of every kind, over random data-processing and memory instructions,
// that now and then write over their own code. They take exceptions and leave RAM like the others (random-program.ts), whose driver runs them. Not a test.

import type { SemanticsKey } from '../../../../src/emulator/cpu/decode/row.ts'
import { compileRow, ROWS } from '../../../../src/emulator/cpu/decode/table.ts'
import { SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { type BareOptions, CODE, DATA, EL1H, mrs, msr, NOP, RAM, RAM_SIZE, VECTORS, word } from '../bare-machine.ts'
import { fresh, HANDLER, random, type Timed } from '../random-program.ts'

const DATA_PROCESSING: ReadonlySet<SemanticsKey> = new Set<SemanticsKey>([
  'pcRelative',
  'addSubImmediate',
  'logicalImmediate',
  'moveWide',
  'bitfield',
  'extract',
  'logicalShifted',
  'addSubShifted',
  'addSubExtended',
  'addSubCarry',
  'conditionalCompare',
  'conditionalSelect',
  'twoSource',
  'oneSource',
  'threeSource',
  'crc32',
])
const NOT_STRAIGHT = /[bB]ranch|trap|system|undefined|unimplemented|moveToPstate|writeRegister|readRegister|pointerAuth|nop|clearExclusive/
const rows = ROWS.map(compileRow)
const plainRows = rows.filter(row => DATA_PROCESSING.has(row.semantics))
const memoryRows = rows.filter(row => row.semantics.startsWith('loadStore') || row.semantics.startsWith('atomic'))
/** Whatever else there is: vectors. */
const otherRows = rows.filter(row => !DATA_PROCESSING.has(row.semantics) && !memoryRows.includes(row) && !NOT_STRAIGHT.test(row.semantics))
const SP = 31
const LINK = 30

type Next = () => number
type Row = (typeof rows)[number]

/** A word of the row whose registers are X0 to X7, but for bases of memory accesses: X8 to X11, or the stack pointer. */
function fill(row: Row, next: Next, memory: boolean): number {
  let made = row.value
  for (const run of row.picture.matchAll(/([a-z-])\1*/g)) {
    const mask = 2 ** run[0].length - 1
    const letter = run[1]!
    const register = 'nmatuwd'.includes(letter) && run[0].length === 5
    const base = memory && letter === 'n'
    const value = base ? (next() % 16 === 0 ? SP : 8 + (next() % 4)) : register ? next() % 8 : next()
    made |= (value & mask) << (32 - run.index - run[0].length)
  }
  return made >>> 0
}

function straight(next: Next): number {
  const kind = next() % 16
  const list = kind < 9 ? plainRows : kind < 14 || otherRows.length === 0 ? memoryRows : otherRows
  if (next() % 40 === 0) return [mrs(3, SYSREG.NZCV), msr(SYSREG.NZCV, 2), mrs(4, SYSREG.TPIDR_EL0), msr(SYSREG.TPIDR_EL0, 5), mrs(6, SYSREG.DAIF)][next() % 5]!
  for (;;) {
    const row = list[next() % list.length]!
    const made = fill(row, next, list === memoryRows)
    if (row.matches(made)) return made
  }
}

const straightLine = (next: Next, most: number): number[] => Array.from({ length: 1 + (next() % most) }, () => straight(next))

/** A branch over `over` words, on a condition, a register or a bit. */
function branchOver(next: Next, over: number): number {
  const [t, i] = [next() % 8, over + 1]
  switch (next() % 4) {
    case 0:
      return word(next() & 1 ? 'CBZ' : 'CBNZ', { s: next() & 1, t, i })
    case 1:
      return word(next() & 1 ? 'TBZ' : 'TBNZ', { b: next() & 1, y: next() & 31, t, i })
    default:
      return word('B_cond', { c: next() % 14, i })
  }
}

const adr = (d: number, from: bigint, to: bigint): number => word('ADR', { d, p: Number((to - from) & 3n), i: Number((to - from) >> 2n) })

/** One function. Calls go to functions before it, so that all end. */
function functionBody(next: Next, at: bigint, callees: readonly bigint[]): readonly number[] {
  const words: number[] = [word('STP_X_pre', { t: 29, u: LINK, n: SP, i: -2 })]
  const here = (): bigint => at + BigInt(words.length * 4)
  for (let pieces = 2 + (next() % 5); pieces > 0; pieces--) {
    switch (next() % 8) {
      case 0:
      case 1: {
        const counter = 20 + (next() % 2)
        const body = straightLine(next, 6)
        if (next() % 2 === 0) body.push(branchOver(next, 1), straight(next))
        words.push(word('MOVZ', { s: 1, i: 2 + (next() % 12), d: counter }), ...body)
        words.push(word('SUBS_imm', { s: 1, d: counter, n: counter, i: 1 }), word('B_cond', { c: 1, i: -(body.length + 1) }))
        break
      }
      case 2:
      case 3: {
        const skipped = straightLine(next, 4)
        words.push(branchOver(next, skipped.length), ...skipped)
        break
      }
      case 4: {
        const callee = callees[next() % Math.max(callees.length, 1)]
        if (callee === undefined) break
        if (next() % 3 === 0) words.push(adr(22, here(), callee), word('BLR', { n: 22 }))
        else words.push(word('BL', { i: Number((callee - here()) / 4n) }))
        break
      }
      case 5: {
        // a switch of two ways: 8 bytes each
        words.push(adr(22, here(), here() + 16n), word('UBFM', { s: 1, b: 1, r: 0, e: 0, n: next() % 8, d: 23 }))
        words.push(word('ADD_shift', { s: 1, d: 22, n: 22, m: 23, f: 0, y: 3 }), word('BR', { n: 22 }))
        words.push(straight(next), word('B', { i: 2 }), straight(next))
        break
      }
      case 6: {
        if (next() % 4 !== 0) break
        // writes an instruction a little further on, perhaps the next one
        const made = straight(next)
        words.push(adr(22, here(), here() + BigInt(16 + (next() % 8) * 4)))
        words.push(word('MOVZ', { i: made & 0xffff, d: 24 }), word('MOVK', { h: 1, i: made >>> 16, d: 24 }), word('STR_W_imm', { t: 24, n: 22 }))
        break
      }
      default:
        words.push(...straightLine(next, 8))
    }
  }
  words.push(word('LDP_X_post', { t: 29, u: LINK, n: SP, i: 2 }), word('RET', { n: LINK }))
  return words
}

/** Functions in two pages, and a loop that gives the bases new values and calls them. The last words of a page are NOPs, so control may run across. */
export function hotProgram(seed: number, jit: BareOptions['jit'], vcpus = 1): Timed {
  const next = random(seed)
  const machine = fresh(vcpus, 0, jit)
  const words: number[] = []
  const callees: bigint[] = []
  while (words.length < 1500) {
    const at = CODE + BigInt(words.length * 4)
    words.push(...functionBody(next, at, callees.slice(-6)))
    callees.push(at)
    if (next() % 4 === 0) words.push(NOP)
  }
  const main = words.length
  for (let base = 8; base < 12; base++) words.push(word('ADD_imm', { s: 1, d: base, n: 25, i: next() % 4096, h: +(next() % 12 === 0) }))
  for (let calls = 0; calls < 6; calls++) {
    const callee = callees[next() % callees.length]!
    words.push(word('BL', { i: Number((callee - CODE) / 4n) - words.length }))
  }
  words.push(word('B', { i: main - words.length }))
  machine.code(CODE, words)
  for (let vector = 0; vector < 0x800; vector += 0x80) machine.code(VECTORS + BigInt(vector), HANDLER)
  for (const vcpu of machine.vcpus) {
    for (let n = 0; n < 31; n++) vcpu.setX(n, BigInt(next()) << BigInt(next() % 33))
    for (let base = 8; base < 12; base++) vcpu.setX(base, DATA + BigInt(next() % 0x3000))
    vcpu.setX(25, DATA)
    vcpu.setX(LINK, CODE + BigInt(main * 4))
    vcpu.set('pc', CODE + BigInt(main * 4))
    vcpu.set('spEl0', DATA + 0x6000n)
    vcpu.set('spEl1', RAM + BigInt(RAM_SIZE) - 0x100n)
    vcpu.set('pstate', BigInt(EL1H))
    vcpu.setSysreg(SYSREG.CPACR_EL1, next() % 8 === 0 ? 0n : 3n << 20n)
  }
  return machine
}
