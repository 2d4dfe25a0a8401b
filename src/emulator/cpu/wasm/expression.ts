// Owns WebAssembly expressions as trees: typed constructors that fold constants, so that semantics written once shrink to what is not known.
// A tree is evaluated where it is emitted: one that reads a register must be emitted before that register is written (see Emit.keep). Knows no instruction set.

export const I32 = 0x7f
export const I64 = 0x7e
export const F32 = 0x7d
export const F64 = 0x7c
export const V128 = 0x7b
export type ValueType = typeof I32 | typeof I64 | typeof F32 | typeof F64 | typeof V128

export interface Expression<T extends ValueType = ValueType> {
  readonly type: T
  readonly op: number
  readonly a?: Expression
  readonly b?: Expression
  readonly c?: Expression
  /** Constant, local or function index, memory offset. */
  readonly n?: number
  readonly big?: bigint
  readonly args?: readonly Expression[]
  /** Loads: the load opcode. */
  readonly load?: number
  /** Vector operations: immediate bytes behind the opcode (a lane, a shuffle, a constant). */
  readonly immediate?: readonly number[]
}
export type I32Expression = Expression<typeof I32>
export type I64Expression = Expression<typeof I64>

export type V128Expression = Expression<typeof V128>

/** Opcodes that the emitter treats specially; LOAD is not a WebAssembly opcode. From VECTOR on: the vector opcode of that number, behind its prefix. */
export const OP = {
  call: 0x10,
  callIndirect: 0x11,
  select: 0x1b,
  localGet: 0x20,
  localTee: 0x22,
  const32: 0x41,
  const64: 0x42,
  load: 0x100,
  vector: 0x1000,
} as const

/** Integer operations of one width. Comparisons give an i32 of 0 or 1; shift amounts have the width of the value and are taken modulo it. */
export interface IntegerOps<T extends ValueType> {
  const(value: number | bigint): Expression<T>
  add(a: Expression<T>, b: Expression<T>): Expression<T>
  sub(a: Expression<T>, b: Expression<T>): Expression<T>
  mul(a: Expression<T>, b: Expression<T>): Expression<T>
  divS(a: Expression<T>, b: Expression<T>): Expression<T>
  divU(a: Expression<T>, b: Expression<T>): Expression<T>
  and(a: Expression<T>, b: Expression<T>): Expression<T>
  or(a: Expression<T>, b: Expression<T>): Expression<T>
  xor(a: Expression<T>, b: Expression<T>): Expression<T>
  shl(a: Expression<T>, b: Expression<T>): Expression<T>
  shrS(a: Expression<T>, b: Expression<T>): Expression<T>
  shrU(a: Expression<T>, b: Expression<T>): Expression<T>
  rotr(a: Expression<T>, b: Expression<T>): Expression<T>
  not(a: Expression<T>): Expression<T>
  clz(a: Expression<T>): Expression<T>
  eqz(a: Expression<T>): I32Expression
  eq(a: Expression<T>, b: Expression<T>): I32Expression
  ne(a: Expression<T>, b: Expression<T>): I32Expression
  ltS(a: Expression<T>, b: Expression<T>): I32Expression
  ltU(a: Expression<T>, b: Expression<T>): I32Expression
  gtS(a: Expression<T>, b: Expression<T>): I32Expression
  gtU(a: Expression<T>, b: Expression<T>): I32Expression
  geS(a: Expression<T>, b: Expression<T>): I32Expression
  geU(a: Expression<T>, b: Expression<T>): I32Expression
  /** `condition ? whenTrue : whenFalse`; both are evaluated. */
  select(condition: I32Expression, whenTrue: Expression<T>, whenFalse: Expression<T>): Expression<T>
}

type Folder = (a: bigint, b: bigint, bits: bigint) => bigint
/** Distance of the i64 opcode of a group from its i32 opcode differs by group, so both are listed. */
const BINARY: Readonly<Record<string, readonly [op32: number, op64: number, fold?: Folder]>> = {
  add: [0x6a, 0x7c, (a, b) => a + b],
  sub: [0x6b, 0x7d, (a, b) => a - b],
  mul: [0x6c, 0x7e, (a, b) => a * b],
  divS: [0x6d, 0x7f],
  divU: [0x6e, 0x80],
  and: [0x71, 0x83, (a, b) => a & b],
  or: [0x72, 0x84, (a, b) => a | b],
  xor: [0x73, 0x85, (a, b) => a ^ b],
  shl: [0x74, 0x86, (a, b, bits) => a << (b & (bits - 1n))],
  shrS: [0x75, 0x87, (a, b, bits) => a >> (b & (bits - 1n))],
  shrU: [0x76, 0x88, (a, b, bits) => BigInt.asUintN(Number(bits), a) >> (b & (bits - 1n))],
  rotr: [0x78, 0x8a],
}
const COMPARE: Readonly<Record<string, readonly [op32: number, op64: number]>> = {
  eq: [0x46, 0x51],
  ne: [0x47, 0x52],
  ltS: [0x48, 0x53],
  ltU: [0x49, 0x54],
  gtS: [0x4a, 0x55],
  gtU: [0x4b, 0x56],
  geS: [0x4e, 0x59],
  geU: [0x4f, 0x5a],
}
/** Operations for which a right operand of zero changes nothing, and those for which a left operand of zero leaves the right one. */
const RIGHT_ZERO_NEUTRAL = new Set(['add', 'sub', 'or', 'xor', 'shl', 'shrS', 'shrU', 'rotr'])
const LEFT_ZERO_NEUTRAL = new Set(['add', 'or', 'xor'])

