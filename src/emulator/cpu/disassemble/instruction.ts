// Owns what the disassembler knows of one word, and how a register number is written. Knows no other operand and no mnemonic.
import type { Encoding } from '../decode/table.ts'
import type { Fields } from '../decode/validity.ts'

/** One decoded word: its fields, the row that it is printed as, and the address it stands at. */
export interface Instruction {
  readonly fields: Fields
  readonly row: Pick<Encoding, 'name' | 'picture'>
  readonly address: bigint
}

/** Register number as W or X; 31 is the zero register or, where the operand says so, the stack pointer. */
export function registerText(wide: boolean, number: number, stackPointer = false): string {
  if (number !== 31) return `${wide ? 'x' : 'w'}${number}`
  if (stackPointer) return wide ? 'sp' : 'wsp'
  return wide ? 'xzr' : 'wzr'
}

/** Whether `<Rd>` is an X register: by sf, or by b5 where the encoding has no sf (TBZ, TBNZ). */
export const isWide = ({ fields, row }: Instruction): boolean => (row.picture.includes('s') ? fields.s : fields.b) === 1
