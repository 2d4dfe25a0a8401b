// Owns how a baseline reads on a terminal. Decides nothing.
import type { BuildsBaselineReport } from '../ops/baseline/builds-baseline.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderBaseline(report: BuildsBaselineReport, { columns = 100, style }: Page, details: boolean): string {
  const { hosts, moves, registers, vmm, psci, features, gic, free } = report
  const survive = moves.filter(({ verdict }) => verdict === 'survives').length
  const identity = [
    ...hosts.map((host, n) => [n === 0 ? 'hosts' : '', terminalText(host)]),
    ['guest', `${features.join(' ') || 'no features'}, GIC ${gic}`],
    ['moves', free ? style.good(`all ${moves.length} survive`) : style.bad(`${survive} of ${moves.length} survive`)],
    ['PSCI', psci],
  ]
  const writes = registers.filter(({ writeOn }) => writeOn.length > 0)
  const where = (names: readonly string[]): string => (names.length === hosts.length ? 'every host' : names.map(terminalText).join(' '))
  const rest = registers.filter(({ writeOn }) => writeOn.length === 0)
  const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', style.bold(title), ...lines.map(line => `  ${line}`)])
  return [
    ...table([{}, {}], identity),
    ...section(
      'write before the first run',
      table(
        [{}, {}, {}],
        writes.map(({ name, value, mask, writeOn }) => [name, mask === undefined ? value : `${value} of ${mask}`, `on ${where(writeOn)}`]),
      ),
    ),
    ...(writes.length === 0 ? ['', 'nothing has to be written: new guests of these hosts are alike as far as values can make them'] : []),
    ...section(
      'the same on every host by itself',
      details
        ? table(
            [{}, {}],
            rest.map(({ name, value }) => [name, value]),
          )
        : wrap(`${count(rest.length, 'register')} (--details)`, columns - 2),
    ),
    ...section('VMMs', [
      ...qemuLines(vmm.qemu, columns - 2),
      ...firecrackerLines(report, columns - 2),
      ...wrap('any other VMM: write the registers above after KVM_ARM_VCPU_INIT, before the first KVM_RUN', columns - 2, '  '),
    ]),
    ...(report.findings.length === 0 ? [] : ['', ...findingLines(report.findings, columns, style, details)]),
    ...(details ? apartLines(report) : []),
    ...(report.file === undefined ? [] : ['', `written to ${terminalText(report.file)}`]),
  ].join('\n')
}

function qemuLines({ since, cpu, cannotSet, moves }: BuildsBaselineReport['vmm']['qemu'], columns: number): string[] {
  const lacks =
    cannotSet.length === 0
      ? ''
      : `; it has no option for ${cannotSet.length <= 3 ? cannotSet.join(', ') : count(cannotSet.length, 'of these registers', 'of these registers')}`
  return wrap(
    `QEMU${since === undefined ? '' : ` ${since} or newer`}: -cpu ${cpu}${lacks}; with that alone ${moves.survive} of ${moves.of} moves survive (load rules of 11.1)`,
    columns,
    '  ',
  )
}

function firecrackerLines({ vmm: { firecracker }, template }: BuildsBaselineReport, columns: number): string[] {
  if (firecracker.length === 0) return ['Firecracker: makes no guest with these features (it has PSCI 0.2 always, and no PMU)']
  const changes = firecracker.some(({ template: { reg_modifiers, vcpu_features } }) => reg_modifiers.length + vcpu_features.length > 0)
  if (!changes) return ['Firecracker: no CPU template is needed']
  const what = firecracker.length === 1 ? 'a custom CPU template' : `${firecracker.length} custom CPU templates, one for each set of hosts`
  return wrap(
    `Firecracker: ${what}, ${template === undefined ? 'in the baseline file and in --json under vmm.firecracker; --template FILE writes it' : `written to ${terminalText(template)}`}`,
    columns,
    '  ',
  )
}

const apartLines = ({ apart }: BuildsBaselineReport): string[] =>
  apart.length === 0
    ? []
    : [
        '',
        ...table(
          [{ head: 'stays different' }, { head: 'value' }, { head: 'on' }],
          apart.flatMap(({ name, values }) => Object.entries(values).map(([host, value], n) => [n === 0 ? name : '', value, terminalText(host)])),
        ),
      ]
