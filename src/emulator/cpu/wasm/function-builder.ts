// Owns one WebAssembly function body: locals, structured control flow, and expression trees written as bytes. Knows no module section.
import { ByteWriter } from './byte-writer.ts'
import { type Expression, type I32Expression, type I64, local, OP, type V128Expression, type ValueType } from './expression.ts'

/** A label of an enclosing block or loop: its nesting depth, counted from 1. */
export type Label = number & { readonly label?: never }

const STORE = { 1: 0x3c, 2: 0x3d, 4: 0x3e, 8: 0x37 } as const
const STORE_32 = 0x36
const STORE_16 = 0x3b
const STORE_8 = 0x3a
const STORE_128 = OP.vector + 0x0b
const EMPTY_BLOCK = 0x40
const VECTOR_PREFIX = 0xfd

export class FunctionBuilder {
  readonly params: readonly ValueType[]
  readonly results: readonly ValueType[]
  readonly #code = new ByteWriter()
  readonly #locals: ValueType[] = []
  #depth = 0

  constructor(params: readonly ValueType[], results: readonly ValueType[]) {
    this.params = params
    this.results = results
  }

  /** Index of a new local, zero at entry. */
  newLocal(type: ValueType): number {
    return this.params.length + this.#locals.push(type) - 1
  }

  /** Evaluates now; the result can be read any number of times. */
  keep<T extends ValueType>(value: Expression<T>): Expression<T> {
    const index = this.newLocal(value.type)
    this.set(index, value)
    return local(value.type, index)
  }

  set(index: number, value: Expression): void {
    this.expression(value)
    this.#code.byte(0x21)
    this.#code.u32(index)
  }

  /** Stores the low `bytes` bytes of an i64. */
  store(bytes: 1 | 2 | 4 | 8, address: I32Expression, value: Expression<typeof I64>, offset = 0): void {
    this.#store(STORE[bytes], address, value, offset)
  }

  /** Stores the low 2 bytes. */
  store16(address: I32Expression, value: I32Expression, offset = 0): void {
    this.#store(STORE_16, address, value, offset)
  }

  /** Stores the low byte. */
  store8(address: I32Expression, value: I32Expression, offset = 0): void {
    this.#store(STORE_8, address, value, offset)
  }

  store32(address: I32Expression, value: I32Expression, offset = 0): void {
    this.#store(STORE_32, address, value, offset)
  }

  store128(address: I32Expression, value: V128Expression, offset = 0): void {
    this.#store(STORE_128, address, value, offset)
  }

  #store(opcode: number, address: I32Expression, value: Expression, offset: number): void {
    this.expression(address)
    this.expression(value)
    this.#opcode(opcode)
    this.#code.byte(0) // alignment hint: none
    this.#code.u32(offset)
  }

  /** memory.copy: destination, source, length in bytes. */
  copyMemory(to: I32Expression, from: I32Expression, length: I32Expression): void {
    for (const operand of [to, from, length]) this.expression(operand)
    this.#code.bytes([0xfc, 0x0a, 0, 0])
  }

  /** One instruction's opcode; a vector one has a prefix and a number. */
  #opcode(opcode: number): void {
    if (opcode < OP.vector) this.#code.byte(opcode)
    else {
      this.#code.byte(VECTOR_PREFIX)
      this.#code.u32(opcode - OP.vector)
    }
  }

  block(): Label {
    this.#code.bytes([0x02, EMPTY_BLOCK])
    return ++this.#depth
  }

  loop(): Label {
    this.#code.bytes([0x03, EMPTY_BLOCK])
    return ++this.#depth
  }

  if(condition: I32Expression): Label {
    this.expression(condition)
    this.#code.bytes([0x04, EMPTY_BLOCK])
    return ++this.#depth
  }

  else(): void {
    this.#code.byte(0x05)
  }

  end(): void {
    this.#code.byte(0x0b)
    this.#depth--
  }

  branch(to: Label): void {
    this.#code.byte(0x0c)
    this.#code.u32(this.#depth - to)
  }

  branchIf(condition: I32Expression, to: Label): void {
    this.expression(condition)
    this.#code.byte(0x0d)
    this.#code.u32(this.#depth - to)
  }

  branchTable(index: I32Expression, targets: readonly Label[], otherwise: Label): void {
    this.expression(index)
    this.#code.byte(0x0e)
    this.#code.u32(targets.length)
    for (const target of [...targets, otherwise]) this.#code.u32(this.#depth - target)
  }

  return(value?: Expression): void {
    if (value) this.expression(value)
    this.#code.byte(0x0f)
  }

  /** Goes on in another function of the same results, reached through table 0: the last of the arguments is its place there. */
  returnCallIndirect(typeIndex: number, args: readonly Expression[]): void {
    for (const arg of args) this.expression(arg)
    this.#code.byte(0x13)
    this.#code.u32(typeIndex)
    this.#code.byte(0)
  }

  unreachable(): void {
    this.#code.byte(0x00)
  }

  /** Calls a function for its effect; it must have no result. */
  call(functionIndex: number, args: readonly Expression[]): void {
    for (const arg of args) this.expression(arg)
    this.#code.byte(OP.call)
    this.#code.u32(functionIndex)
  }

  /** Leaves the value on the stack: the result, when it is the last thing in the function. */
  expression(e: Expression): void {
    const code = this.#code
    switch (e.op) {
      case OP.const32:
        code.byte(OP.const32)
        code.s32(e.n!)
        break
      case OP.const64:
        code.byte(OP.const64)
        code.s64(e.big!)
        break
      case OP.localGet:
        code.byte(OP.localGet)
        code.u32(e.n!)
        break
      case OP.call:
      case OP.callIndirect:
        for (const arg of e.args!) this.expression(arg)
        code.byte(e.op)
        code.u32(e.n!)
        if (e.op === OP.callIndirect) code.byte(0) // table 0
        break
      case OP.select:
        this.expression(e.a!)
        this.expression(e.b!)
        this.expression(e.c!)
        code.byte(OP.select)
        break
      case OP.load:
        this.expression(e.a!)
        this.#opcode(e.load!)
        code.byte(0)
        code.u32(e.n!)
        break
      default:
        if (e.a) this.expression(e.a)
        if (e.b) this.expression(e.b)
        if (e.c) this.expression(e.c)
        this.#opcode(e.op)
        if (e.immediate) code.bytes(e.immediate)
    }
  }

  /** The code entry of the module's code section: locals and instructions, without the size. */
  body(): ByteWriter {
    if (this.#depth !== 0) throw new Error(`${this.#depth} blocks are still open`)
    const groups: { type: ValueType; count: number }[] = []
    for (const type of this.#locals) {
      const last = groups.at(-1)
      if (last?.type === type) last.count++
      else groups.push({ type, count: 1 })
    }
    const out = new ByteWriter()
    out.u32(groups.length)
    for (const { type, count } of groups) {
      out.u32(count)
      out.byte(type)
    }
    out.bytes(this.#code.written())
    out.byte(0x0b)
    return out
  }
}
