// Owns how what came of the boots is printed: a table per kernel, what failed in full, and the last line that `.ci/run` counts.
import type { Check, Host } from './job.ts'
import type { BootResult } from './run-boot.ts'

export interface NotBooted {
  readonly host: string
  readonly gates: boolean
  readonly reason: string
}

const count = (checks: readonly Check[], outcome: Check['outcome']): number => checks.filter(each => each.outcome === outcome).length

/** One boot, when it is over. */
export function bootText({ title, host, wallSeconds, jobs }: BootResult): string {
  const lines = [`${title}: ${host.package} ${host.version}, -cpu ${host.cpu}, ${wallSeconds.toFixed(0)} s`]
  for (const { job, checks, seconds } of jobs) {
    const cells = [count(checks, 'passed'), count(checks, 'failed'), count(checks, 'not run')].map(n => String(n).padStart(5))
    lines.push(`  ${job.padEnd(10)} ${cells[0]} passed ${cells[1]} failed ${cells[2]} not run ${seconds.toFixed(1).padStart(7)} s`)
  }
  for (const { job, checks } of jobs) {
    for (const { name, outcome, detail } of checks) {
      if (outcome !== 'failed') continue
      const [first = '', ...rest] = (detail ?? '').split('\n')
      lines.push(`  FAILED  ${job}: ${name}: ${first}`, ...rest.map(line => `      ${line}`))
    }
    for (const [reason, names] of notRunByReason(checks)) lines.push(`  not run ${job}: ${names.length > 1 ? `${names.length} checks` : names[0]}: ${reason}`)
  }
  return `${lines.join('\n')}\n`
}

function notRunByReason(checks: readonly Check[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const { name, outcome, detail = '' } of checks) if (outcome === 'not run') found.set(detail, [...(found.get(detail) ?? []), name])
  return found
}

/** The end: what did not run, what does not gate, and the count of what does. */
export function summary(
  results: readonly BootResult[],
  notBooted: readonly NotBooted[],
  gates: (host: Host) => boolean,
): { readonly text: string; readonly failed: number } {
  const checksOf = (some: readonly BootResult[]): readonly Check[] => some.flatMap(({ jobs }) => jobs.flatMap(({ checks }) => checks))
  const gating = checksOf(results.filter(({ host }) => gates(host)))
  const others = checksOf(results.filter(({ host }) => !gates(host)))
  const lines = notBooted.map(({ host, gates: wanted, reason }) => `not run: ${host}${wanted ? '' : ' (does not gate)'}: ${reason}`)
  if (count(gating, 'not run') > 0) lines.push(`not run: ${count(gating, 'not run')} checks of kernels that did run`)
  if (others.length > 0)
    lines.push(
      `does not gate: ${count(others, 'passed')} passed, ${count(others, 'failed')} failed, on ${[...new Set(results.filter(({ host }) => !gates(host)).map(({ title }) => title))].join(', ')}`,
    )
  const failed = count(gating, 'failed')
  return { text: `${[...lines, `${count(gating, 'passed')} passed, ${failed} failed`].join('\n')}\n`, failed }
}
