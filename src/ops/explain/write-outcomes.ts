// Owns how the sample values of a register come out on one host, before and after the first run, those with one outcome together.
import { registerRow } from '../../arch/catalogue/catalogue.ts'
import type { RegId } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import { type Circumstances, type Phase, tryWrite, withPsci } from './attempt.ts'
import type { WriteOutcome, WriteRow } from './explain-report.ts'
import { type Sample, sampleValues } from './sample-values.ts'
import type { Place } from './tryout.ts'

/** `accepted`, `accepted, not stored` (it reads as before), `accepted, in part` (it reads as neither), or the errno. */
export async function outcomeOf(build: Build, about: Circumstances, id: RegId, value: bigint): Promise<string> {
  const tried = await tryWrite(build, about, id, value)
  if (tried === undefined) return 'not tried'
  if (tried.errno !== undefined) return tried.errno
  if (tried.value === value) return 'accepted'
  return tried.value === tried.before ? 'accepted, not stored' : 'accepted, in part'
}

/** The two moments between which the answer changes: the first run, for SVE vector lengths the finalization. */
export function momentsOf(id: RegId): { readonly phases: readonly [Phase, Phase]; readonly between: string } {
  return registerRow(id)?.write === 'before-finalize'
    ? { phases: ['unfinalised', 'fresh'], between: 'KVM_ARM_VCPU_FINALIZE' }
    : { phases: ['fresh', 'ran'], between: 'the first KVM_RUN' }
}

/** What is accepted first. */
export async function writeOutcomes({ build, features, own }: Place, id: RegId): Promise<Pick<WriteRow, 'between' | 'outcomes'>> {
  const { phases, between } = momentsOf(id)
  const groups = new Map<string, { before: string; after: string; samples: Sample[] }>()
  const samples = sampleValues(id, own)
  for (const sample of samples) {
    const [before, after] = (await Promise.all(phases.map(phase => outcomeOf(build, { features: withPsci(features), phase }, id, sample.value)))) as [
      string,
      string,
    ]
    const group = groups.get(`${before}\n${after}`) ?? { before, after, samples: [] }
    group.samples.push(sample)
    groups.set(`${before}\n${after}`, group)
  }
  const isAccepted = (outcome: string) => outcome.startsWith('accepted')
  const outcomes = [...groups.values()]
    .sort((a, b) => Number(isAccepted(b.before)) - Number(isAccepted(a.before)))
    .map((group): WriteOutcome => ({ before: group.before, after: group.after, values: sayValues(group.samples, samples) }))
  return { between, outcomes }
}

/** Names of the samples; fields by direction, and all of a direction in one word. */
export function sayValues(some: readonly Sample[], all: readonly Sample[]): readonly string[] {
  const plain = some.filter(({ what }) => what === 'own' || what === 'other').map(({ text }) => text)
  const directions = (['lower', 'higher'] as const).flatMap(direction => {
    const [here, everywhere] = [some, all].map(list => list.filter(({ what }) => what === direction)) as [Sample[], Sample[]]
    if (here.length === 0) return []
    return here.length === everywhere.length && here.length > 1
      ? [`any field ${direction}`]
      : here.length > 1 && here.length * 2 > everywhere.length
        ? [`any other field ${direction}`]
        : [`${here.map(({ text }) => text).join(' ')} ${direction}`]
  })
  return [...plain, ...directions]
}
