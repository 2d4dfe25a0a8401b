// Owns the sums over a fleet: verdicts, reasons, what could not be read. Bounded, however many files there are.
import type { CheckSummary } from '../check/check-report.ts'
import { isExpired, type Policy, showAcceptance } from '../policy/policy.ts'
import type { Verdict } from '../reports.ts'
import type { FileOutcome } from './outcome.ts'
import { generalReason } from './reason.ts'
import type { Shard } from './shard.ts'

/** Different reasons that are counted each; the rest is counted together. */
const MOST_REASONS = 1000

export interface SummaryFacts {
  readonly targets: readonly string[]
  readonly shard?: Shard
  readonly policy?: Policy
  readonly baseline?: object
  readonly today: string
}

export class SummaryCounter {
  readonly #verdicts: Record<Verdict, number> = { survives: 0, changed: 0, refused: 0 }
  readonly #reasons = new Map<string, { readonly reason: string; readonly verdict: Verdict; count: number }>()
  readonly #used = new Set<number>()
  #files = 0
  #results = 0
  #unreadable = 0
  #skipped = 0
  #foreign = 0
  #outside = 0
  #accepted = 0
  #otherReasons = 0

  get verdicts(): Readonly<Record<Verdict, number>> {
    return this.#verdicts
  }
  get files(): number {
    return this.#files
  }
  get unreadable(): number {
    return this.#unreadable
  }
  get skipped(): number {
    return this.#skipped
  }

  add({ results, error, skipped, used, isOutside }: FileOutcome): void {
    if (skipped !== undefined) {
      this.#skipped++
      if (skipped === 'foreign') this.#foreign++
      return
    }
    this.#files++
    if (error) this.#unreadable++
    if (isOutside) this.#outside++
    for (const index of used) this.#used.add(index)
    for (const { build, verdict, reason, lifted } of results) {
      this.#results++
      this.#verdicts[verdict]++
      if (lifted) this.#accepted++
      if (verdict !== 'survives') this.#count(verdict, generalReason(reason, build))
    }
  }

  #count(verdict: Verdict, reason: string): void {
    const key = `${verdict} ${reason}`
    const known = this.#reasons.get(key)
    if (known) known.count++
    else if (this.#reasons.size < MOST_REASONS) this.#reasons.set(key, { reason, verdict, count: 1 })
    else this.#otherReasons++
  }

  summary({ targets, shard, policy, baseline, today }: SummaryFacts): CheckSummary {
    return {
      files: this.#files,
      targets,
      results: this.#results,
      verdicts: { ...this.#verdicts },
      unreadable: this.#unreadable,
      skipped: this.#skipped,
      ...(this.#foreign === 0 ? {} : { foreign: this.#foreign }),
      reasons: [...this.#reasons.values()].sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
      ...(this.#otherReasons === 0 ? {} : { otherReasons: this.#otherReasons }),
      accepted: this.#accepted,
      ...(baseline === undefined ? {} : { outsideBaseline: this.#outside }),
      ...(shard === undefined ? {} : { shard: { index: shard.index, of: shard.of } }),
      ...(policy === undefined ? {} : { policy: this.#policy(policy, today) }),
    }
  }

  #policy(policy: Policy, today: string): NonNullable<CheckSummary['policy']> {
    const lines = policy.accept.map((entry, index) => ({ text: showAcceptance(entry), until: entry.until, isOld: isExpired(entry, today), index }))
    const row = ({ text, until }: (typeof lines)[number]) => ({ acceptance: text, until })
    return {
      file: policy.file,
      unused: lines.filter(({ isOld, index }) => !isOld && !this.#used.has(index)).map(row),
      expired: lines.filter(({ isOld }) => isOld).map(row),
    }
  }
}
