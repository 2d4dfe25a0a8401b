// Owns what a guest loses with registers that a VMM leaves out and that the target does not have: nothing is refused, and nothing reads back to compare.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { droppable } from '../../arch/droppable.ts'
import type { Feature } from '../../arch/features.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { BITMAP_BITS } from '../../arch/smccc.ts'
import type { Finding } from '../../model/finding.ts'
import { bytesToBigint, registerValue } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { LoadAttempt } from '../load/attempt.ts'
import type { VmmRules } from '../load/plan.ts'
import { shorten, showValue } from '../show-value.ts'

/** A warning for each dropped register whose loss the guest can notice; what the target has instead is judged elsewhere (verdict.ts). */
export function lostFindings(snapshot: Snapshot, { dropped, replays, features }: LoadAttempt, { title }: VmmRules): readonly Finding[] {
  const findings = new Map<bigint, Finding>()
  for (const [i, rows] of dropped.entries()) {
    const gone = new Set((replays[i]?.omitted ?? []).filter(({ readBack }) => readBack === undefined).map(({ id }) => id))
    for (const { id, value } of rows)
      if (gone.has(id) && !findings.has(id)) for (const finding of lossOf(snapshot, i, id, value, features, title)) findings.set(id, finding)
  }
  return [...findings.values()]
}

function lossOf(snapshot: Snapshot, vcpu: number, id: RegId, bytes: Uint8Array, features: readonly Feature[], title: string): readonly Finding[] {
  const value = bytesToBigint(bytes)
  const list = snapshot.vcpus[vcpu]!.registers
  const { droppable: isSafe, reason } = droppable(id, value, 'ENOENT', { lookup: other => registerValue(list, other), features })
  if (isSafe) return []
  const register = registerName(id)
  const services = BITMAP_BITS.filter(row => row.register === id && (value >> BigInt(row.bit)) & 1n)
  if (services.length > 0)
    return [
      {
        severity: 'warning',
        code: 'service-vanished',
        register,
        message: `${services.map(({ name, service }) => `${name} (${service})`).join(' and ')} vanishes: ${title} drops ${register} = ${showValue(id, bytes)}, and this host does not have the register`,
      },
    ]
  return [
    {
      severity: 'warning',
      code: 'register-changed',
      register,
      message: `${register} = ${shorten(showValue(id, bytes))} is dropped by ${title}, and this host does not have it: ${reason}`,
    },
  ]
}
