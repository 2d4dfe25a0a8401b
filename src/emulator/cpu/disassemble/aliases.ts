// Owns which alias the manual prefers for a word ("Alias conditions" of each encoding), as rows: encoding, when, template. Knows no operand's text.
// The first row that fits wins. Source: Arm ARM (DDI 0487) C6.2; where the manual leaves a choice, as GNU objdump prints it.
import { once } from '../../../arch/once.ts'
import { ATOMICS } from '../decode/atomics.ts'
import type { Fields } from '../decode/validity.ts'
import type { Instruction } from './instruction.ts'
import { logicalImmediate } from './operands.ts'

type AliasRow = readonly [encodings: string, when: (f: Fields) => boolean, asm: string]

const ZERO = 31
const always = () => true
const toZero = (f: Fields) => f.d === ZERO
const fromZero = (f: Fields) => f.n === ZERO
/** AL and NV have no opposite, so an alias that inverts its condition does not exist for them. */
const invertible = (f: Fields) => f.c < 14
const top = (f: Fields) => (f.s === 1 ? 63 : 31)
const inserts = (f: Fields) => f.e < f.r
const extendsTo = (bit: number) => (f: Fields) => f.r === 0 && f.e === bit

/** Of a long shift: immh:immb is the element size alone. */
const noShift = (f: Fields) => (f.l & (f.l - 1)) === 0

/** MOVZ #0, LSL #16 is no MOV, since MOV #0 assembles to another word. */
const isMovz = (f: Fields) => f.i !== 0 || f.h === 0
/** Nor is a 32-bit MOVN of all ones in a half: MOVZ has that value. */
const isMovn = (f: Fields) => isMovz(f) && (f.s === 1 || f.i !== 0xffff)

/** MoveWidePreferred of the manual, by its meaning: one MOVZ or MOVN makes this value too. */
function isWideMove(f: Fields): boolean {
  const size = f.s === 1 ? 64 : 32
  const value = logicalImmediate(f)
  const isOneHalf = (v: bigint): boolean => {
    for (let at = 0n; at < size; at += 16n) if ((v & ~(0xffffn << at)) === 0n) return true
    return false
  }
  return isOneHalf(value) || isOneHalf(BigInt.asUintN(size, ~value))
}

const STORES = /^LD(ADD|CLR|EOR|SET|[SU](MAX|MIN))L?[BH_]/
/** An atomic whose old value nobody wants, and which does not acquire, is a store: STADD and the like. SWP has no such alias. */
function storeAtomics(): readonly AliasRow[] {
  return ATOMICS.filter(([name, , semantics]) => semantics === 'loadStoreAtomic' && STORES.test(name)).map(
    ([name, , , asm]): AliasRow => [name, f => f.t === ZERO, asm.replace(/^ld/, 'st').replace(/ <[WX]t>,/, '')],
  )
}

