// Owns the running of every lint over a snapshot. What each looks for is in table.ts; psci-version-*, firmware-register-* and the redistributor lint are
// consistencyFindings, vector-halves-missing comes from the reader that knows the file's layout.
import type { Finding } from '../finding.ts'
import type { Snapshot } from '../snapshot.ts'
import { itsLints } from './its.ts'
import { registerLints } from './registers.ts'

/** `known` are findings there are already: a file whose format cannot hold vector lengths is not told so twice. Throws what reading memory throws. */
export async function lintFindings(snapshot: Snapshot, known: readonly Finding[] = [], signal?: AbortSignal): Promise<readonly Finding[]> {
  const lacksLengths = known.some(({ code }) => code === 'sve-lengths-not-saved')
  const findings = [...registerLints(snapshot), ...(await itsLints(snapshot, signal))]
  return findings.filter(({ code }) => code !== 'sve-vls-missing' || !lacksLengths)
}
