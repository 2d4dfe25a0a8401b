// Owns how builds read on a terminal: lists, one build, two compared. Decides nothing.
import type { BuildsDeriveReport, BuildsDiffReport, BuildsShowReport } from '../ops/builds.ts'
import type { BuildsListReport } from '../ops/builds-list.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderBuildsList({ builds }: BuildsListReport, { style }: Page): string {
  const rows = builds.map(({ name, psci, registers, aliases }) => [name, psci.default, psci.accepted.join(' '), String(registers), aliases[0] ?? ''])
  const [head = '', ...lines] = table(
    [{ head: 'build' }, { head: 'PSCI' }, { head: 'accepts' }, { head: 'registers', align: 'right' }, { head: 'alias' }],
    rows,
  )
  return [style.bold(head), ...lines, '', `${count(builds.length, 'build')}, each made from a recording of that kernel.`].join('\n')
}

export function renderBuildsShow(report: BuildsShowReport, { columns = 100, style }: Page, details: boolean): string {
  const { psci, provenance, inferred } = report
  const identity = [
    ['build', report.name],
    ['PSCI', `default ${psci.default}, accepts ${psci.accepted.join(' ')}`],
    ['features', report.features.join(' ') || 'none'],
    [
      'workarounds',
      Object.entries(report.workarounds)
        .map(([n, level]) => `${n}: ${level}`)
        .join(', ') || 'none',
    ],
    ['bitmaps', report.bitmaps.map(({ index, bits, initial }) => `${index}: ${initial} of ${bits}`).join(', ') || 'none'],
    ['registers', `${report.registers.length} besides the core registers`],
    ...provenance
      .slice(0, details ? provenance.length : 1)
      .map((each, n) => [n === 0 ? 'made from' : '', [each.recording, each.package, each.uname, each.date].filter(Boolean).join(', ')]),
    ...(details || provenance.length === 1 ? [] : [['', `and ${count(provenance.length - 1, 'other recording')} of the same kernel`]]),
  ]
  const section = (title: string, rows: readonly (readonly string[])[]): string[] =>
    rows.length === 0
      ? []
      : [
          '',
          style.bold(title),
          ...table(
            [{}, {}],
            rows.map(row => row.map(terminalText)),
            '  ',
          ),
        ]
  return [
    ...table(
      [{}, {}],
      identity.map(row => row.map(terminalText)),
    ),
    ...section('what a guest that calls firmware meets', Object.entries(report.guest)),
    ...(details ? section('what userspace is allowed', Object.entries(report.rules)) : []),
    ...(details
      ? section(
          'registers of a fresh vCPU',
          report.registers.map(({ name, value }) => [name, value]),
        )
      : []),
    ...(inferred.length === 0 ? [] : ['', ...inferred.flatMap(each => wrap(`concluded, not recorded: ${terminalText(each)}`, columns, '  '))]),
  ].join('\n')
}

export function renderBuildsDiff(report: BuildsDiffReport, { columns = 100, style }: Page, details: boolean): string {
  if (report.equal) return `${terminalText(report.a)} and ${terminalText(report.b)} are equal`
  const { onlyInA, onlyInB } = report.registers
  const section = (title: string, heads: readonly string[], rows: readonly (readonly string[])[]): string[] =>
    rows.length === 0
      ? []
      : [
          '',
          style.bold(title),
          ...table(
            heads.map(head => ({ head })),
            rows.map(row => row.map(terminalText)),
            '  ',
          ),
        ]
  const sentences = (title: string, who: 'guest' | 'vmm'): string[] => {
    const said = report.notices.filter(notice => notice.who === who)
    return said.length === 0
      ? []
      : ['', style.bold(title), ...said.flatMap(({ message }) => wrap(`- ${terminalText(message)}`, columns - 2, '  ').map(line => `  ${line}`))]
  }
  const both = (rows: BuildsDiffReport['rules']) => rows.map(({ rule, a, b }) => [rule, a ?? '-', b ?? '-'])
  return [
    `a  ${terminalText(report.a)}`,
    `b  ${terminalText(report.b)}`,
    ...sentences('a guest notices', 'guest'),
    ...sentences('a VMM notices', 'vmm'),
    ...section('a guest that calls firmware can tell', ['', 'a', 'b'], both(report.guest)),
    ...section(
      'registers that only a lists',
      ['', ''],
      onlyInA.map(({ name, id }) => [name, id]),
    ),
    ...section(
      'registers that only b lists',
      ['', ''],
      onlyInB.map(({ name, id }) => [name, id]),
    ),
    ...section(
      'values of a fresh vCPU',
      ['', 'a', 'b', 'fields'],
      report.defaults.map(({ name, a, b, fields }) => [name, a, b, fields.join(' ')]),
    ),
    ...(details
      ? section('what userspace is allowed', ['', 'a', 'b'], both(report.rules))
      : ['', `${count(report.rules.length, 'rule')} of what userspace is allowed differ (--details)`]),
  ].join('\n')
}

export function renderBuildsDerive(report: BuildsDeriveReport, { columns = 100, style }: Page): string {
  const rows = [
    ['build', report.name],
    ['file', report.file],
    ['kernel', report.kernel],
    ['CPU', report.cpu],
    ['registers', String(report.registers)],
  ]
  return [
    ...table(
      [{}, {}],
      rows.map(row => row.map(terminalText)),
    ),
    ...findingLines(report.findings, columns, style),
    ...report.inferred.flatMap(each => wrap(`concluded: ${terminalText(each)}`, columns, '  ')),
  ].join('\n')
}
