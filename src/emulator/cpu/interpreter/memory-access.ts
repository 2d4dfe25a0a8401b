// Owns the memory accesses that miss the look-up tables: translation, RAM or not, decoded instructions under a store, accesses that cross pages.
// Knows no instruction.
import { defineWatch, WATCHED } from '../debug/watch-check.ts'
import { defineFindRegion, defineTranslate, linearIn, physicalOf, tagOf } from '../mmu/fast-walk.ts'
import {
  call,
  constant32,
  constant64,
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
  type ValueType,
  wrap,
} from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'
import { global32, tableIndex, ZERO } from './globals.ts'
import { defineDropRegions, isCompiled } from './hot-records.ts'
import { AT, EXIT, PAGE_WORDS, RECORD, REGION, TABLE, WALK_CLASS, WALKED } from './layout.ts'

/** Bits of an access in AT.exitAccess and in the calling convention of access(); the number of bytes stands below. */
export const ACCESS = { bytes: 0xff, write: 0x100, unprivileged: 0x200, zeroBlock: 0x400 } as const
const ACCESS_PARAMS: readonly ValueType[] = [I64, I32, I32]

export interface MemoryFunctions {
  readonly findRegion: number
  readonly translate: number
  /** access(address, bytes and ACCESS bits, alignment): linear address, or 0. */
  readonly access: number
}

export function defineMemoryFunctions(module: ModuleBuilder): MemoryFunctions {
  const findRegion = defineFindRegion(module)
  const translate = defineTranslate(module, findRegion)
  const forgetWords = defineForgetWords(module)
  const watch = defineWatch(module)
  const crossing = defineCrossing(module, { findRegion, translate, forgetWords, watch })
  return { findRegion, translate, access: defineAccess(module, { findRegion, translate, forgetWords, watch, crossing }) }
}

/** Where the records of the page with this physical address are noted: the address of the code map's entry. */
export const codeMapEntry = (region: I32Expression, physical: I64Expression): I32Expression =>
  i32.add(load32(region, REGION.codeMap), i32.shl(wrap(i64.shrU(i64.sub(physical, load64(region, REGION.start)), constant64(12n))), constant32(2)))

const deviceBit = (walked: I64Expression): I32Expression => i64.ne(i64.and(walked, constant64(WALKED.device)), constant64(0n))
const misaligned = (address: I64Expression, alignment: I32Expression): I32Expression => i32.and(wrap(address), i32.sub(alignment, constant32(1)))
const classOf = (access: I32Expression): I32Expression => {
  const unprivileged = i32.and(i32.shrU(access, constant32(8)), constant32(WALK_CLASS.unprivilegedRead))
  return i32.or(unprivileged, i32.and(i32.shrU(access, constant32(8)), constant32(1)))
}

/** Leaves with 0: the runtime finds what, where and how in fixed memory. */
function fail(f: FunctionBuilder, exit: number, address: I64Expression, access: I32Expression): void {
  f.store32(ZERO, constant32(exit), AT.exit)
  f.store(8, ZERO, address, AT.exitAddress)
  f.store32(ZERO, access, AT.exitAccess)
  f.return(ZERO)
}

/** Leaves where a watchpoint looks at the access; otherwise gives whether one is in the same page. */
function lookForWatchpoint(f: FunctionBuilder, watch: number, address: I64Expression, access: I32Expression): I32Expression {
  const watched = f.newLocal(I32)
  f.if(global32(AT.watchCount))
  f.set(watched, call(I32, watch, [address, i32.and(access, constant32(ACCESS.bytes)), i32.shl(constant32(1), classOf(access))]))
  f.if(i32.eq(local(I32, watched), constant32(WATCHED.hit)))
  fail(f, EXIT.watchpoint, address, access)
  f.end()
  f.end()
  return local(I32, watched)
}

interface InnerFunctions extends Omit<MemoryFunctions, 'access'> {
  readonly forgetWords: number
  readonly watch: number
}

function defineAccess(module: ModuleBuilder, use: InnerFunctions & { readonly crossing: number }): number {
  const index = module.declare(ACCESS_PARAMS, [I32])
  const f = new FunctionBuilder(ACCESS_PARAMS, [I32])
  const address = local(I64, 0)
  const access = local(I32, 1)
  const alignment = local(I32, 2)
  const bytes = f.keep(i32.and(access, constant32(ACCESS.bytes)))
  f.if(global32(AT.strict))
  f.if(misaligned(address, alignment))
  fail(f, EXIT.alignment, address, access)
  f.end()
  f.end()

  const walked = f.keep(call(I64, use.translate, [address, classOf(access)]))
  f.if(i64.ltS(walked, constant64(0n)))
  fail(f, EXIT.translation, address, access)
  f.end()
  const lastByte = i64.add(address, extendU(i32.sub(bytes, constant32(1))))
  f.if(i64.ne(tagOf(lastByte), tagOf(address)))
  f.return(call(I32, use.crossing, [address, access, alignment, walked]))
  f.end()

  const device = f.keep(deviceBit(walked))
  f.if(device)
  f.if(i32.or(misaligned(address, alignment), i32.and(access, constant32(ACCESS.zeroBlock)))) // Device memory does not take DC ZVA
  fail(f, EXIT.alignment, address, access)
  f.end()
  f.end()
  const watched = lookForWatchpoint(f, use.watch, address, access)
  const physical = f.keep(physicalOf(walked))
  const region = f.keep(call(I32, use.findRegion, [physical]))
  f.if(i32.eqz(region))
  f.store(8, ZERO, physical, AT.exitPhysical)
  f.store(8, ZERO, constant64(-1n), AT.exitSecondPage)
  fail(f, EXIT.outside, address, access)
  f.end()
  const linear = f.keep(linearIn(region, physical))
  const write = f.keep(i32.and(access, constant32(ACCESS.write)))
  f.if(write)
  const records = f.keep(load32(codeMapEntry(region, physical)))
  f.if(records)
  f.call(use.forgetWords, [records, wrap(physical), bytes])
  f.return(linear)
  f.end()
  f.end()
  f.if(i32.eqz(i32.or(watched, i32.or(device, global32(AT.strict)))))
  const tables = i32.select(i32.and(access, constant32(ACCESS.unprivileged)), global32(AT.unprivilegedTlb), global32(AT.tlb))
  const entry = f.keep(i32.add(tableIndex(address), i32.add(tables, i32.select(write, constant32(TABLE.bytes), ZERO))))
  f.store(8, entry, tagOf(address))
  f.store32(entry, i32.sub(linear, wrap(address)), TABLE.value)
  f.end()
  f.expression(linear)
  module.define(index, f)
  return index
}

