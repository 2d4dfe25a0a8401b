// Owns the words for what a guest meets that hibernated in one environment and resumes in another, per component. Reuses the words of checks: which step of
// PSCI, which mitigation, which CPU feature. Sources: facts/kvm-arm64-rules.md §3 (guest side), Linux kernel/power/snapshot.c (check_header) and
// arch/arm64/kernel/hibernate.c.
import { BITMAP_BITS, SMCCC_FUNCTIONS } from '../../arch/smccc.ts'
import { MITIGATES } from '../check/words/cause.ts'
import { changeConsequences } from '../check/words/change-words.ts'
import { listNames } from '../check/words/names.ts'
import { psciStepWords } from '../check/words/psci-words.ts'
import type { FactDifference } from './compare.ts'
import type { ComponentName } from './components.ts'

type Words = (facts: readonly FactDifference[]) => readonly string[]

/** Sentences, none for no difference. */
export const meets = (component: ComponentName, facts: readonly FactDifference[]): readonly string[] => (facts.length === 0 ? [] : WORDS[component](facts))

const gone = ({ b }: FactDifference): boolean => b === undefined
/** What vanishes, what appears, what is otherwise. */
const sorted = (facts: readonly FactDifference[]): readonly [readonly FactDifference[], readonly FactDifference[], readonly FactDifference[]] => [
  facts.filter(gone),
  facts.filter(({ a }) => a === undefined),
  facts.filter(({ a, b }) => a !== undefined && b !== undefined),
]
const withMeaning = ({ key }: FactDifference): string => {
  const meaning = SMCCC_FUNCTIONS.find(({ name }) => name === key)?.meaning
  return meaning === undefined ? key : `${key} (${meaning})`
}
const change = ({ key, a = 'nothing', b = 'nothing' }: FactDifference): string => `${key} ${a} → ${b}`

const WORDS: Readonly<Record<ComponentName, Words>> = {
  psci: facts => {
    const version = facts.find(({ key }) => key === 'version')
    const steps = version?.a !== undefined && version.b !== undefined ? psciStepWords(version.a, version.b).map(({ message }) => message) : []
    const lead = version && !steps.some(step => step.startsWith('PSCI_VERSION')) ? [`it booted with PSCI ${version.a} and finds ${version.b}`] : []
    const rest = facts.filter(({ key }) => key !== 'version' && !steps.some(step => step.startsWith(key)))
    const others = rest.map(fact =>
      gone(fact) ? `${fact.key} is no longer answered` : fact.a === undefined ? `${fact.key} is answered now` : `${fact.key}: ${fact.a} before, ${fact.b} now`,
    )
    return [...lead, ...steps, ...others]
  },
  bitmaps: facts =>
    facts.map(fact => {
      const service = BITMAP_BITS.find(({ name }) => name === fact.key)?.service
      const what = service === undefined ? fact.key : `${fact.key} (${service})`
      return gone(fact) ? `${what} is switched off` : `${what} is switched on; a guest that is up does not look again`
    }),
  workarounds: facts =>
    facts.map(({ key, a, b }) => {
      const n = Number(key.slice(-1)) as 1 | 2 | 3
      return `${key} (${MITIGATES[n]}): it was answered ${a} at boot and would be answered ${b}; it asked once, and goes on as it decided then`
    }),
  services: facts => {
    const [lost, added, other] = sorted(facts)
    const names = (some: readonly FactDifference[]): string => listNames(some.map(withMeaning))
    return [
      ...(lost.length === 0 ? [] : [`no longer answered: ${names(lost)}; a guest that found ${lost.length === 1 ? 'it' : 'them'} at boot gets NOT_SUPPORTED`]),
      ...(added.length === 0 ? [] : [`answered now: ${names(added)}; a guest that is up does not look again`]),
      ...(other.length === 0 ? [] : [`answered by another: ${listNames(other.map(change))}`]),
    ]
  },
  'id-registers': facts => {
    const registers = facts.flatMap(({ key, id, a, b }) =>
      id === undefined ? [] : [{ id, name: key, was: BigInt(a ?? 0), now: BigInt(b ?? 0), skipped: false, vcpus: [0] }],
    )
    const others = facts.filter(({ id }) => id === undefined)
    return [
      ...changeConsequences({ changes: registers, guest: {} }).map(({ message }) => message),
      ...others.map(fact => `${change(fact)}: time runs at another pace for it`),
    ]
  },
  topology: facts =>
    facts.map(fact => {
      if (fact.key === 'vCPUs') return `${change(fact)}: CPUs that it had switched off to hibernate are not the ones it switches on again`
      if (fact.key.startsWith('MPIDR')) return `${change(fact)}: Linux looks for the CPU that it hibernated on by this number and gives up when there is none`
      return `the vCPUs are made with other features: ${change(fact)}`
    }),
  'memory-map': facts => [
    `memory is elsewhere: ${listNames(facts.map(change))}; Linux refuses the image when the amount differs and does not look where the memory is`,
  ],
  tables: facts => facts.map(({ key }) => `other ${key}: devices and interrupts may not be where it found them at boot, and it does not read them again`),
  gic: facts => [`its interrupt controller is another one: ${listNames(facts.map(change))}`],
  devices: facts => {
    const [lost, added, other] = sorted(facts)
    return [
      ...(lost.length === 0 ? [] : [`devices that it drives are gone: ${listNames(lost.map(({ key, a }) => `${key} (${a})`))}`]),
      ...(added.length === 0 ? [] : [`devices that it never saw: ${listNames(added.map(({ key, b }) => `${key} (${b})`))}`]),
      ...(other.length === 0 ? [] : [`devices that are others: ${listNames(other.map(change))}`]),
    ]
  },
}
