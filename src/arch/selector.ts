// Owns how a rule table says which registers a row is about: by name (glob), by group, or by class. Knows no rule.
import { registerName, registerRow } from './catalogue/catalogue.ts'
import { globMatcher } from './catalogue/glob.ts'
import type { RegisterClass, RegisterGroup } from './catalogue/row.ts'
import type { RegId } from './reg-id.ts'

/** All that are given must hold; `names` holds when one of its globs matches. Nothing given: every register. */
export interface Selector {
  readonly names?: readonly string[]
  readonly groups?: readonly RegisterGroup[]
  readonly classes?: readonly RegisterClass[]
}

/** A function that says whether a register is meant. An id that the catalogue does not know is in no group and no class. */
export function compileSelector(selector: Selector): (id: RegId) => boolean {
  const matchers = selector.names?.map(globMatcher)
  return id => {
    const row = registerRow(id)
    if (selector.groups && !(row && selector.groups.includes(row.group))) return false
    if (selector.classes && !(row && selector.classes.includes(row.class))) return false
    if (!matchers) return true
    const name = registerName(id)
    return matchers.some(matches => matches(name))
  }
}

/** The selector in words, for generated documents. */
export function showSelector(selector: Selector): string {
  const parts = [
    ...(selector.names ?? []).map(name => `\`${name}\``),
    ...(selector.groups ?? []).map(group => `group ${group}`),
    ...(selector.classes ?? []).map(name => `class ${name}`),
  ]
  return parts.length > 0 ? parts.join(', ') : 'every register'
}
