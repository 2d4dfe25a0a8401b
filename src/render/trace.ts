// Owns how a trace reads on a terminal: one line an event, aligned without knowing what comes, and the summary. Decides nothing.
import type { TraceArgument, TraceCall, TraceRow, TraceSummary } from '../ops/trace/trace-report.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Seconds of machine time with nanoseconds, as wide as the first hours need. */
const TIME = 13
const VCPU = 4
const CALL = 50

/** The line above the rows. */
export const traceHead = ({ style }: Page): string => style.dim(`${'seconds'.padStart(TIME)}  ${'vCPU'.padStart(VCPU)}  by   ${'call'.padEnd(CALL)}  answer`)

/** One event; with `details` where it happened, in a second line. */
export function traceLine(row: TraceRow, { style }: Page, details: boolean): string {
  const lead = (vcpu: number | undefined): string => `${seconds(row.time).padStart(TIME)}  ${String(vcpu ?? '').padStart(VCPU)}  `
  if (row.kind === 'stop') return `${lead(row.vcpu)}---  ${terminalText(row.what)}`
  if (row.kind === 'start') return `${lead(row.vcpu)}---  ${style.good('starts')} at ${row.pc} in ${row.el}, context ${row.context}`
  const line = `${lead(row.vcpu)}${row.conduit}  ${callText(row).padEnd(CALL)}  ${answerText(row, style)}`.trimEnd()
  if (!details) return line
  const where = `at ${row.pc} in ${row.el}, instruction ${row.instructions}, ${row.id}, x0 ${row.values.join(' ')}`
  return `${line}\n${''.padEnd(TIME + VCPU + 9)}${style.dim(where)}`
}

/** `CPU_ON(target=0x1, entry=0x40080000, context=0x0)`. */
export function callText({ function: name, form, conduit, immediate, arguments: given }: TraceCall): string {
  const place = immediate === undefined ? '' : ` ${conduit} #${immediate}`
  return terminalText(`${name}${form === 'SMC32' ? ' (SMC32)' : ''}(${given.map(argumentText).join(', ')})${place}`)
}

const SHORT: Readonly<Record<string, string>> = {
  target_cpu: 'target',
  entry_point: 'entry',
  context_id: 'context',
  power_state: 'state',
  target_affinity: 'affinity',
  lowest_affinity_level: 'level',
  reset_type: 'type',
  off_type: 'type',
}

function argumentText({ name, value, meaning }: TraceArgument): string {
  if (name === 'function_id') return meaning ?? value
  return `${SHORT[name] ?? name}=${value}${meaning === undefined ? '' : ` ${meaning}`}`
}

function answerText(call: TraceCall, style: Page['style']): string {
  const { result, ending, filter, known, switchedOn, switchedOff, vcpu } = call
  const parts: string[] = []
  if (result !== undefined) parts.push(`= ${isGood(call) ? result : style.warn(result)}`)
  if (!known && ending.kind === 'resume') parts.push('unknown function')
  if (filter === 'deny') parts.push("denied by the VMM's filter")
  if (ending.kind === 'wait') parts.push('waits')
  if (ending.kind === 'off') parts.push(style.dim('→ vCPU off'))
  if (ending.kind === 'event') parts.push(style.bold(`→ ${[ending.event, ...ending.flags].join(' ')}`))
  if (ending.kind === 'forward') parts.push(style.bold(`→ the VMM (filter: forward, flags ${ending.flags})`))
  if (switchedOn) parts.push(`vCPU ${switchedOn.join(' ')} on`)
  const others = ending.kind === 'event' ? [] : (switchedOff ?? []).filter(each => each !== vcpu)
  if (others.length > 0) parts.push(`vCPU ${others.join(' ')} off`)
  return parts.join(', ')
}

const ERRORS = new Set(['INVALID_PARAMETERS', 'INVALID_PARAMETER', 'DENIED', 'INTERNAL_FAILURE', 'INVALID_ADDRESS', 'NOT_PRESENT', 'DISABLED', 'NO_ENTROPY'])
const isGood = ({ result }: TraceCall): boolean => result === undefined || !ERRORS.has(result)

/** What it came to; for the end of a trace. `written`: the file that it went to. */
export function renderTrace(summary: TraceSummary, { columns = 100, style }: Page, written?: { readonly file: string; readonly format: string }): string {
  const { source, build, vcpus, psci, stop, until, time, instructions, calls, shown, functions, findings } = summary
  const ran = source.kind === 'guest' ? 'the built-in guest' : (source.file ?? source.kind)
  const rows: (readonly [string, string])[] = [
    ['ran', `${ran} on ${build}, ${count(vcpus, 'vCPU')}, PSCI ${psci ?? 'none'}`],
    ...(source.verdict === undefined ? [] : [['from', `${source.build ?? 'a host that the file does not name'}: ${source.verdict}`] as const]),
    ['ended', `${stop.what}, after ${seconds(time)} s and ${count(instructions, 'instruction')}`],
    ['calls', `${calls}${shown === calls ? '' : `, ${shown} shown`}${functions.length === 0 ? '' : `: ${functionsText(functions)}`}`],
    ...(written ? [['written', `${written.file}${written.format === 'chrome' ? ', for https://ui.perfetto.dev or chrome://tracing' : ''}`] as const] : []),
  ]
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  const lines = rows.flatMap(([name, text]) =>
    wrap(terminalText(text), columns - width).map((line, i) => (i === 0 ? style.bold(name.padEnd(width)) : ''.padEnd(width)) + line),
  )
  const missed = until?.reached === false ? [style.bad(`did not reach ${terminalText(until.point)}`)] : []
  return [...lines, ...missed, ...findingLines(findings, columns, style)].join('\n')
}

/** Functions that the summary names; JSON has them all. */
const NAMED = 10

function functionsText(functions: TraceSummary['functions']): string {
  const rest = functions.slice(NAMED)
  const others = rest.reduce((sum, { calls }) => sum + calls, 0)
  return [...functions.slice(0, NAMED).map(functionText), ...(rest.length === 0 ? [] : [`other functions ${others}`])].join(', ')
}

function functionText({ function: name, calls, results }: TraceSummary['functions'][number]): string {
  const failed = Object.entries(results).filter(([result]) => result === 'NOT_SUPPORTED' || ERRORS.has(result))
  return `${name} ${calls}${failed.length === 0 ? '' : ` (${failed.map(([result, n]) => (n === calls ? result : `${n} ${result}`)).join(', ')})`}`
}

/** Nanoseconds as seconds, exactly: `0.000012345`. */
export const seconds = (nanoseconds: number): string => {
  const whole = Math.floor(nanoseconds / 1e9)
  return `${whole}.${String(nanoseconds - whole * 1e9).padStart(9, '0')}`
}
