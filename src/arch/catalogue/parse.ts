// Owns the way from text to a register id: a name, a number, or the spelling of an encoding; and what to offer when it is none of them.
// Lists and patterns are match.ts's business.
import { SnapError } from '../../errors.ts'
import { editDistance } from '../../near-match.ts'
import { once } from '../once.ts'
import { type RegId, regId } from '../reg-id.ts'
import { isAarch32Id, parseAarch32 } from './aarch32.ts'
import { registerName, registerRows } from './catalogue.ts'

const PREFIX = /^kvm_reg_arm(64)?_/
/** A text longer than this is no register, and is not compared with any. */
const LONGEST = 80

/** Every spelling (lower case) that means a known register: its name, its name without KVM_REG_ARM…, its aliases. */
const spellings = once((): ReadonlyMap<string, RegId> => {
  const known = new Map<string, RegId>()
  const all = [...registerRows()]
  for (const row of all) known.set(row.name.toLowerCase(), row.id)
  for (const row of all)
    for (const spelling of [row.name.toLowerCase().replace(PREFIX, ''), ...row.aliases.map(alias => alias.toLowerCase())])
      if (!known.has(spelling)) known.set(spelling, row.id)
  return known
})

/** `u8` to `u262144`: the sixteen sizes that bits 55:52 can say. */
const SIZES: Readonly<Record<string, bigint>> = Object.fromEntries(Array.from({ length: 16 }, (_, log2) => [`u${8 << log2}`, BigInt(log2)]))

/** S3_0_C0_C4_0 as the Arm manual writes it, or S3_0_0_4_0 as the kernel does. */
function parseEncoding(text: string): RegId | undefined {
  const match = /^s([0-3])_([0-7])_c?(\d{1,2})_c?(\d{1,2})_([0-7])$/.exec(text)
  if (!match) return undefined
  const [op0, op1, crn, crm, op2] = match.slice(1).map(Number) as [number, number, number, number, number]
  if (crn > 15 || crm > 15) return undefined
  return (0x6030_0000_0013_0000n | BigInt((op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2)) as RegId
}

/** `coproc 0x17 index 0x0003 u32`, as registerName writes what it does not know. */
function parseShape(text: string): RegId | undefined {
  const match = /^coproc 0x([0-9a-f]{1,3}) index 0x([0-9a-f]{1,4})(?: (u\d{1,6}))?$/.exec(text)
  if (!match) return undefined
  const [, coproc = '', index = '', sizeName = 'u64'] = match
  const size = SIZES[sizeName]
  if (size === undefined) return undefined
  return (0x6000_0000_0000_0000n | (size << 52n) | (BigInt(`0x${coproc}`) << 16n) | BigInt(`0x${index}`)) as RegId
}

/** The id that this text spells, or undefined. Never throws. */
export function findRegister(text: string): RegId | undefined {
  const plain = text.trim().toLowerCase()
  if (plain === '' || plain.length > LONGEST) return undefined
  if (/^0x[0-9a-f]{1,16}$/.test(plain)) {
    if (BigInt(plain) >> 56n === 0x60n) return regId(BigInt(plain))
    return isAarch32Id(BigInt(plain)) ? (BigInt(plain) as RegId) : undefined
  }
  // Registers of the 32-bit Arm ABI are no ids of KVM/arm64; files of QEMU's TCG hold them all the same.
  if (plain.startsWith('a32_')) return parseAarch32(plain) as RegId | undefined
  return spellings().get(plain) ?? parseEncoding(plain) ?? parseShape(plain)
}

/** Parses a register: a name without regard to case (KVM_REG_ARM_ may be left out), S3_0_C0_C4_0, or 0x6030…. Throws REG_ID_INVALID with near names. */
export function parseRegister(text: string): RegId {
  const id = findRegister(text)
  if (id !== undefined) return id
  throw unknownRegister(text)
}

/** The error for a text that is no register and no pattern that could match one. */
export function unknownRegister(text: string): SnapError {
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  if (/^0x[0-9a-f]+$/i.test(text.trim())) {
    const message = `${shown} is not the id of an arm64 register: those are 64 bits wide and start with 0x60`
    return new SnapError('REG_ID_INVALID', message, { register: shown })
  }
  const near = suggestRegisters(text)
  const hint = near.length > 0 ? { hint: `did you mean ${near.join(', ')}?` } : {}
  return new SnapError('REG_ID_INVALID', `there is no register "${shown}"`, { register: shown }, hint)
}

/** At most five known names that a reader may have meant, nearest first. Globs are judged without their wildcards. */
export function suggestRegisters(text: string): readonly string[] {
  const wanted = text
    .slice(0, LONGEST)
    .trim()
    .toLowerCase()
    .replace(/[*?[\]]/g, '')
    .replace(PREFIX, '')
  if (wanted.length < 2) return []
  const limit = Math.max(1, Math.floor(wanted.length / 4))
  const scored = new Map<string, number>()
  for (const [spelling, id] of spellings()) {
    const score =
      wanted.length >= 4 && spelling.includes(wanted) ? 0.5 : Math.abs(wanted.length - spelling.length) > limit ? limit + 1 : editDistance(wanted, spelling)
    const name = registerName(id)
    if (score <= limit && score < (scored.get(name) ?? Number.POSITIVE_INFINITY)) scored.set(name, score)
  }
  return [...scored]
    .sort((a, b) => a[1] - b[1] || a[0].length - b[0].length || (a[0] < b[0] ? -1 : 1))
    .slice(0, 5)
    .map(([name]) => name)
}
