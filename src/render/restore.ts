// Owns how a restore report reads on a terminal: the verdict first, then why, then what else there is. Decides nothing.
import type { Finding } from '../model/finding.ts'
import type { RestoreReport, VcpuReport } from '../ops/reports.ts'
import type { Page, Style } from './page.ts'
import { count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Rows of refused registers that are shown before the rest is only counted. */
const MOST_ROWS = 12

export function renderRestore(report: RestoreReport, { columns = 100, style }: Page, details = false): string {
  const lines = [
    `${style.bold('verdict')}  ${verdictText(report, style)}`,
    ...table(
      [{}, {}],
      [
        ['source', [report.source.file, report.source.build && `saved on ${report.source.build}`].filter(Boolean).join(', ')],
        ['target', report.target.build],
        ['PSCI', psciText(report)],
        ['vCPUs', vcpusText(report.vcpus)],
        ...(report.output === undefined ? [] : [['written', report.output]]),
      ].map(row => row.map(terminalText)),
    ),
    ...findingLines(report.findings, columns, style),
    ...(details ? report.vcpus.flatMap(vcpu => vcpuDetails(vcpu)) : refusedLines(report)),
  ]
  return lines.join('\n')
}

export function verdictText({ verdict }: Pick<RestoreReport, 'verdict'>, style: Style): string {
  const say = { survives: style.good, changed: style.warn, refused: style.bad } as const
  return say[verdict](verdict)
}

function psciText({ psci }: RestoreReport): string {
  const seen =
    psci.observedByGuest === null
      ? 'guest not run'
      : `the guest's own code sees ${psci.observedByGuest}${psci.observedVia === 'payload' ? ' (payload in a clone)' : ''}`
  return [`saved ${psci.saved ?? 'none'}`, `after replay ${psci.afterReplay ?? 'none'}`, seen, `default here ${psci.targetDefault ?? 'none'}`].join(', ')
}

function vcpusText(vcpus: readonly VcpuReport[]): string {
  const sum = (of: (vcpu: VcpuReport) => number): number => vcpus.reduce((all, vcpu) => all + of(vcpu), 0)
  const different = sum(vcpu => vcpu.differences.filter(row => !row.volatile).length)
  return `${vcpus.length}, ${[
    count(
      sum(vcpu => vcpu.written),
      'register',
    ) + ' written',
    `${sum(vcpu => vcpu.failures.length)} refused`,
    `${different} read back differently (${sum(vcpu => vcpu.differences.filter(row => row.visible).length)} visible to the guest)`,
  ].join(', ')}`
}

/** Findings, errors first, each wrapped under its severity. */
export function findingLines(findings: readonly Finding[], columns: number, style: Style): string[] {
  const order = { error: 0, warning: 1, info: 2 } as const
  const mark = { error: style.bad('error  '), warning: style.warn('warning'), info: style.dim('info   ') } as const
  return [...findings]
    .sort((a, b) => order[a.severity] - order[b.severity])
    .flatMap(finding => {
      const [first = '', ...rest] = wrap(terminalText(finding.message), columns - 10)
      const hint = finding.hint === undefined ? [] : wrap(`→ ${terminalText(finding.hint)}`, columns - 10, '  ')
      return [`${mark[finding.severity]}  ${first}`, ...[...rest, ...hint].map(line => `         ${line}`)]
    })
}

/** The refused registers by name: the same row on several vCPUs once. */
function refusedLines({ vcpus }: RestoreReport): string[] {
  const rows = new Map<string, { readonly row: VcpuReport['failures'][number]; readonly where: number[] }>()
  for (const { index, failures } of vcpus)
    for (const row of failures) {
      const key = `${row.id} ${row.value} ${row.errno}`
      const known = rows.get(key) ?? { row, where: [] }
      known.where.push(index)
      rows.set(key, known)
    }
  if (rows.size === 0) return []
  const all = [...rows.values()]
  const shown = all
    .slice(0, MOST_ROWS)
    .map(({ row, where }) =>
      [row.name, row.value, row.errno, row.droppable ? 'yes' : 'no', where.length === vcpus.length ? 'all' : where.join(' ')].map(terminalText),
    )
  const more = all.length - shown.length
  return [
    '',
    ...table([{ head: 'refused' }, { head: 'value' }, { head: 'errno' }, { head: 'droppable' }, { head: 'vCPU' }], shown),
    ...(more > 0 ? [`and ${more} more (--details)`] : []),
  ]
}

function vcpuDetails({ index, failures, differences, newOnTarget, missingOnTarget }: VcpuReport): string[] {
  const part = (title: string, lines: string[]): string[] => (lines.length === 0 ? [] : ['', `vCPU ${index}: ${title}`, ...lines])
  return [
    ...part(
      'refused',
      table(
        [{}, {}, {}, {}, {}],
        failures.map(row => [row.name, row.value, row.errno, row.droppable ? 'droppable' : 'not droppable', row.reason].map(terminalText)),
        '  ',
      ),
    ),
    ...part(
      'reads back differently',
      table(
        [{}, {}, {}, {}, {}],
        differences.map(row =>
          [row.name, row.written, '→', row.readBack, row.volatile ? 'running' : row.visible ? 'visible' : 'not visible'].map(terminalText),
        ),
        '  ',
      ),
    ),
    ...part(
      'only on the target',
      table(
        [{}, {}],
        newOnTarget.map(row => [row.name, row.value].map(terminalText)),
        '  ',
      ),
    ),
    ...(missingOnTarget.length === 0 ? [] : ['', `vCPU ${index}: not listed by the target: ${count(missingOnTarget.length, 'register')}`]),
  ]
}
