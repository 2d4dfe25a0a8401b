// Owns the text of every operand of the decode table (OPERANDS of row.ts) and of the aliases, registers aside. Knows no mnemonic.
import { decodeBitmask, type Fields } from '../decode/validity.ts'
import { type Instruction, isWide, registerText } from './instruction.ts'
import { barrierName, conditionName, hintName, prefetchName, pstateName, shiftedBarrierName } from './operand-names.ts'
import { systemOperation } from './system-operations.ts'
import { systemRegisterText } from './system-register-text.ts'
import { VECTOR_OPERAND_TEXT } from './vector-operands.ts'

/** Text of one operand; undefined when this instruction has none there (then the template does not fit the word). `scale`: N of `<operand*N>`. */
export type OperandText = (at: Instruction, scale: number) => string | undefined

const hex = (value: number | bigint): string => `0x${value.toString(16)}`
const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits)
const sizeOf = (at: Instruction): 32 | 64 => (isWide(at) ? 64 : 32)
const address = (value: bigint): string => hex(BigInt.asUintN(64, value))
const label =
  (bits: number): OperandText =>
  at =>
    address(at.address + BigInt(signed(at.fields.i, bits) * 4))
const adrOffset = ({ i, p }: Fields): bigint => BigInt(signed((i << 2) | p, 21))
/** Optional offset of an addressing mode: vanishes when it is zero, unless the base is written back. */
const offset = (value: number, always: boolean): string => (value === 0 && !always ? '' : `, #${value}`)

const SHIFTS = ['lsl', 'lsr', 'asr', 'ror']
const EXTENDS = ['uxtb', 'uxth', 'uxtw', 'uxtx', 'sxtb', 'sxth', 'sxtw', 'sxtx']

/** The value of a MOVZ or MOVN, at the width of the instruction. */
export function wideMoveValue({ s, h, i }: Fields, inverted: boolean): bigint {
  const value = BigInt(i) << BigInt(16 * h)
  return BigInt.asUintN(s === 1 ? 64 : 32, inverted ? ~value : value)
}

/** The value of a logical immediate, at the width of the instruction. The row's validity rule has excluded reserved ones. */
export const logicalImmediate = ({ s, b, r, e }: Fields): bigint => BigInt.asUintN(s === 1 ? 64 : 32, decodeBitmask(b, e, r) ?? 0n)

/** The register m with its extension. UXTW (UXTX when 64 bits wide) is the plain register, or LSL, when a stack pointer is involved: that is how one writes it. */
const extended: OperandText = at => {
  const { s, o, y, m, d, n } = at.fields
  const register = registerText(s === 1 && (o & 3) === 3, m)
  const stackPointer = n === 31 || (d === 31 && !/^(ADDS|SUBS)/.test(at.row.name))
  if (stackPointer && o === 2 + s) return y === 0 ? register : `${register}, lsl #${y}`
  return `${register}, ${EXTENDS[o]}${y === 0 ? '' : ` #${y}`}`
}

const indexed: OperandText = ({ fields: { m, o, g } }, scale) => {
  const register = registerText((o & 1) === 1, m)
  if (o === 3) return g === 1 ? `${register}, lsl #${scale}` : register
  return `${register}, ${EXTENDS[o]}${g === 1 ? ` #${scale}` : ''}`
}

/** `3, C7, C5, #1` of a SYS: op1, CRn, CRm, op2. */
const systemNumbers = ({ o, k, j, x }: Fields): string => `#${o}, C${k}, C${j}, #${x}`

