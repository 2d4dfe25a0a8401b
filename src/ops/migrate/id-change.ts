// Owns the question what it means to a running guest that an ID register has another value: per field, does something appear, vanish, differ, or does
// the field mean nothing to it. Pure. The direction of a field is the one by which Linux compares CPUs (builds/id-fields.ts).
import { diffFields } from '../../arch/fields/fields.ts'
import type { GuestView } from '../../arch/guest-view.ts'
import { type RegId, regIndex, sysRegId } from '../../arch/reg-id.ts'
import { fieldValue, type IdField, idFields } from '../../builds/id-fields.ts'
import type { MigrateField } from './migrate-report.ts'

export interface IdChange {
  readonly fields: readonly MigrateField[]
  /** Everything the guest was told stays true. */
  readonly isCompatible: boolean
  readonly reason: string
  readonly source: string
}

const MANUAL = 'Arm DDI 0487'
const ID_AA64MMFR2 = sysRegId(3, 0, 0, 7, 2)
const ID_AA64MMFR1 = sysRegId(3, 0, 0, 7, 1)
const ID_AA64DFR0 = sysRegId(3, 0, 0, 5, 0)
const hasNoEl2 = (guest: GuestView): boolean => guest.features !== undefined && !guest.features.includes('has_el2')

/** Fields whose value is not "more is more". First row that fits. */
const SPECIAL: readonly {
  readonly register: RegId
  readonly lsb: number
  readonly when?: (guest: GuestView) => boolean
  readonly effect: MigrateField['effect']
  readonly why: string
  readonly source: string
}[] = [
  {
    register: ID_AA64MMFR2,
    lsb: 24, // NV
    when: hasNoEl2,
    effect: 'unused',
    why: 'nested virtualisation is used at EL2, which this vCPU does not have',
    source: `${MANUAL}, ID_AA64MMFR2_EL1.NV; Linux arch/arm64/kvm/sys_regs.c: the field was shown to guests by mistake`,
  },
  {
    register: ID_AA64MMFR1,
    lsb: 40, // HCX
    when: hasNoEl2,
    effect: 'unused',
    why: 'HCRX_EL2 is a register of EL2, which this vCPU does not have',
    source: `${MANUAL}, FEAT_HCX`,
  },
  // Context-aware breakpoints are the ones with the highest numbers: with another number of breakpoints they are others.
  { register: ID_AA64DFR0, lsb: 12, effect: 'differs', why: 'context-aware breakpoints get other numbers', source: `${MANUAL}, ID_AA64DFR0_EL1.CTX_CMPs` },
  { register: ID_AA64DFR0, lsb: 28, effect: 'differs', why: 'context-aware breakpoints get other numbers', source: `${MANUAL}, ID_AA64DFR0_EL1.CTX_CMPs` },
]
const FTR = 'Linux arch/arm64/kernel/cpufeature.c, the safe value of each field'

/** `guest` is what the guest was told when it was saved. */
export function judgeIdChange(id: RegId, before: bigint, after: bigint, guest: GuestView): IdChange {
  const known = idFields(regIndex(id)) ?? []
  const whys: { readonly effect: MigrateField['effect']; readonly why: string; readonly source: string }[] = []
  const fields = diffFields(id, before, after).map(({ name, lsb, before: from, after: to, beforeMeaning, afterMeaning }): MigrateField => {
    const special = SPECIAL.find(row => row.register === id && row.lsb === lsb && (row.when?.(guest) ?? true))
    const field = known.find(each => each.shift === lsb)
    const effect = special?.effect ?? (field ? direction(field, before, after) : 'differs')
    if (special) whys.push(special)
    return {
      name,
      before: `0x${from.toString(16)}`,
      after: `0x${to.toString(16)}`,
      ...(beforeMeaning === undefined ? {} : { beforeMeaning }),
      ...(afterMeaning === undefined ? {} : { afterMeaning }),
      effect,
    }
  })
  const worse = fields.filter(({ effect }) => effect === 'vanishes' || effect === 'differs')
  const isCompatible = fields.length > 0 && worse.length === 0
  const special = whys.find(({ effect }) => (effect === 'differs') === !isCompatible)
  const said = (chosen: readonly MigrateField[]): string => chosen.map(field => `${field.name} ${WORDS[field.effect]} (${step(field)})`).join(', ')
  const reason = fields.length === 0 ? 'it differs in bits without a name' : said(isCompatible ? fields : worse)
  return { fields, isCompatible, reason: special ? `${reason}: ${special.why}` : reason, source: special?.source ?? FTR }
}

const step = ({ before, after, beforeMeaning, afterMeaning }: MigrateField): string => `${beforeMeaning ?? before} → ${afterMeaning ?? after}`

const WORDS: Readonly<Record<MigrateField['effect'], string>> = {
  appears: 'rises',
  vanishes: 'falls',
  differs: 'means something else',
  unused: 'is of no use to this guest',
}

function direction(field: IdField, before: bigint, after: bigint): MigrateField['effect'] {
  const [from, to] = [fieldValue(field, before), fieldValue(field, after)]
  switch (field.safety) {
    case 'lower':
      return to > from ? 'appears' : 'vanishes'
    case 'higher':
      return to < from ? 'appears' : 'vanishes'
    case 'higher-or-zero':
      return 'differs'
    case 'exact':
      return from === 0 && field.safe === 0 ? 'appears' : 'differs'
  }
}
