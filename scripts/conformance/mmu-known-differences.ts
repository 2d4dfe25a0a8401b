// Owns where our translation and QEMU 7.2's differ on purpose, each with its reason. An entry that explains nothing any more fails the check.
import type { AccessCase, AccessResult, Regime } from './mmu-memory.ts'

/** What the world is, and whether the reference has stored in it where we did not. */
export interface Circumstances {
  readonly regime: Regime
  readonly storedElsewhere: boolean
}

export interface KnownMmuDifference {
  readonly name: string
  explains(test: AccessCase, ours: AccessResult, theirs: AccessResult, world: Circumstances): boolean
  /** Memory may differ afterwards. */
  readonly stores?: boolean
}

const EC = { unknown: 0n, svc: 0x15n, pcAlignment: 0x22n }
const classOf = ({ esr }: AccessResult): bigint => esr >> 26n
const isInstructionAbort = (result: AccessResult): boolean => classOf(result) >> 1n === 0x10n
const isDataAbort = (result: AccessResult): boolean => classOf(result) >> 1n === 0x12n
const isExternal = (result: AccessResult): boolean => isDataAbort(result) && (result.esr & 0x3fn) === 0x10n
/** TCR_EL1.HA, HD. */
const MANAGED = 3n << 39n
const SHAREABILITY = 3n << 7n

export const KNOWN_MMU_DIFFERENCES: readonly KnownMmuDifference[] = [
  {
    // Arm ARM B2.15: "unaligned accesses to any type of Device memory generate an Alignment fault", DC ZVA too. QEMU 7.2 does not know it; 9.0 does.
    name: 'unaligned accesses and DC ZVA to Device memory fault',
    stores: true,
    explains: (test, ours, theirs) =>
      isDataAbort(ours) && (ours.esr & 0x3fn) === 0x21n && ours.far === test.address && (classOf(theirs) === EC.svc || isExternal(theirs)),
  },
  {
    // Arm ARM D24.2, PAR_EL1.SH: 0b10 for Device and Non-cacheable memory whatever the descriptor says. QEMU 7.2 gives the descriptor's.
    name: 'PAR_EL1.SH of Device and Non-cacheable memory',
    explains: (test, ours, theirs) =>
      test.operation.startsWith('at_') &&
      (ours.x2 & SHAREABILITY) === 2n << 7n &&
      (ours.x2 & ~SHAREABILITY) === (theirs.x2 & ~SHAREABILITY) &&
      ((ours.x2 >> 56n) & 0xffn) !== 0xffn,
  },
  {
    // Arm ARM D1.3.5: a PC alignment fault comes before an Instruction Abort. QEMU fetches first.
    name: 'a misaligned PC that cannot be fetched from',
    explains: (_, ours, theirs) => classOf(ours) === EC.pcAlignment && (ours.elr & 3n) !== 0n && isInstructionAbort(theirs) && ours.far === theirs.far,
  },
  {
    // What the one before leaves in memory: other data, or zeros where code was.
    name: 'memory after such a store',
    explains: (test, ours, theirs, { storedElsewhere }) =>
      storedElsewhere && /load|branch/.test(test.operation) && classOf(ours) === EC.svc && (classOf(theirs) === EC.svc || classOf(theirs) === EC.unknown),
  },
  {
    // Arm ARM, pseudocode AArch64.S1ApplyOutputPerms: with TCR_EL1.HD a descriptor with DBM is writable, so what EL0 may write, and everything with WXN, is not executed.
    // QEMU 7.2 takes AP[2] as it stands.
    name: 'execution where hardware manages the dirty state',
    explains: (test, ours, theirs, { regime }) =>
      test.operation.endsWith('branch') &&
      (regime.tcr & MANAGED) === MANAGED &&
      isInstructionAbort(ours) &&
      (ours.esr & 0x3cn) === 0x0cn &&
      classOf(theirs) === EC.svc,
  },
  {
    // Where nothing answers QEMU reports the aligned part of the access that it makes. What our machine reports there is its own business, not translation's.
    name: 'FAR_EL1 of an access that nothing answers',
    explains: (_, ours, theirs) => isExternal(ours) && ours.esr === theirs.esr && ours.elr === theirs.elr && ours.far >> 12n === theirs.far >> 12n,
  },
]
