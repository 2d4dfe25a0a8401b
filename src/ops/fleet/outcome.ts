// Owns what travels between the threads of a fleet check: settings in, a word when a thread is ready, one outcome a file out. Plain values only.
import type { Feature } from '../../arch/features.ts'
import type { Baseline } from '../baseline/baseline.ts'
import type { CheckRow, CheckUnreadable } from '../check/check-report.ts'
import type { VmmId } from '../load/vmm.ts'
import type { Policy } from '../policy/policy.ts'
import type { Verdict } from '../reports.ts'

/** A thread's first message: it has its targets. */
export const READY = 'ready'

/** What every file is checked with. */
export interface CheckSettings {
  /** Built-in builds or build files, as resolveBuild takes them. */
  readonly targets: readonly string[]
  /** Absent: by the file's format. */
  readonly vmm?: VmmId
  readonly features?: readonly Feature[]
  readonly rawOrder: boolean
  readonly digest: boolean
  readonly memoryFiles?: readonly string[]
  readonly vmmVersion?: string
  readonly policy?: Policy
  readonly baseline?: { readonly file: string; readonly baseline: Baseline }
  /** YYYY-MM-DD, for the policy. */
  readonly today: string
  /** What the caller has a use for beside the brief rows. */
  readonly want: { readonly json: boolean; readonly rows: boolean }
}

/** A result as a line of a matrix and the summary need it. */
export interface BriefResult {
  readonly build: string
  readonly verdict: Verdict
  readonly reason: string
  /** Whether a policy accepted something in it. */
  readonly accepted: boolean
  /** Whether a policy made the verdict better. */
  readonly lifted: boolean
  /** What else somebody who reads only this line should know. */
  readonly notes: readonly string[]
}

/** What became of one input. */
export interface FileOutcome {
  readonly file: string
  readonly results: readonly BriefResult[]
  /** It could not be read; then there are no results. */
  readonly error?: CheckUnreadable['error'] & { readonly exit: number }
  /** Found in a folder, and no snapshot that psci-snap reads: `foreign` ones are known by name. Neither results nor an error. */
  readonly skipped?: 'unknown' | 'foreign'
  /** The guest was born with something else than the baseline. */
  readonly isOutside?: boolean
  /** Indices of what was of use in the policy. */
  readonly used: readonly number[]
  /** One JSON text a row. */
  readonly json?: readonly Uint8Array[]
  readonly rows?: readonly CheckRow[]
}
