// Owns how a migration reads on a terminal: what became of it first, then every change, then why. Decides nothing.
import type { MigrateChange, MigrateReport } from '../ops/migrate/migrate-report.ts'
import { shorten, showNames } from '../ops/show-value.ts'
import { findingLines } from './findings.ts'
import type { Page, Style } from './page.ts'
import { count, table } from './table.ts'
import { terminalText } from './terminal-text.ts'

export function renderMigrate(report: MigrateReport, { columns = 100, style }: Page): string {
  const { input, target, verdictBefore, verdictAfter, changes, findings } = report
  const registers = new Set(changes.map(({ id }) => id)).size
  return [
    `${terminalText(input.file)} (${terminalText(input.format)}) for ${terminalText(target.build)} with ${target.vmm}: ${verdictBefore} → ${verdictAfter}, ${
      registers === 0 ? 'nothing to change' : `${count(registers, 'register')} to change`
    }`,
    ...outcome(report, style),
    ...table(
      [{}, {}, {}, {}],
      rowsOf(changes).map(row => row.map(terminalText)),
      '  ',
    ),
    ...findingLines(sayOnce(findings), columns, style),
  ].join('\n')
}

function outcome({ migratable, output, needed, blocked }: MigrateReport, style: Style): string[] {
  if (output !== undefined) return [`${style.good('written')}  ${terminalText(output)}`]
  if (migratable) return [`${style.good('would be written')}`]
  return [
    ...(blocked.length === 0 ? [] : [`${style.bad('not written')}  the target still refuses it`]),
    ...(needed.length === 0 ? [] : [`${style.bad('not written')}  it takes --allow ${needed.join(',')}`]),
  ]
}

/** What happens alike to several vCPUs, or goes for one reason, is one row. */
function rowsOf(changes: readonly MigrateChange[]): readonly (readonly string[])[] {
  const groups = new Map<string, { readonly first: MigrateChange; readonly names: Set<string>; readonly vcpus: Set<number> }>()
  for (const change of changes) {
    const { action, id, before, after, code, allowed, reason } = change
    const key = JSON.stringify(action === 'drop' ? [code, allowed, reason] : [id, before, after, code, allowed])
    const group = groups.get(key) ?? { first: change, names: new Set(), vcpus: new Set() }
    group.names.add(change.name)
    group.vcpus.add(change.vcpu)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ first, names, vcpus }) => [
    `vCPU${vcpus.size === 1 ? '' : 's'} ${[...vcpus].join(' ')}`,
    showNames([...names]),
    stepText(first, names.size),
    first.allowed === 'needed' ? `needs --allow ${first.code}` : first.allowed === 'flag' ? `${first.code}, as ordered` : first.code,
  ])
}

function stepText({ action, before, after }: MigrateChange, registers: number): string {
  if (action === 'drop') return registers > 1 || before === undefined ? 'left out' : `${shorten(before)} left out`
  return `${before === undefined ? 'added:' : shorten(before)} ${before === undefined ? '' : '→ '}${shorten(after ?? '')}`
}

/** What several findings advise is said with the first. */
function sayOnce(findings: MigrateReport['findings']): MigrateReport['findings'] {
  const said = new Set<string>()
  return findings.map(({ hint, ...finding }) => {
    if (hint === undefined || said.has(hint)) return finding
    said.add(hint)
    return { ...finding, hint }
  })
}
