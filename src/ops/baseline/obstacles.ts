// Owns why guests cannot move freely, in sentences: the moves that fail for the same registers are one. Decides nothing.
import { listed } from '../builds-words/notice.ts'
import { refusedWords } from '../builds-words/replay-words.ts'
import type { CheckResult } from '../check/check-report.ts'
import { type Cause, causesOf } from '../matrix/causes.ts'

interface Tried {
  readonly from: string
  readonly to: string
  readonly result: Omit<CheckResult, 'source'>
}

export interface Obstacle {
  readonly message: string
  readonly remedy: string
}

/** In the order in which the moves were tried; none for moves that survive. */
export function obstacleSentences(results: readonly Tried[]): readonly Obstacle[] {
  const groups = new Map<string, { readonly from: Set<string>; readonly to: Set<string>; readonly pairs: string[]; readonly causes: readonly Cause[] }>()
  for (const { from, to, result } of results) {
    if (result.verdict === 'survives') continue
    const what =
      result.verdict === 'refused'
        ? refusedWords(result)
        : listed([...new Set(result.findings.filter(({ severity }) => severity === 'warning').map(({ message }) => message))], 3)
    const group = groups.get(what) ?? { from: new Set(), to: new Set(), pairs: [], causes: causesOf(result) }
    group.from.add(from)
    group.to.add(to)
    group.pairs.push(`${from} → ${to}`)
    groups.set(what, group)
  }
  return [...groups].map(([what, { from, to, pairs, causes }]) => {
    // Only when every source meets it on every target do the two lists say which moves are meant.
    const isProduct = pairs.length === from.size * to.size
    const where = isProduct ? `from ${listed([...from], 4)} to ${listed([...to], 4)}` : listed(pairs, 4)
    const why = causes.map(({ words }) => words)
    // What a baseline does for ID registers is done by now.
    const remedy = causes.filter(({ code }) => code !== 'id-registers').map(cause => cause.remedy)
    return {
      message: `cannot move freely ${where}: ${what}: ${listed(why, 4)}`,
      remedy: [...new Set(remedy)].slice(0, 3).join('; ') || 'keep such hosts apart, or leave out of the guest what not every host has',
    }
  })
}
