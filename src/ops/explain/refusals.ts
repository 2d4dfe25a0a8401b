// Owns every way in which one host answers reads and writes of one register: the samples at both moments, and the circumstances that refuse them all.
import type { Feature } from '../../arch/features.ts'
import { FEATURES } from '../../arch/features.ts'
import { type RegId, regBytes, regCoproc } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import { type Phase, tryRead, tryWrite, withPsci } from './attempt.ts'
import { type Cause, causeOf, SITUATIONS } from './causes.ts'
import { type Sample, sampleValues } from './sample-values.ts'
import type { Place } from './tryout.ts'
import { momentsOf, outcomeOf, sayValues } from './write-outcomes.ts'

/** `outcome` is `accepted…` or an errno. Likelier causes stand first. */
export interface Answered {
  readonly outcome: string
  readonly cause: Cause
  readonly values: readonly string[]
}

/** `given` replaces the samples. */
export async function answersOf({ build, features, own }: Place, id: RegId, given?: Sample): Promise<readonly Answered[]> {
  const samples = given ? [given] : sampleValues(id, own)
  const all = withPsci(features)
  const answered: Answered[] = []
  const { phases } = momentsOf(id)
  const first = new Map<Sample, string>()
  for (const [moment, phase] of phases.entries()) {
    const groups = new Map<string, { outcome: string; cause: Cause; samples: Sample[] }>()
    for (const sample of samples) {
      const outcome = await outcomeOf(build, { features: all, phase }, id, sample.value)
      // What is answered at both moments has nothing to do with the second.
      if (first.get(sample) === outcome) continue
      if (moment === 0) first.set(sample, outcome)
      const cause = outcome.startsWith('accepted')
        ? { text: moment === 0 ? outcome : `${outcome}, after ${momentsOf(id).between}` }
        : causeOf(id, sample, outcome)
      const key = `${outcome} ${cause.text}`
      const group = groups.get(key) ?? { outcome, cause, samples: [] }
      group.samples.push(sample)
      groups.set(key, group)
    }
    // Of several causes the one that more values show is the likelier.
    const ranked = [...groups.values()].sort((a, b) => b.samples.length - a.samples.length)
    answered.push(...ranked.map(group => ({ outcome: group.outcome, cause: group.cause, values: valuesOf(group, samples) })))
  }
  return [...answered, ...(await circumstances(build, features, id, samples))]
}

/** What shows the cause; nothing when the cause already names it. */
function valuesOf({ cause, samples: some }: { readonly cause: Cause; readonly samples: readonly Sample[] }, all: readonly Sample[]): readonly string[] {
  return some.length === 1 && cause.text.startsWith(`${some[0]?.text} `) ? [] : sayValues(some, all)
}

/** A register that no feature brings on this host. */
export async function absentAnswer(build: Build, id: RegId, cause: Cause): Promise<readonly Answered[]> {
  const errno = (await tryRead(build, { features: ['psci_0_2'], phase: 'fresh' }, id))?.errno
  return errno === undefined ? [] : [{ outcome: errno, cause, values: [] }]
}

async function circumstances(build: Build, features: readonly Feature[], id: RegId, samples: readonly Sample[]): Promise<readonly Answered[]> {
  const rows: Answered[] = []
  const read = async (having: readonly Feature[], phase: Phase, of: RegId = id) => (await tryRead(build, { features: having, phase }, of))?.errno
  const add = (outcome: string | undefined, cause: Cause, values: readonly string[] = []): void => {
    if (outcome !== undefined) rows.push({ outcome, cause, values })
  }
  if (id === PSCI_VERSION_ID) for (const group of await withoutPsci(build, id, samples)) add(group.outcome, SITUATIONS.withoutPsci02, group.values)
  if (features.length > 0) add(await read(['psci_0_2'], 'fresh'), SITUATIONS.withoutFeature(features.join(' and ')))
  if (!features.includes('sve')) add(await read(withPsci([...features, 'sve']), 'fresh'), regBytes(id) === 16 ? SITUATIONS.sveVectors : SITUATIONS.sveOther)
  if (regCoproc(id) === 0x15) add(await read(withPsci(features), 'unfinalised'), SITUATIONS.unfinalised)
  add(await read(withPsci(features), 'fresh', otherSize(id)), SITUATIONS.wrongSize)
  add(await read(withPsci(features), 'uninitialised'), SITUATIONS.uninitialised)
  return rows
}

async function withoutPsci(
  build: Build,
  id: RegId,
  samples: readonly Sample[],
): Promise<readonly { readonly outcome: string; readonly values: readonly string[] }[]> {
  const refused = new Map<string, Sample[]>()
  const none = FEATURES.filter(() => false)
  for (const sample of samples) {
    const outcome = (await tryWrite(build, { features: none, phase: 'fresh' }, id, sample.value))?.errno
    if (outcome !== undefined) refused.set(outcome, [...(refused.get(outcome) ?? []), sample])
  }
  return [...refused].map(([outcome, some]) => ({ outcome, values: sayValues(some, samples) }))
}

/** The same register with another size in the id. */
const otherSize = (id: RegId): RegId => {
  const size = (id >> 52n) & 0xfn
  return ((id & ~(0xfn << 52n)) | ((size === 2n ? 3n : 2n) << 52n)) as RegId
}
