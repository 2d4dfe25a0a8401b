// Owns the check of one input of a fleet, in whatever thread: every target, the policy, and what the caller wants to have of the results. What is
// wrong with a file is an outcome, never a throw.
import type { Build } from '../../builds/build.ts'
import { SnapError } from '../../errors.ts'
import { checkFile } from '../check/check-file.ts'
import type { CheckResult, CheckRow, CheckUnreadable } from '../check/check-report.ts'
import { policyApplier } from '../policy/apply.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import type { FleetInput } from './inputs.ts'
import type { CheckSettings, FileOutcome } from './outcome.ts'

export type CheckOne = (input: FleetInput, work: Pick<Work, 'signal'>) => Promise<FileOutcome>

/** Makes everything that all files share. Throws what resolving a target throws. */
export async function fileChecker(settings: CheckSettings): Promise<CheckOne> {
  const targets: Build[] = []
  for (const name of settings.targets) targets.push(await resolveBuild(name))
  const { vmm, features, rawOrder, digest, memoryFiles, vmmVersion } = settings
  const options = {
    rawOrder,
    digest,
    ...(vmm === undefined ? {} : { vmm }),
    ...(features === undefined ? {} : { features }),
    ...(memoryFiles === undefined ? {} : { memoryFiles }),
    ...(vmmVersion === undefined ? {} : { vmmVersion }),
  }
  const finish = finisher(settings)
  return async (input, { signal }) => {
    try {
      if (input.error) throw input.error
      return finish(input.path, await checkFile(input.path, targets, { ...options, ...(signal ? { signal } : {}) }))
    } catch (error) {
      signal?.throwIfAborted()
      if (!input.named && error instanceof SnapError && (error.code === 'FORMAT_UNKNOWN' || error.code === 'FORMAT_FOREIGN'))
        return { file: input.path, results: [], used: [], skipped: error.code === 'FORMAT_FOREIGN' ? 'foreign' : 'unknown' }
      return unreadable(input.path, error, settings)
    }
  }
}

/** What is made of results, whoever predicted them. */
export function finisher(settings: Pick<CheckSettings, 'policy' | 'today' | 'want'>): (file: string, results: readonly CheckResult[]) => FileOutcome {
  const apply = settings.policy ? policyApplier(settings.policy, settings.today) : (result: CheckResult) => ({ result, used: [] as readonly number[] })
  return (file, results) => {
    const applied = results.map(apply)
    const rows = applied.map(({ result }) => result)
    return {
      file: rows[0]?.source.file ?? file,
      used: [...new Set(applied.flatMap(({ used }) => used))],
      results: rows.map(({ target, verdict, reason, accepted, verdictWithoutPolicy }) => ({
        build: target.build,
        verdict,
        reason,
        accepted: accepted !== undefined,
        lifted: verdictWithoutPolicy !== undefined && verdictWithoutPolicy !== verdict,
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