export const constant32 = (value: number): I32Expression => ({ type: I32, op: OP.const32, n: value | 0 })
export const constant64 = (value: bigint): I64Expression => ({ type: I64, op: OP.const64, big: BigInt.asIntN(64, value) })

/** The value of a constant, sign-extended; undefined for anything else. */
export function constantOf(e: Expression): bigint | undefined {
  if (e.op === OP.const32) return BigInt(e.n!)
  return e.op === OP.const64 ? e.big : undefined
}

function integerOps<T extends ValueType>(type: T): IntegerOps<T> {
  const wide = type === I64
  const bits = wide ? 64n : 32n
  const make = (value: number | bigint): Expression<T> =>
    (wide ? constant64(BigInt(value)) : constant32(Number(BigInt.asIntN(32, BigInt(value))))) as Expression as Expression<T>
  const binary = (name: string) => {
    const [op32, op64, fold] = BINARY[name]!
    const op = wide ? op64 : op32
    return (a: Expression<T>, b: Expression<T>): Expression<T> => {
      const left = constantOf(a)
      const right = constantOf(b)
      if (left !== undefined && right !== undefined && fold) return make(fold(left, right, bits))
      if (right === 0n && RIGHT_ZERO_NEUTRAL.has(name)) return a
      if (left === 0n && LEFT_ZERO_NEUTRAL.has(name)) return b
      if (name === 'and' && (right === 0n || left === -1n)) return b
      if (name === 'and' && (left === 0n || right === -1n)) return a
      return { type, op, a, b }
    }
  }
  const compare = (name: string) => {
    const op = COMPARE[name]![wide ? 1 : 0]!
    return (a: Expression<T>, b: Expression<T>): I32Expression => ({ type: I32, op, a, b })
  }
  const xor = binary('xor')
  return {
    const: make,
    add: binary('add'),
    sub: binary('sub'),
    mul: binary('mul'),
    divS: binary('divS'),
    divU: binary('divU'),
    and: binary('and'),
    or: binary('or'),
    xor,
    shl: binary('shl'),
    shrS: binary('shrS'),
    shrU: binary('shrU'),
    rotr: binary('rotr'),
    not: a => xor(a, make(-1)),
    clz: a => ({ type, op: wide ? 0x79 : 0x67, a }),
    eqz: a => {
      const value = constantOf(a)
      return value === undefined ? { type: I32, op: wide ? 0x50 : 0x45, a } : constant32(value === 0n ? 1 : 0)
    },
    eq: compare('eq'),
    ne: compare('ne'),
    ltS: compare('ltS'),
    ltU: compare('ltU'),
    gtS: compare('gtS'),
    gtU: compare('gtU'),
    geS: compare('geS'),
    geU: compare('geU'),
    select: (condition, whenTrue, whenFalse) => {
      const known = constantOf(condition)
      if (known !== undefined) return known === 0n ? whenFalse : whenTrue
      return { type, op: OP.select, a: whenTrue, b: whenFalse, c: condition }
    },
  }
}

export const i32 = integerOps<typeof I32>(I32)
export const i64 = integerOps<typeof I64>(I64)

const EXTEND_U = 0xad
const EXTEND_S = 0xac

/** i64 to i32. Undoes an extension instead of doing both. */
export function wrap(a: I64Expression): I32Expression {
  if (a.op === OP.const64) return constant32(Number(BigInt.asIntN(32, a.big!)))
  if (a.op === EXTEND_U || a.op === EXTEND_S) return a.a as I32Expression
  return { type: I32, op: 0xa7, a }
}
export const extendU = (a: I32Expression): I64Expression => (a.op === OP.const32 ? constant64(BigInt(a.n! >>> 0)) : { type: I64, op: EXTEND_U, a })
export const extendS = (a: I32Expression): I64Expression => (a.op === OP.const32 ? constant64(BigInt(a.n!)) : { type: I64, op: EXTEND_S, a })
/** Sign-extension of the low 8, 16 or 32 bits of an i64. */
export const signExtend64 = (bytes: 1 | 2 | 4, a: I64Expression): I64Expression => ({ type: I64, op: bytes === 1 ? 0xc2 : bytes === 2 ? 0xc3 : 0xc4, a })

export const local = <T extends ValueType>(type: T, index: number): Expression<T> => ({ type, op: OP.localGet, n: index })
export const call = <T extends ValueType>(type: T, functionIndex: number, args: readonly Expression[]): Expression<T> => ({
  type,
  op: OP.call,
  n: functionIndex,
  args,
})
/** `args`, then the table index. */
export const callIndirect = <T extends ValueType>(type: T, typeIndex: number, args: readonly Expression[]): Expression<T> => ({
  type,
  op: OP.callIndirect,
  n: typeIndex,
  args,
})

const LOAD_32 = 0x28
const load =
  <T extends ValueType>(type: T, opcode: number) =>
  (address: I32Expression, offset = 0): Expression<T> => ({
    type,
    op: OP.load,
    a: address,
    n: offset,
    load: opcode,
  })
/** Loads from linear memory at address + offset (both unsigned). */
export const load32 = load(I32, LOAD_32)
export const load8U32 = load(I32, 0x2d)
export const load16U32 = load(I32, 0x2f)
export const load64 = load(I64, 0x29)
export const load128 = load(V128, OP.vector + 0x00)

/** A load of 1, 2, 4 or 8 bytes, extended to i64. */
export function loadInteger(bytes: 1 | 2 | 4 | 8, signed: boolean, address: I32Expression, offset = 0): I64Expression {
  const opcode = { 1: signed ? 0x30 : 0x31, 2: signed ? 0x32 : 0x33, 4: signed ? 0x34 : 0x35, 8: 0x29 }[bytes]
  return load(I64, opcode)(address, offset)
}
