// Owns what a report file for CI counts as a failure, and the text of a result in several lines. Decides no verdict.
import type { CheckResult, CheckRow, CheckUnreadable } from '../../ops/check/check-report.ts'
import type { Verdict } from '../../ops/reports.ts'

export const isUnreadable = (row: CheckRow): row is CheckUnreadable => 'error' in row

/** Whether a verdict is at least as bad as the one that the caller named. */
export const fails = (verdict: Verdict, failOn: 'changed' | 'refused'): boolean => verdict === 'refused' || (verdict === 'changed' && failOn === 'changed')

/** The reason, what the guest meets, what to do: a paragraph each. */
export function resultText({ reason, consequences, advice }: CheckResult): string {
  const list = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', title, ...lines.map(line => `- ${line}`)])
  return [
    reason,
    ...list(
      'For the guest:',
      consequences.map(({ message }) => message),
    ),
    ...list(
      'What to do:',
      advice.map(({ message, command }) => (command === undefined ? message : `${message}: ${command}`)),
    ),
  ].join('\n')
}
