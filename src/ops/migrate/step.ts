// Owns the shape of one planned change, and the making of a snapshot with such changes. Knows no rule.
import type { RegId } from '../../arch/reg-id.ts'
import { withEdits } from '../../formats/archive/edit.ts'
import type { RegisterEdit } from '../../formats/importers/editor.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { AnyChangeCode } from './change-codes.ts'
import type { MigrateField } from './migrate-report.ts'

/** What to do with a register, and what that means to the guest. Without `value` it is taken out. */
export interface Answer {
  readonly value?: Uint8Array
  readonly code: AnyChangeCode
  /** The guest cannot notice, or everything it was told stays true: nobody is asked. */
  readonly isSafe: boolean
  readonly reason: string
  readonly source: string
  readonly fields?: readonly MigrateField[]
  /** What the file cannot say, and what to do about it. */
  readonly doubt?: string
}

/** The same of one vCPU's register. */
export interface Step extends Answer {
  readonly vcpu: number
  readonly id: RegId
  /** For one that is added: see RegisterEdit. */
  readonly behind?: readonly RegId[]
}

export const editOf = ({ vcpu, id, value, behind }: Step): RegisterEdit => ({ vcpu, id, ...(value ? { value } : {}), ...(behind ? { behind } : {}) })

export function applySteps(snapshot: Snapshot, steps: readonly Step[]): Snapshot {
  const edits = steps.map(editOf)
  return { ...snapshot, vcpus: snapshot.vcpus.map(vcpu => withEdits(vcpu, edits)) }
}
