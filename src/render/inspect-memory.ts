// Owns how bytes of guest memory, and what was found in it, read on a terminal. Decides nothing.
import type { AcpiReport, BytesReport, CarriedAcpi, FacsReport, FoundAcpi, FoundReport, FoundTree } from '../ops/inspect-report.ts'
import { byteSize, count, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** Sixteen bytes a line; lines that repeat the one before are one `*`. */
export function bytesLines({ address, hex }: BytesReport): string[] {
  const start = BigInt(address)
  const lines: string[] = []
  let before: string | undefined
  for (let at = 0; at < hex.length; at += 32) {
    const piece = hex.slice(at, at + 32)
    const isLast = at + 32 >= hex.length
    if (piece === before && !isLast) {
      if (lines.at(-1) !== '  *') lines.push('  *')
      continue
    }
    before = piece
    const bytes = piece.match(/../g) ?? []
    const text = bytes.map(byte => printable(Number.parseInt(byte, 16))).join('')
    const columns = `${bytes.slice(0, 8).join(' ')}  ${bytes.slice(8).join(' ')}`
    lines.push(`  0x${(start + BigInt(at / 2)).toString(16).padStart(8, '0')}  ${columns.padEnd(48)}  |${text}|`)
  }
  return lines
}

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')

export function foundLines({ searched, kernels, deviceTrees, acpi }: FoundReport, columns: number): string[] {
  const lines = [
    ...kernels.flatMap(({ banner, addresses }) => [`kernel at ${addresses.join(' ')}`, `  ${banner}`]),
    ...deviceTrees.flatMap(treeLines),
    ...acpi.flatMap(acpiLines),
  ].map(terminalText)
  const nothing = [
    ...(kernels.length === 0 ? ['no kernel banner'] : []),
    ...(deviceTrees.length === 0 ? ['no device tree'] : []),
    ...(acpi.length === 0 ? ['no ACPI tables'] : []),
  ]
  if (nothing.length > 0) lines.push(`${nothing.join(', ')} in ${byteSize(searched)} of memory`)
  return indented(lines, columns)
}

/** Tables in memory first: they are what the guest sees. */
export function acpiReportLines({ searched, memory, carried, candidates }: AcpiReport, columns: number): string[] {
  const lines = [
    ...memory.flatMap(acpiLines),
    ...carried.flatMap(carriedLines),
    ...candidates.map(facs => `looks like a FACS, and no table leads to it: ${facsText(facs)}`),
  ].map(terminalText)
  if (memory.length === 0) lines.push(`no ACPI tables in ${byteSize(searched)} of memory`)
  return indented(lines, columns)
}

function carriedLines({ device, tables, facs }: CarriedAcpi): string[] {
  return [
    `kept for firmware in ${device}`,
    `  ${tables.map(({ signature, offset }) => `${signature} +0x${offset.toString(16)}`).join(', ')}`,
    ...(facs.length === 0 ? ['  it has no FACS'] : facs.map(each => `  FACS: +${facsText(each)}${each.linked ? '' : ', to which no FADT leads'}`)),
  ]
}

const facsText = ({ address, hardwareSignature, version, wakingVector, xWakingVector }: FacsReport): string => {
  const wakes = [wakingVector, xWakingVector].filter(vector => vector !== '0x0')
  return `${address}, version ${version}, hardware_signature ${hardwareSignature}${wakes.length === 0 ? '' : `, wakes at ${wakes.join(' ')}`}`
}

function indented(lines: readonly string[], columns: number): string[] {
  return lines.flatMap(line => {
    const indent = /^ */.exec(line)?.[0] ?? ''
    return wrap(line.trimStart(), columns - 2 - indent.length, '  ').map(each => `  ${indent}${each}`)
  })
}

function treeLines({ address, size, nodes, model, compatible, bootargs, psci }: FoundTree): string[] {
  return [
    `device tree at ${address}, ${byteSize(size)}, ${count(nodes, 'node')}${model === undefined ? '' : `, model ${model}`}${compatible ? `, compatible ${compatible.join(' ')}` : ''}`,
    ...(bootargs === undefined ? [] : [`  bootargs: ${bootargs}`]),
    ...(psci
      ? [
          '  /psci',
          ...table(
            [{}, {}],
            Object.entries(psci).map(([name, values]) => [name, values.join(' ')]),
            '    ',
          ),
        ]
      : ['  it has no /psci']),
  ]
}

function acpiLines({ address, revision, oem, checksumOk, tables, psci, hardwareReduced, facs, fault }: FoundAcpi): string[] {
  const bad = (isGood: boolean | undefined): string => (isGood === false ? ' CHECKSUM WRONG' : '')
  return [
    `ACPI at ${address}, revision ${revision}, ${oem}${bad(checksumOk)}`,
    ...(tables.length === 0 ? [] : [`  ${tables.map(row => `${row.signature} ${row.address}${bad(row.checksumOk)}`).join(', ')}`]),
    ...(psci ? [`  FADT: ${psci.compliant ? `PSCI by ${psci.conduit.toUpperCase()}` : 'no PSCI'}${hardwareReduced ? ', hardware-reduced' : ''}`] : []),
    ...(facs ? [`  FACS: ${facsText(facs)}`] : hardwareReduced === undefined ? [] : ['  it has no FACS']),
    ...(fault === undefined ? [] : [`  ${fault}`]),
  ]
}
