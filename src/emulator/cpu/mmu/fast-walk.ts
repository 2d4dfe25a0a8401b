// Owns translation in generated code: the ordinary outcome of a table walk. What does not end well, or asks for more, is left to the runtime, which knows
// everything (arch/translation). Parameters: walk-parameters.ts. Knows no instruction and no look-up table.
import { global32, ZERO } from '../interpreter/globals.ts'
import { AT, HALF, KIND, REGION, TABLES, WALK_CLASS, WALKED } from '../interpreter/layout.ts'
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
  wrap,
} from '../wasm/expression.ts'
import { FunctionBuilder } from '../wasm/function-builder.ts'
import type { ModuleBuilder } from '../wasm/module-builder.ts'

const NOT_SETTLED = constant64(-1n)
const ACCESS_FLAG = 1n << 10n
const PAGE_MASK = ~0xfffn

/** region(physical): the entry of the RAM region (REGION) that holds the address, or 0. */
export function defineFindRegion(module: ModuleBuilder): number {
  const index = module.declare([I64], [I32])
  const f = new FunctionBuilder([I64], [I32])
  const physical = local(I64, 0)
  const region = f.newLocal(I32)
  const end = f.keep(i32.add(constant32(AT.regions), i32.mul(global32(AT.regionCount), constant32(REGION.bytes))))
  f.set(region, constant32(AT.regions))
  const search = f.loop()
  f.if(i32.ltU(local(I32, region), end))
  f.if(i64.ltU(i64.sub(physical, load64(local(I32, region), REGION.start)), load64(local(I32, region), REGION.size)))
  f.return(local(I32, region))
  f.end()
  f.set(region, i32.add(local(I32, region), constant32(REGION.bytes)))
  f.branch(search)
  f.end()
  f.end()
  f.expression(ZERO)
  module.define(index, f)
  return index
}

/** Linear address of a physical one that this region holds. */
export const linearIn = (region: I32Expression, physical: I64Expression): I32Expression =>
  i32.add(load32(region, REGION.linear), wrap(i64.sub(physical, load64(region, REGION.start))))