export const OPERAND_TEXT: Readonly<Record<string, OperandText>> = {
  ...VECTOR_OPERAND_TEXT,
  adr: ({ fields, address: at }) => address(at + adrOffset(fields)),
  adrp: ({ fields, address: at }) => address((at & ~0xfffn) + (adrOffset(fields) << 12n)),
  label26: label(26),
  label19: label(19),
  label14: label(14),
  imm12: ({ fields: { i, h } }) => `#${hex(i)}${h === 1 ? ', lsl #12' : ''}`,
  bitmask: ({ fields }) => `#${hex(logicalImmediate(fields))}`,
  imm16: ({ fields: { i } }) => `#${hex(i)}`,
  udf: ({ fields: { i } }) => `#${i}`,
  dcps: ({ fields: { i } }) => (i === 0 ? '' : ` #${hex(i)}`),
  imm16hw: ({ fields: { i, h } }) => `#${hex(i)}${h === 0 ? '' : `, lsl #${16 * h}`}`,
  immr: ({ fields: { r } }) => `#${r}`,
  imms: ({ fields: { e } }) => `#${e}`,
  lsb: ({ fields: { e } }) => `#${e}`,
  flagmask: ({ fields: { z } }) => `#${z}`,
  oddw: at => registerText(isWide(at), at.fields.w + 1),
  oddt: at => registerText(isWide(at), at.fields.t + 1),
  shift: ({ fields: { f, y } }) => (f === 0 && y === 0 ? '' : `, ${SHIFTS[f]} #${y}`),
  extend: extended,
  imm5: ({ fields: { i } }) => `#${hex(i)}`,
  nzcv: ({ fields: { z } }) => `#${hex(z)}`,
  cond: ({ fields: { c } }) => conditionName(c),
  bit: ({ fields: { b, y } }) => `#${(b << 5) | y}`,
  link: ({ fields: { n } }) => (n === 30 ? '' : ` ${registerText(true, n)}`),
  pimm: ({ fields: { i } }, scale) => offset(i * scale, false),
  simm9: ({ fields: { i } }) => offset(signed(i, 9), false),
  simm9wb: ({ fields: { i } }) => offset(signed(i, 9), true),
  simm7: ({ fields: { i } }, scale) => offset(signed(i, 7) * scale, false),
  simm7wb: ({ fields: { i } }, scale) => offset(signed(i, 7) * scale, true),
  index: indexed,
  prfop: ({ fields: { t } }) => prefetchName(t),
  hint: ({ fields: { i } }) => `#${hex(i)}`,
  barrier: ({ fields: { i } }) => barrierName(i),
  barriernxs: ({ fields: { i } }) => shiftedBarrierName(i),
  isb: ({ fields: { i } }) => (i === 15 ? '' : ` #${hex(i)}`),
  clrex: ({ fields: { i } }) => (i === 15 ? '' : ` #${hex(i)}`),
  pstate: ({ fields: { o, x } }) => pstateName(o, x),
  imm4: ({ fields: { i } }) => `#${hex(i)}`,
  sysreg: ({ fields: { b, o, k, j, x }, row }) => systemRegisterText(((2 + b) << 14) | (o << 11) | (k << 7) | (j << 3) | x, row.name === 'MRS'),
  sys: ({ fields }) => systemNumbers(fields),
  syst: ({ fields }) => (fields.t === 31 ? '' : `, ${registerText(true, fields.t)}`),

  // Operands that only aliases have
  sysop: ({ fields: { o, k, j, x, t } }) => {
    const operation = systemOperation(o, k, j, x)
    return operation && `${operation.name}${operation.register ? `, ${registerText(true, t)}` : ''}`
  },
  hintname: ({ fields: { i } }) => hintName(i),
  invcond: ({ fields: { c } }) => conditionName(c ^ 1),
  movz: ({ fields }) => `#${hex(wideMoveValue(fields, false))}`,
  movn: ({ fields }) => `#${hex(wideMoveValue(fields, true))}`,
  shiftleft: at => `#${sizeOf(at) - 1 - at.fields.e}`,
  insertlsb: at => `#${(sizeOf(at) - at.fields.r) % sizeOf(at)}`,
  insertwidth: ({ fields: { e } }) => `#${e + 1}`,
  extractwidth: ({ fields: { r, e } }) => `#${e - r + 1}`,
}
