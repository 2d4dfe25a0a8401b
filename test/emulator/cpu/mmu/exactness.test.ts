// Exact with the MMU on: a program that maps, unmaps, faults, switches address spaces and writes code, stopped anywhere and continued in a fresh engine, ends alike.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SYSREG } from '../../../../src/emulator/cpu/system-register-encoding.ts'
import { type BareOptions, CODE, constant, EL1H, mrs, msr, RAM, VECTORS, word } from '../bare-machine.ts'
import { random } from '../random-program.ts'
import { D, MMFR1, type Paged, pagedMachine, Tables } from './paged-machine.ts'

const FRAMES = RAM + 0x1_0000n
const PAGES = 0x123_0000n
/** What of a vCPU's block is state. */
const STATE_BYTES = 0x700
const VCPUS = 2
/** `.ci/run` tries many. */
const RUNS = process.env.PSCI_SNAP_MANY_PROGRAMS === '1' ? 300 : 16
const MANAGED = { idRegisters: new Map([[MMFR1, 2n]]), tcr: 3n << 39n }

const sys = (crn: number, crm: number, op2: number, t: number, op1 = 0): number => word('SYS', { o: op1, k: crn, j: crm, x: op2, t })
/** Goes on behind the instruction that faulted; after a fetch that faulted, where X30 says. */
const HANDLER = [
  mrs(16, SYSREG.ESR_EL1),
  word('ADD_imm', { s: 1, d: 18, n: 18, i: 1 }),
  word('UBFM', { s: 1, b: 1, r: 26, e: 31, d: 16, n: 16 }),
  word('SUBS_imm', { s: 1, d: 31, n: 16, i: 0x21 }),
  mrs(17, SYSREG.ELR_EL1),
  word('ADD_imm', { s: 1, d: 17, n: 17, i: 4 }),
  word('CSEL', { s: 1, d: 17, n: 30, m: 17, c: 0 }),
  msr(SYSREG.ELR_EL1, 17),
  word('ERET'),
]

/** X19: the pages, X20: their descriptors, X21: bits for descriptors, X22 and X23: table registers, X0 to X7: data. */
function step(next: () => number): readonly number[] {
  const below = (limit: number): number => next() % limit
  const [d, n] = [below(8), below(8)]
  const page = below(8)
  const at = (name: string, offset: number): readonly number[] => [word('ADD_imm', { s: 1, d: 9, n: 19, i: page, h: 1 }), word(name, { n: 9, t: d, i: offset })]
  const descriptor = 20
  const tlbi = [sys(8, 3, 0, 31), sys(8, 7, 1, 9), sys(8, 3, 7, 9), sys(8, 3, 3, 9)]
  switch (below(12)) {
    case 0:
    case 1:
      return at('LDR_X_imm', below(512))
    case 2:
    case 3:
      return at('STR_X_imm', below(256))
    case 4:
      return at('LDUR_X', below(256))
    case 5:
      return [word('ADD_imm', { s: 1, d: 9, n: 19, i: page, h: 1 }), word('STTR_X', { n: 9, t: d, i: below(100) })]
    case 6: // across the end of the page
      return [
        word('ADD_imm', { s: 1, d: 9, n: 19, i: page, h: 1 }),
        word('ADD_imm', { s: 1, d: 9, n: 9, i: 0xffc }),
        below(2) ? word('STUR_X', { n: 9, t: d }) : word('LDP_X', { n: 9, t: d, u: 8 }),
      ]
    case 7:
    case 8: {
      // Another frame or other bits for a page: X10 = descriptor of page, some bits flipped; then the TLBI that it needs.
      const flipped = [10, 6, 7, 12, 13, 51, 0, 54][below(8)]!
      return [
        word('LDR_X_imm', { n: descriptor, t: 10, i: page }),
        word('MOVZ', { s: 1, d: 11, i: 1 << (flipped % 16), h: flipped >> 4 }),
        word('EOR_shift', { s: 1, d: 10, n: 10, m: 11 }),
        word('STR_X_imm', { n: descriptor, t: 10, i: page }),
        word('ADD_imm', { s: 1, d: 9, n: 19, i: page, h: 1 }),
        word('UBFM', { s: 1, b: 1, r: 12, e: 63, d: 9, n: 9 }),
        tlbi[below(4)]!,
      ]
    }
    case 9:
      return [msr(SYSREG.TTBR0_EL1, 22 + below(2))]
    case 10: // code in a page: X12 = an instruction and RET, called
      return [
        ...constant(12, (0xd65f03c0n << 32n) | BigInt(word('ADD_imm', { s: 1, d, n, i: below(4096) }))),
        word('ADD_imm', { s: 1, d: 9, n: 19, i: page, h: 1 }),
        word('STR_X_imm', { n: 9, t: 12, i: 256 + below(8) }),
        word('ADD_imm', { s: 1, d: 9, n: 9, i: 0x800 + 8 * below(8) }),
        word('BLR', { n: 9 }),
      ]
    default:
      return [word('ADD_imm', { s: 1, d, n, i: below(4096) }), word('SYS', { o: 0, k: 7, j: 8, x: below(4), t: 19 }), mrs(n, SYSREG.PAR_EL1)]
  }
}

