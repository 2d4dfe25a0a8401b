// Owns finding the records of an address: by the vCPU's table of code pages, and by translation when the table does not know it. Knows no instruction.
import { physicalOf, tagOf } from '../mmu/fast-walk.ts'
import { call, constant32, constant64, I32, type I32Expression, I64, type I64Expression, i32, i64, load32, load64, local, wrap } from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'
import { global32, tableIndex, ZERO } from './globals.ts'
import { AT, EXIT, HALF, TABLE, WALK_CLASS } from './layout.ts'
import { codeMapEntry, type MemoryFunctions } from './memory-access.ts'

/** goTo(address): the record of a guest address, or 0: exit `fetch`, and PC is set. */
export function defineGoTo(module: ModuleBuilder, memory: MemoryFunctions): number {
  const index = module.declare([I64], [I32])
  const find = defineFindCode(module, memory)
  const f = new FunctionBuilder([I64], [I32])
  const address = local(I64, 0)
  const records = f.newLocal(I32)
  // Bits 1:0 stay in the key, so a misaligned PC never hits; neither does one with a tag.
  const page = f.keep(i64.and(address, constant64(~0xffcn)))
  const entry = f.keep(i32.add(tableIndex(address), global32(AT.codeHash)))
  f.if(i64.ne(load64(entry), page))
  f.set(records, call(I32, find, [address]))
  f.if(i32.eqz(local(I32, records)))
  f.return(ZERO)
  f.end()
  f.else()
  f.set(records, load32(entry, TABLE.value))
  f.store(8, ZERO, page, AT.pageAddress)
  f.store32(ZERO, local(I32, records), AT.pageRecords)
  f.end()
  f.expression(i32.add(local(I32, records), i32.shl(i32.and(wrap(address), constant32(0xffc)), constant32(2))))
  module.define(index, f)
  return index
}

/** An address as PC takes it: without its tag where the top byte is ignored. */
function untaggedTarget(f: FunctionBuilder, address: I64Expression): I64Expression {
  const half = i32.and(wrap(i64.shrU(address, constant64(55n))), constant32(1))
  const tagged: I32Expression = load32(i32.mul(half, constant32(HALF.bytes)), AT.halves + HALF.tbiFetch)
  return f.keep(i64.select(tagged, i64.shrS(i64.shl(address, constant64(8n)), constant64(8n)), address))
}

/** findCode(address): the records of its page, which becomes the page being executed and is remembered; or 0 for the runtime. */
function defineFindCode(module: ModuleBuilder, { findRegion, translate }: MemoryFunctions): number {
  const index = module.declare([I64], [I32])
  const f = new FunctionBuilder([I64], [I32])
  const target = untaggedTarget(f, local(I64, 0))
  const leave = (): void => {
    f.store(8, ZERO, target, AT.pc)
    f.store32(ZERO, constant32(EXIT.fetch), AT.exit)
    f.return(ZERO)
  }
  const leaveIf = (condition: I32Expression): void => {
    f.if(condition)
    leave()
    f.end()
  }
  leaveIf(i32.and(wrap(target), constant32(3)))
  const walked = f.keep(call(I64, translate, [target, constant32(WALK_CLASS.fetch)]))
  leaveIf(i64.ltS(walked, constant64(0n)))
  const physical = f.keep(physicalOf(walked))
  const region = f.keep(call(I32, findRegion, [physical]))
  leaveIf(i32.eqz(region))
  const records = f.keep(load32(codeMapEntry(region, physical)))
  leaveIf(i32.eqz(records))
  const page = f.keep(tagOf(target))
  const entry = f.keep(i32.add(tableIndex(target), global32(AT.codeHash)))
  f.store(8, entry, page)
  f.store32(entry, records, TABLE.value)
  f.store(8, ZERO, page, AT.pageAddress)
  f.store32(ZERO, records, AT.pageRecords)
  f.expression(records)
  module.define(index, f)
  return index
}
