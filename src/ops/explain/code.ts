// Owns the answer about a code of ours: of an error, a finding, or a change that a migration makes. All words are in the tables of those codes.
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import { FINDING_CODES } from '../../model/finding-codes.ts'
import { LINTS } from '../../model/lints/table.ts'
import { CHANGE_CODES, TELLING_CODES } from '../migrate/change-codes.ts'
import type { CodeAnswer } from './explain-report.ts'

const EXIT_GROUPS: Readonly<Record<number, string>> = {
  2: 'The command line does not make sense; nothing was done.',
  10: 'A file cannot be read or written.',
  11: 'The format of a file is not known, or cannot be written.',
  12: 'A file is corrupt, or declares more than psci-snap is willing to read.',
  13: 'A file was made by a newer psci-snap.',
  14: 'A build is unknown, not valid, or cannot do what was asked.',
  15: 'The back end is not there.',
  16: 'The kernel refused a call outside a replay.',
  130: 'Interrupted; no output was left half written.',
}

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
    rule: [EXIT_GROUPS[exit] ?? `The command ends with status ${exit}.`, 'It stops the work; the message beside it says what is wrong and where.'],
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
    sources: [lint ? 'docs/lints.md' : needsConsent ? 'src/ops/migrate/change-codes.ts' : 'src/model/finding-codes.ts'],
    reports: lint?.reports ?? [],
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
