// Owns the text of the operands of FP and SIMD rows (VECTOR_OPERANDS of row.ts): vector registers with their arrangement, elements, lists, scalars, immediates.
// Knows no mnemonic. Sizes are base-2 logarithms of bytes: 0 is a byte, 3 a doubleword.
import type { FieldLetter, Fields } from '../decode/validity.ts'
import { type Instruction, registerText } from './instruction.ts'
import type { OperandText } from './operands.ts'

const hex = (value: number | bigint): string => `0x${value.toString(16)}`
const LETTERS = ['b', 'h', 's', 'd', 'q'] as const
const letter = (size: number): string | undefined => LETTERS[size]

/** Element size by the highest set bit of immh, the upper four bits of field l. */
const shiftSize = (f: Fields): number => 31 - Math.clz32(f.l >> 3)
/** Element size by the lowest set bit of imm5, field i; the bits above it are the index. */
const laneSize = (f: Fields): number => 31 - Math.clz32(f.i & -f.i)

type Kind = readonly [size: (f: Fields) => number, all128?: true]
const KINDS: Readonly<Record<string, Kind>> = {
  B: [() => 0],
  H: [() => 1],
  S: [() => 2],
  D: [() => 3],
  T: [f => f.x],
  TW: [f => f.x + 1, true],
  TP: [f => f.x + 1],
  F: [f => f.x + 2],
  FN: [f => f.x + 1],
  FW: [f => f.x + 2, true],
  I: [shiftSize],
  IW: [f => shiftSize(f) + 1, true],
  L: [laneSize],
}

/** `8h`: how the register is cut. */
function arrangement(name: string, f: Fields): string | undefined {
  const kind = KINDS[name]
  if (kind === undefined) return name
  const size = kind[0](f)
  const element = letter(size)
  return element && `${(kind[1] || f.q === 1 ? 16 : 8) >> size}${element}`
}

/** One element of the register: which, by the fields that the manual has for it. */
function element(register: number, kind: string, index: string, f: Fields): string | undefined {
  if (/^\d$/.test(index)) return `v${register}.${kind.toLowerCase()}[${index}]`
  if (kind === 'L') {
    const size = laneSize(f)
    return letter(size) && `v${register}.${letter(size)}[${index === 'r' ? f.r >> size : f.i >> (size + 1)}]`
  }
  if (kind === 'H') return `v${register & 15}.h[${(f.h << 2) | (f.l << 1) | (register >> 4)}]`
  return `v${register}.${kind.toLowerCase()}[${kind === 'D' ? f.h : (f.h << 1) | f.l}]`
}

/** Three and more consecutive registers are a range, unless they go on after V31. */
function list(first: number, count: number, arrangement: string): string {
  const names = Array.from({ length: count }, (_, i) => `v${(first + i) % 32}.${arrangement}`)
  return `{${count > 2 && first + count <= 32 ? `${names[0]}-${names[count - 1]}` : names.join(', ')}}`
}

/** The index of a single structure's element: Q, S and what size leaves free (see decode/simd-memory.ts). */
export const structureIndex = (size: number, { q, g, x }: Fields): number => [(q << 3) | (g << 2) | x, (q << 2) | (g << 1) | x, (q << 1) | g, q][size]!

const OPERAND = /^([VEBHSDQ])([dnmatu])(?:\.([A-Z]+|\d+[bhsdq]|[bhsd])(?:\[(r|\d?)\])?(?:\*(\d))?)?$/

/** The text of `<Vd.T>` and the like; undefined: this is no such operand. */
export function vectorOperand(operand: string): ((at: Instruction) => string | undefined) | undefined {
  const match = OPERAND.exec(operand)
  if (!match) return undefined
  const [, register = '', field, kind, index, count] = match
  const number = (f: Fields): number => f[field as FieldLetter]
  if (kind === undefined) return register === 'V' || register === 'E' ? undefined : ({ fields }) => `${register.toLowerCase()}${number(fields)}`
  if (register === 'E') {
    const size = KINDS[kind]?.[0]
    return size && (({ fields: f }) => letter(size(f)) && `${letter(size(f))}${number(f)}`)
  }
  if (register !== 'V') return undefined
  if (index !== undefined && count === undefined) return ({ fields: f }) => element(number(f), kind, index, f)
  if (index !== undefined) return ({ fields: f }) => `${list(number(f), Number(count), kind)}[${structureIndex(LETTERS.indexOf(kind as 'b'), f)}]`
  return ({ fields: f }) => {
    const cut = arrangement(kind, f)
    return cut && (count === undefined ? `v${number(f)}.${cut}` : list(number(f), Number(count), cut))
  }
}

/** abcdefgh of the modified immediates: p holds abc where the picture has it. */
const imm8 = ({ p, i }: Fields): number => (p << 5) | i
/** 64 bits whose bytes are all ones or zero, as the bits of imm8 say. */
const byteMask = (f: Fields): bigint => Array.from({ length: 8 }, (_, i) => ((imm8(f) >> i) & 1 ? 0xffn << BigInt(8 * i) : 0n)).reduce((a, b) => a | b)
/** VFPExpandImm of the manual, as a number. */
const expanded = (f: Fields): number => {
  const value = imm8(f)
  const exponent = value & 0x40 ? ((value >> 4) & 3) - 3 : ((value >> 4) & 3) + 1
  return (value & 0x80 ? -1 : 1) * (1 + (value & 15) / 16) * 2 ** exponent
}
/** As C's %.18e. */
const floatText = (value: number): string => value.toExponential(18).replace(/e([+-])(\d)$/, 'e$10$2')

/** The register m, or what 31 stands for: the bytes that were transferred. */
const postIndex = ({ fields: { m } }: Instruction, bytes: number): string => (m === 31 ? `#${bytes}` : `x${m}`)

export const VECTOR_OPERAND_TEXT: Readonly<Record<string, OperandText>> = {
  2: ({ fields: { q } }) => (q === 1 ? '2' : ''),
  lanex: ({ fields: f }) => registerText(laneSize(f) === 3, f.n),
  shl: ({ fields: f }) => `#${f.l - (8 << shiftSize(f))}`,
  shr: ({ fields: f }) => `#${(16 << shiftSize(f)) - f.l}`,
  sizeshift: ({ fields: { x } }) => `#${8 << x}`,
  ext: ({ fields: { i } }) => `#${i}`,
  imm8: ({ fields }) => `#${hex(imm8(fields))}`,
  imm8lsl: ({ fields }) => `#${hex(imm8(fields))}${fields.y === 0 ? '' : `, lsl #${8 * fields.y}`}`,
  imm8msl: ({ fields }) => `#${hex(imm8(fields))}, msl #${8 << fields.y}`,
  imm64: ({ fields }) => `#${hex(byteMask(fields))}`,
  fpimm: ({ fields }) => `#${floatText(expanded(fields))}`,
  fbits: ({ fields: { e } }, size) => `#${(size === 1 ? 64 : size) - e}`,
  post: postIndex,
  postx: (at, bytes) => postIndex(at, bytes << at.fields.x),
  postq: (at, bytes) => postIndex(at, bytes << at.fields.q),
}
