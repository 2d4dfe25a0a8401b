// Owns the smallest things that an environment is made of, and how a source says that it does not know one. No rules.
import type { RegId } from '../../arch/reg-id.ts'
import type { ComponentName } from './components.ts'

/** One thing that a guest can tell, as text that is equal when the guest cannot tell two apart. */
export interface Fact {
  /** Unique within its component: `version`, `MIDR_EL1`, `SYSTEM_OFF2`, `virtio0`. */
  readonly key: string
  readonly value: string
  /** The register whose value it is. */
  readonly id?: RegId
}

/** What one source says about one component. */
export interface Component {
  readonly name: ComponentName
  /** By key, in code unit order. A key that is in neither list is known to be absent: such a function is not answered, such a register reads zero. */
  readonly facts: readonly Fact[]
  /** Keys about which the source says nothing. */
  readonly notKnown: readonly string[]
  /** In one line. */
  readonly words: string
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)

/** Puts facts in order. Throws nothing: keys are unique because their makers say so. */
export const component = (name: ComponentName, facts: readonly Fact[], words: string, notKnown: readonly string[] = []): Component => ({
  name,
  facts: facts.toSorted(byKey),
  notKnown: notKnown.toSorted(),
  words,
})
