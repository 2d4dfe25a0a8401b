// Owns what a blind replay of a fresh guest says about two hosts, in words: what is refused, what the guest notices. Judges nothing: the verdict is given.
import type { CheckResult } from '../check/check-report.ts'
import { listed } from './notice.ts'

type Judged = Pick<CheckResult, 'verdict' | 'vcpus' | 'findings' | 'reason'>

/** `EINVAL for X and Y; ENOENT for Z` of all vCPUs, each register once. */
export function refusedWords({ vcpus, findings }: Judged, most = 6): string {
  const byErrno = new Map<string, Set<string>>()
  for (const { failures } of vcpus)
    for (const { errno, name } of failures) {
      const names = byErrno.get(errno) ?? new Set<string>()
      byErrno.set(errno, names.add(name))
    }
  if (byErrno.size === 0) return findings.find(({ severity }) => severity === 'error')?.message ?? 'it is refused'
  return [...byErrno].map(([errno, names]) => `${listed([...names], most)} (${errno})`).join(', ')
}

/** One sentence: how a fresh guest of `from` gets on with `to`. */
export function replayWords(result: Judged, from: string, to: string): string {
  const start = `a new guest of ${from}, written blindly into ${to},`
  switch (result.verdict) {
    case 'survives':
      return `${start} survives: nothing is refused and nothing changes that it could notice`
    case 'refused':
      return `${start} is refused: ${refusedWords(result)}`
    case 'changed':
      return `${start} is taken and changed: ${listed(
        result.findings.filter(({ severity }) => severity === 'warning').map(({ message }) => message),
        3,
      )}`
  }
}
