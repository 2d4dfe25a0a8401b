// Owns the functions that handlers share: finding the record of an address, flags, and memory accesses that miss the look-up table. Knows no instruction.
import { FLAGS, type Privilege } from '../semantics/emit.ts'
import {
  call,
  constant32,
  constant64,
  type Expression,
  extendU,
  I32,
  type I32Expression,
  I64,
  type I64Expression,
  i32,
  i64,
  load32,
  load64,
  local,
  signExtend64,
  wrap,
} from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'
import { SharedFunctions, type UseFunction } from '../wasm/shared-function.ts'
import { AT, EXIT, PAGE_WORDS, RECORD, REGION, TABLE } from './layout.ts'

const ZERO = constant32(0)
export const global32 = (address: number): I32Expression => load32(ZERO, address)
export const global64 = (address: number): I64Expression => load64(ZERO, address)

/** Guest address of a record of the page being executed. */
export const addressOf = (record: I32Expression): I64Expression =>
  i64.add(global64(AT.pageAddress), extendU(i32.shrU(i32.sub(record, global32(AT.pageRecords)), constant32(2))))

export const tableIndex = (address: I64Expression): I32Expression => i32.and(i32.shrU(wrap(address), constant32(TABLE.indexShift)), constant32(TABLE.indexMask))

export interface RuntimeFunctions {
  /** The record of a guest address, or 0: the page is not known (exit `fetch`, PC set). */
  goTo(address: I64Expression): I32Expression
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
}
/** Bits of an access in AT.exitAccess and in the calling convention of access(); the number of bytes stands below. */
export const ACCESS = { write: 0x100, unprivileged: 0x200 } as const
const accessBits = ({ bytes, write, privilege }: Access): number =>
  bytes | (write ? ACCESS.write : 0) | (privilege === 'unprivileged' ? ACCESS.unprivileged : 0)

export function defineRuntimeFunctions(module: ModuleBuilder): RuntimeFunctions {
  const goTo = defineGoTo(module)
  const nzcv = defineNzcv(module)
  const condition = defineCondition(module, nzcv)
  const access = defineAccess(module)
  return {
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

function defineGoTo(module: ModuleBuilder): number {
  const index = module.declare([I64], [I32])
  const f = new FunctionBuilder([I64], [I32])
  const address = local(I64, 0)
  // Bits 1:0 stay in the key, so a misaligned PC never hits.
  const page = f.keep(i64.and(address, constant64(~0xffcn)))
  const entry = f.keep(i32.add(tableIndex(address), global32(AT.codeHash)))
  f.if(i64.ne(load64(entry), page))
  f.store(8, ZERO, address, AT.pc)
  f.store32(ZERO, constant32(EXIT.fetch), AT.exit)
  f.return(ZERO)
  f.end()
  const records = f.keep(load32(entry, TABLE.value))
  f.store(8, ZERO, page, AT.pageAddress)
  f.store32(ZERO, records, AT.pageRecords)
  f.expression(i32.add(records, i32.shl(i32.and(wrap(address), constant32(0xffc)), constant32(2))))
  module.define(index, f)
  return index
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

/**
 * access(address, bytes and ACCESS bits, alignment): finds the RAM region, makes decoded instructions that a store touches undecoded, and remembers the page in the
 * look-up table unless the access crosses its end, the page holds decoded code (writes), or every access is checked.
 */
function defineAccess(module: ModuleBuilder): number {
  const params = [I64, I32, I32] as const
  const index = module.declare(params, [I32])
  const f = new FunctionBuilder(params, [I32])
  const address = local(I64, 0)
  const access = local(I32, 1)
  const alignment = local(I32, 2)
  const bytes = f.keep(i32.and(access, constant32(0xff)))
  const write = f.keep(i32.and(access, constant32(ACCESS.write)))
  const fail = (exit: number): void => {
    f.store32(ZERO, constant32(exit), AT.exit)
    f.store(8, ZERO, address, AT.exitAddress)
    f.store32(ZERO, access, AT.exitAccess)
    f.return(ZERO)
  }
  f.if(global32(AT.strict))
  f.if(i32.and(wrap(address), i32.sub(alignment, constant32(1))))
  fail(EXIT.alignment)
  f.end()
  f.end()

  const region = f.newLocal(I32)
  const end = f.keep(i32.add(constant32(AT.regions), i32.mul(global32(AT.regionCount), constant32(REGION.bytes))))
  const offset = f.newLocal(I64)
  const at = local(I64, offset)
  const found = f.block()
  f.set(region, constant32(AT.regions))
  const search = f.loop()
  f.if(i32.ltU(local(I32, region), end))
  f.set(offset, i64.sub(address, load64(local(I32, region), REGION.start)))
  const size = load64(local(I32, region), REGION.size)
  const inside = i32.and(i64.ltU(at, size), i64.geU(size, i64.add(at, extendU(bytes))))
  f.branchIf(inside, found)
  f.set(region, i32.add(local(I32, region), constant32(REGION.bytes)))
  f.branch(search)
  f.end()
  f.end()
  fail(EXIT.outside)
  f.end()

  const linear = f.keep(i32.add(load32(local(I32, region), REGION.linear), wrap(at)))
  const first = f.keep(wrap(i64.shrU(at, constant64(12n))))
  const last = f.keep(wrap(i64.shrU(i64.add(at, extendU(i32.sub(bytes, constant32(1)))), constant64(12n))))
  const codeMap = f.keep(load32(local(I32, region), REGION.codeMap))
  const recordsOf = (page: I32Expression): I32Expression => load32(i32.add(codeMap, i32.shl(page, constant32(2))))
  f.if(write)
  f.if(i32.or(recordsOf(first), recordsOf(last)))
  forgetWords(f, at, bytes, recordsOf)
  f.return(linear)
  f.end()
  f.end()

  f.if(i32.and(i32.eq(first, last), i32.eqz(global32(AT.strict))))
  const unprivileged = i32.and(access, constant32(ACCESS.unprivileged))
  const tables = i32.select(unprivileged, global32(AT.unprivilegedTlb), global32(AT.tlb))
  const table = i32.add(tables, i32.select(write, constant32(TABLE.bytes), ZERO))
  const entry = f.keep(i32.add(tableIndex(address), table))
  f.store(8, entry, i64.and(address, constant64(~0xfffn)))
  f.store32(entry, i32.sub(linear, wrap(address)), TABLE.value)
  f.end()
  f.expression(linear)
  module.define(index, f)
  return index
}

/** Makes the records of every word that [offset, offset + bytes) touches undecoded, in the pages that have records. */
function forgetWords(f: FunctionBuilder, offset: I64Expression, bytes: I32Expression, recordsOf: (page: I32Expression) => I32Expression): void {
  const word = f.newLocal(I32)
  const current = local(I32, word)
  const wordOf = (value: I64Expression): Expression<typeof I32> => wrap(i64.shrU(value, constant64(2n)))
  const lastWord = f.keep(wordOf(i64.add(offset, extendU(i32.sub(bytes, constant32(1))))))
  f.set(word, wordOf(offset))
  const loop = f.loop()
  const records = f.keep(recordsOf(i32.shrU(current, constant32(10))))
  f.if(records)
  const record = i32.add(records, i32.mul(i32.and(current, constant32(PAGE_WORDS - 1)), constant32(RECORD.bytes)))
  f.store(8, record, constant64(0n)) // OP_DECODE
  f.end()
  f.set(word, i32.add(current, constant32(1)))
  f.branchIf(i32.geU(lastWord, current), loop)
  f.end()
}
