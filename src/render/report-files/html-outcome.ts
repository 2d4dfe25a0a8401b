// Owns the drill-down of one result: what decides, what the guest meets, what to do, and the registers, so that equal results give equal text.
// Leaves out what is peculiar to one file: its name, running counters, numbers of writes; commands say TARGET. Decides nothing.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import type { RegId } from '../../arch/reg-id.ts'
import type { CheckResult } from '../../ops/check/check-report.ts'
import type { VcpuReport } from '../../ops/reports.ts'
import { count } from '../table.ts'
import { escapeHtml } from './escape.ts'
import { registerHtml } from './html-register.ts'
import type { Pool } from './pool.ts'

/** Blocks that several outcomes refer to. */
export interface SharedBlocks {
  readonly registers: Pool
  /** Texts: information always, and with `sections` all that is long. */
  readonly texts: Pool
  /** Whether whole sections are shared, which a large matrix needs to stay small; else each outcome has its own. */
  readonly sections: boolean
}

/** The body of the drill-down. Links lead to ids of `shared`; those of class `more` stand for what they lead to. */
export function outcomeHtml(result: CheckResult, shared: SharedBlocks): string {
  const { consequences, advice, load, vcpus, target } = result
  const names = (title: string, ids: readonly string[]): string =>
    section(title, ids.length === 0 ? [] : [escapeHtml([...new Set(ids)].map(nameOf).join(', '))])
  const guest = section(
    'For the guest',
    consequences.map(({ code, message }) => worthSharing(escapeHtml(message), code, shared)),
  )
  const toDo = section(
    'What to do',
    advice.map(one => worthSharing(adviceHtml(one, target.build), one.code, shared)),
  )
  const registers = refusedHtml(vcpus, shared) + differencesHtml(vcpus, shared.registers)
  const rest = [
    section(
      `Not written by ${escapeHtml(load.vmm)}`,
      load.dropped.map(({ name, why }) => `${escapeHtml(name)}: ${escapeHtml(why)}`),
    ),
    section('Findings', findingItems(result, shared)),
    names(
      'Only in the file',
      vcpus.flatMap(vcpu => vcpu.missingOnTarget),
    ),
    names(
      'Only on the target',
      vcpus.flatMap(vcpu => vcpu.newOnTarget.map(row => row.id)),
    ),
  ].join('')
  return [
    worthSharing(loadHtml(result), 'The load', shared),
    worthSharing(guest, 'For the guest', shared),
    worthSharing(toDo, 'What to do', shared),
    section('Accepted by the policy', (result.accepted ?? []).map(acceptedHtml)),
    worthSharing(registers, 'Registers', shared),
    worthSharing(rest, 'Findings and lists', shared),
    notesHtml(result, shared.texts),
  ].join('')
}

const adviceHtml = ({ message, command }: CheckResult['advice'][number], target: string): string =>
  `${escapeHtml(message)}${command === undefined ? '' : `<pre>${escapeHtml(command.replaceAll(target, 'TARGET'))}</pre>`}`

const ul = (items: readonly string[]): string => `<ul>${items.map(item => `<li>${item}`).join('')}</ul>`
const section = (title: string, items: readonly string[]): string => (items.length === 0 ? '' : `<h4>${title}</h4>${ul(items)}`)

/** Shorter than this a text is not worth a link. */
const WORTH_SHARING = 140

/** The text itself, or where sections are shared a link to it, for which the script puts the text. `lead`: what the link says, in kebab-case or plain. */
function worthSharing(html: string, lead: string, { sections, texts }: SharedBlocks): string {
  const id = sections && html.length > WORTH_SHARING ? texts.put(html) : undefined
  return id === undefined ? html : `<a class=more href=#${id}>${escapeHtml(lead.replaceAll('-', ' '))}</a> `
}

const acceptedHtml = ({ code, register, reason, until }: NonNullable<CheckResult['accepted']>[number]): string =>
  escapeHtml(`${[code, register].filter(Boolean).join(' ')}, until ${until}: ${reason}`)

function loadHtml({ load, psci, features, alternatives, verdictWithoutPolicy }: CheckResult): string {
  const { decidedBy } = load
  const by = decidedBy === undefined ? '' : `: ${decidedBy.message}${decidedBy.vcpu === undefined ? '' : ` (vCPU ${decidedBy.vcpu})`}`
  const rows: readonly (readonly [string, string])[] = [
    [load.vmm === 'kvm' ? 'replay' : load.vmm, escapeHtml(`${load.outcome}${by}`)],
    ...(load.says === undefined ? [] : [['log', `<samp>${escapeHtml(load.says)}</samp>`] as const]),
    ['PSCI', escapeHtml(`saved ${psci.saved ?? 'none'}, after the load ${psci.afterReplay ?? 'none'}, default here ${psci.targetDefault ?? 'none'}`)],
    ['features', escapeHtml(features.join(' ') || 'none')],
    ...(alternatives ?? []).map(one => ['or', escapeHtml(`${one.features.join(' ') || 'none'}: ${one.verdict}`)] as const),
    ...(verdictWithoutPolicy === undefined ? [] : [['without the policy', verdictWithoutPolicy] as const]),
  ]
  return `<dl>${rows.map(([term, text]) => `<dt>${escapeHtml(term)}<dd>${text}`).join('')}</dl>`
}

