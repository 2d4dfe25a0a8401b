// Owns operations that move elements to other places, or combine elements of one register: permutations, pairs, across lanes, tables. Arm ARM C7.2.
import { constant64, type V128Expression } from '../../wasm/expression.ts'
import { i8x16, lanesOf, replaceLane64, shuffle, v128, ZERO_128 } from '../../wasm/vector.ts'
import type { Emit } from '../emit.ts'
import type { Define, Lower } from '../op.ts'
import { addPairsLong, every, fold, laneBytes, lanes, SIZES, type Size } from './lanes.ts'
import { half, lowest, write } from './part.ts'
import { type Operands, operands } from './same.ts'

/** Registers of 8 and of 16 bytes. */
const WIDTHS = [8, 16] as const

/** Lane i of the result comes from lane from(i, lanes of a register) of m:n. */
const PERMUTATIONS: Readonly<Record<string, (lane: number, count: number) => number>> = {
  UZP1: lane => 2 * lane,
  UZP2: lane => 2 * lane + 1,
  TRN1: (lane, count) => (lane & 1 ? count + lane - 1 : lane),
  TRN2: (lane, count) => (lane & 1 ? count + lane : lane + 1),
  ZIP1: (lane, count) => (lane & 1 ? count : 0) + (lane >> 1),
  ZIP2: (lane, count) => (lane & 1 ? count : 0) + (lane >> 1) + (count >> 1),
}
/** The second operand's lanes are numbered from those of the first, 8 or 16 bytes long; shuffle() numbers them from 16. */
function permute(o: Operands, bytes: 8 | 16, from: (lane: number, count: number) => number): V128Expression {
  const count = bytes >> o.size
  const place = (lane: number): number => {
    const source = from(lane, count)
    return source < count ? source : source - count + (16 >> o.size)
  }
  return shuffle(o.n(), o.m(), laneBytes(o.size, count, place))
}

type Pairs = readonly [name: string, op: 'add' | 'maxS' | 'maxU' | 'minS' | 'minU', sizes: readonly Size[]]
const TO_32 = [0, 1, 2] as const
const PAIRWISE: readonly Pairs[] = [
  ['ADDP', 'add', SIZES],
  ['SMAXP', 'maxS', TO_32],
  ['UMAXP', 'maxU', TO_32],
  ['SMINP', 'minS', TO_32],
  ['UMINP', 'minU', TO_32],
]
const ACROSS: readonly Pairs[] = [
  ['ADDV', 'add', TO_32],
  ['SMAXV', 'maxS', TO_32],
  ['UMAXV', 'maxU', TO_32],
  ['SMINV', 'minS', TO_32],
  ['UMINV', 'minU', TO_32],
]
/** A register of 8 bytes has one 32-bit pair, which no instruction adds up across lanes. */
const acrossExists = (size: Size, bytes: 8 | 16): boolean => size < 2 || bytes === 16

export function definePermute(define: Define): void {
  for (const bytes of WIDTHS) {
    const onLanes = (name: string, size: Size, meaning: (o: Operands) => V128Expression): void =>
      define(`${name}_v${size}_${bytes}`, e => {
        e.requireFp()
        write(e, meaning(operands(e, size)))
      })
    for (const size of SIZES) {
      if (size === 3 && bytes === 8) continue
      for (const [name, from] of Object.entries(PERMUTATIONS)) onLanes(name, size, o => permute(o, bytes, from))
      for (const [name, op, sizes] of PAIRWISE)
        if (sizes.includes(size)) onLanes(name, size, o => lanes(size)[op]!(permute(o, bytes, PERMUTATIONS.UZP1!), permute(o, bytes, PERMUTATIONS.UZP2!)))
    }
    for (const size of TO_32) {
      if (!acrossExists(size, bytes)) continue
      for (const [name, op] of ACROSS) onLanes(name, size, o => fold(o.k, size, bytes >> size, o.n(), lanes(size)[op]!))
      for (const signed of [true, false])
        onLanes(`${signed ? 'S' : 'U'}ADDLV`, size, o => {
          const wide = (size + 1) as Size
          return fold(o.k, wide, bytes >> wide, addPairsLong(o.k, size, signed, o.n()), lanes(wide).add)
        })
    }
  }
  const sumOfPair = (e: Emit): void => {
    e.requireFp()
    const n = e.keep(e.v('n'))
    e.setV(
      'd',
      replaceLane64(
        lanesOf(8).add(
          n,
          shuffle(
            n,
            n,
            laneBytes(3, 1, () => 1),
          ),
        ),
        1,
        constant64(0n),
      ),
    )
  }
  define('ADDP_s', sumOfPair)
  // The 16 bytes that begin at byte aux of m:n, and of the low halves of both in a Q = 0 form
  for (let first = 0; first < 16; first++) {
    for (const bytes of WIDTHS) {
      if (first >= bytes) continue
      define(`EXT_${first}_${bytes}`, e => {
        e.requireFp()
        write(
          e,
          permute(operands(e, 0), bytes, lane => lane + first),
        )
      })
    }
  }
  for (let registers = 1; registers <= 4; registers++) {
    define(`TBL_${registers}`, e => {
      e.requireFp()
      const index = e.keep(e.v('m'))
      write(e, lookUp(e, registers, index))
    })
    define(`TBX_${registers}`, e => {
      e.requireFp()
      const index = e.keep(e.v('m'))
      const outside = i8x16.geU!(index, every(0, BigInt(16 * registers)))
      write(e, v128.bitSelect(e.v('d'), lookUp(e, registers, index), outside))
    })
  }
}

/** The bytes of consecutive registers from n on that `index` numbers, zero beyond. */
function lookUp(e: Emit, registers: number, index: V128Expression): V128Expression {
  let found: V128Expression = ZERO_128
  for (let i = 0; i < registers; i++) {
    // Below 16 of this register wraps to large numbers, which swizzle takes for zero.
    const here = i8x16.swizzle(e.v('n', i), i === 0 ? index : i8x16.sub(index, every(0, BigInt(16 * i))))
    found = i === 0 ? here : v128.or(found, here)
  }
  return found
}

const registerBytes = (q: number): number => (q === 1 ? 16 : 8)
export const lowerPairwise: Lower = (f, { name }) => ({ op: `${name}${f.x}_${registerBytes(f.q)}`, d: f.d, n: f.n, m: f.m, ...half(f.q) })
export const lowerAcross: Lower = (f, { name }) => ({ op: `${name}${f.x}_${registerBytes(f.q)}`, d: f.d, n: f.n, ...lowest(f.x) })
export const lowerAcrossLong: Lower = (f, { name }) => ({ op: `${name}${f.x}_${registerBytes(f.q)}`, d: f.d, n: f.n, ...lowest(f.x + 1) })
export const lowerScalarPairwise: Lower = f => ({ op: 'ADDP_s', d: f.d, n: f.n })
export const lowerExtract: Lower = f => ({ op: `EXT_${f.i}_${registerBytes(f.q)}`, d: f.d, n: f.n, m: f.m, ...half(f.q) })
export const lowerTable: Lower = (f, { name }) => ({ op: name, d: f.d, n: f.n, m: f.m, ...half(f.q) })
