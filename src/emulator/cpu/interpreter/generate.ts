// Owns the interpreter as a WebAssembly module: one function with a branch table over the hot operations, the cold ones behind call_indirect,
// and run(), which takes a vCPU's registers out of its block and puts them back. The module imports nothing but the memory. Knows no instruction.
import { VCPU_STATE } from '../../state-layout.ts'
import { PSTATE } from '../pstate.ts'
import { FLAGS } from '../semantics/emit.ts'
import type { Op } from '../semantics/op.ts'
import { REGISTER } from '../semantics/op.ts'
import { call, callIndirect, constant32, constant64, extendU, I32, type I32Expression, i32, i64, load16U32, load32, load64, local } from '../wasm/expression.ts'
import { FunctionBuilder, type Label } from '../wasm/function-builder.ts'
import { ModuleBuilder } from '../wasm/module-builder.ts'
import { global32, global64 } from './globals.ts'
import { HandlerEmitter, type HandlerEnd } from './handler-emitter.ts'
import { AT, EXIT, FIRST_OP, INTERPRET, OP_DECODE, OP_NEXT_PAGE, RECORD, SLOT } from './layout.ts'
import { addressOf, defineRuntimeFunctions, type RuntimeFunctions } from './runtime-functions.ts'

const ZERO = constant32(0)
export const MAXIMUM_MEMORY_PAGES = 65536

/**
 * `ops`: hot ones first, as allOperations() gives them. Operation i has the code FIRST_OP + i in records. Codes from `firstRegion` on are slots of compiled regions
 * (jit/), whose functions stand in the table where their codes would have cold handlers.
 */
export function generateInterpreter(ops: readonly Op[], firstRegion: number): Uint8Array {
  const module = new ModuleBuilder()
  module.importMemory('engine', 'memory', MAXIMUM_MEMORY_PAGES)
  const runtime = defineRuntimeFunctions(module)
  const hot = ops.filter(op => op.hot)
  const cold = ops.filter(op => !op.hot)
  module.importTable('engine', 'table', cold.length)
  module.elements(
    0,
    cold.map(op => defineColdHandler(module, runtime, op)),
  )
  const main = defineMain(module, runtime, hot, firstRegion)
  defineRun(module, runtime, main)
  return module.bytes()
}

/** A module that puts the handlers of these operations into the function table, from `first` on. */
export function generateGroup(ops: readonly Op[], first: number): Uint8Array {
  const module = new ModuleBuilder()
  module.importMemory('engine', 'memory', MAXIMUM_MEMORY_PAGES)
  const runtime = defineRuntimeFunctions(module)
  module.importTable('engine', 'table', first + ops.length)
  module.elements(
    first,
    ops.map(op => defineColdHandler(module, runtime, op)),
  )
  return module.bytes()
}

/** handler(record): the next record, or 0 to stop. */
function defineColdHandler(module: ModuleBuilder, runtime: RuntimeFunctions, op: Op): number {
  const index = module.declare([I32], [I32])
  const f = new FunctionBuilder([I32], [I32])
  const record = local(I32, 0)
  const end: HandlerEnd = {
    next: next => f.return(next),
    nextOrStop: next => f.return(next),
    leave: () => {
      f.store(8, ZERO, addressOf(record), AT.pc)
      f.return(ZERO)
    },
  }
  const handler = new HandlerEmitter(f, runtime, record, op.near, end, global32(AT.tlb))
  op.run(handler)
  handler.finish()
  f.unreachable()
  module.define(index, f)
  return index
}

/**
 * A compiled region: region(slot, instructions left), at least 1. It returns the record to go on with (INTERPRET added: not with a region), or 0: the address is
 * in AT.pc. AT.left says what is left. Whatever the interpreter must do (accesses that miss, traps, the last instructions of a budget) it leaves undone.
 */
export const REGION_PARAMS = [I32, I32] as const

