// Owns the shape of one thing that a guest or a VMM notices between two hosts, and how sentences call the hosts. No table, no rule.
import type { Build } from '../../builds/build.ts'
import type { RuleDifference } from '../../builds/describe.ts'

/** One sentence. `code` is stable, kebab-case; `source` says who has seen it: recordings, or the kernel's source. */
export interface Notice {
  readonly who: 'guest' | 'vmm'
  readonly code: string
  readonly message: string
  readonly source: string
}

/** Two hosts and what sentences call them. */
export interface Pair {
  readonly a: Build
  readonly b: Build
  readonly names: { readonly a: string; readonly b: string }
}

/** What a row of the rule table is given: the differences that it matches, at least one. */
export interface Differing extends Pair {
  readonly changes: readonly RuleDifference[]
}

/** As short as tells them apart: the part behind the `/` for two CPUs of one kernel, the part before it for two kernels of one CPU, else the whole name. */
export function pairOf(a: Build, b: Build): Pair {
  const [x, y] = [partsOf(a), partsOf(b)]
  if (x.host !== y.host && x.cpu === y.cpu) return { a, b, names: { a: x.host, b: y.host } }
  if (x.host === y.host && x.cpu !== y.cpu) return { a, b, names: { a: x.cpu, b: y.cpu } }
  return { a, b, names: { a: a.name, b: b.name } }
}

function partsOf({ name }: Build): { readonly host: string; readonly cpu: string } {
  const slash = name.indexOf('/')
  return slash <= 0 || slash === name.length - 1 ? { host: name, cpu: '' } : { host: name.slice(0, slash), cpu: name.slice(slash + 1) }
}

/** The sides in the order in which a sentence names them: `has` for the one for which `holds` is true. */
export const sides = ({ names }: Pair, holdsForB: boolean): { readonly has: string; readonly lacks: string } =>
  holdsForB ? { has: names.b, lacks: names.a } : { has: names.a, lacks: names.b }

/** `A, B and C`; more than `most` are counted. */
export function listed(words: readonly string[], most = 12): string {
  if (words.length > most) return `${words.slice(0, most).join(', ')} and ${words.length - most} more`
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
