// Owns the answer about a step between two builds: the sentences of `builds diff`, and no more.
import { loadBuild } from '../../builds/load.ts'
import { noticesBetween } from '../builds-words/notices.ts'
import type { BuildsAnswer } from './explain-report.ts'

/** Both names are of built-in builds. */
export async function explainBuilds(a: string, b: string): Promise<BuildsAnswer> {
  const notices = await noticesBetween(loadBuild(a), loadBuild(b), ['psci_0_2'])
  const of = (who: 'guest' | 'vmm') => notices.filter(notice => notice.who === who).map(({ message }) => message)
  return {
    kind: 'builds',
    a,
    b,
    title: `${a} → ${b}`,
    rule: notices.length === 0 ? ['Both offer the same.'] : [],
    guest: of('guest'),
    vmm: of('vmm'),
    consequences: [],
    advice: [`\`psci-snap builds diff ${a} ${b}\` shows registers, values and rules one by one`],
    sources: [...new Set(notices.map(({ source }) => source))],
  }
}