const ALIASES: readonly AliasRow[] = [
  ['ADD_imm', f => f.i === 0 && f.h === 0 && (f.d === 31 || f.n === 31), 'mov <Rd|SP>, <Rn|SP>'],
  ['ADDS_imm', toZero, 'cmn <Rn|SP>, <imm12>'],
  ['SUBS_imm', toZero, 'cmp <Rn|SP>, <imm12>'],
  // MOVZ and MOVN cannot write the stack pointer
  ['ORR_imm', f => fromZero(f) && (f.d === 31 || !isWideMove(f)), 'mov <Rd|SP>, <bitmask>'],
  ['ANDS_imm', toZero, 'tst <Rn>, <bitmask>'],
  ['MOVZ', isMovz, 'mov <Rd>, <movz>'],
  ['MOVN', isMovn, 'mov <Rd>, <movn>'],
  ['SBFM', f => f.e === top(f), 'asr <Rd>, <Rn>, <immr>'],
  ['SBFM', extendsTo(7), 'sxtb <Rd>, <Wn>'],
  ['SBFM', extendsTo(15), 'sxth <Rd>, <Wn>'],
  ['SBFM', extendsTo(31), 'sxtw <Rd>, <Wn>'],
  ['SBFM', inserts, 'sbfiz <Rd>, <Rn>, <insertlsb>, <insertwidth>'],
  ['SBFM', always, 'sbfx <Rd>, <Rn>, <immr>, <extractwidth>'],
  ['BFM', f => inserts(f) && fromZero(f), 'bfc <Rd>, <insertlsb>, <insertwidth>'],
  ['BFM', inserts, 'bfi <Rd>, <Rn>, <insertlsb>, <insertwidth>'],
  ['BFM', always, 'bfxil <Rd>, <Rn>, <immr>, <extractwidth>'],
  ['UBFM', f => f.e === top(f), 'lsr <Rd>, <Rn>, <immr>'],
  ['UBFM', f => f.e + 1 === f.r, 'lsl <Rd>, <Rn>, <shiftleft>'],
  ['UBFM', f => f.s === 0 && extendsTo(7)(f), 'uxtb <Rd>, <Wn>'],
  ['UBFM', f => f.s === 0 && extendsTo(15)(f), 'uxth <Rd>, <Wn>'],
  ['UBFM', inserts, 'ubfiz <Rd>, <Rn>, <insertlsb>, <insertwidth>'],
  ['UBFM', always, 'ubfx <Rd>, <Rn>, <immr>, <extractwidth>'],
  ['EXTR', f => f.n === f.m, 'ror <Rd>, <Rn>, <lsb>'],
  ['ORR_shift', f => fromZero(f) && f.f === 0 && f.y === 0, 'mov <Rd>, <Rm>'],
  ['ORN_shift', fromZero, 'mvn <Rd>, <Rm><shift>'],
  ['ANDS_shift', toZero, 'tst <Rn>, <Rm><shift>'],
  ['ADDS_shift', toZero, 'cmn <Rn>, <Rm><shift>'],
  ['SUBS_shift', toZero, 'cmp <Rn>, <Rm><shift>'],
  ['SUB_shift', fromZero, 'neg <Rd>, <Rm><shift>'],
  ['SUBS_shift', fromZero, 'negs <Rd>, <Rm><shift>'],
  ['ADDS_ext', toZero, 'cmn <Rn|SP>, <extend>'],
  ['SUBS_ext', toZero, 'cmp <Rn|SP>, <extend>'],
  ['SBC', fromZero, 'ngc <Rd>, <Rm>'],
  ['SBCS', fromZero, 'ngcs <Rd>, <Rm>'],
  ['CSINC', f => fromZero(f) && f.m === ZERO && invertible(f), 'cset <Rd>, <invcond>'],
  ['CSINC', f => !fromZero(f) && f.m === f.n && invertible(f), 'cinc <Rd>, <Rn>, <invcond>'],
  ['CSINV', f => fromZero(f) && f.m === ZERO && invertible(f), 'csetm <Rd>, <invcond>'],
  ['CSINV', f => !fromZero(f) && f.m === f.n && invertible(f), 'cinv <Rd>, <Rn>, <invcond>'],
  ['CSNEG', f => f.m === f.n && invertible(f), 'cneg <Rd>, <Rn>, <invcond>'],
  ['LSLV', always, 'lsl <Rd>, <Rn>, <Rm>'],
  ['LSRV', always, 'lsr <Rd>, <Rn>, <Rm>'],
  ['ASRV', always, 'asr <Rd>, <Rn>, <Rm>'],
  ['RORV', always, 'ror <Rd>, <Rn>, <Rm>'],
  ['MADD', f => f.a === ZERO, 'mul <Rd>, <Rn>, <Rm>'],
  ['MSUB', f => f.a === ZERO, 'mneg <Rd>, <Rn>, <Rm>'],
  ['SMADDL', f => f.a === ZERO, 'smull <Xd>, <Wn>, <Wm>'],
  ['SMSUBL', f => f.a === ZERO, 'smnegl <Xd>, <Wn>, <Wm>'],
  ['UMADDL', f => f.a === ZERO, 'umull <Xd>, <Wn>, <Wm>'],
  ['UMSUBL', f => f.a === ZERO, 'umnegl <Xd>, <Wn>, <Wm>'],
  ...storeAtomics(),
  ['ORR_v', f => f.n === f.m, 'mov <Vd.B>, <Vn.B>'],
  ['NOT_v', always, 'mvn <Vd.B>, <Vn.B>'],
  ['DUP_s', always, 'mov <Ed.L>, <Vn.L[]>'],
  ['INS_v', always, 'mov <Vd.L[]>, <Vn.L[r]>'],
  ['INS_x', always, 'mov <Vd.L[]>, <lanex>'],
  ['UMOV_W', f => (f.i & 7) === 4, 'mov <Wd>, <Vn.L[]>'],
  ['UMOV_X', always, 'mov <Xd>, <Vn.D[]>'],
  ['SSHLL_i', noShift, 'sxtl<2> <Vd.IW>, <Vn.I>'],
  ['USHLL_i', noShift, 'uxtl<2> <Vd.IW>, <Vn.I>'],
  ['HINT', always, '<hintname>'],
  ['DSB', f => f.i === 0, 'ssbb'],
  ['DSB', f => f.i === 4, 'pssbb'],
  ['SYS', always, '<sysop>'],
]

const byEncoding = once(() => {
  const found = new Map<string, AliasRow[]>()
  for (const row of ALIASES) found.set(row[0], [...(found.get(row[0]) ?? []), row])
  return found
})

/** Template of the alias that this word is preferably written as; undefined when there is none. It may still have no text: a hint without a name. */
export const aliasOf = ({ row, fields }: Instruction): string | undefined =>
  byEncoding()
    .get(row.name)
    ?.find(([, when]) => when(fields))?.[2]
