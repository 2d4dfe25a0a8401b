// Owns the look at watchpoints in generated code, for accesses that miss the look-up tables: addresses that share a page with a watchpoint are never
// remembered there, so every access to them comes by. The ranges are written by self-hosted-debug.ts. Knows no instruction.
import { global32 } from '../interpreter/globals.ts'
import { AT, WATCH } from '../interpreter/layout.ts'
import { constant32, constant64, extendU, I32, I64, type I64Expression, i32, i64, load32, load64, local } from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'

/** What watch() says. */
export const WATCHED = { no: 0, near: 1, hit: 2 } as const

/** watch(address, bytes, which): WATCHED; `which` is the bit of the access's class in WATCH.flags. Called where AT.watchCount is not 0. */
export function defineWatch(module: ModuleBuilder): number {
  const params = [I64, I32, I32] as const
  const index = module.declare(params, [I32])
  const f = new FunctionBuilder(params, [I32])
  const address = f.keep(i64.and(local(I64, 0), constant64((1n << 56n) - 1n)))
  const last = f.keep(i64.add(address, extendU(i32.sub(local(I32, 1), constant32(1)))))
  const page = f.keep(i64.and(address, constant64(~0xfffn)))
  const pageEnd = f.keep(i64.or(last, constant64(0xfffn)))
  const found = f.newLocal(I32)
  const range = f.newLocal(I32)
  const at = local(I32, range)
  const end = f.keep(i32.add(constant32(AT.watchRanges), i32.mul(global32(AT.watchCount), constant32(WATCH.bytes))))
  const meets = (first: I64Expression, final: I64Expression) => i32.and(i64.geU(load64(at, WATCH.last), first), i64.geU(final, load64(at, WATCH.start)))
  f.set(range, constant32(AT.watchRanges))
  const next = f.loop()
  f.if(meets(page, pageEnd))
  f.set(found, constant32(WATCHED.near))
  f.if(i32.and(load32(at, WATCH.flags), local(I32, 2)))
  f.if(meets(address, last))
  f.return(constant32(WATCHED.hit))
  f.end()
  f.end()
  f.end()
  f.set(range, i32.add(at, constant32(WATCH.bytes)))
  f.branchIf(i32.ltU(at, end), next)
  f.end()
  f.expression(local(I32, found))
  module.define(index, f)
  return index
}
