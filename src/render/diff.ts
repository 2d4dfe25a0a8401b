// Owns how a diff reads on a terminal: the answer, the two files, then what differs, firmware first; what all vCPUs have in common once. Decides nothing.

import type { DiffedFile, DiffReport, DiffRow } from '../ops/reports.ts'
import { shorten } from '../ops/show-value.ts'
import { findingLines } from './findings.ts'
import type { Page, Style } from './page.ts'
import { byteSize, count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Rows of one section that are shown without --details. */
const MOST_ROWS = 60
const NONE = '-'
/** State of the built-in machine, and what this release does not understand: at the end. */
const INNER = /^(machine\.|unknown )/
/** What two values, the arrow and blanks take of a line. */
const VALUE_COLUMNS = 52

export function renderDiff(report: DiffReport, { columns = 100, style }: Page, details: boolean): string {
  const { a, b, memory } = report
  const grave = report.findings.filter(({ severity }) => severity !== 'info')
  const notes = report.findings.filter(({ severity }) => severity === 'info')
  const sections = sectionsOf(report).filter(({ rows }) => rows.length > 0)
  return [
    ...wrap(answerText(report, style), columns, '  '),
    ...fileLines('a', a, columns),
    ...fileLines('b', b, columns),
    ...findingLines(grave, columns, style),
    ...sections.flatMap(({ title, rows }) => ['', style.bold(terminalText(title)), ...sectionLines(rows, style, columns, details)]),
    ...(memory
      ? [
          '',
          `memory: ${byteSize(memory.compared)} compared, ${memory.pages === 0 ? 'no page differs' : `${count(memory.pages, 'page')} of 4 KiB in ${count(memory.ranges, 'range')}`}`,
        ]
      : []),
    ...(notes.length === 0 ? [] : ['', ...findingLines(notes, columns, style)]),
    ...ignoredLines(report, columns, style),
  ].join('\n')
}

function answerText({ equal, a, b, counts, changes }: DiffReport, style: Style): string {
  if (equal) return style.good('equal')
  const vcpus = new Set(changes.filter(({ kind }) => kind === 'register').map(({ vcpu }) => vcpu)).size
  const psci = a.psci === b.psci ? [] : [`PSCI ${a.psci ?? 'none'} → ${b.psci ?? 'none'}`]
  const parts = [
    ...psci,
    ...(counts.vm > 0 ? [count(counts.vm, 'value of the VM', 'values of the VM')] : []),
    ...(counts.mpState > 0 ? [count(counts.mpState, 'power state')] : []),
    ...(counts.register > 0 ? [`${count(counts.register, 'register')} on ${count(vcpus, 'vCPU')}`] : []),
    ...(counts.device > 0 ? [count(counts.device, 'device value')] : []),
    ...(counts.memory > 0 ? [count(counts.memory, 'range of memory', 'ranges of memory')] : []),
  ]
  return `${style.bad('different')}: ${terminalText(parts.join(', '))}`
}

/** The name by itself, since a path may be long; then what the file is. */
function fileLines(mark: string, { file, format, version, origin, psci }: DiffedFile, columns: number): string[] {
  const from = [origin.build ?? origin.kernel, origin.build ? undefined : origin.cpu, origin.vmm].filter(part => part !== undefined)
  const what = [version === undefined ? format : `${format} ${version}`, ...from, `PSCI ${psci ?? 'none'}`].join(', ')
  return [`${mark}  ${terminalText(file)}`, ...wrap(terminalText(what), columns - 3).map(line => `   ${line}`)]
}

interface Section {
  readonly title: string
  readonly rows: readonly DiffRow[]
}

function sectionsOf({ changes }: DiffReport): readonly Section[] {
  const of = (kind: DiffRow['kind']): DiffRow[] => changes.filter(change => change.kind === kind)
  const shared = [...of('vm'), ...of('device')].filter(({ vcpu }) => vcpu === undefined)
  const indices = [...new Set(changes.flatMap(({ vcpu }) => (vcpu === undefined ? [] : [vcpu])))].sort((p, q) => p - q)
  const perVcpu = indices.map(index => ({
    index,
    rows: [...of('vm'), ...of('mpState'), ...of('register'), ...of('device')].filter(({ vcpu }) => vcpu === index),
  }))
  // The same difference on every vCPU that differs is said once.
  const [first, ...others] = perVcpu
  const keys = others.map(({ rows }) => new Set(rows.map(keyOf)))
  const common = new Set(others.length === 0 ? [] : (first?.rows ?? []).map(keyOf).filter(key => keys.every(each => each.has(key))))
  return [
    { title: 'VM', rows: shared.filter(({ kind, name }) => kind === 'vm' && !INNER.test(name)) },
    { title: `vCPUs ${indices.join(' ')}`, rows: (first?.rows ?? []).filter(row => common.has(keyOf(row))) },
    ...perVcpu.map(({ index, rows }) => ({ title: `vCPU ${index}`, rows: rows.filter(row => !common.has(keyOf(row))) })),
    { title: 'devices', rows: shared.filter(({ kind }) => kind === 'device') },
    { title: 'memory', rows: of('memory') },
    { title: 'the built-in machine, and what is not understood', rows: shared.filter(({ kind, name }) => kind === 'vm' && INNER.test(name)) },
  ]
}

const keyOf = ({ kind, id, name, before, after }: DiffRow): string => JSON.stringify([kind, id ?? name, before ?? null, after ?? null])

function sectionLines(rows: readonly DiffRow[], style: Style, columns: number, details: boolean): string[] {
  const shown = details ? rows : rows.slice(0, MOST_ROWS)
  const cell = (value: string | undefined, other: string | undefined): string =>
    value === undefined ? NONE : terminalText(details ? value : cut(value, other))
  const cells = shown.flatMap(({ name, before, after, fields, pages }): (readonly [string, string, string, string])[] => [
    [
      details ? terminalText(name) : middleOut(terminalText(name), columns - VALUE_COLUMNS),
      cell(before, after),
      cell(after, before),
      pages === undefined ? '' : count(pages, 'page'),
    ],
    ...(fields ?? []).map(
      field =>
        [
          `  ${field.name}[${field.msb === field.lsb ? field.msb : `${field.msb}:${field.lsb}`}]`,
          meant(field.before, field.beforeMeaning),
          meant(field.after, field.afterMeaning),
          '',
        ] as const,
    ),
  ])
  const lines = table(
    [{}, {}, {}, {}],
    cells.map(([name, before, after, more]) => [name, before, `→ ${after}`, more]),
    '  ',
  )
  const painted = lines.map((line, i) => paint(line, cells[i], style))
  return shown.length === rows.length ? painted : [...painted, style.dim(`  and ${rows.length - shown.length} more (--details)`)]
}

/** A long value by its beginning, or from where it differs from the other one, so that two different values never look the same. */
function cut(value: string, other: string | undefined): string {
  const short = shorten(value)
  if (other === undefined || short === value || short !== shorten(other)) return short
  let at = 0
  while (value[at] === other[at]) at++
  return `…${value.slice(Math.max(0, at - 2), at + 14)}${at + 14 < value.length ? '…' : ''}`
}

/** A long name by its beginning and its end. */
function middleOut(name: string, most: number): string {
  const half = Math.max(8, Math.floor((most - 1) / 2))
  return name.length <= most ? name : `${name.slice(0, half)}…${name.slice(-half)}`
}

const meant = (value: string, meaning: string | undefined): string => (meaning === undefined ? value : `${value} ${terminalText(meaning)}`)

/** What only one file has stands out; fields are quieter than their register. */
function paint(line: string, cells: readonly [string, string, string, string] | undefined, style: Style): string {
  if (!cells) return line
  const [name, before, after] = cells
  if (name.startsWith('  ')) return style.dim(line)
  return before === NONE ? style.good(line) : after === NONE ? style.bad(line) : line
}

function ignoredLines({ ignoring, ignored }: DiffReport, columns: number, style: Style): string[] {
  if (ignoring.length === 0) return []
  const differ = new Map(ignored.map(({ name, changes }) => [name, changes]))
  const listed = ignoring.map(name => (differ.has(name) ? `${name} (differs)` : name))
  const rest = ignored.filter(({ name }) => !ignoring.includes(name)).reduce((sum, { changes }) => sum + changes, 0)
  const more = rest === 0 ? '' : `; ${count(rest, 'difference')} left out by --ignore`
  return ['', ...wrap(terminalText(`not compared: ${listed.join(', ')}${more}`), columns, '  ').map(style.dim)]
}
