// Owns the interpreter's side of Emit: operands are loaded from the decoded record. One instance emits one handler, into the big function or its own.
import { type AccessSize, type BlockPart, type Emit, FLAGS, type LoadedBlock, type Privilege } from '../semantics/emit.ts'
import {
  constant32,
  constant64,
  type Expression,
  I32,
  type I32Expression,
  type I64Expression,
  i32,
  i64,
  load16U32,
  load32,
  load64,
  load128,
  loadInteger,
  local,
  OP,
  type V128Expression,
  type ValueType,
  wrap,
} from '../wasm/expression.ts'
import type { FunctionBuilder } from '../wasm/function-builder.ts'
import type { SharedFunction } from '../wasm/shared-function.ts'
import { global32, global64, tableIndex, ZERO } from './globals.ts'
import { AT, EXIT, RECORD, TABLE } from './layout.ts'
import { RecordOperands } from './record-operands.ts'
import type { Access, RuntimeFunctions } from './runtime-functions.ts'

/** How a handler ends; differs between a place in the branch table and a function of its own. */
export interface HandlerEnd {
  /** Continue with this record (never 0). */
  next(record: I32Expression): void
  /** Continue with this record, or stop when it is 0: PC is stored and an exit code set. */
  nextOrStop(record: I32Expression): void
  /** Stop at this instruction: an exit code is set, PC is not stored yet. */
  leave(): void
}

export class HandlerEmitter extends RecordOperands implements Emit {
  readonly #runtime: RuntimeFunctions
  readonly #near: boolean
  readonly #end: HandlerEnd
  readonly #tables: I32Expression
  readonly #attempted: I32Expression | undefined
  #ended = false

  /** `tables`: AT.tlb, in whatever form is cheapest here. `attempted`: for hot operations. */
  constructor(
    f: FunctionBuilder,
    runtime: RuntimeFunctions,
    record: I32Expression,
    near: boolean,
    end: HandlerEnd,
    tables: I32Expression,
    attempted?: I32Expression,
  ) {
    super(f, record)
    this.#runtime = runtime
    this.#near = near
    this.#end = end
    this.#tables = tables
    this.#attempted = attempted
  }

