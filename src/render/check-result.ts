// Owns how the prediction for one file and one target reads on a terminal: verdict, reason, what the guest meets, what to do, then the registers. Decides nothing.
import type { Advice, CheckResult } from '../ops/check/check-report.ts'
import type { VcpuReport } from '../ops/reports.ts'
import { findingLines } from './findings.ts'
import type { Page, Style } from './page.ts'
import { verdictText } from './restore.ts'
import { count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Width of the left column: `verdict`, `because` … and two blanks. */
const MARGIN = 10
const MOST_ROWS = 6
/** Format id of a fresh guest of a host (`--from`). */
const HOST = 'host'

/** Without `details` registers are cut to the first few, and what merely informs is one line. */
export function renderCheckResult(result: CheckResult, { columns = 100, style }: Page, details: boolean): string {
  const lines: string[] = []
  const say = (label: string, text: string, indent = ''): void => {
    const [first = '', ...rest] = wrap(terminalText(text), columns - MARGIN, indent)
    lines.push(`${label.padEnd(MARGIN)}${first}`, ...rest.map(line => `${' '.repeat(MARGIN)}${line}`))
  }
  const { source, target, psci, load } = result
  const verdict = `${verdictText(result, style)}${' '.repeat(Math.max(1, MARGIN - result.verdict.length))}`
  const { verdictWithoutPolicy } = result
  const policy = verdictWithoutPolicy && verdictWithoutPolicy !== result.verdict ? ` (${verdictWithoutPolicy} but for what the policy accepts)` : ''
  lines.push(`${verdict}${style.bold(terminalText(source.file))} → ${style.bold(terminalText(target.build))} (${target.vmm})${policy}`)
  const isWaking = result.wake !== undefined
  if (isWaking) say('asked', 'whether it wakes there: it hibernated, so it boots anew and resumes from its own disk, and nothing is replayed')
  say('because', result.reason)
  say(
    'PSCI',
    [
      `saved ${psci.saved ?? 'none'}`,
      `${isWaking ? 'at its first instruction' : 'after the load'} ${psci.afterReplay ?? 'none'}`,
      `default there ${psci.targetDefault ?? 'none'}`,
    ].join(', '),
  )
  for (const [i, line] of (load.says ?? '').split('\n').entries()) if (line !== '') say(i === 0 ? 'it prints' : '', line, '  ')
  // Of a guest that wakes: what one would meet that resumed all the same.
  for (const [i, { message }] of result.consequences.entries()) say(i === 0 ? (isWaking ? 'else' : 'the guest') : '', `- ${message}`, '  ')
  for (const [i, advice] of result.advice.entries()) {
    say(i === 0 ? 'to do' : '', `${i + 1}. ${advice.message}`, '   ')
    if (advice.command !== undefined) lines.push(`${' '.repeat(MARGIN + 3)}${style.dim(terminalText(commandOf(advice, result)))}`)
  }
  lines.push(...registerLines(result, details), ...acceptedLines(result), ...noteLines(result, columns, style, details))
  return lines.join('\n')
}

/** FILE becomes the file's name, quoted where a shell needs that; of standard input and of a host there is no name. */
function commandOf({ command = '' }: Advice, { source: { file, format } }: CheckResult): string {
  if (file === '-' || format === HOST) return command
  const word = /^[\w@%+=:,./-]+$/.test(file) ? file : `'${file.replaceAll("'", String.raw`'\''`)}'`
  return command.replace(/\bFILE\b/, () => word)
}

function registerLines({ vcpus }: CheckResult, details: boolean): string[] {
  const refused = once(vcpus, ({ failures }) => failures.map(row => ({ key: `${row.id} ${row.errno}`, row })))
  const changed = once(vcpus, ({ differences, failures }) => {
    const ids = new Set(failures.map(row => row.id))
    return differences
      .filter(row => !row.volatile && !ids.has(row.id) && (details || row.visible))
      .map(row => ({ key: `${row.id} ${row.written} ${row.readBack}`, row }))
  })
  const where = (on: readonly number[]): string => (on.length === vcpus.length ? '' : `vCPU ${on.join(' ')}`)
  return [
    ...part(
      'refused',
      refused.map(({ row, vcpus: on }) => [row.name, short(row.value), row.errno, row.droppable ? 'droppable' : 'not droppable', where(on)]),
      details,
    ),
    ...part(
      'changed',
      changed.map(({ row, vcpus: on }) => [row.name, short(row.written), '→', short(row.readBack), row.visible ? '' : 'not visible', where(on)]),
      details,
    ),
    ...(details
      ? part(
          'new there',
          once(vcpus, ({ newOnTarget }) => newOnTarget.map(row => ({ key: row.id, row }))).map(({ row }) => [row.name, short(row.value)]),
          true,
        )
      : []),
  ]
}

/** A row that several vCPUs share, once. */
function once<T>(
  vcpus: readonly VcpuReport[],
  of: (vcpu: VcpuReport) => readonly { readonly key: string; readonly row: T }[],
): readonly { readonly row: T; readonly vcpus: readonly number[] }[] {
  const rows = new Map<string, { readonly row: T; readonly vcpus: number[] }>()
  for (const vcpu of vcpus)
    for (const { key, row } of of(vcpu)) {
      const known = rows.get(key)
      if (known) known.vcpus.push(vcpu.index)
      else rows.set(key, { row, vcpus: [vcpu.index] })
    }
  return [...rows.values()]
}

const short = (value: string): string => (value.length <= 20 ? value : `${value.slice(0, 17)}…`)

function part(title: string, rows: readonly (readonly string[])[], details: boolean): string[] {
  if (rows.length === 0) return []
  const shown = details ? rows : rows.slice(0, MOST_ROWS)
  const width = Math.max(...shown.map(row => row.length))
  const lines = table(
    Array.from({ length: width }, () => ({})),
    shown.map(row => row.map(terminalText)),
  )
  const rest = rows.length - shown.length
  return [
    ...lines.map((line, i) => `${(i === 0 ? title : '').padEnd(MARGIN)}${line}`),
    ...(rest === 0 ? [] : [`${' '.repeat(MARGIN)}and ${rest} more (--details)`]),
  ]
}

const acceptedLines = ({ accepted = [] }: CheckResult): string[] =>
  accepted.map(({ code, register, reason, until }, i) => {
    const what = register === undefined ? code : `${code} of ${register}`
    return `${(i === 0 ? 'accepted' : '').padEnd(MARGIN)}${terminalText(`${what} until ${until}: ${reason}`)}`
  })

/** Findings that are not said above already: in full with details, else what warns, and the rest counted by code. */
function noteLines({ findings }: CheckResult, columns: number, style: Style, details: boolean): string[] {
  if (details) return findings.length === 0 ? [] : ['', ...findingLines(findings, columns, style, true)]
  const codes = new Map<string, number>()
  for (const { severity, code } of findings) if (severity === 'info') codes.set(code, (codes.get(code) ?? 0) + 1)
  const others = findings.filter(({ severity, code }) => severity === 'warning' && !SAID.has(code)).map(({ code }) => code)
  const notes = [...new Set(others), ...[...codes].map(([code, n]) => (n === 1 ? code : `${code} (${n})`))]
  return notes.length === 0
    ? []
    : wrap(`${count(notes.length, 'note')}: ${notes.join(', ')} (--details)`, columns - MARGIN).map(
        (line, i) => `${(i === 0 ? 'notes' : '').padEnd(MARGIN)}${line}`,
      )
}

/** Codes whose findings are what reason and consequences were made of. */
const SAID: ReadonlySet<string> = new Set([
  'register-refused',
  'register-changed',
  'mitigation-changed',
  'psci-version-changed',
  'psci-version-missing',
  'service-appeared',
  'service-vanished',
  'its-table-outside-memory',
  'its-tables-not-saved',
  'gic-redistributors-identical',
  'vector-halves-missing',
  'psci-version-differs',
  'wake-refused',
  'wake-changed',
  'wake-pins',
])
