// Owns how an inspect report reads on a terminal: who the guest is first, what is wrong with it, then its parts. Decides nothing.
import { cpuName } from '../arch/midr.ts'
import type { InspectedRegister, InspectedVcpu, InspectReport } from '../ops/inspect-report.ts'
import { findingLines } from './findings.ts'
import { bootLines } from './inspect-boot.ts'
import { codeLines, walkLines } from './inspect-code.ts'
import { acpiReportLines, bytesLines, foundLines } from './inspect-memory.ts'
import { interruptLines, timerLines } from './inspect-time.ts'
import type { Page } from './page.ts'
import { byteSize, count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderInspect(report: InspectReport, { columns = 100, style }: Page): string {
  const { findings } = report
  const parts: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['', vcpuLines(report)],
    ...report.vcpus.flatMap(({ index, disassembly }) => (disassembly ? [[`code of vCPU ${index}`, codeLines(disassembly, style)] as const] : [])),
    ...(report.walks ?? []).map(
      walk => [`vCPU ${walk.vcpu}, address ${walk.address}${walk.register ? ` (${walk.register})` : ''}`, walkLines(walk, columns)] as const,
    ),
    ['time', timerLines(report.timers)],
    ['interrupts', interruptLines(report, columns)],
    ['memory', memoryLines(report)],
    ['devices', deviceLines(report, columns)],
    ['boot', bootLines(report.boot)],
    ...byValue(report.vcpus).map(({ title, registers }) => [title, registerLines(registers, columns)] as const),
    ...(report.found ? [['found in memory', foundLines(report.found, columns)] as const] : []),
    ...(report.acpi ? [['ACPI', acpiReportLines(report.acpi, columns)] as const] : []),
    ...(report.bytes ? [[`${report.bytes.region} at ${report.bytes.address}`, bytesLines(report.bytes)] as const] : []),
    [
      '',
      findingLines(
        findings.filter(({ severity }) => severity === 'info'),
        columns,
        style,
      ),
    ],
  ]
  return [
    ...identityLines(report, columns),
    ...findingLines(
      findings.filter(({ severity }) => severity !== 'info'),
      columns,
      style,
    ),
    ...parts.filter(([, lines]) => lines.length > 0).flatMap(([title, lines]) => ['', ...(title === '' ? [] : [style.bold(terminalText(title))]), ...lines]),
  ].join('\n')
}

function identityLines(report: InspectReport, columns: number): string[] {
  const { origin, file, format } = report
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['file', file.name],
    ['format', `${format.id}${format.version ? ` version ${format.version}` : ''}, ${sizeText(file)}`],
    ['saved by', [origin.vmm, origin.tool, accelerator(report)].filter(Boolean).join(', ') || undefined],
    ['host', hostText(report)],
    ['CPU', cpuText(report)],
    // A file that only describes a CPU has none of these.
    ...(report.vcpus.length === 0
      ? []
      : ([
          ['PSCI', psciText(report)],
          ['state', `${report.stop}, GIC ${report.gic}`],
          ['features', featuresText(report)],
        ] as const)),
    ['sha256', file.sha256 ?? 'not computed for a file of this size; --full does'],
  ]
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined)
  const width = Math.max(...shown.map(([name]) => name.length)) + 2
  return shown.flatMap(([name, value]) =>
    (name === 'file' ? [terminalText(value)] : wrap(terminalText(value), columns - width)).map((line, i) => `${(i === 0 ? name : '').padEnd(width)}${line}`),
  )
}

const sizeText = ({ size, compression, unpacked }: InspectReport['file']): string =>
  compression === undefined ? byteSize(size) : `${byteSize(size)} of ${compression} with ${byteSize(unpacked ?? 0)} in it`

/** QEMU's own line says it already. */
const accelerator = ({ origin, accelerator }: InspectReport): string | undefined =>
  accelerator === undefined || origin.vmm?.includes(accelerator.toUpperCase()) ? undefined : accelerator.toUpperCase()

function hostText({ origin, host }: InspectReport): string | undefined {
  if (origin.build !== undefined) return `build ${origin.build}`
  const said = origin.kernel === undefined ? '' : `kernel ${origin.kernel}${host ? '; by its registers ' : ''}`
  if (!host) return said || undefined
  const [best] = host.candidates
  if (!best) return `${said}no kernel that psci-snap knows: its registers are too different from what they list`
  const last = host.candidates[host.tied - 1] ?? best
  const kernels = host.tied === 1 ? best.kernel : `${best.kernel} to ${last.kernel} (${host.tied} builds that cannot be told apart)`
  return `${said}${host.exact ? 'kernel' : 'nearest kernel'} ${kernels}: ${best.why.join('; ')}`
}

function cpuText({ origin, vcpus }: InspectReport): string | undefined {
  const values = new Set(vcpus.flatMap(({ midr }) => midr ?? []))
  const names = [...values].map(value => `${cpuName(BigInt(value)) ?? 'not known by name'} (MIDR_EL1 ${value})`)
  return names.join(', ') || origin.cpu
}