/** Regions are compiled as soon as they are reached twice, or never. */
const EAGER = { threshold: 2, batch: 1, slice: 97 }

function program(seed: number, jit: BareOptions['jit'], length: number): Paged {
  const paged = pagedMachine({ vcpus: VCPUS, ...(jit === undefined ? {} : { jit }), ...(seed % 2 ? MANAGED : {}) })
  const { machine, low } = paged
  const next = random(seed)
  for (const vector of [0x200n, 0x400n]) machine.code(VECTORS + vector, HANDLER)
  const other = new Tables(machine, 12, 39, RAM + 0x38_0000n)
  const roots = [low, other].map((tables, space) => {
    for (let at = RAM; at < RAM + 0x1_0000n; at += 4096n) tables.map(at, at, D.flag)
    for (let i = 0n; i < 8n; i++) tables.map(PAGES + i * 4096n, FRAMES + BigInt(next() % 6) * 4096n, D.flag | (next() % 3 ? 0n : D.user) | D.notGlobal)
    return tables.root | (BigInt(space + 1) << 48n)
  })
  const entries = low.entry(PAGES, 3)
  for (const tables of [low, other]) tables.map(entries & ~0xfffn, entries & ~0xfffn, D.flag)
  const words: number[] = []
  while (words.length < length) words.push(...step(next))
  words.push(word('B', { i: -words.length }))
  machine.code(CODE, words)
  for (const vcpu of machine.vcpus) {
    for (let n = 0; n < 9; n++) vcpu.setX(n, BigInt(next()))
    vcpu.set('pc', CODE + 0n)
    vcpu.set('pstate', BigInt(EL1H))
    vcpu.setX(19, PAGES)
    vcpu.setX(20, vcpu.index === 0 ? entries : PAGES) // the other vCPU changes data: what it changed without its TLBI yet would be seen here or not
    vcpu.setX(22, roots[0]!)
    vcpu.setX(23, roots[1]!)
    vcpu.setX(30, CODE)
    vcpu.setSysreg(SYSREG.TTBR0_EL1, roots[vcpu.index]!)
  }
  return paged
}

const BYTES = 0x40_0000
const saved = ({ machine }: Paged): readonly Uint8Array[] => [
  ...machine.vcpus.map(({ index }) => machine.engine.state(index).slice(0, STATE_BYTES)),
  machine.engine.ram(RAM, BYTES).slice(),
]
function restored(from: Paged, fresh: Paged): Paged {
  const [first, second, ram] = saved(from) as [Uint8Array, Uint8Array, Uint8Array]
  fresh.machine.engine.writeRam(RAM, ram)
  fresh.machine.engine.state(0).set(first)
  fresh.machine.engine.state(1).set(second)
  return fresh
}
/** Exactly `count` instructions; stops that need an answer are passed over. */
function advance({ machine }: Paged, index: number, count: number, piece = count): number {
  let left = count
  while (left > 0) {
    const { executed, stop } = machine.engine.run(index, Math.min(left, piece))
    left -= executed
    if (stop.kind === 'mmio') machine.engine.completeMmio(index, stop.address)
    else if (stop.kind !== 'budget' && stop.kind !== 'hvc') machine.vcpus[index]!.set('pc', CODE)
  }
  return Number(machine.vcpus[index]!.x(18))
}
const digest = (paged: Paged): readonly string[] => saved(paged).map(bytes => Buffer.from(bytes).toString('latin1'))

const turns = (machine: Paged, from: number, to: number): void => {
  for (let turn = from; turn < to; turn++) advance(machine, turn % VCPUS, 300)
}
const pieces = fc.integer({ min: 1, max: 2500 })

test('stopped anywhere, saved into a fresh engine and continued: the same end; faults were taken on the way', { timeout: 120_000 }, () => {
  let faults = 0
  fc.assert(
    fc.property(fc.nat(1e6), pieces, pieces, (seed, before, after) => {
      const make = (): Paged => program(seed, undefined, 1500)
      const whole = make()
      turns(whole, 0, 6)
      faults += advance(whole, 0, before + after)
      const first = make()
      turns(first, 0, 6)
      advance(first, 0, before)
      const second = restored(first, make())
      advance(second, 0, after)
      advance(first, 0, after, 1 + (seed % 7))
      const expected = digest(whole)
      expect(digest(first)).toEqual(expected)
      expect(digest(second)).toEqual(expected)
    }),
    { seed: 11, numRuns: RUNS },
  )
  expect(faults).toBeGreaterThan(500)
})

test('compiled and interpreted: the same end', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.nat(1e6), pieces, (seed, more) => {
      const compiled = program(seed, EAGER, 150)
      const interpreted = program(seed, false, 150)
      for (const machine of [compiled, interpreted]) {
        turns(machine, 0, 10)
        advance(machine, 0, 1500 + more)
      }
      expect(digest(compiled)).toEqual(digest(interpreted))
    }),
    { seed: 12, numRuns: RUNS },
  )
})
