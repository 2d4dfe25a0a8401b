// Owns the vocabulary between decoder and engines: an operation (one specialised meaning) and a lowered instruction (an operation with its operands).
// Knows no encoding and no meaning.
import type { SemanticsKey } from '../decode/row.ts'
import type { Encoding } from '../decode/table.ts'
import type { Fields } from '../decode/validity.ts'
import type { SysRegMap } from '../engine.ts'
import type { Emit } from './emit.ts'

/** One specialised meaning. Hot operations get a place in the interpreter's branch table, the others are called through a function table. */
export interface Op {
  readonly name: string
  readonly hot: boolean
  /** A branch whose target lies in the same page: the record holds the distance in records. */
  readonly near: boolean
  readonly run: (e: Emit) => void
}

/**
 * Operations that are compiled together. The first group is the interpreter's own module; each other one is compiled when a guest's code first needs it,
 * has no hot operations, and may not matter to a guest that never gets there.
 */
export interface OpGroup {
  readonly name: string
  readonly define: (define: Define) => void
  /** By semantics key of the decode table; every key is in exactly one group. */
  readonly lower: { readonly [K in SemanticsKey]?: Lower }
}

/** `define('ADD_X_imm', e => …)`; cold unless said otherwise. Names are unique. */
export type Define = (name: string, run: (e: Emit) => void, options?: { readonly hot?: boolean; readonly near?: boolean }) => void

/** Register numbers of a decoded record: 0 to 30, then these. */
export const REGISTER = { sp: 31, zero: 32, discard: 33 } as const
export const source = (n: number): number => (n === 31 ? REGISTER.zero : n)
export const target = (n: number): number => (n === 31 ? REGISTER.discard : n)

/** The low `bits` bits of a field as a signed number. */
export const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits)

/** A decoded instruction. Absent registers read as zero and write nowhere. */
export interface Lowered {
  readonly op: string
  readonly d?: number
  readonly n?: number
  readonly m?: number
  readonly a?: number
  /** In the place of aux. */
  readonly b?: number
  readonly aux?: number
  readonly imm?: bigint
  /** Branch: target relative to this instruction, in bytes. `op` then names the far form; the near one is `${op}.near`. */
  readonly offset?: number
}

/** What an encoding means depends on these only, so decoded records may be shared by all vCPUs of an engine. */
export interface LowerContext {
  readonly sysregs: SysRegMap
  /** Base-2 logarithm of the DC ZVA block in words (DCZID_EL0.BS). */
  readonly zvaBlock: number
  /** The system counter is read by generated code. */
  readonly countersInside: boolean
}

export type Lower = (fields: Fields, encoding: Encoding, word: number, context: LowerContext) => Lowered

/** The runtime executes it (execute-trap.ts), looking at the word again. */
export const TRAP: Lowered = { op: 'TRAP' }
