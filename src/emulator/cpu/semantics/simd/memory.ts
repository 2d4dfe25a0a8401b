// Owns loads and stores of vector registers: single ones, pairs, structures. Arm ARM C7.2 LDR, STR, LDP, STP, LD1 to LD4, ST1 to ST4, LD1R to LD4R.
// aux is 16 more where the base is the stack pointer; below that, the shift of an index.
import { constant32, constant64, constantOf, extendU, type I64Expression, i32, i64, type V128Expression, wrap } from '../../wasm/expression.ts'
import { extractLane64, replaceLane64, shuffle, splat, splat64, v128, ZERO_128 } from '../../wasm/vector.ts'
import { extend } from '../add-subtract.ts'
import type { AccessSize, BlockPart, Emit } from '../emit.ts'
import { type Define, type Lower, type Lowered, REGISTER, signed, source } from '../op.ts'
import { SIZES, type Size } from './lanes.ts'

const SP = 16
const baseAux = (n: number): number => (n === REGISTER.sp ? SP : 0)

function checkBase(e: Emit): void {
  const aux = constantOf(e.aux())
  if (aux !== undefined) {
    if (aux & BigInt(SP)) e.checkStackAlignment()
  } else e.when(i32.and(e.aux(), constant32(SP)), () => e.checkStackAlignment())
}

interface Address {
  readonly at: I64Expression
  readonly writeback?: I64Expression
}
const index =
  (option: number) =>
  (e: Emit): Address => ({
    at: i64.add(e.x('n'), i64.shl(extend(option, e.x('m')), extendU(i32.and(e.aux(), constant32(SP - 1))))),
  })
const MODES: Readonly<Record<string, (e: Emit) => Address>> = {
  imm: e => ({ at: i64.add(e.x('n'), e.imm()) }),
  pre: e => {
    const at = e.keep(i64.add(e.x('n'), e.imm()))
    return { at, writeback: at }
  },
  post: e => {
    const at = e.keep(e.x('n'))
    return { at, writeback: i64.add(at, e.imm()) }
  },
  index2: index(2),
  index3: index(3),
  index6: index(6),
}
const PAIR_MODES = ['imm', 'pre', 'post'] as const
/** Base-2 logarithms of a single register's bytes. */
const SINGLES = [0, 1, 2, 3, 4] as const

/** An access of one register: scalars clear what is above them. */
function loadRegister(e: Emit, size: number, at: I64Expression): void {
  if (size === 4) e.setV('d', e.load128(at, 16))
  else e.setScalar('d', e.keep(e.load((1 << size) as AccessSize, false, at)))
}
function storeRegister(e: Emit, size: number, at: I64Expression): void {
  if (size === 4) e.store128(at, e.v('d'), 16)
  else e.store((1 << size) as AccessSize, at, e.element('d', (1 << size) as AccessSize, 0))
}

export function defineRegisters(define: Define): void {
  for (const [mode, address] of Object.entries(MODES))
    for (const size of SINGLES)
      for (const load of [true, false])
        define(`${load ? 'LDRV' : 'STRV'}${size}_${mode}`, e => {
          e.requireFp()
          checkBase(e)
          const { at, writeback } = address(e)
          if (load) loadRegister(e, size, at)
          else storeRegister(e, size, at)
          if (writeback) e.setX('n', writeback)
        })
  for (const size of [2, 3, 4] as const) {
    const bytes = 1 << size
    define(`LDRV${size}_literal`, e => {
      e.requireFp()
      loadRegister(e, size, i64.add(e.pc(), e.imm()))
    })
    for (const mode of PAIR_MODES) {
      define(`LDPV${size}_${mode}`, e => {
        e.requireFp()
        checkBase(e)
        const { at, writeback } = MODES[mode]!(e)
        const block = e.loadBlock(2 * bytes, bytes, at)
        const read = (offset: number): V128Expression => (size === 4 ? block.vector(offset) : alone(block.integer(bytes as AccessSize, offset)))
        const [first, second] = [e.keep(read(0)), e.keep(read(bytes))]
        e.setV('d', first)
        e.setV('a', second) // with one register for both the second stays
        if (writeback) e.setX('n', writeback)
      })
      define(`STPV${size}_${mode}`, e => {
        e.requireFp()
        checkBase(e)
        const { at, writeback } = MODES[mode]!(e)
        const part = (operand: 'd' | 'a', offset: number): BlockPart =>
          size === 4 ? { size: 16, offset, value: e.v(operand) } : { size: bytes as AccessSize, offset, value: e.element(operand, bytes as AccessSize, 0) }
        e.storeBlock(2 * bytes, bytes, at, [part('d', 0), part('a', bytes)])
        if (writeback) e.setX('n', writeback)
      })
    }
  }
}
/** A scalar with zero above. */
const alone = (value: I64Expression): V128Expression => replaceLane64(ZERO_128, 0, value)