/** translate(address, class): physical address and WALKED bits, or negative. */
export function defineTranslate(module: ModuleBuilder, findRegion: number): number {
  const index = module.declare([I64, I32], [I64])
  const f = new FunctionBuilder([I64, I32], [I64])
  const address = local(I64, 0)
  const accessClass = local(I32, 1)
  const half = f.keep(wrap(i64.and(i64.shrU(address, constant64(55n)), constant64(1n))))
  const parameters = f.keep(i32.add(constant32(AT.halves), i32.mul(half, constant32(HALF.bytes))))
  const get32 = (field: number): I32Expression => load32(parameters, field)
  const get64 = (field: number): I64Expression => load64(parameters, field)
  const giveUp = (): void => f.return(NOT_SETTLED)
  const giveUpIf = (condition: I32Expression): void => {
    f.if(condition)
    giveUp()
    f.end()
  }
  const isFetch = f.keep(i32.eq(accessClass, constant32(WALK_CLASS.fetch)))
  const unprivileged = i32.and(accessClass, constant32(2))
  const kind = f.keep(i32.select(unprivileged, get32(HALF.unprivilegedKind), get32(HALF.kind)))
  giveUpIf(i32.eq(kind, constant32(KIND.slow)))
  const tagged = f.keep(i32.select(isFetch, get32(HALF.tbiFetch), get32(HALF.tbi)))
  f.if(i32.eq(kind, constant32(KIND.off)))
  const plain = f.keep(i64.select(tagged, i64.and(address, constant64((1n << 56n) - 1n)), address))
  giveUpIf(i64.ne(i64.and(plain, get64(HALF.forbidden)), constant64(0n)))
  f.return(plain)
  f.end()

  const untagged = i64.shrS(i64.shl(address, constant64(8n)), constant64(8n))
  const canonical = i64.select(tagged, untagged, address)
  giveUpIf(i64.ne(i64.shrS(canonical, get64(HALF.inputBits)), i64.sub(constant64(0n), extendU(half))))

  const table = f.newLocal(I64)
  const indexMask = f.newLocal(I64)
  const shift = f.newLocal(I64)
  const inherited = f.newLocal(I64)
  f.set(table, get64(HALF.base))
  f.set(indexMask, get64(HALF.firstMask))
  f.set(shift, get64(HALF.startShift))
  const [tableNow, shiftNow] = [local(I64, table), local(I64, shift)]
  const next = f.loop()
  const entry = f.keep(i64.add(tableNow, i64.shl(i64.and(i64.shrU(address, shiftNow), local(I64, indexMask)), constant64(3n))))
  const region = f.keep(call(I32, findRegion, [entry]))
  giveUpIf(i32.eqz(region))
  const descriptor = f.keep(load64(linearIn(region, entry)))
  const descriptorBit = (at: number): I32Expression => wrap(i64.and(i64.shrU(descriptor, constant64(BigInt(at))), constant64(1n)))
  giveUpIf(i32.eqz(descriptorBit(0)))
  const high = i64.shl(i64.and(descriptor, get64(HALF.highMask)), get64(HALF.highShift))
  const output = f.keep(i64.or(i64.and(descriptor, get64(HALF.addressMask)), high))
  giveUpIf(i64.ne(i64.and(output, get64(HALF.forbidden)), constant64(0n)))
  const lastLevel = f.keep(i64.eq(shiftNow, get64(HALF.granuleBits)))
  const tableOrPage = f.keep(descriptorBit(1))
  f.if(i32.and(tableOrPage, i32.eqz(lastLevel)))
  f.set(inherited, i64.or(local(I64, inherited), i64.and(descriptor, get64(HALF.tableAttributes))))
  f.set(table, output)
  f.set(shift, i64.sub(shiftNow, get64(HALF.stride)))
  f.set(indexMask, get64(HALF.strideMask))
  f.branch(next)
  f.end()
  f.if(lastLevel)
  giveUpIf(i32.eqz(tableOrPage))
  f.else()
  giveUpIf(i64.eqz(i64.and(i64.shrU(get64(HALF.blockShifts), shiftNow), constant64(1n))))
  f.end()
  f.end() // loop

  giveUpIf(i64.eqz(i64.and(descriptor, constant64(ACCESS_FLAG))))
  const tableBit = (at: number): I32Expression => wrap(i64.and(i64.shrU(local(I64, inherited), constant64(BigInt(at))), constant64(1n)))
  const dirtyManaged = f.keep(i32.and(descriptorBit(51), global32(AT.hardwareDirty)))
  const readOnly = f.keep(descriptorBit(7))
  const isWrite = i32.and(accessClass, constant32(1))
  giveUpIf(i32.and(isWrite, i32.and(readOnly, dirtyManaged))) // the descriptor has to be written
  const user = i32.and(descriptorBit(6), i32.eqz(tableBit(61)))
  const noWrites = i32.or(i32.and(readOnly, i32.eqz(dirtyManaged)), tableBit(62))
  const userNeverExecute = i32.or(descriptorBit(54), tableBit(60))
  const privilegedNeverExecute = i32.or(descriptorBit(53), tableBit(59))
  const two = (value: I32Expression, at: number): I32Expression => i32.shl(value, constant32(at))
  const combination = i32.or(i32.or(user, two(noWrites, 1)), i32.or(two(userNeverExecute, 2), two(privilegedNeverExecute, 3)))
  const allowed = load32(i32.shl(accessClass, constant32(2)), AT.permissions)
  giveUpIf(i32.eqz(i32.and(i32.shrU(allowed, combination), constant32(1))))

  const attribute = wrap(i64.and(i64.shrU(descriptor, constant64(2n)), constant64(7n)))
  const normal = i32.and(i32.shrU(global32(AT.normalMemory), attribute), constant32(1))
  f.if(i32.eqz(lastLevel))
  noteBlock(f, address, shiftNow)
  f.end()
  const within = f.keep(i64.sub(i64.shl(constant64(1n), shiftNow), constant64(1n)))
  const physical = i64.or(i64.and(output, i64.xor(within, constant64(-1n))), i64.and(address, within))
  f.expression(i64.or(physical, i64.select(normal, constant64(0n), constant64(WALKED.device))))
  module.define(index, f)
  return index
}

/** What may be remembered now is a piece of a block of this size (log2): forgetting one of its addresses must find the others (look-up-tables.ts). */
function noteBlock(f: FunctionBuilder, address: I64Expression, shift: I64Expression): void {
  const bank = global32(AT.bank)
  const place = (bits: bigint): I32Expression => i32.add(bank, i32.and(wrap(i64.shrU(address, constant64(bits))), constant32(TABLES.blockMask)))
  const one = constant64(1n)
  f.if(i64.geU(constant64(21n), shift))
  f.store(1, place(21n), one, TABLES.blocks2M)
  f.else()
  f.if(i64.geU(constant64(30n), shift))
  f.store(1, place(30n), one, TABLES.blocks1G)
  f.else()
  f.store(1, bank, one, TABLES.hugeBlocks)
  f.end()
  f.end()
}

/** The look-up tables' tag of an address. */
export const tagOf = (address: I64Expression): I64Expression => i64.and(address, constant64(PAGE_MASK))
/** The physical address of what translate() gave. */
export const physicalOf = (walked: I64Expression): I64Expression => i64.and(walked, constant64(WALKED.address))
