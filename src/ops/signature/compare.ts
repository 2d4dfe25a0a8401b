// Owns what differs between two environments, component by component. What it means for a guest is said by meets.ts; nothing is decided here.
import type { RegId } from '../../arch/reg-id.ts'
import { COMPONENTS, type ComponentName } from './components.ts'
import type { Environment } from './environment.ts'
import type { Component, Fact } from './fact.ts'
import { meets } from './meets.ts'

/** One fact that differs; a side without a value has no such thing: the function is not answered there, the register reads zero, the device is not there. */
export interface FactDifference {
  readonly key: string
  readonly a?: string
  readonly b?: string
  readonly id?: RegId
}

/** `different`: a guest of one can tell that it is on the other. `not-known`: nothing is known to differ, and one side or both do not say everything. */
export interface ComponentDifference {
  readonly component: ComponentName
  readonly kind: 'different' | 'not-known'
  readonly facts: readonly FactDifference[]
  /** Facts that one side says and the other does not; of a component that one side lacks, all of it. */
  readonly notKnown: readonly string[]
  /** What a guest that hibernated in `a` and resumes in `b` would meet, in sentences. */
  readonly meets: readonly string[]
}

/** Components that differ or cannot be compared, in the order of the list; none when both say the same about everything that either says. */
export function compareEnvironments(a: Environment, b: Environment): readonly ComponentDifference[] {
  return COMPONENTS.flatMap(({ name }) => {
    const of = ({ components }: Environment) => components.find(each => each.name === name)
    return compareComponents(name, of(a), of(b))
  })
}

/** Names of the components that are known to differ. */
export const differingComponents = (differences: readonly ComponentDifference[]): readonly ComponentName[] =>
  differences.filter(({ kind }) => kind === 'different').map(({ component }) => component)

const byKey = ({ facts }: Component): ReadonlyMap<string, Fact> => new Map(facts.map(fact => [fact.key, fact]))

function compareComponents(name: ComponentName, a: Component | undefined, b: Component | undefined): readonly ComponentDifference[] {
  if (!a && !b) return []
  if (!a || !b) return [{ component: name, kind: 'not-known', facts: [], notKnown: (a ?? b)!.facts.map(({ key }) => key), meets: [] }]
  const facts: FactDifference[] = []
  const notKnown: string[] = []
  const [inA, inB] = [byKey(a), byKey(b)]
  for (const key of [...new Set([...inA.keys(), ...inB.keys()])].toSorted()) {
    const [was, is] = [inA.get(key), inB.get(key)]
    if (was?.value === is?.value) continue
    if ((!was && a.notKnown.includes(key)) || (!is && b.notKnown.includes(key))) {
      notKnown.push(key)
      continue
    }
    const id = was?.id ?? is?.id
    facts.push({ key, ...(was ? { a: was.value } : {}), ...(is ? { b: is.value } : {}), ...(id === undefined ? {} : { id }) })
  }
  // What one side does not know and the other knows not to be there.
  for (const [one, other, has] of [
    [a, b, inB],
    [b, a, inA],
  ] as const)
    for (const key of one.notKnown) if (!other.notKnown.includes(key) && !has.has(key) && !notKnown.includes(key)) notKnown.push(key)
  if (facts.length === 0 && notKnown.length === 0) return []
  return [{ component: name, kind: facts.length > 0 ? 'different' : 'not-known', facts, notKnown: notKnown.toSorted(), meets: meets(name, facts) }]
}
