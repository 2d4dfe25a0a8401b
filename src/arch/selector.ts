// Owns how a rule table says which registers a row is about: by name (glob), by group, or by class. Knows no rule.
import { registerName, registerRow } from './catalogue/catalogue.ts'
import { globMatcher, isGlob } from './catalogue/glob.ts'
import type { RegisterClass, RegisterGroup } from './catalogue/row.ts'
import type { RegId } from './reg-id.ts'

/** All that are given must hold; `names` holds when one of its globs matches. Nothing given: every register. */
export interface Selector {
  readonly names?: readonly string[]
  readonly groups?: readonly RegisterGroup[]
  readonly classes?: readonly RegisterClass[]
}

/** A function that says whether a register is meant. An id that the catalogue does not know is in no group and no class. */
export function compileSelector({ names, groups, classes }: Selector): (id: RegId) => boolean {
  // most rows name registers outright: those are looked up, only real patterns are matched
  const exact = new Set(names?.filter(name => !isGlob(name)))
  const matchers = names?.filter(isGlob).map(name => globMatcher(name)) ?? []
  return id => {
    const row = groups || classes ? registerRow(id) : undefined
    if (groups && !(row && groups.includes(row.group))) return false
    if (classes && !(row && classes.includes(row.class))) return false
    if (!names) return true
    const name = registerName(id)
    return exact.has(name) || matchers.some(matches => matches(name))
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
