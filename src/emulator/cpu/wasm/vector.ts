// table: WebAssembly's 128-bit vector operations as expressions. Opcodes: WebAssembly core specification 2.0, 5.4.8. Knows no instruction set.
import { type Expression, F32, F64, I32, type I32Expression, I64, type I64Expression, OP, V128, type V128Expression, type ValueType } from './expression.ts'

type Binary = (a: V128Expression, b: V128Expression) => V128Expression
type Unary = (a: V128Expression) => V128Expression
type Shift = (a: V128Expression, by: I32Expression) => V128Expression

const node = <T extends ValueType>(type: T, opcode: number, a?: Expression, b?: Expression, immediate?: readonly number[]): Expression<T> => ({
  type,
  op: OP.vector + opcode,
  ...(a ? { a } : {}),
  ...(b ? { b } : {}),
  ...(immediate ? { immediate } : {}),
})
const binary =
  (opcode: number): Binary =>
  (a, b) =>
    node(V128, opcode, a, b)
const unary =
  (opcode: number): Unary =>
  a =>
    node(V128, opcode, a)
/** The amount is taken modulo the lane width. */
const shift =
  (opcode: number): Shift =>
  (a, by) =>
    node(V128, opcode, a, by)

/** 16 bytes, lowest first. */
export const constant128 = (bytes: readonly number[]): V128Expression => node(V128, 0x0c, undefined, undefined, bytes)
export const ZERO_128: V128Expression = constant128(new Array<number>(16).fill(0))
/** A 64-bit pattern in both halves. */
export function repeated64(value: bigint): V128Expression {
  const half = Array.from({ length: 8 }, (_, i) => Number((BigInt.asUintN(64, value) >> BigInt(8 * i)) & 0xffn))
  return constant128([...half, ...half])
}
/** Byte i of the result is byte lanes[i] of a (0 to 15) or b (16 to 31). */
export const shuffle = (a: V128Expression, b: V128Expression, lanes: readonly number[]): V128Expression => node(V128, 0x0d, a, b, lanes)

export const v128 = {
  not: unary(0x4d),
  and: binary(0x4e),
  /** a AND NOT b */
  andNot: binary(0x4f),
  or: binary(0x50),
  xor: binary(0x51),
  /** mask ? a : b, bit by bit. */
  bitSelect: (a: V128Expression, b: V128Expression, mask: V128Expression): V128Expression => ({ type: V128, op: OP.vector + 0x52, a, b, c: mask }),
  anyTrue: (a: V128Expression): I32Expression => node(I32, 0x53, a),
}

/** Operations of one integer lane width. What WebAssembly has for some widths only is optional. */
export interface LaneOps {
  readonly bytes: 1 | 2 | 4 | 8
  eq: Binary
  ne: Binary
  gtS: Binary
  geS: Binary
  gtU?: Binary
  geU?: Binary
  abs: Unary
  neg: Unary
  shl: Shift
  shrS: Shift
  shrU: Shift
  add: Binary
  sub: Binary
  mul?: Binary
  addSatS?: Binary
  addSatU?: Binary
  subSatS?: Binary
  subSatU?: Binary
  minS?: Binary
  minU?: Binary
  maxS?: Binary
  maxU?: Binary
  /** (a + b + 1) / 2, unsigned. */
  averageU?: Binary
}

export const i8x16: LaneOps & { swizzle: Binary; popcount: Unary } = {
  bytes: 1,
  swizzle: binary(0x0e), // index 16 and above gives zero
  eq: binary(0x23),
  ne: binary(0x24),
  gtS: binary(0x27),
  gtU: binary(0x28),
  geS: binary(0x2b),
  geU: binary(0x2c),
  abs: unary(0x60),
  neg: unary(0x61),
  popcount: unary(0x62),
  shl: shift(0x6b),
  shrS: shift(0x6c),
  shrU: shift(0x6d),
  add: binary(0x6e),
  addSatS: binary(0x6f),
  addSatU: binary(0x70),
  sub: binary(0x71),
  subSatS: binary(0x72),
  subSatU: binary(0x73),
  minS: binary(0x76),
  minU: binary(0x77),
  maxS: binary(0x78),
  maxU: binary(0x79),
  averageU: binary(0x7b),
}
export const i16x8: LaneOps = {
  bytes: 2,
  eq: binary(0x2d),
  ne: binary(0x2e),
  gtS: binary(0x31),
  gtU: binary(0x32),
  geS: binary(0x35),
  geU: binary(0x36),
  abs: unary(0x80),
  neg: unary(0x81),
  shl: shift(0x8b),
  shrS: shift(0x8c),
  shrU: shift(0x8d),
  add: binary(0x8e),
  addSatS: binary(0x8f),
  addSatU: binary(0x90),
  sub: binary(0x91),
  subSatS: binary(0x92),
  subSatU: binary(0x93),
  mul: binary(0x95),
  minS: binary(0x96),
  minU: binary(0x97),
  maxS: binary(0x98),
  maxU: binary(0x99),
  averageU: binary(0x9b),
}
export const i32x4: LaneOps = {
  bytes: 4,
  eq: binary(0x37),
  ne: binary(0x38),
  gtS: binary(0x3b),
  gtU: binary(0x3c),
  geS: binary(0x3f),
  geU: binary(0x40),
  abs: unary(0xa0),
  neg: unary(0xa1),
  shl: shift(0xab),
  shrS: shift(0xac),
  shrU: shift(0xad),
  add: binary(0xae),
  sub: binary(0xb1),
  mul: binary(0xb5),
  minS: binary(0xb6),
  minU: binary(0xb7),
  maxS: binary(0xb8),
  maxU: binary(0xb9),
}
export const i64x2: LaneOps = {
  bytes: 8,
  eq: binary(0xd6),
  ne: binary(0xd7),
  gtS: binary(0xd9),
  geS: binary(0xdb),
  abs: unary(0xc0),
  neg: unary(0xc1),
  shl: shift(0xcb),
  shrS: shift(0xcc),
  shrU: shift(0xcd),
  add: binary(0xce),
  sub: binary(0xd1),
  mul: binary(0xd5),
}
export const lanesOf = (bytes: 1 | 2 | 4 | 8): LaneOps => (bytes === 1 ? i8x16 : bytes === 2 ? i16x8 : bytes === 4 ? i32x4 : i64x2)

