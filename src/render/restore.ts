// Owns how a restore report reads on a terminal: the verdict first, then why, then what else there is. Decides nothing.
import type { RestoreReport, TargetReport, VcpuReport } from '../ops/reports.ts'
import { findingLines } from './findings.ts'
import type { Page, Style } from './page.ts'
import { count, table } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderRestore(report: RestoreReport, { columns = 100, style }: Page, details = false): string {
  const lines = [
    `${style.bold('verdict')}  ${verdictText(report, style)}`,
    ...table(
      [{}, {}],
      [
        ['source', [report.source.file, report.source.build && `saved on ${report.source.build}`].filter(Boolean).join(', ')],
        ['target', targetText(report.target)],
        ['PSCI', psciText(report)],
        ['vCPUs', vcpusText(report.vcpus)],
        ...(report.output === undefined ? [] : [['written', report.output]]),
      ].map(row => row.map(terminalText)),
    ),
    ...findingLines(report.findings, columns, style, details),
    ...(details ? report.vcpus.flatMap(vcpuDetails) : []),
  ]
  return lines.join('\n')
}

/** A build says which CPU in its name; this host does not. */
const targetText = ({ build, cpu }: TargetReport): string => (build.includes(cpu) ? build : `${build}, ${cpu}`)

export function verdictText({ verdict }: Pick<RestoreReport, 'verdict'>, style: Style): string {
  const say = { survives: style.good, changed: style.warn, refused: style.bad } as const
  return say[verdict](verdict)
}

function psciText({ psci, vcpus }: RestoreReport): string {
  const seen =
    psci.observedByGuest === null
      ? 'guest not run'
      : `${psci.observedVia === 'payload' ? 'a payload in a clone' : "the guest's own code"} sees ${psci.observedByGuest}`
  return [
    `saved ${psci.saved ?? 'none'}`,
    vcpus.length === 0 ? 'nothing replayed' : `after replay ${psci.afterReplay ?? 'none'}`,
    seen,
    `default here ${psci.targetDefault ?? 'none'}`,
  ].join(', ')
}

function vcpusText(vcpus: readonly VcpuReport[]): string {
  if (vcpus.length === 0) return 'none could be made'
  const sum = (of: (vcpu: VcpuReport) => number): number => vcpus.reduce((all, vcpu) => all + of(vcpu), 0)
  const different = sum(vcpu => vcpu.differences.filter(row => !row.volatile).length)
  return `${vcpus.length}, ${[
    `${count(
      sum(vcpu => vcpu.written),
      'register',
    )} written`,
    `${sum(vcpu => vcpu.failures.length)} refused`,
    `${different} read back differently (${sum(vcpu => vcpu.differences.filter(row => row.visible).length)} visible to the guest)`,
  ].join(', ')}`
}

function vcpuDetails({ index, failures, differences, newOnTarget, missingOnTarget }: VcpuReport): string[] {
  const part = (title: string, lines: string[]): string[] => (lines.length === 0 ? [] : ['', `vCPU ${index}: ${title}`, ...lines])
  return [
    ...part(
      'refused',
      table(
        [{}, {}, {}, {}, {}],
        failures.map(row => [row.name, row.value, row.errno, row.droppable ? 'droppable' : 'not droppable'].map(terminalText)),
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
