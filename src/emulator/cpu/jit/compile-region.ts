// Owns a region as one WebAssembly function: structured control flow from dominators ("beyond relooper", N. Ramsey 2022), the instruction count, loading registers
// at entry and storing them where the region is left. Knows no instruction: those are RegionEmitter's.
import { REGION_PARAMS } from '../interpreter/generate.ts'
import { global32, tableIndex, ZERO } from '../interpreter/globals.ts'
import { AT, INTERPRET, PAGE_WORDS, RECORD, SLOT, TABLE } from '../interpreter/layout.ts'
import { constant32, constant64, I32, type I32Expression, I64, i32, i64, load16U32, load32, load64, local, wrap } from '../wasm/expression.ts'
import { FunctionBuilder, type Label } from '../wasm/function-builder.ts'
import { isDispatched } from './control-flow.ts'
import { type Known, NOTHING_KNOWN, type RegionFunctions } from './operands.ts'
import type { Region } from './region.ts'
import { analyseRegion, type RegionAnalysis } from './region-analysis.ts'
import { type End, RegionEmitter } from './region-emitter.ts'

/** What compiled regions of one engine share. */
export interface RegionContext {
  readonly view: DataView
  readonly functions: RegionFunctions
  /** Index of the type of regions in the module. */
  readonly type: number
  /** Operation code of slot 0, its place in the function table, and the address of its SLOT. */
  readonly firstRegion: number
  readonly firstPlace: number
  readonly slots: number
}

const PAGE_BITS = constant64(~0xffcn)
const WORD_BITS = constant32(0xffc)
const SLOT_PARAM = 0
const LEFT = 1

/** Compiles a region whose entries have the slots from `firstSlot` on. */
export function compileRegion(region: Region, firstSlot: number, context: RegionContext): FunctionBuilder {
  return new RegionCompiler(region, firstSlot, context).compile()
}

class RegionCompiler {
  readonly #region: Region
  readonly #firstSlot: number
  readonly #context: RegionContext
  readonly #f = new FunctionBuilder(REGION_PARAMS, [I32])
  readonly #emitter: RegionEmitter
  readonly #analysis: RegionAnalysis
  readonly #left = local(I32, LEFT)
  /** Which entry the dispatcher goes to; the address of a computed branch. */
  readonly #entry = this.#f.newLocal(I32)
  readonly #target = this.#f.newLocal(I64)
  readonly #labels = new Map<number, Label>()
  readonly #loops = new Map<number, Label>()
  readonly #open = new Set<number>()
  #dispatcher: Label | undefined
  #leave: Label = 0
  #leaveTo: Label = 0
  #interpret: Label = 0

  constructor(region: Region, firstSlot: number, context: RegionContext) {
    this.#region = region
    this.#firstSlot = firstSlot
    this.#context = context
    this.#analysis = analyseRegion(region, context.view)
    this.#emitter = new RegionEmitter(this.#f, context, this.#analysis, this.#left)
  }