/** Rows that vCPUs share, in the order in which they are met, with where they are: '' when on all vCPUs. */
function perVcpu<T>(
  vcpus: readonly VcpuReport[],
  rows: (vcpu: VcpuReport) => readonly T[],
  key: (row: T) => string,
): readonly { readonly row: T; readonly where: string }[] {
  const met = new Map<string, { readonly row: T; readonly on: number[] }>()
  for (const vcpu of vcpus)
    for (const row of rows(vcpu)) {
      const known = met.get(key(row))
      if (known) known.on.push(vcpu.index)
      else met.set(key(row), { row, on: [vcpu.index] })
    }
  return [...met.values()].map(({ row, on }) => ({ row, where: on.length === vcpus.length ? '' : ` (vCPU ${on.join(' ')})` }))
}

const link = (pool: Pool, text: string, name: string): string => {
  const id = pool.put(text)
  return id === undefined ? escapeHtml(name) : `<a href=#${id}>${escapeHtml(name)}</a>`
}

/** Names under what they have in common; what each of them differs in is in its block. */
function refusedHtml(vcpus: readonly VcpuReport[], shared: SharedBlocks): string {
  const here = new Map(vcpus.flatMap(vcpu => vcpu.differences.map(row => [`${row.id} ${row.written}`, row.readBack] as const)))
  const groups = new Map<string, string[]>()
  for (const { row, where } of perVcpu(
    vcpus,
    vcpu => vcpu.failures,
    row => `${row.id} ${row.value} ${row.errno}`,
  )) {
    const { id, name, value, errno, droppable, reason } = row
    const readBack = here.get(`${id} ${value}`)
    const block = registerHtml({ id, name, saved: value, why: `${errno}: ${reason}`, ...(readBack === undefined ? {} : { here: readBack }) })
    const key = `<b>${escapeHtml(errno)}</b>${droppable ? ', safe to drop' : ''}: ${escapeHtml(reason.replace(/ \([^()]*\)/, ''))}`
    groups.set(key, [...(groups.get(key) ?? []), link(shared.registers, block, name) + where])
  }
  return groups.size === 0
    ? ''
    : `<h4>Refused registers</h4>${ul([...groups].map(([what, names]) => worthSharing(`${what}: ${folded(names)}`, count(names.length, 'register'), shared)))}`
}

/** Many names are shown when they are asked for. */
const folded = (names: readonly string[]): string =>
  names.length > 10 ? `<details><summary>${count(names.length, 'register')}</summary><div>${names.join(', ')}</div></details>` : names.join(', ')

function differencesHtml(vcpus: readonly VcpuReport[], registers: Pool): string {
  const refused = new Set(vcpus.flatMap(vcpu => vcpu.failures.map(row => row.id)))
  const rows = perVcpu(
    vcpus,
    vcpu => vcpu.differences.filter(row => !row.volatile && !refused.has(row.id)),
    row => `${row.id} ${row.written} ${row.readBack}`,
  )
  const names = (visible: boolean): string =>
    rows
      .filter(({ row }) => row.visible === visible)
      .map(
        ({ row, where }) =>
          (visible ? link(registers, registerHtml({ id: row.id, name: row.name, saved: row.written, here: row.readBack }), row.name) : escapeHtml(row.name)) +
          where,
      )
      .join(', ')
  const part = (title: string, text: string): string => (text === '' ? '' : `<h4>${title}</h4><p>${text}</p>`)
  return part('Read back differently, visible to the guest', names(true)) + part('Read back differently, not visible', names(false))
}

/** What the lists of registers do not say already. */
const findingItems = ({ findings, reason }: CheckResult, shared: SharedBlocks): readonly string[] =>
  findings.flatMap(({ severity, code, message, hint }) =>
    severity === 'info' || code === 'register-refused' || message === reason
      ? []
      : [worthSharing(`<b>${severity}</b> ${escapeHtml(message)}${hinted(hint)}`, code, shared)],
  )

/** Information is always shared, because most files have the same. */
function notesHtml({ findings }: CheckResult, texts: Pool): string {
  const items = findings.flatMap(({ severity, message, hint }) => (severity === 'info' ? [`${escapeHtml(message)}${hinted(hint)}`] : []))
  return items.length === 0 ? '' : `<p>${link(texts, ul(items), count(items.length, 'note'))}</p>`
}

const hinted = (hint: string | undefined): string => (hint === undefined ? '' : ` → ${escapeHtml(hint)}`)

const nameOf = (id: string): string => {
  try {
    return registerName(BigInt(id) as RegId)
  } catch {
    return id
  }
}
