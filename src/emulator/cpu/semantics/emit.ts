// Owns the interface that instruction semantics are written against. The interpreter generator implements it with operands loaded from the decoded record;
// a region compiler implements it with constants. Knows no opcode of either side.
//
// The one rule for writers: an expression is evaluated where it ends up, so whatever must be read before a write (a register that is also the destination,
// flags, the base of a writeback) goes through keep(), and memory accesses come before register writes, because they may leave the instruction.
import type { Expression, I32Expression, I64Expression, V128Expression, ValueType } from '../wasm/expression.ts'
import type { SharedFunction } from '../wasm/shared-function.ts'

/**
 * A register operand of the decoded instruction. Its number was resolved at decode: 31 is the stack pointer, zero or nowhere, as the encoding says.
 * `a` is in the place of small(), `b` in that of aux().
 */
export type RegisterOperand = 'd' | 'n' | 'm' | 'a' | 'b'

/**
 * How the flags were last set; they are computed only when read. For `sub` and `add` the two values are the operands (32-bit ones sign-extended),
 * for `logic` the first value is the result (sign-extended) and the second 0, for `raw` the first value is NZCV itself.
 */
export const FLAGS = { sub64: 0, sub32: 1, logic: 2, add64: 3, add32: 4, raw: 5 } as const

export type AccessSize = 1 | 2 | 4 | 8
/** With whose permissions: those of the exception level, or of EL0 (LDTR, STTR). */
export type Privilege = 'own' | 'unprivileged'

/** What loadBlock() found: expressions that read it, good until the next access. */
export interface LoadedBlock {
  integer(size: AccessSize, offset: number): I64Expression
  vector(offset: number): V128Expression
}
/** A V128, or the low `size` bytes of an I64. */
export type BlockPart = { readonly offset: number } & (
  | { readonly size: AccessSize; readonly value: I64Expression }
  | { readonly size: 16; readonly value: V128Expression }
)

export interface Emit {
  x(operand: RegisterOperand): I64Expression
  setX(operand: RegisterOperand, value: I64Expression): void
  /** 64-bit immediate of the decoded instruction. */
  imm(): I64Expression
  /** Small immediates: 0 to 65535, and 0 to 255 (in place of operand `a`). */
  aux(): I32Expression
  small(): I32Expression
  /** Address of this instruction. */
  pc(): I64Expression

  keep<T extends ValueType>(value: Expression<T>): Expression<T>
  when(condition: I32Expression, then: () => void, otherwise?: () => void): void

  setFlags(kind: I32Expression, a: I64Expression, b: I64Expression): void
  /** 1 when the condition code (0 to 13) holds. */
  condition(code: number): I32Expression
  /** N Z C V in bits 3 to 0. */
  nzcv(): I32Expression

  /** Each access leaves the instruction, before anything is written, when it aborts. A pair is one access of twice the size: both or nothing. */
  load(size: AccessSize, signed: boolean, address: I64Expression, privilege?: Privilege): I64Expression
  loadPair(size: 4 | 8, signed: boolean, address: I64Expression): readonly [I64Expression, I64Expression]
  store(size: AccessSize, address: I64Expression, value: I64Expression, privilege?: Privilege): void
  storePair(size: 4 | 8, address: I64Expression, first: I64Expression, second: I64Expression): void
  /** 16 bytes; `alignment` is what SCTLR_EL1.A asks for: the size of an element. */
  load128(address: I64Expression, alignment: number): V128Expression
  store128(address: I64Expression, value: V128Expression, alignment: number): void
  /** One access of up to 64 bytes, all or nothing: several vector registers, or elements of them. */
  loadBlock(bytes: number, alignment: number, address: I64Expression): LoadedBlock
  storeBlock(bytes: number, alignment: number, address: I64Expression, parts: readonly BlockPart[]): void
  /** Zeroes 64 bytes at an address that is a multiple of 64. */
  zero64(address: I64Expression): void
  /** Leaves the instruction with an alignment fault unless the address is a multiple of `size`. */
  requireAligned(size: number, address: I64Expression, write: boolean): void
  /** Leaves the instruction with an SP alignment fault when operand `n`, the stack pointer, is misaligned and that is checked. */
  checkStackAlignment(): void

  /**
   * Vector register of an operand; `plus` is for register lists, modulo 32. FP and SIMD instructions call requireFp() before anything else; it leaves the
   * instruction where CPACR_EL1 traps them.
   */
  requireFp(): void
  v(operand: RegisterOperand, plus?: number): V128Expression
  setV(operand: RegisterOperand, value: V128Expression, plus?: number): void
  /** One element, zero-extended; `index` is its number, lowest first. */
  element(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, plus?: number): I64Expression
  /** Writes one element (the low bytes of the value) and keeps the others. */
  setElement(operand: RegisterOperand, bytes: AccessSize, index: number | I32Expression, value: I64Expression, plus?: number): void
  /** Writes the low element, already zero-extended to 64 bits, and clears all above. */
  setScalar(operand: RegisterOperand, value: I64Expression): void
  fpcr(): I32Expression
  fpsr(): I32Expression
  /** Sets cumulative bits of FPSR. */
  raiseFpsr(bits: I32Expression): void

  /** A function that semantics share; built into the module that calls it. */
  call<T extends ValueType>(what: SharedFunction<T>, args: readonly Expression[]): Expression<T>

  /** Branches by the instruction's offset; to a computed address. The last thing an instruction does. */
  jump(): void
  jumpIf(condition: I32Expression): void
  jumpTo(address: I64Expression): void

  /** The vCPU's block, by byte offset (state-layout.ts, engine-state.ts). */
  state32(offset: number): I32Expression
  setState32(offset: number, value: I32Expression): void
  state64(offset: I32Expression): I64Expression
  setState64(offset: I32Expression, value: I64Expression): void

  /** Instructions attempted before this one since generated code was entered. Hot operations only. */
  attempted(): I32Expression

  /** What stands at a fixed address (interpreter/layout.ts). */
  fixed32(address: number): I32Expression
  fixed64(address: number): I64Expression

  /** Leaves generated code with the state as it was before this instruction; the runtime executes it. */
  trap(): void
}
