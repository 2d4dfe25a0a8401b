// Owns how an `asm` column becomes text: literal parts, register operands by letter, and the other operands by name. Knows no row and no alias.
import type { FieldLetter } from '../decode/validity.ts'
import { type Instruction, isWide, registerText } from './instruction.ts'
import { OPERAND_TEXT } from './operands.ts'
import { vectorOperand } from './vector-operands.ts'

type Part = (at: Instruction) => string | undefined

const REGISTER = /^([RWX])([dnmatuw])(\|SP)?$/

function compileOperand(operand: string): Part {
  const register = REGISTER.exec(operand)
  if (register) {
    const [, size, letter, sp] = register
    return at => registerText(size === 'R' ? isWide(at) : size === 'X', at.fields[letter as FieldLetter], sp !== undefined)
  }
  const vector = vectorOperand(operand)
  if (vector) return vector
  const [name = '', scale = '1'] = operand.split('*')
  const text = OPERAND_TEXT[name]
  if (text === undefined) throw new Error(`<${operand}> is not an operand`)
  return at => text(at, Number(scale))
}

const compiled = new Map<string, readonly Part[]>()

function compile(asm: string): readonly Part[] {
  let parts = compiled.get(asm)
  if (parts === undefined) {
    parts = asm.split(/<([^>]+)>/).map((piece, i) => (i % 2 === 0 ? () => piece : compileOperand(piece)))
    compiled.set(asm, parts)
  }
  return parts
}

/** Text of a word by a template; undefined without a template, or when an operand has no text for this word. Throws on an operand that does not exist. */
export function renderAssembly(asm: string | undefined, at: Instruction): string | undefined {
  if (asm === undefined) return undefined
  let text = ''
  for (const part of compile(asm)) {
    const piece = part(at)
    if (piece === undefined) return undefined
    text += piece
  }
  return text
}
