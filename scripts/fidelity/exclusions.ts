// table
// Owns the exact list of rows that are left out of the comparison although both sides have a value, each with its reason. A row that is
// named here and agrees, or does not exist, is a stale excuse and fails the run. At most 0.5 % of a family.

export interface Exclusion {
  /** Recording or replay, as the file is named. */
  readonly recording: string
  readonly family: string
  /** The row's key. */
  readonly key: string
  readonly reason: string
}

export const EXCLUSIONS: readonly Exclusion[] = []
