// Owns what the interpreter does for compiled regions: noting records that are reached often, and taking regions out of records when a store hits their code.
// Compiling is jit/'s. Knows no instruction.
import { constant32, constant64, I32, type I32Expression, i32, load8U32, load16U32, load32, local } from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'
import { global32, ZERO } from './globals.ts'
import { ARRIVALS_COUNTED, AT, HOT_RECORDS, MARK, PAGE_MARKS, PAGE_WORDS, RECORD, SLOT } from './layout.ts'

export interface HotFunctions {
  /** noteHot(record): puts it on the list unless it is there or the list is full. */
  readonly noteHot: number
  /** arrive(record of the page being executed): control came here from a region or from outside; often enough, the record is hot. */
  readonly arrive: number
}

export function defineHotFunctions(module: ModuleBuilder): HotFunctions {
  const noteHot = defineNoteHot(module)
  return { noteHot, arrive: defineArrive(module, noteHot) }
}

function defineNoteHot(module: ModuleBuilder): number {
  const index = module.declare([I32], [])
  const f = new FunctionBuilder([I32], [])
  const record = local(I32, 0)
  const count = f.keep(global32(AT.hotCount))
  f.if(i32.or(i32.eqz(record), i32.geU(count, constant32(HOT_RECORDS))))
  f.return()
  f.end()
  const end = f.keep(i32.add(constant32(AT.hot), i32.shl(count, constant32(2))))
  const at = f.newLocal(I32)
  f.set(at, constant32(AT.hot))
  f.block()
  const search = f.loop()
  f.if(i32.ltU(local(I32, at), end))
  f.if(i32.eq(load32(local(I32, at)), record))
  f.return()
  f.end()
  f.set(at, i32.add(local(I32, at), constant32(4)))
  f.branch(search)
  f.end()
  f.end()
  f.end()
  f.store32(end, record)
  f.store32(ZERO, i32.add(count, constant32(1)), AT.hotCount)
  module.define(index, f)
  return index
}

function defineArrive(module: ModuleBuilder, noteHot: number): number {
  const index = module.declare([I32], [])
  const f = new FunctionBuilder([I32], [])
  const record = local(I32, 0)
  const all = f.keep(i32.add(global32(AT.arrivals), constant32(1)))
  f.store32(ZERO, all, AT.arrivals)
  f.if(i32.and(all, constant32(ARRIVALS_COUNTED - 1)))
  f.return()
  f.end()
  const page = f.keep(global32(AT.pageRecords))
  const mark = f.keep(i32.add(page, i32.shrU(i32.sub(record, page), constant32(4))))
  const value = f.keep(load8U32(mark, PAGE_MARKS))
  f.if(i32.eq(i32.and(value, constant32(MARK.arrivals)), global32(AT.hotArrivals)))
  f.store8(mark, i32.and(value, constant32(MARK.compiled)), PAGE_MARKS)
  f.call(noteHot, [record])
  f.else()
  f.store8(mark, i32.add(value, constant32(1)), PAGE_MARKS)
  f.end()
  module.define(index, f)
  return index
}

/** Whether the word of this record (of the page whose records these are) is part of a region. */
export const isCompiled = (records: I32Expression, record: I32Expression): I32Expression =>
  i32.and(load8U32(i32.add(records, i32.shrU(i32.sub(record, records), constant32(4))), PAGE_MARKS), constant32(MARK.compiled))

/** dropRegions(records of a page): its regions are entered no more. The records get their operations back; jit/ frees the rest later. */
export function defineDropRegions(module: ModuleBuilder): number {
  const index = module.declare([I32], [])
  const f = new FunctionBuilder([I32], [])
  const records = local(I32, 0)
  f.store32(ZERO, constant32(1), AT.regionsDropped)
  const slot = f.keep(global32(AT.slots))
  const at = slot.n!
  const end = f.keep(i32.add(slot, i32.mul(global32(AT.slotCount), constant32(SLOT.bytes))))
  f.block()
  const slots = f.loop()
  f.if(i32.ltU(slot, end))
  f.if(i32.eq(load32(slot, SLOT.page), records))
  f.store16(load32(slot, SLOT.record), load16U32(slot, SLOT.op), RECORD.op)
  f.store32(slot, ZERO, SLOT.page)
  f.end()
  f.set(at, i32.add(slot, constant32(SLOT.bytes)))
  f.branch(slots)
  f.end()
  f.end()
  f.end()
  const offset = f.newLocal(I32)
  const marks = f.loop()
  f.store(8, i32.add(records, local(I32, offset)), constant64(0n), PAGE_MARKS)
  f.set(offset, i32.add(local(I32, offset), constant32(8)))
  f.branchIf(i32.ltU(local(I32, offset), constant32(PAGE_WORDS)), marks)
  f.end()
  module.define(index, f)
  return index
}