/**
 * crossing(address, access, alignment, translation of the first page): both pages must be accessible, then nothing or everything happens. Where they are apart in
 * linear memory a load's bytes are gathered at AT.crossing, and a store's will be brought from there.
 */
function defineCrossing(module: ModuleBuilder, use: InnerFunctions): number {
  const params: readonly ValueType[] = [...ACCESS_PARAMS, I64]
  const index = module.declare(params, [I32])
  const f = new FunctionBuilder(params, [I32])
  const address = local(I64, 0)
  const access = local(I32, 1)
  const alignment = local(I32, 2)
  const walked = local(I64, 3)
  const bytes = f.keep(i32.and(access, constant32(ACCESS.bytes)))
  const secondAddress = f.keep(tagOf(i64.add(address, extendU(bytes))))
  const secondWalked = f.keep(call(I64, use.translate, [secondAddress, classOf(access)]))
  f.if(i64.ltS(secondWalked, constant64(0n)))
  fail(f, EXIT.translation, secondAddress, access)
  f.end()
  f.if(i32.and(i32.or(deviceBit(walked), deviceBit(secondWalked)), i32.ne(misaligned(address, alignment), ZERO)))
  fail(f, EXIT.alignment, address, access)
  f.end()
  lookForWatchpoint(f, use.watch, address, access)
  const physical = f.keep(physicalOf(walked))
  const secondPhysical = f.keep(physicalOf(secondWalked))
  const region = f.keep(call(I32, use.findRegion, [physical]))
  const secondRegion = f.keep(call(I32, use.findRegion, [secondPhysical]))
  f.if(i32.or(i32.eqz(region), i32.eqz(secondRegion)))
  f.store(8, ZERO, physical, AT.exitPhysical)
  f.store(8, ZERO, secondPhysical, AT.exitSecondPage)
  fail(f, EXIT.outside, address, access)
  f.end()
  const length = f.keep(wrap(i64.sub(secondAddress, address)))
  const rest = f.keep(i32.sub(bytes, length))
  const write = f.keep(i32.and(access, constant32(ACCESS.write)))
  f.if(write)
  for (const [part, at, count] of [
    [region, physical, length],
    [secondRegion, secondPhysical, rest],
  ] as const) {
    const records = f.keep(load32(codeMapEntry(part, at)))
    f.if(records)
    f.call(use.forgetWords, [records, wrap(at), count])
    f.end()
  }
  f.end()
  const linear = f.keep(linearIn(region, physical))
  const secondLinear = f.keep(linearIn(secondRegion, secondPhysical))
  f.if(i32.eq(i32.add(linear, length), secondLinear))
  f.return(linear)
  f.end()
  f.if(write)
  f.store32(ZERO, linear, AT.crossingFirst)
  f.store32(ZERO, secondLinear, AT.crossingSecond)
  f.store32(ZERO, length, AT.crossingLength)
  f.else()
  f.copyMemory(constant32(AT.crossing), linear, length)
  f.copyMemory(i32.add(constant32(AT.crossing), length), secondLinear, rest)
  f.end()
  f.expression(constant32(AT.crossing))
  module.define(index, f)
  return index
}

/** forgetWords(records of a page, address, bytes): makes every word of the page that a store touches undecoded, and drops what was compiled from it. The store does not leave the page. */
function defineForgetWords(module: ModuleBuilder): number {
  const dropRegions = defineDropRegions(module)
  const params = [I32, I32, I32] as const
  const index = module.declare(params, [])
  const f = new FunctionBuilder(params, [])
  const wordOf = (value: I32Expression): I32Expression => i32.and(i32.shrU(value, constant32(2)), constant32(PAGE_WORDS - 1))
  const recordOf = (value: I32Expression): I32Expression => i32.add(local(I32, 0), i32.mul(wordOf(value), constant32(RECORD.bytes)))
  const record = f.newLocal(I32)
  const last = f.keep(recordOf(i32.add(local(I32, 1), i32.sub(local(I32, 2), constant32(1)))))
  f.set(record, recordOf(local(I32, 1)))
  const loop = f.loop()
  f.if(isCompiled(local(I32, 0), local(I32, record)))
  f.call(dropRegions, [local(I32, 0)])
  f.end()
  f.store(8, local(I32, record), constant64(0n)) // OP_DECODE
  f.set(record, i32.add(local(I32, record), constant32(RECORD.bytes)))
  f.branchIf(i32.geU(last, local(I32, record)), loop)
  f.end()
  module.define(index, f)
  return index
}
