// Owns what floating-point instructions compute for one element, by mnemonic, whatever vectors or scalars it stands in. Knows no register and no encoding.
import { constant32, type I32Expression, type I64Expression, i32, i64, signExtend64 } from '../../wasm/expression.ts'
import type { Emit } from '../emit.ts'
import { add, subtract } from './add.ts'
import { compareMask, extreme } from './compare.ts'
import { fromFixed, roundToIntegral, toFixed } from './convert.ts'
import { divide, squareRoot } from './divide.ts'
import { reciprocalEstimate, reciprocalExponent, squareRootEstimate, unsignedEstimate } from './estimate.ts'
import { type Format, FPCR, ROUNDING } from './format.ts'
import { fusedMultiplyAdd, reciprocalStep, squareRootStep } from './fused.ts'
import { multiply, multiplyExtended } from './multiply.ts'
import { c64, magnitude } from './parts.ts'

/** Bit patterns, zero-extended to 64 bits. Each is evaluated once at most; `d` is what the destination held. */
export interface LaneOperands {
  readonly n: I64Expression
  readonly m: I64Expression
  readonly a: I64Expression
  readonly d: I64Expression
}
export type Lane = (e: Emit, format: Format, x: LaneOperands) => I64Expression

const negated = (format: Format, a: I64Expression): I64Expression => i64.xor(a, c64(format.sign))
export const currentMode = (e: Emit): I32Expression => i32.and(i32.shrU(e.fpcr(), constant32(FPCR.modeShift)), constant32(3))
const ZERO = c64(0)

const binary =
  (what: (format: Format) => Parameters<Emit['call']>[0]): Lane =>
  (e, format, { n, m }) =>
    e.call(what(format), [n, m]) as I64Expression
const unary =
  (what: (format: Format) => Parameters<Emit['call']>[0]): Lane =>
  (e, format, { n }) =>
    e.call(what(format), [n]) as I64Expression
const rint =
  (mode: number | 'current', exact = false): Lane =>
  (e, format, { n }) =>
    e.call(roundToIntegral(format), [n, mode === 'current' ? currentMode(e) : constant32(mode), constant32(exact ? 1 : 0)])
const comparison =
  (kind: 'eq' | 'ge' | 'gt', of: (format: Format, x: LaneOperands) => readonly [I64Expression, I64Expression]): Lane =>
  (e, format, x) =>
    e.call(compareMask(format, kind), of(format, x))
const fused =
  (of: (format: Format, x: LaneOperands) => readonly [addend: I64Expression, a: I64Expression, b: I64Expression]): Lane =>
  (e, format, x) =>
    e.call(fusedMultiplyAdd(format), of(format, x))
const toInteger =
  (mode: number, unsigned: boolean): Lane =>
  (e, format, { n }) =>
    e.call(toFixed(format, format.bits, unsigned), [n, constant32(0), constant32(mode)])

/** A signed element of this width as 64 bits. */
export const widened = (bytes: 2 | 4 | 8, a: I64Expression): I64Expression => (bytes === 8 ? a : signExtend64(bytes, a))

/** SCVTF and UCVTF of an element with `fractionBits`. */
export const fromInteger = (e: Emit, format: Format, unsigned: boolean, n: I64Expression, fractionBits: I32Expression): I64Expression =>
  e.call(fromFixed(format, unsigned), [unsigned ? n : widened(format.bytes, n), fractionBits])

/** Of both operands of two-operand instructions, pairwise and across-lanes ones included. */
export const LANES: Readonly<Record<string, Lane>> = {
  FMOV: (_, __, { n }) => n,
  FABS: (_, format, { n }) => magnitude(format, n),
  FNEG: (_, format, { n }) => negated(format, n),
  FSQRT: unary(squareRoot),
  FRINTN: rint(ROUNDING.nearest),
  FRINTP: rint(ROUNDING.up),
  FRINTM: rint(ROUNDING.down),
  FRINTZ: rint(ROUNDING.zero),
  FRINTA: rint(ROUNDING.away),
  FRINTX: rint('current', true),
  FRINTI: rint('current'),
  FADD: binary(add),
  FSUB: binary(subtract),
  FMUL: binary(multiply),
  FMULX: binary(multiplyExtended),
  FNMUL: (e, format, { n, m }) => negated(format, e.call(multiply(format), [n, m])),
  FDIV: binary(divide),
  FABD: (e, format, { n, m }) => magnitude(format, e.call(subtract(format), [n, m])),
  FMAX: binary(format => extreme(format, 'max')),
  FMIN: binary(format => extreme(format, 'min')),
  FMAXNM: binary(format => extreme(format, 'maxnm')),
  FMINNM: binary(format => extreme(format, 'minnm')),
  FMADD: fused((_, { n, m, a }) => [a, n, m]),
  FMSUB: fused((format, { n, m, a }) => [a, negated(format, n), m]),
  FNMADD: fused((format, { n, m, a }) => [negated(format, a), negated(format, n), m]),
  FNMSUB: fused((format, { n, m, a }) => [negated(format, a), n, m]),
  FMLA: fused((_, { n, m, d }) => [d, n, m]),
  FMLS: fused((format, { n, m, d }) => [d, negated(format, n), m]),
  FCMEQ: comparison('eq', (_, { n, m }) => [n, m]),
  FCMGE: comparison('ge', (_, { n, m }) => [n, m]),
  FCMGT: comparison('gt', (_, { n, m }) => [n, m]),
  FACGE: comparison('ge', (format, { n, m }) => [magnitude(format, n), magnitude(format, m)]),
  FACGT: comparison('gt', (format, { n, m }) => [magnitude(format, n), magnitude(format, m)]),
  FCMEQ_zero: comparison('eq', (_, { n }) => [n, ZERO]),
  FCMGE_zero: comparison('ge', (_, { n }) => [n, ZERO]),
  FCMGT_zero: comparison('gt', (_, { n }) => [n, ZERO]),
  FCMLE_zero: comparison('ge', (_, { n }) => [ZERO, n]),
  FCMLT_zero: comparison('gt', (_, { n }) => [ZERO, n]),
  FRECPE: unary(reciprocalEstimate),
  FRECPS: binary(reciprocalStep),
  FRECPX: unary(reciprocalExponent),
  FRSQRTE: unary(squareRootEstimate),
  FRSQRTS: binary(squareRootStep),
  URECPE: unary(() => unsignedEstimate(false)),
  URSQRTE: unary(() => unsignedEstimate(true)),
  FCVTNS: toInteger(ROUNDING.nearest, false),
  FCVTNU: toInteger(ROUNDING.nearest, true),
  FCVTPS: toInteger(ROUNDING.up, false),
  FCVTPU: toInteger(ROUNDING.up, true),
  FCVTMS: toInteger(ROUNDING.down, false),
  FCVTMU: toInteger(ROUNDING.down, true),
  FCVTZS: toInteger(ROUNDING.zero, false),
  FCVTZU: toInteger(ROUNDING.zero, true),
  FCVTAS: toInteger(ROUNDING.away, false),
  FCVTAU: toInteger(ROUNDING.away, true),
  SCVTF: (e, format, { n }) => fromInteger(e, format, false, n, constant32(0)),
  UCVTF: (e, format, { n }) => fromInteger(e, format, true, n, constant32(0)),
}

/** The rounding mode that the third letters of FCVT.. name. */
export const CONVERSION_MODES: Readonly<Record<string, number>> = {
  N: ROUNDING.nearest,
  P: ROUNDING.up,
  M: ROUNDING.down,
  Z: ROUNDING.zero,
  A: ROUNDING.away,
}
