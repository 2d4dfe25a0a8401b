// Owns what a guest and a VMM notice between two hosts, as sentences: from the rules, the lists, the values of a fresh guest and its blind replay
// both ways. The words are in the tables of this folder; nothing here knows a rule.
import type { Feature } from '../../arch/features.ts'
import type { Build } from '../../builds/build.ts'
import { type BuildDifference, diffBuilds, type RuleDifference } from '../../builds/describe.ts'
import { SnapError } from '../../errors.ts'
import { checkHost } from '../check/check-host.ts'
import { type Notice, type Pair, pairOf } from './notice.ts'
import { listedOnly } from './register-words.ts'
import { replayWords } from './replay-words.ts'
import { RULE_WORDS, type RuleWords, ruleWords } from './rule-words.ts'
import { valueNotices } from './value-words.ts'

/** Guest first; then what a replay says, then what else a VMM meets: firmware, features, registers. Empty for hosts that offer the same. */
export async function noticesBetween(a: Build, b: Build, features: readonly Feature[]): Promise<readonly Notice[]> {
  const pair = pairOf(a, b)
  const found = diffBuilds(a, b, features)
  const notices = [...ruleNotices(found, pair), ...valueNotices(found.defaults, pair), ...listNotices(found, pair)]
  if (notices.length === 0) return []
  return [...notices.filter(({ who }) => who === 'guest'), ...(await replayNotices(pair, features)), ...notices.filter(({ who }) => who === 'vmm')]
}

/** The sentences for what differs in rules, in the order of the table; a path without words is said as it is, never left out. */
export function ruleNotices({ guest, rules }: Pick<BuildDifference, 'guest' | 'rules'>, pair: Pair): readonly Notice[] {
  const groups = new Map<RuleWords, RuleDifference[]>()
  const bare: Notice[] = []
  for (const [part, changes] of [
    ['guest', guest],
    ['rules', rules],
  ] as const)
    for (const change of changes) {
      const row = ruleWords(part, change.rule)
      if (row) groups.set(row, [...(groups.get(row) ?? []), change])
      else
        bare.push({
          who: part === 'guest' ? 'guest' : 'vmm',
          code: 'rule',
          message: `${change.rule} is ${change.b ?? 'absent'} on ${pair.names.b}, ${change.a ?? 'absent'} on ${pair.names.a}`,
          source: 'both builds',
        })
    }
  const said = RULE_WORDS.flatMap(row => {
    const changes = groups.get(row)
    return changes ? row.say({ ...pair, changes }).map(message => ({ who: row.who, code: row.code, message, source: row.source })) : []
  })
  return [...said, ...bare]
}

const listNotices = ({ registers: { onlyInA, onlyInB } }: BuildDifference, { names }: Pair): readonly Notice[] =>
  [...listedOnly(onlyInB, names.b, names.a), ...listedOnly(onlyInA, names.a, names.b)].map(each => ({ who: 'vmm', ...each }))

async function replayNotices({ a, b, names }: Pair, features: readonly Feature[]): Promise<readonly Notice[]> {
  const notices: Notice[] = []
  for (const [from, to, code, said] of [
    [a, b, 'replay-forth', [names.a, names.b]],
    [b, a, 'replay-back', [names.b, names.a]],
  ] as const) {
    const message = await replayMessage(from, to, features, said)
    notices.push({ who: 'vmm', code, message, source: "psci-snap's own replay of a never-run guest" })
  }
  return notices
}

async function replayMessage(from: Build, to: Build, features: readonly Feature[], [source, target]: readonly [string, string]): Promise<string> {
  const wanted = features.filter(feature => feature !== 'power_off')
  try {
    const [result] = await checkHost(from, [to], { features: wanted })
    return result ? replayWords(result, source, target) : ''
  } catch (error) {
    if (!(error instanceof SnapError)) throw error
    return `${source} takes no vCPU with ${wanted.join(' ') || 'no features'}, so no guest of it can move to ${target}`
  }
}