/** All lanes get the low bits of the value. */
export function splat(bytes: 1 | 2 | 4, value: I32Expression): V128Expression {
  return node(V128, bytes === 1 ? 0x0f : bytes === 2 ? 0x10 : 0x11, value)
}
export const splat64 = (value: I64Expression): V128Expression => node(V128, 0x12, value)
export const extractLane32 = (a: V128Expression, lane: number): I32Expression => node(I32, 0x1b, a, undefined, [lane])
export const extractLane64 = (a: V128Expression, lane: number): I64Expression => node(I64, 0x1d, a, undefined, [lane])
export const replaceLane64 = (a: V128Expression, lane: number, value: I64Expression): V128Expression => node(V128, 0x1e, a, value, [lane])
export const replaceLane32 = (a: V128Expression, lane: number, value: I32Expression): V128Expression => node(V128, 0x1c, a, value, [lane])

/** Lanes of twice the width from the low or the high half of the lanes. `from`: bytes of the source lanes. */
export function extend128(from: 1 | 2 | 4, high: boolean, signed: boolean, a: V128Expression): V128Expression {
  const base = from === 1 ? 0x87 : from === 2 ? 0xa7 : 0xc7
  return node(V128, base + (high ? 1 : 0) + (signed ? 0 : 2), a)
}
/** Products of twice the width of the low or the high half of the lanes. */
export function extendMultiply(from: 1 | 2 | 4, high: boolean, signed: boolean, a: V128Expression, b: V128Expression): V128Expression {
  const base = from === 1 ? 0x9c : from === 2 ? 0xbc : 0xdc
  return node(V128, base + (high ? 1 : 0) + (signed ? 0 : 2), a, b)
}
/** Saturates lanes of `from` bytes to half their width: a's to the low half of the result, b's to the high half. The source is signed, the result as said. */
export function narrow(from: 2 | 4, signed: boolean, a: V128Expression, b: V128Expression): V128Expression {
  return node(V128, (from === 2 ? 0x65 : 0x85) + (signed ? 0 : 1), a, b)
}
/** Sums of neighbouring lanes, of twice the width. */
export function extendAddPairwise(from: 1 | 2, signed: boolean, a: V128Expression): V128Expression {
  return node(V128, (from === 1 ? 0x7c : 0x7e) + (signed ? 0 : 1), a)
}

const scalar =
  <T extends ValueType, R extends ValueType>(type: R, op: number) =>
  (a: Expression<T>): Expression<R> => ({ type, op, a })
const pair =
  <T extends ValueType, R extends ValueType>(type: R, op: number) =>
  (a: Expression<T>, b: Expression<T>): Expression<R> => ({ type, op, a, b })

/** Native floating point: round to nearest even, no flags, NaN payloads that mean nothing. Only behind guards. */
export const f32 = {
  eq: pair<typeof F32, typeof I32>(I32, 0x5b),
  lt: pair<typeof F32, typeof I32>(I32, 0x5d),
  abs: scalar<typeof F32, typeof F32>(F32, 0x8b),
  neg: scalar<typeof F32, typeof F32>(F32, 0x8c),
  sqrt: scalar<typeof F32, typeof F32>(F32, 0x91),
  add: pair<typeof F32, typeof F32>(F32, 0x92),
  sub: pair<typeof F32, typeof F32>(F32, 0x93),
  mul: pair<typeof F32, typeof F32>(F32, 0x94),
  div: pair<typeof F32, typeof F32>(F32, 0x95),
  bits: scalar<typeof F32, typeof I32>(I32, 0xbc),
  fromBits: scalar<typeof I32, typeof F32>(F32, 0xbe),
  demote: scalar<typeof F64, typeof F32>(F32, 0xb6),
}
export const f64 = {
  eq: pair<typeof F64, typeof I32>(I32, 0x61),
  lt: pair<typeof F64, typeof I32>(I32, 0x63),
  abs: scalar<typeof F64, typeof F64>(F64, 0x99),
  neg: scalar<typeof F64, typeof F64>(F64, 0x9a),
  sqrt: scalar<typeof F64, typeof F64>(F64, 0x9f),
  add: pair<typeof F64, typeof F64>(F64, 0xa0),
  sub: pair<typeof F64, typeof F64>(F64, 0xa1),
  mul: pair<typeof F64, typeof F64>(F64, 0xa2),
  div: pair<typeof F64, typeof F64>(F64, 0xa3),
  bits: scalar<typeof F64, typeof I64>(I64, 0xbd),
  fromBits: scalar<typeof I64, typeof F64>(F64, 0xbf),
  promote: scalar<typeof F32, typeof F64>(F64, 0xbb),
  fromI64S: scalar<typeof I64, typeof F64>(F64, 0xb9),
  fromI64U: scalar<typeof I64, typeof F64>(F64, 0xba),
}
