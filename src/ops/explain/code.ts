// Owns the answer about a code of ours: of an error, a finding, or a change that a migration makes. All words are in the tables of those codes.
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { FINDING_CODES } from '../../model/finding-codes.ts'
import { LINTS } from '../../model/lints/table.ts'
import { CHANGE_CODES, TELLING_CODES } from '../migrate/change-codes.ts'
import type { CodeAnswer } from './explain-report.ts'

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERROR_CODES, text)
/** Every code of a finding or of a change. */
export const findingCodes = (): readonly string[] => [
  ...new Set([...FINDING_CODES.map(([code]) => code), ...LINTS.map(({ code }) => code), ...Object.keys(CHANGE_CODES), ...Object.keys(TELLING_CODES)]),
]

export function explainErrorCode(code: ErrorCode): CodeAnswer {
  const { exit, hint } = ERROR_CODES[code]
  return {
    kind: 'code',
    family: 'error',
    code,
    title: `${code}: an error, exit status ${exit}`,
    exit,
    rule: [`It stops the work, and the command ends with status ${exit}; the message beside it says what is wrong and where.`],
    consequences: [],
    advice: [hint],
    sources: ['docs/exit-codes.md'],
    reports: [],
  }
}

/** `code` is one of findingCodes(). */
export function explainFindingCode(code: string): CodeAnswer {
  const lint = LINTS.find(row => row.code === code)
  const row = FINDING_CODES.find(([known]) => known === code)
  const change = Object.entries({ ...CHANGE_CODES, ...TELLING_CODES }).find(([known]) => known === code)?.[1]
  const needsConsent = Object.hasOwn(CHANGE_CODES, code)
  return {
    kind: 'code',
    family: 'finding',
    code,
    title: `${code}: a finding${lint ? ` of verify, ${lint.severity}` : ''}`,
    ...(lint ? { severity: lint.severity } : {}),
    rule: [
      ...(row ? [row[1]] : []),
      ...(lint ? [`${capital(lint.title)}.`, lint.reason] : []),
      ...(change === undefined ? [] : [`In \`migrate\`: ${change}.`]),
    ],
    consequences: [],
    advice: [
      ...(row ? [row[2]] : []),
      ...(lint ? [lint.remedy] : []),
      ...(needsConsent ? [`\`migrate\` makes a change that the guest could notice so only with --allow ${code}`] : []),
    ],
    sources: lint ? ['docs/lints.md'] : [],
    reports: lint?.reports ?? [],
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
