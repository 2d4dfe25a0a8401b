// Owns the check of one input of a fleet, in whatever thread: every target, the policy, and what the caller wants to have of the results. What is
// wrong with a file is an outcome, never a throw.
import { SnapError } from '../../errors.ts'
import type { Finding } from '../../model/finding.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { baselineDifferences } from '../baseline/baseline-differences.ts'
import { checkFile } from '../check/check-file.ts'
import { checkHost } from '../check/check-host.ts'
import type { CheckResult, CheckRow, CheckUnreadable } from '../check/check-report.ts'
import { type CheckTarget, type LiveTarget, THIS_HOST } from '../check/check-target.ts'
import { policyApplier } from '../policy/apply.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import type { FleetInput } from './inputs.ts'
import type { CheckSettings, FileOutcome } from './outcome.ts'

export type CheckOne = (input: FleetInput, work: Pick<Work, 'signal'>) => Promise<FileOutcome>

/** Makes everything that all files share. `live` is this host, where it is a target or an input. Throws what resolving a target throws. */
export async function fileChecker(settings: CheckSettings, live?: LiveTarget): Promise<CheckOne> {
  const resolve = async (name: string): Promise<CheckTarget> => (name === THIS_HOST && live ? live : resolveBuild(name))
  const targets: CheckTarget[] = []
  for (const name of settings.targets) targets.push(await resolve(name))
  const { vmm, features, rawOrder, digest, memoryFiles, vmmVersion, baseline } = settings
  const options = {
    rawOrder,
    ...(vmm === undefined ? {} : { vmm }),
    ...(features === undefined ? {} : { features }),
  }
  const ofFiles = {
    ...options,
    digest,
    ...(memoryFiles === undefined ? {} : { memoryFiles }),
    ...(vmmVersion === undefined ? {} : { vmmVersion }),
    ...(baseline === undefined ? {} : { find: (snapshot: Snapshot) => outsideBaseline(snapshot, baseline) }),
  }
  const finish = finisher(settings)
  return async (input, { signal }) => {
    try {
      if (input.error) throw input.error
      if (input.isHost) return finish(input.path, await checkHost(await resolve(input.path), targets, options))
      return finish(input.path, await checkFile(input.path, targets, { ...ofFiles, ...(signal ? { signal } : {}) }))
    } catch (error) {
      signal?.throwIfAborted()
      if (!input.named && error instanceof SnapError && (error.code === 'FORMAT_UNKNOWN' || error.code === 'FORMAT_FOREIGN'))
        return { file: input.path, results: [], used: [], skipped: error.code === 'FORMAT_FOREIGN' ? 'foreign' : 'unknown' }
      return unreadable(input.path, error, settings)
    }
  }
}

const OUTSIDE = 'outside-baseline'

/** One finding that names everything, then one for each. */
function outsideBaseline(snapshot: Snapshot, { file, baseline }: NonNullable<CheckSettings['baseline']>): readonly Finding[] {
  const differences = baselineDifferences(snapshot, baseline)
  if (differences.length === 0) return []
  const names = [...new Set(differences.map(({ register, code }) => register ?? (code === 'baseline-features' ? 'vCPU features' : code)))]
  return [
    {
      severity: 'warning',
      code: OUTSIDE,
      message: `outside the baseline of ${file}: ${names.slice(0, MOST_NAMES).join(', ')}${names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''}`,
      hint: 'such a guest does not move freely among the hosts of the baseline until it boots again with it',
    },
    ...differences,
  ]
}
const MOST_NAMES = 8

/** Findings that matter beside a verdict which they do not change. */
const NOTABLE: ReadonlySet<string> = new Set([OUTSIDE, 'policy-expired', 'policy-cannot-accept', 'refusal-accepted'])

/** What is made of results, whoever predicted them. */
export function finisher(settings: Pick<CheckSettings, 'policy' | 'today' | 'want'>): (file: string, results: readonly CheckResult[]) => FileOutcome {
  const apply = settings.policy ? policyApplier(settings.policy, settings.today) : (result: CheckResult) => ({ result, used: [] as readonly number[] })
  return (file, results) => {
    const applied = results.map(apply)
    const rows = applied.map(({ result }) => result)
    return {
      file: rows[0]?.source.file ?? file,
      used: [...new Set(applied.flatMap(({ used }) => used))],
      ...(rows[0]?.findings.some(({ code }) => code === OUTSIDE) ? { isOutside: true } : {}),
      results: rows.map(({ target, verdict, reason, accepted, verdictWithoutPolicy, findings }) => ({
        build: target.build,
        verdict,
        reason,
        accepted: accepted !== undefined,
        lifted: verdictWithoutPolicy !== undefined && verdictWithoutPolicy !== verdict,
        notes: findings.filter(({ code }) => NOTABLE.has(code)).map(({ message }) => message),
      })),
      ...wanted(rows, settings.want),
    }
  }
}

/** The outcome of an input that cannot be read; a failure that is no SnapError is a bug of ours, and that file's alone. */
export function unreadable(path: string, error: unknown, { want }: Pick<CheckSettings, 'want'>): FileOutcome {
  const said = describe(error)
  const { exit: _, ...shown } = said
  return { file: path === '-' ? 'standard input' : path, results: [], used: [], error: said, ...wanted([{ source: { file: path }, error: shown }], want) }
}

function describe(error: unknown): NonNullable<FileOutcome['error']> {
  if (error instanceof SnapError) {
    const at = Object.entries(error.at).some(([, part]) => part !== undefined) ? { at: { ...error.at } } : {}
    return { code: error.code, message: error.message, hint: error.hint, ...at, exit: error.exitCode }
  }
  return {
    code: 'INTERNAL',
    message: `internal error: ${error instanceof Error ? error.message || error.name : String(error)}`,
    hint: 'this is a bug in psci-snap; please report it with the file, or with what `psci-snap inspect` prints of it',
    exit: 1,
  } satisfies CheckUnreadable['error'] & { exit: number }
}

const encoder = new TextEncoder()

/** Results hold text only (ops/reports.ts), so JSON needs no rules of its own. */
const wanted = (rows: readonly CheckRow[], { json, rows: whole }: CheckSettings['want']): Pick<FileOutcome, 'json' | 'rows'> => ({
  ...(json ? { json: rows.map(row => encoder.encode(JSON.stringify(row))) } : {}),
  ...(whole ? { rows } : {}),
})
