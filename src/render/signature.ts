// Owns how an environment, and what differs between two, reads on a terminal. Decides nothing.
import type { SignatureComparison, SignatureReport, SignedSource } from '../ops/signature/signature-report.ts'
import type { Page, Style } from './page.ts'
import { table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Digits of a digest that are shown beside others. */
const SHORT = 12
/** Facts of one component that are shown without --details. */
const MOST_FACTS = 6
/** Width of the left column of a comparison. */
const MARGIN = 14

export function renderSignature(report: SignatureReport, { columns = 100, style }: Page, details: boolean): string {
  const rows = [
    ...report.components.map(({ name, digest, words }) => [name, digest.slice(0, SHORT), words]),
    ...report.absent.map(name => [name, '', 'not known']),
  ]
  return [
    ...table(
      [{}, {}],
      [
        ['environment of', sourceText(report.source)],
        ['signature', report.digest],
        ['hardware', report.hardwareSignature],
      ].map(row => row.map(terminalText)),
    ),
    '',
    ...table(
      [{}, {}, {}],
      rows.map(row => row.map(terminalText)),
    ).flatMap(line => wrap(line, columns, ' '.repeat(MARGIN + SHORT + 4))),
    ...(details ? report.components.flatMap(component => factLines(component, style)) : []),
  ].join('\n')
}

const factLines = ({ name, facts, notKnown }: SignatureReport['components'][number], style: Style): string[] => [
  '',
  style.bold(terminalText(name)),
  ...table(
    [{}, {}],
    [...facts.map(({ key, value }) => [key, value]), ...notKnown.map(key => [key, 'not known'])].map(row => row.map(terminalText)),
    '  ',
  ),
]

function sourceText({ kind, name, format, stop, build }: SignedSource): string {
  if (kind === 'host') return 'a new guest on this host'
  if (kind === 'build') return `a new guest on ${name}`
  return `${name} (${[format, stop, build].filter(part => part !== undefined).join(', ')})`
}

export function renderSignatures(report: SignatureComparison, { columns = 100, style }: Page, details: boolean): string {
  const { a, b, differences } = report
  const different = differences.filter(({ kind }) => kind === 'different')
  const unsaid = differences.filter(({ notKnown }) => notKnown.length > 0)
  const answer = report.equal
    ? style.good(report.complete ? 'the same environment' : 'the same environment, as far as both say')
    : `${style.bad('different')}: ${different.map(({ component }) => component).join(', ')}`
  const lines = [answer]
  for (const [mark, side] of [
    ['a', a],
    ['b', b],
  ] as const)
    lines.push(terminalText(`${mark}  ${side.digest.slice(0, SHORT)}  ${side.hardwareSignature}  ${sourceText(side.source)}`))
  for (const { component, facts, meets } of different) {
    const shown = details ? facts : facts.slice(0, MOST_FACTS)
    lines.push('', style.bold(component))
    lines.push(
      ...table(
        [{}, {}, {}, {}],
        shown.map(({ key, a: was, b: is }) => [key, was ?? 'absent', '→', is ?? 'absent'].map(terminalText)),
        '  ',
      ),
    )
    if (shown.length < facts.length) lines.push(`  and ${facts.length - shown.length} more (--details)`)
    for (const sentence of meets) lines.push(...wrap(terminalText(`- a guest of a that resumes in b: ${sentence}`), columns - 2, '  ').map(line => `  ${line}`))
  }
  if (unsaid.length > 0) {
    const parts = unsaid.map(({ component, notKnown }) =>
      a.absent.includes(component) || b.absent.includes(component) ? component : `${component} (${notKnown.join(', ')})`,
    )
    lines.push('', ...wrap(terminalText(`not known on one side: ${parts.join('; ')}`), columns, '  '))
  }
  return lines.join('\n')
}