  #recordOf(word: number): number {
    return this.#region.records + word * RECORD.bytes
  }

  compile(): FunctionBuilder {
    const f = this.#f
    const { entries } = this.#analysis.flow
    const firstWord = this.#region.blocks[entries[0]! - 1]!.word
    const atEntry = this.#region.entries.map(i => this.#analysis.needs[i + 1]!)
    // Cheap, before anything is loaded: too little is left.
    f.if(i32.ltS(this.#left, constant32(Math.max(...atEntry))))
    f.store32(ZERO, this.#left, AT.left)
    const record =
      atEntry.length === 1
        ? constant32(this.#recordOf(firstWord))
        : load32(i32.mul(local(I32, SLOT_PARAM), constant32(SLOT.bytes)), this.#context.slots + SLOT.record)
    f.return(i32.or(record, constant32(INTERPRET)))
    f.end()
    this.#load()
    this.#interpret = f.block()
    this.#emitter.interpret = this.#interpret
    this.#leave = f.block()
    this.#leaveTo = f.block()
    if (entries.length === 1) this.#tree(entries[0]!, NOTHING_KNOWN)
    else this.#dispatch()
    f.unreachable()
    f.end() // leaveTo
    this.#goTo()
    f.end() // leave
    this.#chain()
    f.end() // interpret
    this.#emitter.leave(this.#analysis.allChanges)
    f.store32(ZERO, i32.add(this.#left, local(I32, this.#emitter.locals.undone)), AT.left)
    f.expression(i32.or(local(I32, this.#emitter.locals.where), constant32(INTERPRET)))
    return f
  }

  #load(): void {
    this.#emitter.enter()
    if (this.#analysis.flow.entries.length > 1) this.#f.set(this.#entry, i32.sub(local(I32, SLOT_PARAM), constant32(this.#firstSlot)))
  }

  /** Goes to the entry whose number is in the local; comes back here for computed branches, and for those that structured code cannot express. */
  #dispatch(): void {
    const f = this.#f
    const { entries, children } = this.#analysis.flow
    this.#dispatcher = f.loop()
    const nodes = this.#inOrder(children[0]!)
    for (const node of [...nodes].reverse()) this.#labels.set(node, f.block())
    const labels = entries.map(node => this.#labels.get(node)!)
    f.branchTable(local(I32, this.#entry), labels.slice(0, -1), labels.at(-1)!)
    for (const node of nodes) {
      f.end()
      this.#tree(node, NOTHING_KNOWN)
    }
    f.end()
  }

  #inOrder(nodes: readonly number[]): readonly number[] {
    return [...nodes].sort((a, b) => this.#analysis.flow.order[a]! - this.#analysis.flow.order[b]!)
  }

  /** A node and all that it dominates. `known`: what its only predecessor leaves behind. */
  #tree(node: number, known: Readonly<Known>): void {
    const f = this.#f
    const { children, loopHead, merge, entries } = this.#analysis.flow
    const loop = loopHead[node] === 1
    if (loop) {
      this.#loops.set(node, f.loop())
      this.#open.add(node)
    }
    if (loop || (entries.length > 1 && entries.includes(node))) this.#lookAtCount(node)
    const merged = this.#inOrder(children[node]!.filter(child => merge[child]))
    for (const child of [...merged].reverse()) this.#labels.set(child, f.block())
    this.#block(node, loop || merge[node] ? NOTHING_KNOWN : known)
    for (const child of merged) {
      f.end()
      this.#tree(child, NOTHING_KNOWN)
    }
    if (loop) {
      f.end()
      this.#open.delete(node)
    }
  }

  #lookAtCount(node: number): void {
    const { where, undone } = this.#emitter.locals
    this.#f.set(where, constant32(this.#recordOf(this.#region.blocks[node - 1]!.word)))
    this.#f.set(undone, ZERO)
    this.#f.branchIf(i32.ltS(this.#left, constant32(this.#analysis.needs[node]!)), this.#interpret)
  }

  #block(node: number, known: Readonly<Known>): void {
    const f = this.#f
    const emitter = this.#emitter
    const { word, instructions } = this.#region.blocks[node - 1]!
    const count = instructions.length
    f.set(LEFT, i32.sub(this.#left, constant32(count)))
    emitter.known = { ...known }
    let end: End = { kind: 'next' }
    instructions.forEach(({ op }, i) => {
      end = emitter.instruction(op.run, { record: this.#recordOf(word + i), offset: (word + i) * 4, undone: count - i })
    })
    this.#end(node, end, word + count)
  }

  #end(node: number, end: End, next: number): void {
    const f = this.#f
    const { instructions, targets } = this.#region.blocks[node - 1]!
    const last = instructions.at(-1)!
    const nearTarget = last.op.near ? targets[0] : undefined
    const known = this.#emitter.known
    switch (end.kind) {
      case 'next':
        this.#branch(node, next, known)
        break
      case 'jump':
        this.#taken(node, nearTarget, next, known)
        break
      case 'jumpIf':
        f.if(end.condition)
        this.#taken(node, nearTarget, next, known)
        f.else()
        this.#branch(node, next, known)
        f.end()
        break
      case 'jumpTo':
        f.set(this.#target, end.address)
        this.#computed(node)
        break
    }
  }

  /** A direct branch of the instruction before the word `next`. */
  #taken(node: number, near: number | undefined, next: number, known: Readonly<Known>): void {
    if (near !== undefined) {
      this.#branch(node, near, known)
      return
    }
    const distance = this.#context.view.getBigInt64(this.#recordOf(next - 1) + RECORD.imm, true)
    this.#far(node, BigInt((next - 1) * 4) + distance)
  }

  /** To a place at a distance from the page's start. */
  #far(node: number, distance: bigint): void {
    this.#f.set(this.#target, i64.add(local(I64, this.#emitter.page), constant64(distance)))
    this.#emitter.leave(this.#analysis.changes[node]!)
    this.#f.branch(this.#leaveTo)
  }

  #branch(from: number, word: number, known: Readonly<Known>): void {
    const f = this.#f
    const to = this.#analysis.nodes.get(word)
    if (to === undefined) {
      if (word === PAGE_WORDS) {
        this.#far(from, 4096n)
        return
      }
      this.#emitter.leave(this.#analysis.changes[from]!)
      f.set(this.#emitter.locals.where, constant32(this.#recordOf(word)))
      f.branch(this.#leave)
      return
    }
    const { order, merge } = this.#analysis.flow
    if (isDispatched(this.#analysis.flow, this.#open, from, to)) {
      f.set(this.#entry, constant32(this.#analysis.flow.entries.indexOf(to)))
      f.branch(this.#dispatcher!)
    } else if (order[to]! <= order[from]!) f.branch(this.#loops.get(to)!)
    else if (merge[to] || this.#analysis.flow.entries.includes(to)) f.branch(this.#labels.get(to)!)
    else this.#tree(to, known)
  }

  /** To the address in #target: mostly a return, often to an entry of this region. */
  #computed(node: number): void {
    const f = this.#f
    const target = local(I64, this.#target)
    const page = local(I64, this.#emitter.page)
    for (const word of this.#region.blocks[node - 1]!.returns) {
      f.if(i64.eq(target, i64.add(page, constant64(BigInt(word * 4)))))
      this.#branch(node, word, NOTHING_KNOWN)
      f.end()
    }
    if (this.#dispatcher !== undefined) {
      const { firstRegion } = this.#context
      f.if(i64.eq(i64.and(target, PAGE_BITS), page))
      const record = i32.shl(i32.and(wrap(target), WORD_BITS), constant32(2))
      f.set(this.#entry, i32.sub(load16U32(record, this.#region.records + RECORD.op), constant32(firstRegion + this.#firstSlot)))
      f.branchIf(i32.ltU(local(I32, this.#entry), constant32(this.#region.entries.length)), this.#dispatcher)
      f.end()
    }
    this.#emitter.leave(this.#analysis.changes[node]!)
    f.branch(this.#leaveTo)
  }

  /** Finds the record of the address in #target, or returns 0: as the interpreter's goTo does when it knows the page. */
  #goTo(): void {
    const f = this.#f
    const target = local(I64, this.#target)
    const { page } = this.#emitter
    f.set(page, i64.and(target, PAGE_BITS))
    f.set(this.#entry, i32.add(tableIndex(target), global32(AT.codeHash)))
    f.if(i64.ne(load64(local(I32, this.#entry)), local(I64, page)))
    f.store(8, ZERO, target, AT.pc)
    f.store32(ZERO, this.#left, AT.left)
    f.return(ZERO)
    f.end()
    f.set(this.#entry, load32(local(I32, this.#entry), TABLE.value))
    f.store(8, ZERO, local(I64, page), AT.pageAddress)
    f.store32(ZERO, local(I32, this.#entry), AT.pageRecords)
    f.set(this.#emitter.locals.where, i32.add(local(I32, this.#entry), i32.shl(i32.and(wrap(target), WORD_BITS), constant32(2))))
  }

  /** Goes on at the record in `where`: in its region, or in the interpreter. */
  #chain(): void {
    const f = this.#f
    const where = local(I32, this.#emitter.locals.where)
    const { firstRegion, firstPlace, type } = this.#context
    f.set(this.#entry, i32.sub(load16U32(where, RECORD.op), constant32(firstRegion)))
    const slot: I32Expression = local(I32, this.#entry)
    f.if(i32.geS(slot, ZERO))
    f.returnCallIndirect(type, [slot, this.#left, i32.add(slot, constant32(firstPlace))])
    f.end()
    f.store32(ZERO, this.#left, AT.left)
    f.return(where)
  }
}