/** The base plus what post-index adds: operand m, zero where the amount is a constant, which is in imm. Without post-index both are nothing. */
const postIndex = (e: Emit, base: I64Expression): void => e.setX('n', i64.add(i64.add(base, e.x('m')), e.imm()))

/** 16 bytes chosen from the bytes of several vectors, taken one after the other. */
function gather(e: Emit, from: readonly V128Expression[], bytes: readonly number[]): V128Expression {
  const [first, ...others] = from as [V128Expression, ...V128Expression[]]
  if (others.length === 0) return shuffle(first, first, bytes)
  return others.reduce((result, vector, i) => {
    const lanes = bytes.map((byte, at) => (byte >> 4 === i + 1 ? 16 + (byte & 15) : i === 0 ? byte & 15 : at))
    return e.keep(shuffle(result, vector, lanes))
  }, first)
}

/** Bytes of the register's place in memory: element e of register r stands at (e * elements + r), in units of its size. */
export function defineStructures(define: Define): void {
  for (const half of [8, 16] as const) {
    for (const size of SIZES) {
      for (const registers of [1, 2, 3, 4] as const) {
        defineMultiple(define, `1x${registers}`, registers, 1, size, half)
        if (registers > 1 && (size < 3 || half === 16)) defineMultiple(define, `${registers}`, registers, registers, size, half)
      }
    }
  }
  for (const size of SIZES) for (const registers of [1, 2, 3, 4] as const) defineSingle(define, registers, size)
}

function defineMultiple(define: Define, name: string, registers: number, elements: number, size: Size, half: 8 | 16): void {
  const bytes = registers * half
  const suffix = `${name}_v${size}_${half}`
  const unit = 1 << size
  /** Where byte `at` of register `r` stands in memory. */
  const inMemory = (r: number, at: number): number => (elements === 1 ? r * half + at : ((at >> size) * elements + r) * unit + (at & (unit - 1)))
  define(`LD${suffix}`, e => {
    e.requireFp()
    checkBase(e)
    const base = e.keep(e.x('n'))
    const block = e.loadBlock(bytes, unit, base)
    const vectors = Array.from({ length: Math.ceil(bytes / 16) }, (_, i) =>
      e.keep(i * 16 + 16 <= bytes ? block.vector(i * 16) : alone(block.integer(8, i * 16))),
    )
    const values = Array.from({ length: registers }, (_, r) => {
      if (elements === 1 && half === 16) return vectors[r]!
      const places = Array.from({ length: 16 }, (_, at) => (at < half ? inMemory(r, at) : 0))
      const value = e.keep(gather(e, vectors, places))
      return half === 16 ? value : e.keep(replaceLane64(value, 1, constant64(0n)))
    })
    values.forEach((value, r) => {
      e.setV('d', value, r)
    })
    postIndex(e, base)
  })
  define(`ST${suffix}`, e => {
    e.requireFp()
    checkBase(e)
    const base = e.keep(e.x('n'))
    const from = Array.from({ length: registers }, (_, r) => e.keep(e.v('d', r)))
    const where = new Map<number, number>()
    for (let r = 0; r < registers; r++) for (let at = 0; at < half; at++) where.set(inMemory(r, at), r * 16 + at)
    const parts = Array.from({ length: Math.ceil(bytes / 16) }, (_, i): BlockPart => {
      const places = Array.from({ length: 16 }, (_, at) => where.get(i * 16 + at) ?? 0)
      const value = elements === 1 && half === 16 ? from[i]! : e.keep(gather(e, from, places))
      return i * 16 + 16 <= bytes ? { size: 16, offset: i * 16, value } : { size: 8, offset: i * 16, value: extractLane64(value, 0) }
    })
    e.storeBlock(bytes, unit, base, parts)
    postIndex(e, base)
  })
}

