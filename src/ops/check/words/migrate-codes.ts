// Owns the guess which --allow codes `migrate` will ask for, from a judged load: the same tables as the planner's, without planning. The planner decides;
// a test holds the two together.

import { once } from '../../../arch/once.ts'
import type { RegId } from '../../../arch/reg-id.ts'
import { compileSelector } from '../../../arch/selector.ts'
import type { ChangeCode } from '../../migrate/change-codes.ts'
import { judgeIdChange } from '../../migrate/id-change.ts'
import { CHANGES } from '../../verdict.ts'
import type { Case, Change, Refusal } from './case.ts'
import { kindOf } from './change-words.ts'

/** Findings of a load that refuse something which is no register: no change of registers can mend that. */
export const UNMENDABLE: ReadonlySet<string> = new Set([
  'vcpu-refused',
  'load-refused',
  'gic-refused',
  'capability-refused',
  'mp-state-refused',
  'events-refused',
  'smccc-filter-refused',
  'counter-offset-refused',
])

/** State of the guest itself: another value is no answer, and leaving it out neither. */
const isCore = once(() => compileSelector({ classes: ['core', 'sve'] }))

/** Refused for its place among the writes, not for what it holds: no other file helps. */
export const isOrder = ({ name, errno }: Refusal): boolean => name === 'KVM_REG_ARM64_SVE_VLS' && errno === 'EPERM'

export interface MigrateOutlook {
  /** Codes for --allow, sorted; empty when the file can be adapted without the guest noticing. */
  readonly codes: readonly ChangeCode[]
  /** False when a rewritten file could not help. */
  readonly helps: boolean
}

export function migrateOutlook(about: Case): MigrateOutlook {
  const { refusals, changes, load, findings, psci, guest } = about
  const onlyOrder = refusals.length > 0 && refusals.every(isOrder)
  const stuck =
    onlyOrder ||
    load.decidedBy?.stage === 'vcpu' ||
    load.decidedBy?.stage === 'other' ||
    findings.some(({ code, severity }) => severity === 'error' && UNMENDABLE.has(code)) ||
    refusals.some(row => !row.droppable && (row.name === 'KVM_REG_ARM64_SVE_VLS' || isCore()(row.id)))
  if (stuck) return { codes: [], helps: false }
  const codes = new Set<ChangeCode>()
  const add = (code: ChangeCode | undefined): unknown => code && codes.add(code)
  for (const refusal of refusals) add(ofRefusal(refusal, guest))
  for (const change of changes) if (!change.skipped) add(ofChange(change, guest))
  if (psci.saved === null) add('psci-version-missing')
  const noticed = findings.some(({ code, severity }) => severity !== 'info' && CHANGES.has(code))
  return { codes: [...codes].sort(), helps: refusals.length + changes.length > 0 || load.outcome === 'fails' || noticed }
}

function ofRefusal({ id, name, value, errno, droppable, there }: Refusal, guest: Case['guest']): ChangeCode | undefined {
  if (name === 'KVM_REG_ARM_PSCI_VERSION') return 'psci-version-changed'
  if (droppable) return undefined
  const kind = kindOf({ id })
  if (kind === 'feature' && errno === 'EINVAL') return value === undefined || there === undefined ? 'feature-vanishes' : ofId(id, value, there, guest)
  if (kind === 'mitigation') return 'mitigation-changed'
  if (kind === 'service') return 'service-vanished'
  if (kind === 'identity') return 'cpu-identity-changed'
  if (kind === 'cache') return 'cache-changed'
  return errno === 'ENOENT' ? 'register-dropped' : 'register-changed'
}

function ofChange(change: Change, guest: Case['guest']): ChangeCode | undefined {
  switch (kindOf(change)) {
    case 'feature':
      return ofId(change.id, change.was, change.now, guest)
    case 'mitigation':
      return 'mitigation-changed'
    case 'service':
      return (change.was & ~change.now) === 0n ? 'service-appeared' : 'service-vanished'
    case 'identity':
      return 'cpu-identity-changed'
    case 'cache':
      return 'cache-changed'
    default:
      return 'register-changed'
  }
}

const ofId = (id: RegId, was: bigint, now: bigint, guest: Case['guest']): ChangeCode | undefined =>
  judgeIdChange(id, was, now, guest).isCompatible ? undefined : 'feature-vanishes'
