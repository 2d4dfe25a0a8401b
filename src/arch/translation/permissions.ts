// Owns who may read, write and execute a page. Source: Arm ARM (DDI 0487) D8.4, pseudocode AArch64.S1DirectBasePermissions. Knows no table.
import type { TranslationRegime } from './regime.ts'

/** Bits of the last descriptor, with what the tables above it took away. */
export interface PageBits {
  /** AP[1]: EL0 has access; AP[2]: nobody writes. */
  readonly user: boolean
  readonly readOnly: boolean
  readonly userNeverExecute: boolean
  readonly privilegedNeverExecute: boolean
}

export type AccessKind = 'read' | 'write' | 'fetch'
/** With whose rights: EL0's (LDTR and STTR at EL1 too), or EL1's; `pan`: PSTATE.PAN is set and counts for this access. */
export interface AccessRights {
  readonly kind: AccessKind
  readonly privileged: boolean
  readonly pan: boolean
}

export function permitted(
  page: PageBits,
  { kind, privileged, pan }: AccessRights,
  regime: Pick<TranslationRegime, 'writeNeverExecute' | 'enhancedPan'>,
): boolean {
  const userWrites = page.user && !page.readOnly
  if (!privileged) {
    if (kind === 'fetch') return !page.userNeverExecute && !(regime.writeNeverExecute && userWrites)
    return kind === 'write' ? userWrites : page.user
  }
  // What EL0 may write EL1 never executes.
  if (kind === 'fetch') return !page.privilegedNeverExecute && !userWrites && !(regime.writeNeverExecute && !page.readOnly)
  if (pan) {
    const userExecutes = !page.userNeverExecute && !(regime.writeNeverExecute && userWrites)
    if (page.user || (regime.enhancedPan && userExecutes)) return false
  }
  return kind === 'read' || !page.readOnly
}