/** main(record, count): executes at most `count` instructions and returns how many are left; PC is stored. */
function defineMain(module: ModuleBuilder, runtime: RuntimeFunctions, hot: readonly Op[], firstRegion: number): number {
  const index = module.declare([I32, I32], [I32])
  const handlerType = module.typeIndex([I32], [I32])
  const f = new FunctionBuilder([I32, I32], [I32])
  const RECORD_LOCAL = 0
  const LEFT = 1
  const record = local(I32, RECORD_LOCAL)
  const left = local(I32, LEFT)
  /** The operation to execute: the record's, but where a region begins that must not be entered now. */
  const OPERATION = f.newLocal(I32)
  const operation = local(I32, OPERATION)
  // Generated code always leaves before they change.
  const tables = f.keep(global32(AT.tlb))
  const attempted = i32.sub(i32.sub(global32(AT.entryCount), left), constant32(1)) // the instruction itself has been counted

  const follow = (value: I32Expression): void => {
    f.set(RECORD_LOCAL, value)
    f.set(OPERATION, load16U32(record, RECORD.op))
  }
  follow(record)
  const leave = f.block()
  const next = f.loop()
  const continueWith = (value: I32Expression): void => {
    follow(value)
    f.branch(next)
  }
  const stopWhenZero = (value: I32Expression): void => {
    follow(value)
    f.branchIf(record, next)
    f.return(left) // PC was stored by whoever gave 0
  }
  const end: HandlerEnd = { next: continueWith, nextOrStop: stopWhenZero, leave: () => f.branch(leave) }
  const uncount = (): void => f.set(LEFT, i32.add(left, constant32(1)))

  const coldLabel = f.block()
  // Innermost block first: the block of operation code i ends where its handler begins.
  const labels: Label[] = new Array(FIRST_OP + hot.length)
  for (let i = labels.length - 1; i >= 0; i--) labels[i] = f.block()
  f.branchIf(i32.eqz(left), leave)
  f.set(LEFT, i32.sub(left, constant32(1)))
  f.branchTable(operation, labels, coldLabel)
  labels.forEach((_, code) => {
    f.end()
    if (code === OP_DECODE) {
      uncount()
      f.store32(ZERO, constant32(EXIT.decode), AT.exit)
      f.branch(leave)
    } else if (code === OP_NEXT_PAGE) {
      uncount()
      stopWhenZero(runtime.goTo(i64.add(global64(AT.pageAddress), constant64(4096n))))
    } else {
      const op = hot[code - FIRST_OP]!
      const handler = new HandlerEmitter(f, runtime, record, op.near, end, tables, attempted)
      op.run(handler)
      handler.finish()
    }
  })
  f.end() // coldLabel
  const place = i32.sub(operation, constant32(labels.length))
  f.if(i32.ltU(operation, constant32(firstRegion)))
  stopWhenZero(callIndirect(I32, handlerType, [record, place]))
  f.end()
  uncount()
  const slot = (): I32Expression => i32.sub(operation, constant32(firstRegion))
  f.set(RECORD_LOCAL, callIndirect(I32, module.typeIndex(REGION_PARAMS, [I32]), [slot(), left, place]))
  f.set(LEFT, global32(AT.left))
  f.if(i32.and(record, constant32(INTERPRET)))
  follow(i32.sub(record, constant32(INTERPRET)))
  f.if(i32.geU(operation, constant32(firstRegion)))
  f.set(OPERATION, load16U32(i32.add(global32(AT.slots), i32.mul(slot(), constant32(SLOT.bytes))), SLOT.op))
  f.end()
  f.branch(next)
  f.end()
  f.if(i32.eqz(record))
  f.set(RECORD_LOCAL, runtime.goTo(global64(AT.pc)))
  f.if(i32.eqz(record))
  f.return(left)
  f.end()
  f.end()
  runtime.arrive(f, record)
  continueWith(record)
  f.end() // next
  f.end() // leave
  f.store(8, ZERO, addressOf(record), AT.pc)
  f.expression(left)
  module.define(index, f)
  return index
}

/** run(block, count): the vCPU of this block executes at most `count` instructions; returns how many are left. AT.exit says why. */
function defineRun(module: ModuleBuilder, runtime: RuntimeFunctions, main: number): void {
  const index = module.declare([I32, I32], [I32], 'run')
  const f = new FunctionBuilder([I32, I32], [I32])
  const block = local(I32, 0)
  const LEFT = 1
  const xBytes = constant32(31 * 8)
  const registers = constant32(AT.registers)
  const pstate = () => load32(block, VCPU_STATE.pstate)
  // Which of the two stack pointers is in use cannot change while generated code runs.
  const stackPointer = f.keep(
    i32.add(block, i32.select(i32.and(pstate(), constant32(PSTATE.spSel)), constant32(VCPU_STATE.spEl1), constant32(VCPU_STATE.spEl0))),
  )
  const vectors = constant32(AT.vectors)
  const vectorBytes = constant32(32 * 16 + 8) // with FPSR and FPCR, which follow in the block too
  f.copyMemory(registers, i32.add(block, constant32(VCPU_STATE.x)), xBytes)
  f.copyMemory(vectors, i32.add(block, constant32(VCPU_STATE.v)), vectorBytes)
  f.store(8, ZERO, load64(stackPointer), AT.registers + 8 * REGISTER.sp)
  f.store(8, ZERO, constant64(0n), AT.registers + 8 * REGISTER.zero)
  f.store32(ZERO, constant32(FLAGS.raw), AT.flagKind)
  f.store(8, ZERO, extendU(i32.shrU(pstate(), constant32(28))), AT.flagA)
  f.store32(ZERO, block, AT.block)
  f.store32(ZERO, local(I32, LEFT), AT.entryCount)
  f.store32(ZERO, constant32(EXIT.budget), AT.exit)
  const first = f.keep(runtime.goTo(load64(block, VCPU_STATE.pc)))
  f.if(first)
  runtime.arrive(f, first)
  f.set(LEFT, call(I32, main, [first, local(I32, LEFT)]))
  f.end()
  f.copyMemory(i32.add(block, constant32(VCPU_STATE.x)), registers, xBytes)
  f.copyMemory(i32.add(block, constant32(VCPU_STATE.v)), vectors, vectorBytes)
  f.store(8, stackPointer, global64(AT.registers + 8 * REGISTER.sp))
  const other = i32.and(pstate(), constant32(~PSTATE.nzcv))
  f.store32(block, i32.or(other, i32.shl(runtime.nzcv(), constant32(28))), VCPU_STATE.pstate)
  f.store(8, block, global64(AT.pc), VCPU_STATE.pc)
  f.expression(local(I32, LEFT))
  module.define(index, f)
}
