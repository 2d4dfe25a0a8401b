// Owns how the code around a PC, and the walk of an address through page tables, read on a terminal. Decides nothing.
import type { Disassembly } from '../ops/walk/disassembly.ts'
import type { WalkLevel, WalkReport } from '../ops/walk/walk-report.ts'
import type { Style } from './page.ts'
import { byteSize, table, wrap } from './table.ts'
import { terminalText } from './terminal-text.ts'

/** One instruction a line, the one at PC marked; a gap where memory is not there. */
export function codeLines({ lines, physical, unreadable }: Disassembly, style: Style): string[] {
  const rows: string[] = []
  let next: bigint | undefined
  for (const { address, word, text, current } of lines) {
    const at = BigInt(address)
    if (next !== undefined && at !== next) rows.push('     …')
    next = at + 4n
    const line = `  ${current ? '→' : ' '} ${address}  ${word}  ${terminalText(text ?? `.inst 0x${word}`)}`
    rows.push(current ? style.bold(line) : line)
  }
  if (physical !== undefined) rows.push(`  PC is guest physical ${physical}`)
  if (unreadable !== undefined) rows.push(`  PC cannot be read: ${terminalText(unreadable)}`)
  return rows
}

export function walkLines({ unreadable, mmu, tables, levels = [], mapping, fault }: WalkReport, columns: number): string[] {
  if (unreadable !== undefined) return [`  ${unreadable}`]
  return [
    ...(tables
      ? [`  ${tables.register} ${tables.base}, ${byteSize(tables.granule)} pages, ${tables.bits}-bit addresses, ASID ${tables.asid}`]
      : mmu
        ? []
        : ['  the MMU is off: an address is guest physical']),
    ...levelLines(levels, columns),
    ...(mapping
      ? [
          `  guest physical ${mapping.address}${mapping.region === undefined ? ', not in the memory of the file' : ` in ${terminalText(mapping.region)}`}`,
          `  ${byteSize(mapping.size)} of ${mapping.memory}, ${mapping.shareability}${mapping.global ? ', global' : ''}; EL1 ${mapping.access.el1}, EL0 ${mapping.access.el0}`,
        ].slice(0, mmu ? 2 : 1)
      : []),
    ...(fault ? wrap(`${fault.kind} fault, level ${fault.level} (status ${fault.status}): ${fault.why}`, columns - 2, '  ').map(line => `  ${line}`) : []),
  ]
}

/** One level a line; what its descriptor says goes on below where the page ends. */
function levelLines(levels: readonly WalkLevel[], columns: number): string[] {
  if (levels.length === 0) return []
  const heads = [{ head: 'level' }, { head: 'table' }, { head: 'index', align: 'right' as const }, { head: 'descriptor' }, { head: 'leads to' }]
  const cells = levels.map(({ level, table: at, index, descriptor, kind, output }) => [
    String(level),
    at,
    String(index),
    descriptor,
    output === undefined ? '' : `${kind} ${output}`,
  ])
  const used = Math.max(...table(heads, cells, '  ').map(line => line.length)) + 2
  const rows = levels.flatMap(({ says }, n) =>
    wrap(says.join(', '), Math.max(12, columns - used)).map((line, i) => [...(i === 0 ? cells[n]! : heads.map(() => '')), line]),
  )
  return table([...heads, {}], rows, '  ')
}
