// Owns the region compiler's side of Emit: operands are constants, general registers and flags live in locals. Whatever an instruction cannot finish here (an access
// that misses the look-up table, a trap) leaves the region before it for the interpreter, which meets the same again: so there is no call in ordinary code, and an
// exception is taken exactly as without regions. Knows no control flow between instructions.
import { global32, tableIndex } from '../interpreter/globals.ts'
import { AT, TABLE } from '../interpreter/layout.ts'
import type { AccessSize, BlockPart, Emit, LoadedBlock, Privilege } from '../semantics/emit.ts'
import {
  constant32,
  constant64,
  constantOf,
  type Expression,
  I32,
  type I32Expression,
  I64,
  type I64Expression,
  i32,
  i64,
  load32,
  load64,
  load128,
  loadInteger,
  local,
  type V128Expression,
  type ValueType,
  wrap,
} from '../wasm/expression.ts'
import type { FunctionBuilder, Label } from '../wasm/function-builder.ts'
import type { SharedFunction } from '../wasm/shared-function.ts'
import type { RegionContext } from './compile-region.ts'
import { Operands, type Place, type RegionFunctions } from './operands.ts'
import type { RegionAnalysis } from './region-analysis.ts'

const PAGE_MASK = ~0xfffn

/** A page that accesses of a loop found last: its address (all ones: none yet), and what makes a linear address of one in it. Look-up tables do not change in a region. */
interface RememberedPage {
  readonly tag: number
  readonly addend: number
}

/** How the instruction that was emitted last goes on. */
export type End =
  | { readonly kind: 'next' | 'jump' }
  | { readonly kind: 'jumpIf'; readonly condition: I32Expression }
  | { readonly kind: 'jumpTo'; readonly address: I64Expression }

export class RegionEmitter extends Operands implements Emit {
  readonly #functions: RegionFunctions
  readonly #pages: readonly RememberedPage[]
  readonly #pageOf: ReadonlyMap<number, number>
  readonly locals: { readonly where: number; readonly undone: number; readonly tables: number }
  readonly #left: I32Expression
  #interpret: Label = 0
  #end: End = { kind: 'next' }

  /** `left`: instructions left when all of the block are done. */
  constructor(
    f: FunctionBuilder,
    context: Pick<RegionContext, 'view' | 'functions'>,
    analysis: Pick<RegionAnalysis, 'locals' | 'pages' | 'pageCount'>,
    left: I32Expression,
  ) {
    const { view, functions } = context
    const { locals, pages, pageCount } = analysis
    super(f, view, functions, locals)
    this.#left = left
    this.#functions = functions
    this.locals = { where: f.newLocal(I32), undone: f.newLocal(I32), tables: f.newLocal(I32) }
    this.#pages = Array.from({ length: pageCount }, () => ({ tag: f.newLocal(I64), addend: f.newLocal(I32) }))
    this.#pageOf = pages
  }

  /** Where the region is left for the interpreter: with locals.where and locals.undone set. */
  set interpret(label: Label) {
    this.#interpret = label
  }

  /** Emits one instruction. What it says of its end is good until the next one. */
  instruction(run: (e: Emit) => void, place: Place): End {
    this.moveTo(place)
    this.#end = { kind: 'next' }
    run(this)
    return this.#end
  }

  #leaveIf(condition: I32Expression): void {
    if (constantOf(condition) === 0n) return
    this.f.set(this.locals.where, constant32(this.place.record))
    this.f.set(this.locals.undone, constant32(this.place.undone))
    this.f.branchIf(condition, this.#interpret)
  }

