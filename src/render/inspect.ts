// Owns how an inspect report reads on a terminal: who the guest is first, then its vCPUs, registers, devices and memory. Decides nothing.
import type { InspectedRegister, InspectedVcpu, InspectReport } from '../ops/inspect-report.ts'
import { findingLines } from './findings.ts'
import type { Page } from './page.ts'
import { byteSize, table } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderInspect(report: InspectReport, { columns = 100, style }: Page): string {
  const { origin, psci, file } = report
  const perVcpu = new Set(psci.perVcpu)
  const identity: readonly (readonly [string, string | undefined])[] = [
    ['file', `${file.name}, ${byteSize(file.size)}, ${report.format.id}${report.format.version ? ` version ${report.format.version}` : ''}`],
    ['sha256', file.sha256],
    ['saved on', [origin.build ?? origin.kernel, origin.build ? undefined : origin.cpu, origin.vmm].filter(Boolean).join(', ') || undefined],
    ['saved by', origin.tool],
    [
      'PSCI',
      `${psci.version ?? 'no version saved'}${perVcpu.size > 1 ? ` (vCPUs disagree: ${psci.perVcpu.map(version => version ?? 'none').join(' ')})` : ''}`,
    ],
    ['stopped', report.stop],
    ['GIC', report.gic],
    ['devices', report.devices.length === 0 ? 'none' : report.devices.map(({ name, kind }) => `${name} (${kind})`).join(', ')],
    ['memory', memoryText(report)],
  ]
  const lines = [
    ...table(
      [{}, {}],
      identity.filter((row): row is readonly [string, string] => row[1] !== undefined).map(([name, value]) => [name, terminalText(value)]),
    ),
    ...findingLines(report.findings, columns, style),
    '',
    ...table(
      [{ head: 'vCPU', align: 'right' }, { head: 'state' }, { head: 'PC' }, { head: 'PSTATE' }, { head: 'registers', align: 'right' }, { head: 'features' }],
      report.vcpus.map(vcpu =>
        [String(vcpu.index), vcpu.mpState, vcpu.pc ?? '-', vcpu.pstate ?? '-', String(vcpu.count), featuresText(vcpu)].map(terminalText),
      ),
    ),
  ]
  for (const { title, registers } of byValue(report.vcpus)) if (registers.length > 0) lines.push('', style.bold(title), ...registerLines(registers))
  return lines.join('\n')
}

/** Registers that all vCPUs hold with the same value once, the others by vCPU. */
function byValue(vcpus: readonly InspectedVcpu[]): readonly { readonly title: string; readonly registers: readonly InspectedRegister[] }[] {
  const [first, ...others] = vcpus
  if (!first) return []
  const values = others.map(({ registers }) => new Map(registers.map(({ id, value }) => [id, value])))
  const shared = new Set(first.registers.filter(({ id, value }) => values.every(each => each.get(id) === value)).map(({ id }) => id))
  const title = vcpus.length === 1 ? `vCPU ${first.index}` : 'all vCPUs'
  const own =
    others.length === 0 ? [] : vcpus.map(({ index, registers }) => ({ title: `vCPU ${index}`, registers: registers.filter(({ id }) => !shared.has(id)) }))
  return [{ title, registers: first.registers.filter(({ id }) => shared.has(id)) }, ...own]
}

const featuresText = ({ features }: InspectedVcpu): string => (features === undefined ? 'unknown' : features.join(' ') || 'none')

function memoryText({ memory }: InspectReport): string {
  if (memory.length === 0) return 'none'
  return memory
    .map(({ name, start, size, present }) => {
      const share = present === undefined ? '' : `, ${byteSize(present)} not zero`
      return `${name} ${byteSize(size)} at ${start}${share}`
    })
    .join('; ')
}

function registerLines(registers: readonly InspectedRegister[]): string[] {
  const rows = registers.flatMap(({ name, value, fields }) => [
    [name, value, ''],
    ...(fields ?? []).map(field => [`  ${field.name}[${field.msb === field.lsb ? field.msb : `${field.msb}:${field.lsb}`}]`, field.value, field.meaning ?? '']),
  ])
  return table(
    [{}, {}, {}],
    rows.map(row => row.map(terminalText)),
    '  ',
  )
}
