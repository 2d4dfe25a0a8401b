// Owns how the report of `run` reads on a terminal, under what the guest printed. Decides nothing.

import type { RunReport, WakeReport } from '../ops/reports.ts'
import { SKIPPED_CODE } from '../ops/run/exit-line.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderRun(report: RunReport, { columns = 100, style }: Page): string {
  const { build, vcpus, psci, instructions, seconds, exit, until, source, wake, findings } = report
  const rows = [
    report.end === 'refused'
      ? `${style.bad('refused')} ${terminalText(build)} does not offer the environment of this guest`
      : `${style.dim('ran')}    ${count(vcpus, 'vCPU')} on ${terminalText(build)}, PSCI ${psci ?? 'none'}: ${instructions} instructions, ${seconds.toFixed(3)} s of its time`,
    ...(source
      ? [
          `${style.dim('from')}   ${terminalText(source.file)}${source.build === undefined ? '' : `, saved on ${terminalText(source.build)}`}: ${source.verdict}`,
        ]
      : []),
    ...(wake ? wakeRows(wake, style) : []),
    `${style.dim('ended')}  ${ended(report)}`,
    ...(exit
      ? [
          `${style.dim('tests')}  ${exit.code === 0 ? style.good('passed') : exit.code === SKIPPED_CODE ? 'skipped' : style.bad(`failed with ${exit.code}`)} (EXIT: STATUS=${exit.status})`,
        ]
      : []),
    ...(until?.reached === false ? [style.bad(`did not reach ${terminalText(until.point)}`)] : []),
  ]
  return ['', ...rows, ...findingLines(findings, columns, style)].join('\n')
}

const wakeRows = ({ file, build, clean, append, refused }: WakeReport, style: Page['style']): readonly string[] => [
  `${style.dim(clean ? 'clean' : refused.length > 0 ? 'asleep' : 'woke')}   ${terminalText(file)}${build === undefined ? '' : `, saved on ${terminalText(build)}`}${
    clean ? `: booted anew with "${terminalText(append ?? '')}"` : ''
  }`,
  ...refused.flatMap(({ component, message, meets }) => [
    `  ${style.bad(component)}: ${terminalText(message)}`,
    ...meets.map(each => `    ${terminalText(each)}`),
  ]),
]

const STOPS = {
  running: 'still running',
  off: 'the guest switched itself off',
  reset: 'the guest asked for a reset',
  hibernated: 'the guest hibernated (SYSTEM_OFF2)',
  suspended: 'the guest suspended itself (SYSTEM_SUSPEND)',
} as const
const ENDS = {
  refused: 'before it began: it was not woken',
  point: 'at the point that was asked for',
  limit: 'at its limit',
  left: 'left by its user',
  idle: 'as nothing would ever wake it',
} as const

function ended({ end, stop }: RunReport): string {
  if (end === 'guest') return STOPS[stop]
  return stop === 'running' ? `${ENDS[end]}, ${STOPS.running}` : ENDS[end]
}
