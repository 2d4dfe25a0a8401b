// Owns conditions and NZCV as expressions of the way in which the flags were last set (FLAGS of semantics/emit.ts), where that is known. Knows no instruction.
import { FLAGS } from '../semantics/emit.ts'
import { call, constant32, constant64, I32, type I32Expression, I64, type I64Expression, i32, i64, local, wrap } from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'

const FALSE = constant32(0)
const TRUE = constant32(1)
const not = (value: I32Expression): I32Expression => i32.eqz(value)
const negative32 = (value: I32Expression): I32Expression => i32.ltS(value, FALSE)
const negative64 = (value: I64Expression): I32Expression => i64.ltS(value, constant64(0n))

/** By pair of codes (code / 2): Z, C, N, V, C and not Z, N = V, N = V and not Z. */
type Answers = readonly (() => I32Expression)[]

/** The answers for one kind; `a` and `b` are cheap to evaluate, as often as needed. */
function answersOf(kind: number, a: I64Expression, b: I64Expression): Answers {
  const [a32, b32] = [wrap(a), wrap(b)]
  switch (kind) {
    case FLAGS.sub64: {
      const result = i64.sub(a, b)
      const overflow = () => negative64(i64.and(i64.xor(a, b), i64.xor(a, result)))
      return [() => i64.eq(a, b), () => i64.geU(a, b), () => negative64(result), overflow, () => i64.gtU(a, b), () => i64.geS(a, b), () => i64.gtS(a, b)]
    }
    case FLAGS.sub32: {
      const result = i32.sub(a32, b32)
      const overflow = () => negative32(i32.and(i32.xor(a32, b32), i32.xor(a32, result)))
      return [
        () => i32.eq(a32, b32),
        () => i32.geU(a32, b32),
        () => negative32(result),
        overflow,
        () => i32.gtU(a32, b32),
        () => i32.geS(a32, b32),
        () => i32.gtS(a32, b32),
      ]
    }
    case FLAGS.logic:
      return [() => i64.eqz(a), () => FALSE, () => negative64(a), () => FALSE, () => FALSE, () => i64.geS(a, constant64(0n)), () => i64.gtS(a, constant64(0n))]
    case FLAGS.add64: {
      const result = i64.add(a, b)
      const carry = i64.ltU(result, a)
      const overflow = negative64(i64.and(i64.xor(a, result), i64.xor(b, result)))
      return fromBits(i64.eqz(result), carry, negative64(result), overflow)
    }
    case FLAGS.add32: {
      const result = i32.add(a32, b32)
      const carry = i32.ltU(result, a32)
      const overflow = negative32(i32.and(i32.xor(a32, result), i32.xor(b32, result)))
      return fromBits(i32.eqz(result), carry, negative32(result), overflow)
    }
    default: {
      const bit = (at: number): I32Expression => i32.and(i32.shrU(a32, constant32(at)), TRUE)
      return fromBits(bit(2), bit(1), bit(3), bit(0))
    }
  }
}

function fromBits(z: I32Expression, c: I32Expression, n: I32Expression, v: I32Expression): Answers {
  return [() => z, () => c, () => n, () => v, () => i32.and(c, not(z)), () => i32.eq(n, v), () => i32.and(i32.eq(n, v), not(z))]
}

/** 1 when condition `code` (0 to 13) holds after the flags were set in this way. */
export function conditionOf(kind: number, code: number, a: I64Expression, b: I64Expression): I32Expression {
  const holds = answersOf(kind, a, b)[code >> 1]!()
  return code & 1 ? not(holds) : holds
}

/** N Z C V in bits 3 to 0. */
export function nzcvOf(kind: number, a: I64Expression, b: I64Expression): I32Expression {
  if (kind === FLAGS.raw) return wrap(a)
  const [z, c, n, v] = answersOf(kind, a, b) as [() => I32Expression, () => I32Expression, () => I32Expression, () => I32Expression]
  const shifted = (value: I32Expression, by: number): I32Expression => i32.shl(value, constant32(by))
  return i32.or(i32.or(shifted(n(), 3), shifted(z(), 2)), i32.or(shifted(c(), 1), v()))
}

/** nzcv(kind, a, b), for where the kind is not known. */
export function defineNzcvOf(module: ModuleBuilder): (kind: I32Expression, a: I64Expression, b: I64Expression) => I32Expression {
  const params = [I32, I64, I64] as const
  const index = module.declare(params, [I32])
  const f = new FunctionBuilder(params, [I32])
  for (const kind of Object.values(FLAGS)) {
    f.if(i32.eq(local(I32, 0), constant32(kind)))
    f.return(nzcvOf(kind, local(I64, 1), local(I64, 2)))
    f.end()
  }
  f.unreachable()
  module.define(index, f)
  return (kind, a, b) => call(I32, index, [kind, a, b])
}
