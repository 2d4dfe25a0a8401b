// Owns the registers of self-hosted debug: encodings and fields. Source: Arm ARM D24.3. Knows no rule.
import { encodingOf } from '../system-register-encoding.ts'

/** Most comparators of a kind that the architecture has. */
const MOST = 16
const numbered = (op2: number): readonly number[] => Array.from({ length: MOST }, (_, n) => encodingOf(2, 0, 0, n, op2))

export const DEBUG_REGISTER = {
  MDSCR_EL1: encodingOf(2, 0, 0, 2, 2),
  OSLSR_EL1: encodingOf(2, 0, 1, 1, 4),
  CONTEXTIDR_EL1: encodingOf(3, 0, 13, 0, 1),
  ID_AA64DFR0_EL1: encodingOf(3, 0, 0, 5, 0),
  ID_AA64PFR0_EL1: encodingOf(3, 0, 0, 4, 0),
  DBGBVR: numbered(4),
  DBGBCR: numbered(5),
  DBGWVR: numbered(6),
  DBGWCR: numbered(7),
} as const

/** Writing one of these changes what the next instruction may meet. */
export const DEBUG_CONTROLS: ReadonlySet<number> = new Set([
  DEBUG_REGISTER.MDSCR_EL1,
  DEBUG_REGISTER.CONTEXTIDR_EL1,
  ...DEBUG_REGISTER.DBGBVR,
  ...DEBUG_REGISTER.DBGBCR,
  ...DEBUG_REGISTER.DBGWVR,
  ...DEBUG_REGISTER.DBGWCR,
])

export const MDSCR = { ss: 1 << 0, kde: 1 << 13, mde: 1 << 15 } as const
/** OSLSR_EL1.OSLK: the OS lock is held. */
export const OSLK = 1 << 1