  /** Linear address of an access, which leaves when the look-up table does not know its page (or it crosses into another: the tag is of its last byte). */
  #linear(address: I64Expression, bytes: number, write: boolean, privilege: Privilege = 'own'): I32Expression {
    const at = this.keep(address)
    const tables = privilege === 'unprivileged' ? global32(AT.unprivilegedTlb) : local(I32, this.locals.tables)
    const remembered = bytes <= 16 && privilege === 'own' ? this.#pageOf.get(this.place.record) : undefined
    const page = remembered === undefined ? undefined : this.#pages[remembered]!
    // Only an aligned access, which cannot cross, is found in a remembered page.
    if (page) this.f.if(i64.ne(i64.and(at, constant64(PAGE_MASK | BigInt(bytes - 1))), local(I64, page.tag)))
    const entry = this.keep(i32.add(tableIndex(at), tables))
    const table = write ? TABLE.bytes : 0
    const lastByte = bytes > 1 ? i64.add(at, constant64(BigInt(bytes - 1))) : at
    this.#leaveIf(i64.ne(load64(entry, table), i64.and(lastByte, constant64(PAGE_MASK))))
    const addend = load32(entry, table + TABLE.value)
    if (!page) return i32.add(wrap(at), addend)
    this.f.set(page.tag, i64.and(at, constant64(PAGE_MASK)))
    this.f.set(page.addend, addend)
    this.f.end()
    return i32.add(wrap(at), local(I32, page.addend))
  }

  override enter(): void {
    super.enter()
    this.f.set(this.locals.tables, global32(AT.tlb))
    for (const { tag } of this.#pages) this.f.set(tag, constant64(-1n))
  }

  load(size: AccessSize, signed: boolean, address: I64Expression, privilege?: Privilege): I64Expression {
    return loadInteger(size, signed, this.#linear(address, size, false, privilege))
  }

  loadPair(size: 4 | 8, signed: boolean, address: I64Expression): readonly [I64Expression, I64Expression] {
    const linear = this.keep(this.#linear(address, size * 2, false))
    return [loadInteger(size, signed, linear), loadInteger(size, signed, linear, size)]
  }

  load128(address: I64Expression): V128Expression {
    return load128(this.#linear(address, 16, false))
  }

  loadBlock(bytes: number, _: number, address: I64Expression): LoadedBlock {
    const linear = this.keep(this.#linear(address, bytes, false))
    return { integer: (size, offset) => loadInteger(size, false, linear, offset), vector: offset => load128(linear, offset) }
  }

  store(size: AccessSize, address: I64Expression, value: I64Expression, privilege?: Privilege): void {
    this.f.store(size, this.#linear(address, size, true, privilege), value)
  }

  storePair(size: 4 | 8, address: I64Expression, first: I64Expression, second: I64Expression): void {
    const linear = this.keep(this.#linear(address, size * 2, true))
    this.f.store(size, linear, first)
    this.f.store(size, linear, second, size)
  }

  store128(address: I64Expression, value: V128Expression): void {
    this.f.store128(this.#linear(address, 16, true), value)
  }

  storeBlock(bytes: number, _: number, address: I64Expression, parts: readonly BlockPart[]): void {
    const linear = this.keep(this.#linear(address, bytes, true))
    for (const part of parts) {
      if (part.size === 16) this.f.store128(linear, part.value, part.offset)
      else this.f.store(part.size, linear, part.value, part.offset)
    }
  }

  zero64(address: I64Expression): void {
    const linear = this.keep(this.#linear(address, 64, true))
    for (let offset = 0; offset < 64; offset += 8) this.f.store(8, linear, constant64(0n), offset)
  }

  attempted(): I32Expression {
    return i32.sub(global32(AT.entryCount), i32.add(this.#left, constant32(this.place.undone)))
  }

  requireAligned(size: number, address: I64Expression): void {
    if (size > 1) this.#leaveIf(i32.and(wrap(address), constant32(size - 1)))
  }

  checkStackAlignment(): void {
    if (!this.known.stackChecked) this.#leaveIf(i32.and(wrap(this.x('n')), global32(AT.stackMask)))
    this.known.stackChecked = true
  }

  requireFp(): void {
    if (!this.known.fpChecked) this.#leaveIf(global32(AT.fpTrapped))
    this.known.fpChecked = true
  }

  call<T extends ValueType>(what: SharedFunction<T>, args: readonly Expression[]): Expression<T> {
    return this.#functions.use(what, args)
  }

  jump(): void {
    this.#end = { kind: 'jump' }
  }

  jumpIf(condition: I32Expression): void {
    this.#end = { kind: 'jumpIf', condition }
  }

  jumpTo(address: I64Expression): void {
    this.#end = { kind: 'jumpTo', address }
  }

  trap(): void {
    this.#leaveIf(constant32(1))
  }
}
