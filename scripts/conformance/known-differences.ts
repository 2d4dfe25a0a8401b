// Owns the exact list of words on which we and GNU objdump 2.40 differ on purpose, each with its reason. An entry that explains nothing any more fails the check.
import type { Seen } from './compare.ts'
import { NEWER_REGISTERS, OTHER_PROFILE_REGISTERS } from './register-spellings.ts'

export interface KnownDifference {
  readonly reason: string
  /** Every key that `explains` may return: each must turn up in a full run. */
  readonly keys: readonly string[]
  /** The key of the entry that explains this difference, or undefined. */
  explains(seen: Seen): string | undefined
}

/** A difference without a list of names: one key. */
const rule = (key: string, reason: string, applies: (seen: Seen) => boolean): KnownDifference => ({
  reason,
  keys: [key],
  explains: seen => (applies(seen) ? key : undefined),
})

const genericRegister = (encoding: number): string =>
  `s${encoding >>> 14}_${(encoding >>> 11) & 7}_c${(encoding >>> 7) & 15}_c${(encoding >>> 3) & 15}_${encoding & 7}`

/** The register that a word's bits 20:5 would name as an operand of MRS or MSR, op0 included. */
const registerOf = (word: number): number => (word >>> 5) & 0xffff

/** MRS or MSR, spelled generically by one side and with a name of the list by the other. */
function spelling(key: string, reason: string, registers: string, named: 'ours' | 'theirs'): KnownDifference {
  const names = new Map(
    registers
      .trim()
      .split(/\s+/)
      .map(entry => [Number.parseInt(entry.slice(0, 4), 16), entry.slice(5)]),
  )
  return {
    reason,
    keys: [...names.values()].map(name => `${key}: ${name}`),
    explains({ word, row, ours, theirs }) {
      const encoding = registerOf(word)
      const name = names.get(encoding)
      if (name === undefined || (row?.name !== 'MRS' && row?.name !== 'MSR_reg')) return undefined
      const [withName, generic] = named === 'ours' ? [ours, theirs] : [theirs, ours]
      return withName !== undefined && withName.replace(name, genericRegister(encoding)) === generic ? `${key}: ${name}` : undefined
    },
  }
}

const LDAR = /^LDARB?H?(_[WX])?$/

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  rule('DGH', 'a hint of FEAT_DGH that binutils 2.40 assembles and does not print', ({ ours, theirs }) => ours === 'dgh' && theirs === 'hint #0x6'),
  rule(
    'MSR (immediate) of a one-bit field with a larger value',
    'the manual takes bit 0 of the immediate and ignores the others, as QEMU does; objdump names the field only for 0 and 1',
    ({ word, row, theirs }) => row?.name === 'MSR_imm' && ((word >>> 8) & 15) > 1 && theirs === undefined,
  ),
  rule(
    'LDAR with should-be-one bits clear',
    'bits that should be one are ignored, as QEMU and cores do, and as objdump does for STLR and for the exclusive loads',
    ({ word, row, theirs }) => theirs === undefined && row !== undefined && LDAR.test(row.name) && (word & 0x1f7c00) !== 0x1f7c00,
  ),
  rule(
    'LDPSW with overlapping registers',
    'Rt = Rt2, or writeback to one of them: CONSTRAINED UNPREDICTABLE, executed as every other pair load (decode/loads-and-stores.ts); objdump prints LDP of that kind, but not LDPSW',
    ({ word, row, theirs }) => {
      const [rt, rn, rt2] = [word & 31, (word >>> 5) & 31, (word >>> 10) & 31]
      return theirs === undefined && row?.name.startsWith('LDPSW') === true && (rt === rt2 || (row.name !== 'LDPSW' && (rt === rn || rt2 === rn)))
    },
  ),
  spelling('newer than objdump', 'architectural names that binutils 2.40 (January 2023) did not have yet, or does not have', NEWER_REGISTERS, 'ours'),
  spelling(
    'another profile',
    'registers of Armv8-R, ThumbEE and the withdrawn Call Stack Recorder extension, which no A-profile guest has',
    OTHER_PROFILE_REGISTERS,
    'theirs',
  ),
]
