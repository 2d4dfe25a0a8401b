// Owns the comparison of a snapshot with a baseline: where the guest was born with something else, and so may not move freely. Judges by the
// baseline alone; whether a given host takes the guest is check's business.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { diffFields } from '../../arch/fields/fields.ts'
import { showPsciVersion } from '../../arch/psci.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { Finding } from '../../model/finding.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { listed } from '../builds-words/notice.ts'
import type { Baseline, BaselineRegister } from './baseline.ts'

const hex = (value: bigint): string => `0x${value.toString(16)}`

/**
 * Findings of severity warning, each register once however many vCPUs have it: `baseline-psci`, `baseline-register` for a value that is not the
 * baseline's, `baseline-register-missing` for a register that every host of the baseline lists and the snapshot does not hold, `baseline-features`.
 * Empty for a guest that was born with the baseline.
 */
export function baselineDifferences(snapshot: Snapshot, baseline: Baseline): readonly Finding[] {
  return [...featureFindings(snapshot, baseline), ...baseline.registers.flatMap(register => registerFindings(snapshot, register))]
}

function featureFindings({ vcpus }: Snapshot, { features: wanted }: Baseline): readonly Finding[] {
  const features = vcpus.find(vcpu => vcpu.features)?.features?.filter(feature => feature !== 'power_off')
  if (!features) return []
  const [more, less] = [features.filter(each => !wanted.includes(each)), wanted.filter(each => each !== 'power_off' && !features.includes(each))]
  if (more.length === 0 && less.length === 0) return []
  const parts = [
    ...(more.length > 0 ? [`has ${listed(more)}, which the baseline leaves out`] : []),
    ...(less.length > 0 ? [`lacks ${listed(less)}, which the baseline has`] : []),
  ]
  return [
    {
      severity: 'warning',
      code: 'baseline-features',
      message: `the guest ${parts.join(' and ')}`,
      hint: 'compare it with a baseline for its own vCPU features',
    },
  ]
}

function registerFindings({ vcpus }: Snapshot, { id, value, mask = ~0n, listedOn }: BaselineRegister): readonly Finding[] {
  const own = vcpus.map(({ registers }) => registerValue(registers, id))
  const register = registerName(id)
  if (own.every(each => each === undefined))
    return listedOn === undefined
      ? [{ severity: 'warning', code: 'baseline-register-missing', register, message: `the file holds no ${register}, which every host of the baseline lists` }]
      : []
  const different = [...new Set(own.filter((each): each is bigint => each !== undefined && ((each ^ value) & mask) !== 0n))]
  return different.map(each => difference(id, register, each, (each & ~mask) | (value & mask)))
}

function difference(id: RegId, register: string, has: bigint, wants: bigint): Finding {
  if (id === PSCI_VERSION_ID)
    return {
      severity: 'warning',
      code: 'baseline-psci',
      register,
      message: `the guest booted with PSCI ${showPsciVersion(has)}; the baseline pins ${showPsciVersion(wants)}`,
      hint: `pin it at the next boot; \`psci-snap migrate --pin-psci ${showPsciVersion(wants)}\` changes the guest's firmware under its feet`,
    }
  const fields = diffFields(id, has, wants).map(
    ({ name, before, after, beforeMeaning, afterMeaning }) => `${name} ${beforeMeaning ?? before}, there ${afterMeaning ?? after}`,
  )
  return {
    severity: 'warning',
    code: 'baseline-register',
    register,
    message: `${register} is ${hex(has)}, the baseline says ${hex(wants)}${fields.length === 0 ? '' : ` (${listed(fields, 4)})`}`,
    hint: 'it must be written before the first run: such a guest has to boot again to get the baseline',
  }
}
