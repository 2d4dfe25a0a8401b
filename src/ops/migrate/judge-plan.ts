// Owns what a plan comes to: which changes go, which need consent that was not given, and the findings that say so. Changes nothing.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { showRegId } from '../../arch/reg-id.ts'
import type { Finding } from '../../model/finding.ts'
import { registerAt } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { shorten, showNames, showValue } from '../show-value.ts'
import { CHANGE_CODES, type ChangeCode } from './change-codes.ts'
import type { MigrateChange, MigrateReport } from './migrate-report.ts'
import type { Plan } from './plan.ts'
import type { Step } from './step.ts'

export type Judged = Pick<MigrateReport, 'migratable' | 'changes' | 'needed' | 'blocked' | 'findings'>

export function reportOf(original: Snapshot, plan: Plan, options: { readonly allow?: ReadonlySet<ChangeCode>; readonly secrets?: boolean }): Judged {
  const allow = options.allow ?? new Set()
  const changes = plan.steps.flatMap(step => changeOf(original, step, allow, options.secrets ?? false))
  const needed = new Set<ChangeCode>()
  for (const { allowed, code } of changes) if (allowed === 'needed') needed.add(code as ChangeCode)
  for (const { consent } of plan.noticed) if (!allow.has(consent)) needed.add(consent)
  const migratable = needed.size === 0 && plan.blocked.length === 0
  const other = plan.after.alternatives?.find(({ verdict }) => verdict !== 'refused')
  const hint = other && {
    hint: `the target takes it on vCPUs with other features, if that is what it will make: --features ${other.features.join(',') || '""'}`,
  }
  const stuck = plan.blocked.map(
    ({ message, register, vcpu }): Finding => ({
      severity: 'error',
      code: 'not-migratable',
      message,
      ...(register === undefined ? {} : { register }),
      ...(vcpu === undefined ? {} : { vcpu }),
      ...hint,
    }),
  )
  const assumed = plan.before.findings.filter(({ code }) => code === 'vmm-assumed')
  const findings = [
    ...stuck,
    ...changeFindings(changes, original.vcpus.length),
    ...plan.noticed.map(
      ({ consent, ...finding }): Finding => ({
        ...finding,
        severity: allow.has(consent) ? 'warning' : 'error',
        ...consentHint(allow.has(consent), consent),
      }),
    ),
    ...assumed,
  ]
  if (changes.length === 0 && plan.noticed.length === 0 && plan.blocked.length === 0)
    findings.push({ severity: 'info', code: 'nothing-changed', message: 'the target loads the file as it is, and the guest notices nothing' })
  return { migratable, changes, needed: [...needed].sort(), blocked: plan.blocked, findings }
}

const consentHint = (isAllowed: boolean, code: ChangeCode): { readonly hint: string } => ({
  hint: isAllowed ? `allowed: --allow ${code}` : `needs --allow ${code}${code.startsWith('psci-') ? ', or --pin-psci X.Y' : ''}: ${CHANGE_CODES[code]}`,
})

/** Nothing for a step that came back to what the file has. */
function changeOf(original: Snapshot, step: Step, allow: ReadonlySet<ChangeCode>, secrets: boolean): readonly MigrateChange[] {
  const { vcpu, id, value, code, isSafe, reason, source, fields, doubt } = step
  const list = original.vcpus.find(({ index }) => index === vcpu)?.registers
  const at = list?.ids.indexOf(id) ?? -1
  const before = list && at >= 0 ? registerAt(list, at) : undefined
  if (before === undefined ? value === undefined : value !== undefined && Buffer.compare(before, value) === 0) return []
  return [
    {
      vcpu,
      id: showRegId(id),
      name: registerName(id),
      action: value === undefined ? 'drop' : before === undefined ? 'add' : 'set',
      ...(before === undefined ? {} : { before: showValue(id, before, secrets) }),
      ...(value === undefined ? {} : { after: showValue(id, value, secrets) }),
      code,
      allowed: code === 'psci-pinned' ? 'flag' : isSafe ? 'default' : allow.has(code as ChangeCode) ? 'flag' : 'needed',
      reason,
      source,
      ...(fields ? { fields } : {}),
      ...(doubt === undefined ? {} : { doubt }),
    },
  ]
}

/** One finding for all that happens for one reason. */
function changeFindings(changes: readonly MigrateChange[], vcpus: number): Finding[] {
  const groups = new Map<string, MigrateChange[]>()
  for (const change of changes) {
    const key = JSON.stringify([change.action, change.code, change.allowed, change.reason])
    groups.set(key, [...(groups.get(key) ?? []), change])
  }
  return [...groups.values()].map((group): Finding => {
    const [first] = group as [MigrateChange, ...MigrateChange[]]
    const names = [...new Set(group.map(({ name }) => name))]
    const where = [...new Set(group.map(({ vcpu }) => vcpu))]
    const on = where.length === vcpus ? '' : ` on vCPU${where.length === 1 ? '' : 's'} ${where.join(' ')}`
    const what = changeWords(group)
    const quiet = first.allowed === 'default' && first.code !== 'feature-appears' && first.doubt === undefined
    return {
      severity: first.allowed === 'needed' ? 'error' : quiet ? 'info' : 'warning',
      code: first.code,
      message: `${showNames(names)} ${what}${on}: ${first.reason}`,
      ...(names.length === 1 ? { register: names[0]! } : {}),
      ...(where.length === 1 && vcpus > 1 ? { vcpu: where[0]! } : {}),
      ...(first.doubt === undefined ? {} : { hint: first.doubt }),
      ...(first.allowed === 'default' || first.code === 'psci-pinned' ? {} : consentHint(first.allowed === 'flag', first.code as ChangeCode)),
    }
  })
}

/** What is done to the registers of one group; the values when they are the same for all. */
function changeWords(group: readonly MigrateChange[]): string {
  const [{ action }] = group as [MigrateChange, ...MigrateChange[]]
  const [before, after] = [new Set(group.map(change => change.before)), new Set(group.map(change => change.after))]
  const [to] = after
  const from = before.size === 1 ? `${shorten([...before][0] ?? '')} ` : ''
  if (action === 'drop') return `${from}left out`
  if (after.size !== 1 || to === undefined) return action === 'add' ? 'added' : 'changed'
  return action === 'add' ? `added as ${shorten(to)}` : `${from}→ ${shorten(to)}`
}
