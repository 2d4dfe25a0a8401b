// Owns single-instruction atomics and the ordered accesses with an offset. Arm ARM C6.2 LDADD, SWP, CAS, CASP, LDAPUR, STLUR.
// One vCPU runs at a time, so a load and a store are atomic, and ordering needs nothing. The load comes first: a place that cannot even be read aborts as a
// read (ISS.WnR). A compare-and-swap always stores, the old value when the comparison failed, because it needs permission to write either way.
import { constant64, extendU, type I32Expression, type I64Expression, i32, i64, signExtend64, wrap } from '../wasm/expression.ts'
import type { AccessSize, Emit } from './emit.ts'
import { TRANSFERS, type Transfer } from './loads-and-stores.ts'
import { type Define, type Lower, type OpGroup, REGISTER, signed, source, target } from './op.ts'

type Combine = (old: I64Expression, operand: I64Expression, size: AccessSize) => I64Expression
const SIZES = [1, 2, 4, 8] as const

const asSigned = (size: AccessSize, value: I64Expression): I64Expression => (size === 8 ? value : signExtend64(size, value))
/** The low `size` bytes. */
const low = (size: AccessSize, value: I64Expression): I64Expression => (size === 8 ? value : i64.and(value, constant64((1n << BigInt(8 * size)) - 1n)))
const choose =
  (compare: (a: I64Expression, b: I64Expression) => I32Expression, prepare: (size: AccessSize, value: I64Expression) => I64Expression): Combine =>
  (old, operand, size) =>
    i64.select(compare(prepare(size, old), prepare(size, operand)), old, operand)

const COMBINE: Readonly<Record<string, Combine>> = {
  LDADD: (old, operand) => i64.add(old, operand),
  LDCLR: (old, operand) => i64.and(old, i64.not(operand)),
  LDEOR: (old, operand) => i64.xor(old, operand),
  LDSET: (old, operand) => i64.or(old, operand),
  LDSMAX: choose(i64.gtS, asSigned),
  LDSMIN: choose(i64.ltS, asSigned),
  LDUMAX: choose(i64.gtU, low),
  LDUMIN: choose(i64.ltU, low),
  SWP: (_, operand) => operand,
}

/** Runs a body with the aligned base address, for the stack pointer and for other registers. */
function bothBases(define: Define, name: string, bytes: number, body: (e: Emit, at: I64Expression) => void): void {
  for (const sp of [false, true]) {
    define(`${name}${sp ? '_sp' : ''}`, e => {
      if (sp) e.checkStackAlignment()
      const at = e.keep(e.x('n'))
      e.requireAligned(bytes, at, true)
      body(e, at)
    })
  }
}

function define(define: Define): void {
  for (const size of SIZES) {
    for (const [name, combine] of Object.entries(COMBINE)) {
      bothBases(define, `${name}${size}`, size, (e, at) => {
        const old = e.keep(e.load(size, false, at))
        e.store(size, at, combine(old, e.keep(e.x('m')), size))
        e.setX('d', old)
      })
    }
    // m is Rs as it is compared, d as it is written
    bothBases(define, `CAS${size}`, size, (e, at) => {
      const old = e.keep(e.load(size, false, at))
      e.store(size, at, i64.select(i64.eq(old, low(size, e.x('m'))), e.x('a'), old))
      e.setX('d', old)
    })
  }
  for (const size of [4, 8] as const) {
    for (const toZero of [false, true]) {
      bothBases(define, `CASP${size}${toZero ? '_zero' : ''}`, size * 2, (e, at) => comparePair(e, at, size, toZero))
    }
  }
  for (const t of TRANSFERS.flat()) {
    if (!t) continue
    for (const sp of [false, true]) define(`${orderedName(t)}${sp ? '_sp' : ''}`, e => ordered(e, t, sp))
  }
}

/** d and b are Rs and the register after it, m and a Rt and the one after. `toZero`: Rs is 30, and after it comes the zero register. */
function comparePair(e: Emit, at: I64Expression, size: 4 | 8, toZero: boolean): void {
  const [first, second] = e.loadPair(size, false, at)
  const old = [e.keep(first), e.keep(second)] as const
  const compared = [low(size, e.x('d')), toZero ? constant64(0n) : low(size, e.x('b'))] as const
  const same = e.keep(i32.and(i64.eq(old[0], compared[0]), i64.eq(old[1], compared[1])))
  e.storePair(size, at, i64.select(same, e.x('m'), old[0]), i64.select(same, e.x('a'), old[1]))
  e.setX('d', old[0])
  if (!toZero) e.setX('b', old[1])
}

const orderedName = (t: Transfer): string => `${t.name}_ordered`

function ordered(e: Emit, t: Transfer, sp: boolean): void {
  if (sp) e.checkStackAlignment()
  const at = e.keep(i64.add(e.x('n'), e.imm()))
  e.requireAligned(t.size, at, t.store)
  if (t.store) {
    e.store(t.size, at, e.x('d'))
    return
  }
  const loaded = e.load(t.size, t.signed, at)
  e.setX('d', t.narrow ? extendU(wrap(loaded)) : loaded)
}

const sizeOf = (word: number): number => 1 << (word >>> 30)
const sp = (n: number): string => (n === REGISTER.sp ? '_sp' : '')

const lowerAtomic: Lower = (f, encoding, word) => {
  const operation = /^(SWP|LD(?:ADD|CLR|EOR|SET|[SU](?:MAX|MIN)))/.exec(encoding.name)![1]!
  return { op: `${operation}${sizeOf(word)}${sp(f.n)}`, d: target(f.t), m: source(f.w), n: f.n }
}

const lowerCompareSwap: Lower = (f, _, word) => ({ op: `CAS${sizeOf(word)}${sp(f.n)}`, d: target(f.w), m: source(f.w), a: source(f.t), n: f.n })

const lowerCompareSwapPair: Lower = f => {
  const toZero = f.w === 30
  return { op: `CASP${f.s ? 8 : 4}${toZero ? '_zero' : ''}${sp(f.n)}`, d: f.w, b: target(f.w + 1), m: f.t, a: source(f.t + 1), n: f.n }
}

const lowerOrderedUnscaled: Lower = (f, _, word) => {
  const t = TRANSFERS[word >>> 30]![(word >>> 22) & 3]!
  return { op: `${orderedName(t)}${sp(f.n)}`, d: t.store ? source(f.t) : target(f.t), n: f.n, imm: BigInt(signed(f.i, 9)) }
}

export const ATOMICS: OpGroup = {
  name: 'atomics',
  define,
  lower: {
    loadStoreAtomic: lowerAtomic,
    loadStoreCompareSwap: lowerCompareSwap,
    loadStoreCompareSwapPair: lowerCompareSwapPair,
    loadStoreOrderedUnscaled: lowerOrderedUnscaled,
  },
}