/** One element of each register; operand `a` is its index. LDnR fills the register with it, where `a` is Q. */
function defineSingle(define: Define, registers: number, size: Size): void {
  const unit = (1 << size) as AccessSize
  const bytes = registers * unit
  define(`LD${registers}_e${size}`, e => {
    e.requireFp()
    checkBase(e)
    const base = e.keep(e.x('n'))
    const block = e.loadBlock(bytes, unit, base)
    const values = Array.from({ length: registers }, (_, r) => e.keep(block.integer(unit, r * unit)))
    values.forEach((value, r) => {
      e.setElement('d', unit, e.small(), value, r)
    })
    postIndex(e, base)
  })
  define(`ST${registers}_e${size}`, e => {
    e.requireFp()
    checkBase(e)
    const base = e.keep(e.x('n'))
    const parts = Array.from({ length: registers }, (_, r): BlockPart => ({ size: unit, offset: r * unit, value: e.element('d', unit, e.small(), r) }))
    e.storeBlock(bytes, unit, base, parts)
    postIndex(e, base)
  })
  define(`LD${registers}R_${size}`, e => {
    e.requireFp()
    checkBase(e)
    const base = e.keep(e.x('n'))
    const block = e.loadBlock(bytes, unit, base)
    const mask = replaceLane64(splat64(constant64(-1n)), 1, i64.sub(constant64(0n), extendU(e.small())))
    const values = Array.from({ length: registers }, (_, r) => {
      const element = block.integer(unit, r * unit)
      return e.keep(v128.and(size === 3 ? splat64(element) : splat((1 << size) as 1, wrap(element)), mask))
    })
    values.forEach((value, r) => {
      e.setV('d', value, r)
    })
    postIndex(e, base)
  })
}

const sizeOf = (word: number): number => (word >>> 30) | ((word >>> 21) & 4)
const isLoad = (word: number): boolean => ((word >>> 22) & 1) === 1
const single = (word: number, mode: string): string => `${isLoad(word) ? 'LDRV' : 'STRV'}${sizeOf(word)}_${mode}`

export const lowerVectorLoadStore: Lower = (f, { name }, word): Lowered => {
  if (name.endsWith('_reg')) {
    const option = (f.o & 3) === 3 ? 3 : f.o
    return { op: single(word, `index${option}`), d: f.t, n: f.n, m: source(f.m), aux: baseAux(f.n) + (f.g ? sizeOf(word) : 0) }
  }
  const imm = name.endsWith('_imm') ? f.i * 2 ** sizeOf(word) : signed(f.i, 9)
  return { op: single(word, 'imm'), d: f.t, n: f.n, imm: BigInt(imm), aux: baseAux(f.n) }
}

export const lowerVectorLoadStoreIndexed: Lower = (f, { name }, word) => ({
  op: single(word, name.endsWith('_pre') ? 'pre' : 'post'),
  d: f.t,
  n: f.n,
  imm: BigInt(signed(f.i, 9)),
  aux: baseAux(f.n),
})

export const lowerVectorLoadLiteral: Lower = (f, _, word) => ({ op: `LDRV${(word >>> 30) + 2}_literal`, d: f.t, imm: BigInt(signed(f.i, 19) * 4) })

export const lowerVectorLoadStorePair: Lower = (f, { name }, word) => {
  const size = (word >>> 30) + 2
  const mode = name.endsWith('_pre') ? 'pre' : name.endsWith('_post') ? 'post' : 'imm'
  return { op: `${isLoad(word) ? 'LDPV' : 'STPV'}${size}_${mode}`, d: f.t, a: f.u, n: f.n, imm: BigInt(signed(f.i, 7) * 2 ** size), aux: baseAux(f.n) }
}

/** `LD2_x2` `ST1_x3` multiple, `LD3_h` single, `LD4R`. */
const STRUCTURE = /^(LD|ST)(\d)(?:_x(\d)|_([bhsd])|R)/
export const lowerStructure: Lower = (f, { name }): Lowered => {
  const [, direction = '', elements = '', registers, element] = STRUCTURE.exec(name)!
  const post = name.endsWith('_post')
  const constant = post && f.m === 31
  const common = (bytes: number) => ({
    d: f.t,
    n: f.n,
    m: post && !constant ? f.m : REGISTER.zero,
    imm: BigInt(constant ? bytes : 0),
    aux: baseAux(f.n),
  })
  if (registers !== undefined) {
    const half = f.q === 1 ? 16 : 8
    return { op: `${direction}${elements === '1' ? `1x${registers}` : elements}_v${f.x}_${half}`, ...common(Number(registers) * half) }
  }
  if (element === undefined) return { op: `${direction}${elements}R_${f.x}`, ...common(Number(elements) << f.x), a: f.q }
  const size = 'bhsd'.indexOf(element)
  const place = [(f.q << 3) | (f.g << 2) | f.x, (f.q << 2) | (f.g << 1) | f.x, (f.q << 1) | f.g, f.q][size]!
  return { op: `${direction}${elements}_e${size}`, ...common(Number(elements) << size), a: place }
}