  /** Continues with the next instruction unless the handler has branched. */
  finish(): void {
    if (!this.#ended) this.#end.next(i32.add(this.record, constant32(RECORD.bytes)))
  }

  keep<T extends ValueType>(value: Expression<T>): Expression<T> {
    return value.op === OP.const32 || value.op === OP.const64 || value.op === OP.localGet ? value : this.f.keep(value)
  }

  when(condition: I32Expression, then: () => void, otherwise?: () => void): void {
    this.f.if(condition)
    then()
    if (otherwise) {
      this.f.else()
      otherwise()
    }
    this.f.end()
  }

  setFlags(kind: I32Expression, a: I64Expression, b: I64Expression): void {
    this.f.store(8, ZERO, a, AT.flagA)
    this.f.store(8, ZERO, b, AT.flagB)
    this.f.store32(ZERO, kind, AT.flagKind)
  }

  /**
   * Most conditions follow a subtraction or a logical operation, whose two values answer them by one comparison; the others compute all flags.
   * Carry conditions (codes 2, 3, 8, 9) do so only after subtractions: logical operations clear the carry.
   */
  condition(code: number): I32Expression {
    const pair = code >> 1
    const compare = COMPARISONS[pair]
    if (!compare) return this.#runtime.condition(code)
    const f = this.f
    const result = f.newLocal(I32)
    const limit = pair === 1 || pair === 4 ? FLAGS.logic : FLAGS.add64
    f.if(i32.ltU(global32(AT.flagKind), constant32(limit)))
    const holds = compare(global64(AT.flagA), global64(AT.flagB))
    f.set(result, code & 1 ? i32.eqz(holds) : holds)
    f.else()
    f.set(result, this.#runtime.condition(code))
    f.end()
    return local(I32, result)
  }

  nzcv(): I32Expression {
    return this.#runtime.nzcv()
  }

  /**
   * Looks an access up and gives `use` its linear address, in the fast path and behind the slow one. An access that crosses a page has the next page's address
   * in its tag and misses. Where its two pages are apart it goes through a buffer, whose contents a store brings to their places afterwards.
   */
  #access(address: I64Expression, access: Access, use: (linear: I32Expression) => void): void {
    const f = this.f
    const at = this.keep(address)
    const tables = access.privilege === 'unprivileged' ? global32(AT.unprivilegedTlb) : this.#tables
    const entry = f.keep(i32.add(tableIndex(at), tables))
    const table = access.write ? TABLE.bytes : 0
    const lastByte = access.bytes > 1 ? i64.add(at, constant64(BigInt(access.bytes - 1))) : at
    f.if(i64.eq(load64(entry, table), i64.and(lastByte, constant64(~0xfffn))))
    use(i32.add(wrap(at), load32(entry, table + TABLE.value)))
    f.else()
    const slow = f.keep(this.#runtime.access(at, access))
    f.if(i32.eqz(slow))
    this.#end.leave()
    f.end()
    use(slow)
    if (access.write && access.bytes > 1) {
      f.if(i32.eq(slow, constant32(AT.crossing)))
      this.#runtime.finishCrossing(f, access.bytes)
      f.end()
    }
    f.end()
  }

  #linear(address: I64Expression, access: Access): I32Expression {
    const result = this.f.newLocal(I32)
    this.#access(address, access, linear => this.f.set(result, linear))
    return local(I32, result)
  }

  load(size: AccessSize, signed: boolean, address: I64Expression, privilege: Privilege = 'own'): I64Expression {
    return loadInteger(size, signed, this.#linear(address, { bytes: size, alignment: size, write: false, privilege }))
  }

  loadPair(size: 4 | 8, signed: boolean, address: I64Expression): readonly [I64Expression, I64Expression] {
    const linear = this.#linear(address, { bytes: size * 2, alignment: size, write: false })
    return [loadInteger(size, signed, linear), loadInteger(size, signed, linear, size)]
  }

  load128(address: I64Expression, alignment: number): V128Expression {
    return load128(this.#linear(address, { bytes: 16, alignment, write: false }))
  }

  store(size: AccessSize, address: I64Expression, value: I64Expression, privilege: Privilege = 'own'): void {
    const at = this.keep(address)
    const kept = this.keep(value)
    this.#access(at, { bytes: size, alignment: size, write: true, privilege }, linear => this.f.store(size, linear, kept))
  }

  storePair(size: 4 | 8, address: I64Expression, first: I64Expression, second: I64Expression): void {
    const at = this.keep(address)
    const values = [this.keep(first), this.keep(second)] as const
    this.#access(at, { bytes: size * 2, alignment: size, write: true }, linear => {
      this.f.store(size, linear, values[0])
      this.f.store(size, linear, values[1], size)
    })
  }

  store128(address: I64Expression, value: V128Expression, alignment: number): void {
    const at = this.keep(address)
    const kept = this.keep(value)
    this.#access(at, { bytes: 16, alignment, write: true }, linear => this.f.store128(linear, kept))
  }

  loadBlock(bytes: number, alignment: number, address: I64Expression): LoadedBlock {
    const linear = this.#linear(address, { bytes, alignment, write: false })
    return { integer: (size, offset) => loadInteger(size, false, linear, offset), vector: offset => load128(linear, offset) }
  }

  storeBlock(bytes: number, alignment: number, address: I64Expression, parts: readonly BlockPart[]): void {
    const at = this.keep(address)
    const kept = parts.map((part): BlockPart => (part.size === 16 ? { ...part, value: this.keep(part.value) } : { ...part, value: this.keep(part.value) }))
    this.#access(at, { bytes, alignment, write: true }, linear => {
      for (const part of kept) {
        if (part.size === 16) this.f.store128(linear, part.value, part.offset)
        else this.f.store(part.size, linear, part.value, part.offset)
      }
    })
  }

  zero64(address: I64Expression): void {
    const linear = this.#linear(address, { bytes: 64, alignment: 1, write: true, zeroBlock: true })
    for (let offset = 0; offset < 64; offset += 8) this.f.store(8, linear, constant64(0n), offset)
  }

  requireFp(): void {
    this.when(global32(AT.fpTrapped), () => this.trap())
  }

  call<T extends ValueType>(what: SharedFunction<T>, args: readonly Expression[]): Expression<T> {
    return this.#runtime.use(what, args)
  }

  requireAligned(size: number, address: I64Expression, write: boolean): void {
    if (size === 1) return
    this.when(i32.and(wrap(address), constant32(size - 1)), () => {
      this.f.store(8, ZERO, address, AT.exitAddress)
      this.f.store32(ZERO, constant32(size | (write ? 0x100 : 0)), AT.exitAccess)
      this.#exit(EXIT.alignment)
    })
  }

  checkStackAlignment(): void {
    this.when(i32.and(wrap(this.x('n')), global32(AT.stackMask)), () => this.#exit(EXIT.stackAlignment))
  }

  jump(): void {
    this.#branch()
    this.#ended = true
  }

  jumpIf(condition: I32Expression): void {
    this.when(condition, () => this.#branch())
  }

  jumpTo(address: I64Expression): void {
    this.#follow(address)
    this.#ended = true
  }

  #branch(): void {
    if (!this.#near) {
      this.#follow(i64.add(this.pc(), this.imm()))
      return
    }
    const to = this.f.keep(i32.add(this.record, load32(this.record, RECORD.imm)))
    this.#countTaken(to)
    this.#end.next(to)
  }

  #follow(address: I64Expression): void {
    const to = this.f.keep(this.#runtime.goTo(address))
    this.#countTaken(to)
    this.#end.nextOrStop(to)
  }

  /** Each hotThreshold times that this branch is taken, where it leads is hot. */
  #countTaken(to: I32Expression): void {
    const f = this.f
    const taken = f.keep(i32.sub(load16U32(this.record, RECORD.taken), constant32(1)))
    f.store16(this.record, taken, RECORD.taken)
    f.if(i32.eqz(taken))
    f.store16(this.record, global32(AT.hotThreshold), RECORD.taken)
    this.#runtime.noteHot(f, to)
    f.end()
  }

  attempted(): I32Expression {
    if (!this.#attempted) throw new Error('only hot operations know how many instructions came before them')
    return this.#attempted
  }

  trap(): void {
    this.#exit(EXIT.trap)
  }

  #exit(code: number): void {
    this.f.store32(ZERO, constant32(code), AT.exit)
    this.#end.leave()
  }
}

/** By condition pair (code / 2): what the operands of a subtraction, or a logical result and zero, say. */
const COMPARISONS: readonly (((a: I64Expression, b: I64Expression) => I32Expression) | undefined)[] = [
  i64.eq, // eq
  i64.geU, // cs
  undefined, // mi
  undefined, // vs
  i64.gtU, // hi
  i64.geS, // ge
  i64.gtS, // gt
]
