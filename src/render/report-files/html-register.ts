// Owns how one register's two values stand on the page: the fields that differ, by name and meaning. Knows nothing of the result they belong to.
import { decodeFields, diffFields } from '../../arch/fields/fields.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { escapeHtml } from './escape.ts'

/** What the file holds and what the target has; `here` is absent where the target does not have the register. */
export interface RegisterPair {
  readonly id: string
  readonly name: string
  readonly saved: string
  readonly here?: string
  /** Why the target refuses it. */
  readonly why?: string
}

const MOST_FIELDS = 24

/** A block of its own, to be shared by all results in which the register has these two values. */
export function registerHtml({ id, name, saved, here, why }: RegisterPair): string {
  const [register, a, b] = [asInteger(id) as RegId | undefined, asInteger(saved), asInteger(here ?? '')]
  const fields = register === undefined || a === undefined ? [] : b === undefined ? alone(register, a) : both(register, a, b)
  const shown = fields.slice(0, MOST_FIELDS)
  const more = fields.length > shown.length ? `<p>${fields.length - shown.length} more fields differ.</p>` : ''
  const values = [saved, ...(here === undefined ? [] : [here])].map(value => `<td><code>${escapeHtml(value)}</code>`).join('')
  const lines = shown.map(([field = '', ...cells]) => `<tr><th>${escapeHtml(field)}${cells.map(cell => `<td>${escapeHtml(cell)}`).join('')}`).join('')
  const absent = here === undefined ? '<p>The target gives no value of it.</p>' : ''
  const reason = why === undefined ? '' : `<p>${escapeHtml(why)}</p>`
  return `<h4>${escapeHtml(name)}</h4>${reason}<table class=f><tr><th>${here === undefined ? '<th>saved' : '<th>saved<th>here'}<tr><th>value${values}${lines}</table>${absent}${more}`
}

/** A value that is no number is one that nobody may see, or wider than fields go. */
const asInteger = (text: string): bigint | undefined => (/^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : undefined)

const bits = (msb: number, lsb: number): string => (msb === lsb ? `[${msb}]` : `[${msb}:${lsb}]`)
const meant = (value: bigint, meaning: string | undefined): string =>
  `${value < 10n ? value : `0x${value.toString(16)}`}${meaning === undefined ? '' : ` ${meaning}`}`

const both = (id: RegId, saved: bigint, here: bigint): string[][] =>
  diffFields(id, saved, here).map(({ name, msb, lsb, before, after, beforeMeaning, afterMeaning }) => [
    `${name} ${bits(msb, lsb)}`,
    meant(before, beforeMeaning),
    meant(after, afterMeaning),
  ])

const alone = (id: RegId, saved: bigint): string[][] =>
  decodeFields(id, saved).flatMap(({ name, msb, lsb, value, meaning }) => (value === 0n ? [] : [[`${name} ${bits(msb, lsb)}`, meant(value, meaning)]]))