function psciText({ psci }: InspectReport): string {
  const all = psci.perVcpu.map(version => version ?? 'none')
  if (new Set(all).size > 1) return `${psci.version ?? 'none'}; vCPUs disagree: ${all.join(' ')}`
  return psci.version === null ? 'no version saved' : `${psci.version}${all.length > 1 ? ` on all ${all.length} vCPUs` : ''}`
}

function featuresText({ vcpus, inferredFeatures }: InspectReport): string | undefined {
  const sets = inferredFeatures?.map(features => features.join(' ') || 'none')
  if (sets) return `not in the file; its registers fit ${sets.join(', or ')}`
  const texts = vcpus.map(({ features }) => (features === undefined ? 'not in the file' : features.join(' ') || 'none'))
  const [first] = texts
  if (first === undefined || texts.every(text => text === first)) return first
  return vcpus.map(({ index }, i) => `vCPU ${index}: ${texts[i]}`).join('; ')
}

function vcpuLines({ vcpus }: InspectReport): string[] {
  if (vcpus.length === 0) return []
  return table(
    [{ head: 'vCPU', align: 'right' }, { head: 'power' }, { head: 'PSCI' }, { head: 'PC' }, { head: 'PSTATE' }, {}, { head: 'registers', align: 'right' }],
    vcpus.map(vcpu =>
      [String(vcpu.index), vcpu.mpState, vcpu.psci ?? 'none', vcpu.pc ?? '-', vcpu.pstate ?? '-', stateText(vcpu), String(vcpu.count)].map(terminalText),
    ),
  )
}

/** `EL1h nZCv DAIF`: what is masked stands alone, as `-` when nothing is. */
function stateText({ state }: InspectedVcpu): string {
  return state === undefined ? '' : [state.el, state.flags, state.masked === '' ? '-' : state.masked, ...state.others].join(' ')
}

function deviceLines({ devices }: InspectReport, columns: number): string[] {
  if (devices.length === 0) return []
  return wrap(terminalText(devices.map(({ name }) => name).join(', ')), columns - 2).map(line => `  ${line}`)
}

function memoryLines({ memory, vcpus }: InspectReport): string[] {
  if (memory.length === 0) return vcpus.length === 0 ? [] : ['  none in this file']
  return table(
    [{ head: 'region' }, { head: 'from' }, { head: 'to' }, { head: 'size', align: 'right' }, { head: 'not zero', align: 'right' }, { align: 'right' }],
    memory.map(({ name, start, size, present }) => {
      const last = BigInt(start) + BigInt(Math.max(size - 1, 0))
      const share = present === undefined ? '' : `${((100 * present) / Math.max(size, 1)).toFixed(1)} %`
      return [terminalText(name), start, `0x${last.toString(16)}`, byteSize(size), present === undefined ? '--full counts' : byteSize(present), share]
    }),
    '  ',
  )
}

/** Registers that all vCPUs hold with the same value once, the others by vCPU. */
function byValue(vcpus: readonly InspectedVcpu[]): readonly { readonly title: string; readonly registers: readonly InspectedRegister[] }[] {
  const [first, ...others] = vcpus
  if (!first) return []
  const values = others.map(({ registers }) => new Map(registers.map(({ id, value }) => [id, value])))
  const shared = new Set(first.registers.filter(({ id, value }) => values.every(each => each.get(id) === value)).map(({ id }) => id))
  const title = vcpus.length === 1 ? `vCPU ${first.index}` : `all ${count(vcpus.length, 'vCPU')}`
  const own =
    others.length === 0 ? [] : vcpus.map(({ index, registers }) => ({ title: `vCPU ${index}`, registers: registers.filter(({ id }) => !shared.has(id)) }))
  return [{ title, registers: first.registers.filter(({ id }) => shared.has(id)) }, ...own]
}

function registerLines(registers: readonly InspectedRegister[], columns: number): string[] {
  const widest = Math.max(0, ...registers.map(({ name }) => name.length))
  const rows = registers.flatMap(({ name, value, meaning = '', fields }) => [
    [name, value, meaning],
    ...(fields ?? []).map(field => [`  ${field.name}[${field.msb === field.lsb ? field.msb : `${field.msb}:${field.lsb}`}]`, field.value, field.meaning ?? '']),
  ])
  // A vector is longer than the page: its bytes go on below each other.
  return table(
    [{}, {}, {}],
    rows.flatMap(row => broken(row.map(terminalText), columns - widest - 4)),
    '  ',
  )
}

function broken([name = '', value = '', meaning = '']: readonly string[], room: number): readonly (readonly string[])[] {
  if (value.length <= room) return [[name, value, meaning]]
  const bytes = Math.max(16, Math.floor((room - 1) / 32) * 32)
  const pieces = value.match(new RegExp(`^.{1,${bytes + 1}}|.{1,${bytes}}`, 'g')) ?? []
  return pieces.map((piece, i) => [i === 0 ? name : '', i === 0 ? piece : ` ${piece}`, ''])
}
