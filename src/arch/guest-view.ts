// Owns what can be said about a guest from its saved registers: which features it has been told of. Used by the visibility and droppable tables.
// Every answer may be "not known": a register list can lack any register.
import type { Feature } from './features.ts'
import { type RegId, sysRegId } from './reg-id.ts'

/** What is known of the guest whose register is judged: `lookup` gives saved values, `features` the vCPU features, when known. */
export interface GuestView {
  readonly lookup?: (id: RegId) => bigint | undefined
  readonly features?: readonly Feature[]
}

export const ID_AA64PFR0 = sysRegId(3, 0, 0, 4, 0)
export const ID_AA64PFR1 = sysRegId(3, 0, 0, 4, 1)
export const ID_AA64PFR2 = sysRegId(3, 0, 0, 4, 2)
export const ID_AA64DFR0 = sysRegId(3, 0, 0, 5, 0)
export const ID_AA64ISAR1 = sysRegId(3, 0, 0, 6, 1)
export const ID_AA64ISAR2 = sysRegId(3, 0, 0, 6, 2)
export const ID_AA64MMFR3 = sysRegId(3, 0, 0, 7, 3)
export const CLIDR = sysRegId(3, 1, 0, 0, 1)
export const PMCR = sysRegId(3, 3, 9, 12, 0)

/** The four-bit field of an ID register that starts at `lsb`; undefined when the register is not known. */
export function idField(guest: GuestView, register: RegId, lsb: number): number | undefined {
  const value = guest.lookup?.(register)
  return value === undefined ? undefined : Number((value >> BigInt(lsb)) & 0xfn)
}

/** Whether the guest has a PMU: by the vCPU feature, else by ID_AA64DFR0_EL1.PMUVer (0 none, 15 not the architecture's). */
export function hasPmu(guest: GuestView): boolean | undefined {
  if (guest.features) return guest.features.includes('pmu_v3')
  const version = idField(guest, ID_AA64DFR0, 8)
  return version === undefined ? undefined : version !== 0 && version !== 15
}

/** Whether the CPU can run AArch32 at EL0; without it the AArch32 ID registers hold nothing (ID_AA64PFR0_EL1.EL0). */
export function hasAArch32(guest: GuestView): boolean | undefined {
  const level = idField(guest, ID_AA64PFR0, 0)
  return level === undefined ? undefined : level === 2
}

/** Whether the vCPU itself is in AArch32 (feature el1_32bit). */
export const isAArch32Guest = (guest: GuestView): boolean | undefined => guest.features?.includes('el1_32bit')

/** Whether the guest was told of pointer authentication. */
export function hasPauth(guest: GuestView): boolean | undefined {
  if (guest.features) return guest.features.includes('ptrauth_address') || guest.features.includes('ptrauth_generic')
  const isar1 = guest.lookup?.(ID_AA64ISAR1)
  const isar2 = guest.lookup?.(ID_AA64ISAR2)
  // APA 7:4, API 11:8, GPA 27:24, GPI 31:28; in ISAR2 GPA3 11:8 and APA3 15:12
  return isar1 === undefined || isar2 === undefined ? undefined : (isar1 & 0xff00_0ff0n) !== 0n || (isar2 & 0xff00n) !== 0n
}

/** Whether the cache that a CSSELR value names is there, by CLIDR_EL1.Ctype (1 instruction, 2 data, 3 both, 4 unified). */
export function hasCache(guest: GuestView, csselr: number): boolean | undefined {
  const clidr = guest.lookup?.(CLIDR)
  if (clidr === undefined) return undefined
  const level = csselr >> 1
  const kind = level > 6 ? 0 : Number((clidr >> BigInt(level * 3)) & 7n)
  return csselr & 1 ? kind === 1 || kind === 3 : kind >= 2
}

/** KVM's reset_unknown(): what a register holds that the architecture leaves unknown at reset and nobody has written since. */
export const UNKNOWN_PATTERN = 0x1de7_ec7e_dbad_c0den

/**
 * True when `value` is that pattern under the mask of some number of event counters (bits 30:0) and the cycle counter (bit 31). Fewer than four
 * counters would leave a value that guests write themselves, such as the cycle counter alone.
 */
export function isUnknownCounterMask(value: bigint): boolean {
  if (value === UNKNOWN_PATTERN) return true
  for (let counters = 4; counters <= 31; counters++) if (value === (UNKNOWN_PATTERN & (0x8000_0000n | ((1n << BigInt(counters)) - 1n)))) return true
  return false
}
