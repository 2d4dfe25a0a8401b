// Owns `migrate`: a file, written again in its own format so that a target loads it, when all that this changes is safe or was agreed to. Prints nothing.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import type { Feature } from '../../arch/features.ts'
import { showRegId } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import { SnapError } from '../../errors.ts'
import { editorOf } from '../../formats/editors.ts'
import type { Finding } from '../../model/finding.ts'
import { registerAt } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { type InputOptions, withSource } from '../input.ts'
import type { VmmId } from '../load/vmm.ts'
import { showNames, showValue } from '../show-value.ts'
import { resolveBuild } from '../target.ts'
import { requireOtherFile, writeEdited } from '../write-edited.ts'
import { CHANGE_CODES, type ChangeCode } from './change-codes.ts'
import type { MigrateChange, MigrateReport } from './migrate-report.ts'
import { type Plan, planMigration } from './plan.ts'
import { editOf, type Step } from './step.ts'

export interface MigrateOptions extends InputOptions {
  /** Built-in build, alias or build file; a Build for callers that have one. */
  readonly to: string | Build
  /** Absent: by the file's format. */
  readonly vmm?: VmmId
  /** `X.Y`: the version that the guest gets, whatever the file holds. */
  readonly pinPsci?: string
  readonly allow?: ReadonlySet<ChangeCode>
  /** Replaces the features that the file names or that are inferred. */
  readonly features?: readonly Feature[]
  readonly overwrite?: boolean
  /** Say what would be done; with an output or without, nothing is written. */
  readonly dryRun?: boolean
  /** Show pointer-authentication keys. */
  readonly secrets?: boolean
}

/**
 * Writes `input` to `output` (`-`: standard output), unless the answer is no: then `migratable` is false and nothing is written. Throws what reading and
 * writing throw, BUILD_UNKNOWN and its like for the target, FORMAT_UNWRITABLE for a format that is only read or that cannot hold an addition, USAGE for
 * an output that is the input, or none.
 */
export async function migrate(input: string, output: string | undefined, options: MigrateOptions): Promise<MigrateReport> {
  if (output === undefined && !options.dryRun) throw new SnapError('USAGE', 'where to?', {}, { hint: 'pass -o FILE, or --dry-run' })
  if (output !== undefined) await requireOtherFile(input, output)
  const build = typeof options.to === 'string' ? await resolveBuild(options.to) : options.to
  return withSource(input, options, async (source, importer, said) => {
    const editor = await editorOf(importer.id, input)
    if (source.folder && output !== undefined) await requireOtherFile(source.name, output)
    const imported = await importer.read(source, options.signal, said)
    try {
      const { snapshot } = imported
      const vmm = options.vmm ?? 'kvm'
      const plan = await planMigration(snapshot, build, {
        vmm,
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.features ? { features: options.features } : {}),
        ...(options.pinPsci === undefined ? {} : { pinPsci: options.pinPsci }),
      })
      const report = reportOf(snapshot, plan, options)
      const base = {
        input: { file: source.folder ? input : source.name, format: importer.id },
        target: { build: build.name, kernel: build.kernel.release, cpu: build.host.cpu, vmm },
        features: plan.after.features,
        verdictBefore: plan.before.verdict,
        verdictAfter: plan.after.verdict,
        ...report,
      }
      if (!report.migratable) return base
      const destination = options.dryRun ? undefined : output
      const found = await writeEdited(source, editor, plan.steps.map(editOf), destination, options)
      return { ...base, ...(destination === undefined ? {} : { output: destination }), findings: [...report.findings, ...found] }
    } finally {
      await imported.close?.()
    }
  })
}

type Judged = Pick<MigrateReport, 'migratable' | 'changes' | 'needed' | 'blocked' | 'findings'>

function reportOf(original: Snapshot, plan: Plan, options: MigrateOptions): Judged {
  const allow = options.allow ?? new Set()
  const changes = plan.steps.flatMap(step => changeOf(original, step, allow, options.secrets ?? false))
  const needed = new Set<ChangeCode>()
  for (const { allowed, code } of changes) if (allowed === 'needed') needed.add(code as ChangeCode)
  for (const { consent } of plan.noticed) if (!allow.has(consent)) needed.add(consent)
  const migratable = needed.size === 0 && plan.blocked.length === 0
  const findings = [
    ...changeFindings(changes, original.vcpus.length),
    ...plan.noticed.map(({ consent, ...finding }) => ({ ...finding, ...consentHint(allow.has(consent), consent) })),
  ]
  if (changes.length === 0 && plan.noticed.length === 0 && plan.blocked.length === 0)
    findings.push({ severity: 'info', code: 'nothing-changed', message: 'the target loads the file as it is, and the guest notices nothing' })
  for (const { message, register, vcpu } of plan.blocked)
    findings.push({
      severity: 'error',
      code: 'not-migratable',
      message,
      ...(register === undefined ? {} : { register }),
      ...(vcpu === undefined ? {} : { vcpu }),
    })
  return { migratable, changes, needed: [...needed].sort(), blocked: plan.blocked, findings }
}

const consentHint = (isAllowed: boolean, code: ChangeCode): { readonly hint: string } => ({
  hint: isAllowed ? `allowed: --allow ${code}` : `needs --allow ${code}: ${CHANGE_CODES[code]}`,
})

/** Nothing for a step that came back to what the file has. */
function changeOf(original: Snapshot, step: Step, allow: ReadonlySet<ChangeCode>, secrets: boolean): readonly MigrateChange[] {
  const { vcpu, id, value, code, isSafe, reason, source, fields } = step
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
    const values = new Set(group.map(({ after }) => after))
    const what =
      first.action === 'drop'
        ? 'left out'
        : values.size === 1
          ? `${first.action === 'add' ? 'added as' : 'set to'} ${first.after}`
          : `${first.action === 'add' ? 'added' : 'changed'}`
    const quiet = first.allowed === 'default' && (first.action === 'drop' || first.code === 'register-changed' || first.code === 'cache-changed')
    return {
      severity: first.allowed === 'needed' ? 'error' : quiet ? 'info' : 'warning',
      code: first.code,
      message: `${showNames(names)} ${what}${on}: ${first.reason}`,
      ...(names.length === 1 ? { register: names[0]! } : {}),
      ...(where.length === 1 && vcpus > 1 ? { vcpu: where[0]! } : {}),
      ...(first.allowed === 'default' || first.code === 'psci-pinned' ? {} : consentHint(first.allowed === 'flag', first.code as ChangeCode)),
    }
  })
}
