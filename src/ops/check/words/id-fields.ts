// Owns the words for fields of ID registers: what a guest was told of and does not find, what it finds and was not told of. Judges no value.
import { diffFields, type FieldChange } from '../../../arch/fields/fields.ts'
import { type RegId, regIndex } from '../../../arch/reg-id.ts'
import type { Build } from '../../../builds/build.ts'

export interface FieldStep {
  readonly field: string
  /** `vanishes`: the guest was told of it and the host does not offer it. `appears`: the other way round. */
  readonly kind: 'vanishes' | 'appears' | 'changes'
  /** Meanings, or numbers where the tables have none. */
  readonly was: string
  readonly now: string
}

const absent = (value: bigint, meaning: string | undefined): boolean => meaning === 'NI' || (meaning === undefined && value === 0n)
const text = (value: bigint, meaning: string | undefined): string => meaning ?? `0x${value.toString(16)}`

const stepOf = ({ name, before, after, beforeMeaning, afterMeaning }: FieldChange): FieldStep => ({
  field: name,
  kind: absent(after, afterMeaning) ? 'vanishes' : absent(before, beforeMeaning) ? 'appears' : 'changes',
  was: text(before, beforeMeaning),
  now: text(after, afterMeaning),
})

/** Fields that differ between what the guest was told and what the host shows, most significant first. */
export const fieldSteps = (id: RegId, was: bigint, now: bigint): readonly FieldStep[] => diffFields(id, was, now).map(stepOf)

/**
 * The fields for which a kernel refuses `was` where its host shows `now`: those that it lets nobody write, and among the others those that ask for more
 * than the host has. All that differ when that leaves none. Source: Linux arch/arm64/kvm/sys_regs.c, arm64_check_features(); recordings (idregs).
 */
export function fieldsAtFault(id: RegId, was: bigint, now: bigint, { kernel: { idRegisters } }: Build): readonly FieldStep[] {
  const all = diffFields(id, was, now)
  const writable = idRegisters.policy === 'masked' ? (idRegisters.writable.get(regIndex(id)) ?? 0n) : 0n
  const asksForMore = ({ before, after, lsb, msb, beforeMeaning, afterMeaning }: FieldChange): boolean => {
    const mask = ((1n << BigInt(msb - lsb + 1)) - 1n) << BigInt(lsb)
    if ((writable & mask) !== mask || absent(after, afterMeaning)) return true
    return !absent(before, beforeMeaning) && before > after
  }
  const guilty = all.filter(asksForMore)
  return (guilty.length > 0 ? guilty : all).map(stepOf)
}

const MOST = 5
const named = ({ field, was, now, kind }: FieldStep): string => {
  const value = kind === 'appears' ? now : was
  return kind === 'changes' || value === 'IMP' ? field : `${field} (${value})`
}

function list(steps: readonly FieldStep[], show: (step: FieldStep) => string): string {
  const shown = steps.slice(0, MOST).map(show).join(', ')
  return steps.length <= MOST ? shown : `${shown} and ${steps.length - MOST} more`
}

/** `the guest was told of XS, HCX, which this host does not offer; this host has BC, which linux-6.1 cannot hide; …`: why a value is refused. */
export function faultText(steps: readonly FieldStep[], kernel: string): string {
  const of = (kind: FieldStep['kind']) => steps.filter(step => step.kind === kind)
  const [lost, gained, other] = [of('vanishes'), of('appears'), of('changes')]
  return [
    ...(lost.length === 0 ? [] : [`the guest was told of ${list(lost, named)}, which this host does not offer`]),
    ...(gained.length === 0 ? [] : [`this host has ${list(gained, named)}, unknown to the guest, and ${kernel} does not let it be hidden`]),
    ...(other.length === 0 ? [] : [list(other, step => `${step.field} is ${step.was} for the guest and ${step.now} on this host`)]),
  ].join('; ')
}

/** `XS, NV (NV2)` for what vanishes or appears, `DebugVer V8P8 → IMP` for the rest. */
export const stepsText = (steps: readonly FieldStep[]): string =>
  list(steps, step => (step.kind === 'changes' ? `${step.field} ${step.was} → ${step.now}` : named(step)))
