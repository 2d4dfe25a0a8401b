// Owns how findings read on a terminal. Decides nothing.
import type { Finding } from '../model/finding.ts'
import type { Style } from './page.ts'
import { wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Findings, errors first, each wrapped under its severity; what explains a mere information is a detail. */
export function findingLines(findings: readonly Finding[], columns: number, style: Style, details = false): string[] {
  const order = { error: 0, warning: 1, info: 2 } as const
  const mark = { error: style.bad('error  '), warning: style.warn('warning'), info: style.dim('info   ') } as const
  return [...findings]
    .sort((a, b) => order[a.severity] - order[b.severity])
    .flatMap(finding => {
      const [first = '', ...rest] = wrap(terminalText(finding.message), columns - 10)
      const hint = finding.hint === undefined || (finding.severity === 'info' && !details) ? [] : wrap(`→ ${terminalText(finding.hint)}`, columns - 10, '  ')
      return [`${mark[finding.severity]}  ${first}`, ...[...rest, ...hint].map(line => `         ${line}`)]
    })
}
