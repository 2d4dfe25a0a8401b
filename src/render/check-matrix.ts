// Owns how many results read on a terminal: a matrix of files and builds with one-line reasons, row by row as results come, and the sums at the end.
// Decides nothing; which rows are worth a line is the caller's business.
import type { CheckSummary } from '../ops/check/check-report.ts'
import type { BriefResult, FileOutcome } from '../ops/fleet/outcome.ts'
import { shortReason } from '../ops/fleet/reason.ts'
import type { Verdict } from '../ops/reports.ts'
import type { Page, Style } from './page.ts'
import { count, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

const CELL = 'unreadable'.length
/** Width of a page whose lines may have any length. */
const WIDE = 160
/** What is left for the name of a file in a matrix; narrower pages get a list. */
const ROOM = 24
const MOST_REASONS = 20
const MOST_NAMES = 4

const widthOf = (build: string): number => Math.max(CELL, [...build].length)
const fits = (targets: readonly string[], { columns = WIDE }: Page): boolean =>
  targets.reduce((sum, build) => sum + widthOf(build) + 2, ROOM) <= Math.max(columns, 80)

/** The names of the builds over their columns; nothing for a list. */
export function matrixHead(targets: readonly string[], page: Page, rows: 'file' | 'host' = 'file'): string {
  return fits(targets, page) ? page.style.dim(`${targets.map(build => terminalText(build).padEnd(widthOf(build))).join('  ')}  ${rows}`) : ''
}

/** One file: its verdicts, and a line for each reason that is not `survives`. */
export function matrixRow(outcome: FileOutcome, targets: readonly string[], page: Page): string {
  const { style } = page
  const file = terminalText(outcome.file)
  const width = page.columns ?? WIDE
  if (outcome.error) {
    const { code, message, hint } = outcome.error
    const said = [`${message} (${code})`, ...(hint === undefined ? [] : [`hint: ${hint}`])]
    return [`${style.bad('unreadable')}  ${file}`, ...said.flatMap(text => wrap(terminalText(text), width - 2, '  ').map(line => `  ${line}`))].join('\n')
  }
  const first = fits(targets, page)
    ? `${outcome.results.map(({ build, verdict }) => cell(verdict, widthOf(build), style)).join('  ')}  ${file}`
    : `${file}: ${sums(outcome.results, style)}`
  const notes = [...new Set(outcome.results.flatMap(result => result.notes))]
  const noted = notes.flatMap(note => wrap(terminalText(`note: ${note}`), width - 2, '  ').map(line => `  ${line}`))
  return [first, ...reasonLines(outcome.results, targets.length, width, style), ...noted].join('\n')
}

const PAINT: Readonly<Record<Verdict, keyof Style>> = { survives: 'good', changed: 'warn', refused: 'bad' }
const painted = (verdict: Verdict, text: string, style: Style): string => style[PAINT[verdict]](text)
const cell = (verdict: Verdict, width: number, style: Style): string => painted(verdict, verdict, style) + ' '.repeat(width - verdict.length)

const ORDER = ['refused', 'changed', 'survives'] as const

function sums(results: readonly BriefResult[], style: Style): string {
  return ORDER.flatMap(verdict => {
    const n = results.filter(result => result.verdict === verdict).length
    return n === 0 ? [] : [painted(verdict, spoken(n, verdict), style)]
  }).join(', ')
}

const spoken = (n: number, verdict: Verdict): string => `${n} ${verdict === 'survives' && n !== 1 ? 'survive' : verdict}`

/** Builds that share a reason share a line. What a policy made of it is a reason too. */
function reasonLines(results: readonly BriefResult[], targets: number, width: number, style: Style): string[] {
  const groups = new Map<string, { readonly verdict: Verdict; readonly reason: string; readonly builds: string[] }>()
  for (const { build, verdict, reason, accepted } of results) {
    if (verdict === 'survives' && !accepted) continue
    const short = shortReason(reason, build)
    const key = `${verdict} ${short}`
    const group = groups.get(key) ?? { verdict, reason: short, builds: [] }
    group.builds.push(build)
    groups.set(key, group)
  }
  return [...groups.values()].flatMap(({ verdict, reason, builds }) => {
    const where = targets === 1 ? '' : `${someNames(builds)}: `
    const [first = '', ...rest] = wrap(terminalText(`${where}${reason}`), width - 2)
    return [`  ${verdict === 'survives' ? style.dim(first) : first}`, ...rest.map(line => `    ${line}`)]
  })
}

const someNames = (names: readonly string[]): string =>
  names.length <= MOST_NAMES ? names.join(', ') : `${names.slice(0, MOST_NAMES - 1).join(', ')} and ${names.length - MOST_NAMES + 1} more`

export interface EndOptions {
  /** False: files that survive everywhere had no line. */
  readonly listedAll: boolean
  /** What a row is about. */
  readonly rows?: 'file' | 'host'
}

/** What it all comes to. */
export function matrixEnd(summary: CheckSummary, { listedAll, rows = 'file' }: EndOptions, { columns = WIDE, style }: Page): string {
  const { files, targets, results, verdicts, unreadable, reasons, accepted, skipped = 0, foreign = 0, otherReasons = 0, outsideBaseline = 0, shard } = summary
  const sum = ORDER.filter(verdict => verdicts[verdict] > 0).map(verdict => painted(verdict, spoken(verdicts[verdict], verdict), style))
  const head = `${style.bold(`${count(files, rows)} on ${count(targets.length, 'build')}`)}: ${results === 0 ? 'no result' : sum.join(', ')}`
  const notes = [
    ...(unreadable === 0 ? [] : [`${unreadable} cannot be read`]),
    ...(outsideBaseline === 0 ? [] : [`${outsideBaseline} outside the baseline`]),
    ...(accepted === 0 ? [] : [`${accepted} better by the policy`]),
    ...(skipped === 0 ? [] : [`${count(skipped, 'other file')} skipped${foreign === 0 ? '' : `, ${foreign} of something that psci-snap does not read`}`]),
    ...(listedAll ? [] : ['files that survive everywhere are not listed']),
    ...(shard === undefined ? [] : [`shard ${shard.index} of ${shard.of}`]),
  ]
  const width = String(reasons[0]?.count ?? 0).length
  const shown = reasons.slice(0, MOST_REASONS)
  const left = reasons.length - shown.length
  return [
    head,
    ...notes.map(note => `  ${note}`),
    ...shown.flatMap(({ reason, verdict, count: n }) => {
      const [first = '', ...rest] = wrap(terminalText(reason), Math.max(40, columns - width - 13))
      return [`  ${String(n).padStart(width)}  ${cell(verdict, 7, style)}  ${first}`, ...rest.map(line => `${' '.repeat(width + 13)}${line}`)]
    }),
    ...(left + otherReasons === 0
      ? []
      : [
          `  … and ${left > 0 ? `${left} more reasons` : ''}${left > 0 && otherReasons > 0 ? ', ' : ''}${otherReasons > 0 ? `${otherReasons} results for rare reasons` : ''}`,
        ]),
  ].join('\n')
}

/** What a policy holds that nobody needed, and what in it is past its day; nothing when there is neither. */
export function policyNotes({ policy, shard }: CheckSummary, { style }: Page): string {
  if (policy === undefined) return ''
  const line = (what: string, { acceptance, until }: { readonly acceptance: string; readonly until: string }): string =>
    terminalText(`${policy.file}: ${what}: ${acceptance} (until ${until})`)
  return [
    ...policy.expired.map(row => style.warn(line('no longer applies', row))),
    ...policy.unused.map(row => style.dim(line(shard === undefined ? 'of no use here' : 'of no use in this shard', row))),
  ].join('\n')
}
