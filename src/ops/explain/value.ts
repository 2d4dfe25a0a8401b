// Owns the answer about one value of a register: its fields, and which hosts take it, tried on each.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import { WRITE_RULES } from '../../arch/catalogue/write-rules.ts'
import { decodeFields, diffFields } from '../../arch/fields/fields.ts'
import { parsePsciVersion } from '../../arch/psci.ts'
import { type RegId, showRegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import { SnapError } from '../../errors.ts'
import { parseValue } from '../../formats/importers/reglist/value-text.ts'
import { bytesToBigint } from '../../model/register-list.ts'
import { tryWrite, withPsci } from './attempt.ts'
import { causeOf } from './causes.ts'
import type { TriedRow, ValueAnswer } from './explain-report.ts'
import { spans } from './hosts.ts'
import { isJudgedByField, type Sample, sampleValues, sayValue } from './sample-values.ts'
import type { Place, Tryout } from './tryout.ts'
import { momentsOf } from './write-outcomes.ts'

/** `text` is `0x…`, `b` and hex bytes, or for PSCI_VERSION `1.1`. Throws REG_VALUE_INVALID. */
export function sampleOf(id: RegId, text: string): Sample {
  if (id === PSCI_VERSION_ID && /^\d+\.\d+$/.test(text)) return { text, value: parsePsciVersion(text), what: 'other' }
  const parsed = parseValue(id, text)
  if (!(parsed instanceof Uint8Array))
    throw new SnapError('REG_VALUE_INVALID', `the value "${text.slice(0, 80)}" ${parsed.wrong}`, { register: registerName(id) })
  const value = bytesToBigint(parsed)
  return { text: sayValue(id, value), value, what: 'other' }
}

export async function explainValue(id: RegId, sample: Sample, tryout: Tryout): Promise<ValueAnswer> {
  const rows: { kernel: string; fact: Omit<TriedRow, 'kernels'> }[] = []
  const advice = new Set<string>()
  for (const host of tryout.hosts) {
    const [place] = await tryout.placesOn(host, id)
    if (!place) rows.push({ kernel: host.release, fact: { outcome: 'ENOENT', why: 'this host has no such register' } })
    else {
      const { row, hint } = await tryAt(place, id, sample)
      if (hint !== undefined) advice.add(hint)
      rows.push({
        kernel: host.release,
        fact: { ...row, ...(tryout.hosts.length === 1 || place.build === host.builds[0] ? {} : { cpu: place.build.host.cpu }) },
      })
    }
  }
  const name = registerName(id)
  const rule = registerRow(id)?.write
  return {
    kind: 'value',
    title: `${name} = ${sample.text}`,
    register: { id: showRegId(id), name },
    value: `0x${sample.value.toString(16)}`,
    rule: rule === undefined ? [] : [`A write is: ${WRITE_RULES[rule]}.`],
    fields: decodeFields(id, sample.value).map(({ name: field, value, meaning }) => ({
      name: field,
      value: `0x${value.toString(16)}`,
      ...(meaning === undefined ? {} : { meaning }),
    })),
    tried: spans(rows).map(({ kernels, fact }) => ({ kernels, ...fact })),
    consequences: [],
    advice: [...advice],
    sources: ['tried on the emulated hosts, which follow recordings of these kernels: KVM_ARM_VCPU_INIT, KVM_SET_ONE_REG, KVM_GET_ONE_REG'],
  }
}

async function tryAt({ build, features, own }: Place, id: RegId, sample: Sample): Promise<{ readonly row: Omit<TriedRow, 'kernels'>; readonly hint?: string }> {
  const [phase] = momentsOf(id).phases
  const about = { features: withPsci(features), phase }
  const tried = await tryWrite(build, about, id, sample.value)
  const fresh = `0x${(tried?.before ?? own).toString(16)}`
  if (tried?.errno === undefined) {
    const readBack = tried?.value
    return readBack === sample.value
      ? { row: { outcome: 'accepted', fresh } }
      : { row: { outcome: 'accepted', readBack: `0x${(readBack ?? 0n).toString(16)}`, fresh, why: 'it is not stored as written' } }
  }
  const { text, advice } = causeOf(id, judged(id, own, sample), tried.errno)
  return { row: { outcome: tried.errno, fresh, why: `${text}${differing(id, own, sample.value)}` }, ...(advice === undefined ? {} : { hint: advice }) }
}

/** The first fields in which the value is not the host's. */
function differing(id: RegId, own: bigint, value: bigint): string {
  if (!isJudgedByField(id)) return ''
  const changes = diffFields(id, own, value)
  const said = changes
    .slice(0, 3)
    .map(({ name, before, after, beforeMeaning, afterMeaning }) => `${name} is ${beforeMeaning ?? before} there, ${afterMeaning ?? after} in the value`)
  return changes.length === 0 ? '' : ` (${said.join('; ')}${changes.length > 3 ? `; ${changes.length - 3} more` : ''})`
}

/** How the value stands to the host's: a field above it weighs more than one below. */
function judged(id: RegId, own: bigint, sample: Sample): Sample {
  const steps = sampleValues(id, own).filter(({ what }) => what === 'lower' || what === 'higher')
  if (steps.length === 0) return sample
  const mine = new Map(decodeFields(id, sample.value).map(field => [`${field.name} ${field.lsb}`, field.value]))
  const higher = decodeFields(id, own).some(field => (mine.get(`${field.name} ${field.lsb}`) ?? field.value) > field.value)
  return { ...sample, what: higher ? 'higher' : 'lower' }
}
