// table
// Owns the exact list of what real hosts do otherwise than the emulated build of the same kernel, each with its reason.

export interface KnownDifference {
  /** Case, and what it looked at. */
  readonly name: string
  readonly what: string
  /** What the real host did; anything else is a difference that is not known. */
  readonly real: string | number | boolean
  readonly reason: string
}

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = []
