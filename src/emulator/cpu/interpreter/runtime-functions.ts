// Owns the functions that handlers share: finding the record of an address, flags, and memory accesses that miss the look-up table. Knows no instruction.
import { FLAGS, type Privilege } from '../semantics/emit.ts'
import { call, constant32, constant64, extendU, I32, type I32Expression, type I64Expression, i32, i64, local, signExtend64, wrap } from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'
import { SharedFunctions, type UseFunction } from '../wasm/shared-function.ts'
import { global32, global64, ZERO } from './globals.ts'
import { defineGoTo } from './go-to.ts'
import { defineHotFunctions } from './hot-records.ts'
import { AT } from './layout.ts'
import { ACCESS, defineMemoryFunctions } from './memory-access.ts'

/** Guest address of a record of the page being executed. */
export const addressOf = (record: I32Expression): I64Expression =>
  i64.add(global64(AT.pageAddress), extendU(i32.shrU(i32.sub(record, global32(AT.pageRecords)), constant32(2))))

export interface RuntimeFunctions {
  /** The record of a guest address, or 0: the page is not known (exit `fetch`, PC set). */
  goTo(address: I64Expression): I32Expression
  /** Emits the noting of a record (or 0) as hot. */
  noteHot(f: FunctionBuilder, record: I32Expression): void
  /** Emits the counting of an arrival at a record other than by an interpreted branch. */
  arrive(f: FunctionBuilder, record: I32Expression): void
  nzcv(): I32Expression
  condition(code: number): I32Expression
  /** Linear address of an access that missed, or 0: exit code, address and access are set. AT.crossing: finishCrossing() follows a store. */
  access(address: I64Expression, access: Access): I32Expression
  /** Emits the copying of a store's bytes from AT.crossing to the two pages that access() has found. */
  finishCrossing(f: FunctionBuilder, bytes: number): void
  use: UseFunction
}

/** `alignment` matters where every access is checked (SCTLR_EL1.A, device memory): the size of an element. */
export interface Access {
  readonly bytes: number
  readonly alignment: number
  readonly write: boolean
  readonly privilege?: Privilege
  /** DC ZVA. */
  readonly zeroBlock?: boolean
}
const accessBits = ({ bytes, write, privilege, zeroBlock }: Access): number =>
  bytes | (write ? ACCESS.write : 0) | (privilege === 'unprivileged' ? ACCESS.unprivileged : 0) | (zeroBlock ? ACCESS.zeroBlock : 0)

export function defineRuntimeFunctions(module: ModuleBuilder): RuntimeFunctions {
  const memory = defineMemoryFunctions(module)
  const { access } = memory
  const goTo = defineGoTo(module, memory)
  const nzcv = defineNzcv(module)
  const condition = defineCondition(module, nzcv)
  const hot = defineHotFunctions(module)
  return {
    noteHot: (f, record) => f.call(hot.noteHot, [record]),
    arrive: (f, record) => f.call(hot.arrive, [record]),
    goTo: address => call(I32, goTo, [address]),
    nzcv: () => call(I32, nzcv, []),
    condition: code => call(I32, condition, [constant32(code)]),
    access: (address, what) => call(I32, access, [address, constant32(accessBits(what)), constant32(what.alignment)]),
    finishCrossing(f, bytes) {
      const first = f.keep(global32(AT.crossingLength))
      f.copyMemory(global32(AT.crossingFirst), constant32(AT.crossing), first)
      f.copyMemory(global32(AT.crossingSecond), i32.add(constant32(AT.crossing), first), i32.sub(constant32(bytes), first))
    },
    use: new SharedFunctions(module).use,
  }
}

/** Computes N Z C V from the way the flags were last set (FLAGS). */
function defineNzcv(module: ModuleBuilder): number {
  const index = module.declare([], [I32])
  const f = new FunctionBuilder([], [I32])
  const kind = f.keep(global32(AT.flagKind))
  const a = f.keep(global64(AT.flagA))
  const b = f.keep(global64(AT.flagB))
  const sign = (value: I64Expression): I32Expression => wrap(i64.shrU(value, constant64(63n)))
  const bit = (value: I32Expression, at: number): I32Expression => i32.shl(value, constant32(at))
  const answer = (result: I64Expression, carry: I32Expression, overflow: I32Expression): void => {
    const nz = i32.or(bit(sign(result), 3), bit(i64.eqz(result), 2))
    f.return(i32.or(nz, i32.or(bit(carry, 1), overflow)))
  }
  const of = (flags: number, then: () => void): void => {
    f.if(i32.eq(kind, constant32(flags)))
    then()
    f.end()
  }
  of(FLAGS.raw, () => f.return(wrap(a)))
  of(FLAGS.logic, () => answer(a, ZERO, ZERO))
  of(FLAGS.sub64, () => {
    const result = f.keep(i64.sub(a, b))
    answer(result, i64.geU(a, b), sign(i64.and(i64.xor(a, b), i64.xor(a, result))))
  })
  // Sign extension keeps the order of unsigned 32-bit numbers, so carry and overflow of SUB come from the 64-bit values.
  of(FLAGS.sub32, () => {
    const result = f.keep(signExtend64(4, i64.sub(a, b)))
    answer(result, i64.geU(a, b), sign(i64.and(i64.xor(a, b), i64.xor(a, result))))
  })
  of(FLAGS.add64, () => {
    const result = f.keep(i64.add(a, b))
    answer(result, i64.ltU(result, a), sign(i64.and(i64.xor(a, result), i64.xor(b, result))))
  })
  const result = f.keep(signExtend64(4, i64.add(a, b)))
  answer(result, i32.ltU(wrap(result), wrap(a)), sign(i64.and(i64.xor(a, result), i64.xor(b, result))))
  f.unreachable()
  module.define(index, f)
  return index
}

/** ConditionHolds of the manual, for codes 0 to 13. */
function defineCondition(module: ModuleBuilder, nzcvIndex: number): number {
  const index = module.declare([I32], [I32])
  const f = new FunctionBuilder([I32], [I32])
  const code = local(I32, 0)
  const flags = f.keep(call(I32, nzcvIndex, []))
  const flag = (at: number): I32Expression => i32.and(i32.shrU(flags, constant32(at)), constant32(1))
  const [v, c, z, n] = [f.keep(flag(0)), f.keep(flag(1)), f.keep(flag(2)), f.keep(flag(3))] as const
  const sameSign = i32.eq(n, v)
  const notZero = i32.eqz(z)
  const positive: readonly I32Expression[] = [z, c, n, v, i32.and(c, notZero), sameSign, i32.and(sameSign, notZero)]
  const pair = i32.shrU(code, constant32(1))
  const holds = positive.reduceRight((otherwise, holds, i) => i32.select(i32.eq(pair, constant32(i)), holds, otherwise), constant32(1) as I32Expression)
  f.expression(i32.xor(holds, i32.and(code, constant32(1))))
  module.define(index, f)
  return index
}
