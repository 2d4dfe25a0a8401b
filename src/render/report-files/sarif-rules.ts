// Owns what SARIF says about a finding's code: a title and what to do, from the tables of codes in model/.
import { FINDING_CODES, type FindingCodeRow } from '../../model/finding-codes.ts'
import { LINTS } from '../../model/lints/table.ts'

export type RuleRow = FindingCodeRow

const rows = (): readonly RuleRow[] => [
  ...FINDING_CODES,
  ...LINTS.map(({ code, title, reason, remedy }): RuleRow => [code, `${title[0]!.toUpperCase()}${title.slice(1)}.`, `${reason} What to do: ${remedy}.`]),
]

/** The row of a code; one made of the code's own words for a code without a row. */
export function ruleRow(code: string): RuleRow {
  const words = code.replaceAll('-', ' ')
  return (
    rows().find(([known]) => known === code) ?? [
      code,
      `${words[0]?.toUpperCase() ?? ''}${words.slice(1)}.`,
      'The message says what was found. `psci-snap check FILE --to BUILD` shows the whole report.',
    ]
  )
}

/** Codes with a row of their own. */
export const ruleCodes = (): ReadonlySet<string> => new Set(rows().map(([code]) => code))
