// Owns what the targets of a report differ in from each other, each from the one before it, in the words of `builds diff`.
import type { Build } from '../../builds/build.ts'
import { noticesBetween } from '../builds-words/notices.ts'
import { THIS_HOST } from '../check/check-target.ts'
import { resolveBuild } from '../target.ts'

/** More steps than these make a page that nobody reads. */
const MOST_STEPS = 12

export interface TargetStep {
  readonly from: string
  readonly to: string
  readonly items: readonly { readonly topic: string; readonly text: string }[]
}

/** One step for every neighbour pair of the targets, in their order; none when there are too many. Of this host no rules are known, so it is left out. */
export async function targetDifferences(targets: readonly string[]): Promise<readonly TargetStep[]> {
  const names = targets.filter(name => name !== THIS_HOST)
  if (names.length < 2 || names.length > MOST_STEPS + 1) return []
  const builds: Build[] = []
  for (const name of names) builds.push(await resolveBuild(name))
  const steps: TargetStep[] = []
  for (const [at, to] of builds.entries()) {
    const from = builds[at - 1]
    if (!from) continue
    const notices = await noticesBetween(from, to, ['psci_0_2'])
    steps.push({
      from: from.name,
      to: to.name,
      items: notices.map(({ who, message }) => ({ topic: who === 'guest' ? 'What a guest notices' : 'What a VMM notices', text: message })),
    })
  }
  return steps
}
