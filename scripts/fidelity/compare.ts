// Owns running families over recordings and counting: agreeing, not comparable, excluded, disagreeing. Prints nothing.
import { EXCLUSIONS, type Exclusion } from './exclusions.ts'
import type { Family, Plain, Row } from './family.ts'
import type { Hosts } from './hosts.ts'

export interface Disagreement {
  readonly recording: string
  readonly kernel: string
  readonly family: string
  readonly key: string
  readonly expected: Plain
  readonly actual: Plain
}
export interface Count {
  compared: number
  agreeing: number
  /** Running counters, random bytes, values of the physical host. */
  notComparable: number
  /** Named in the exclusion table. */
  excluded: number
}
export interface Comparison {
  /** By kernel, then family. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, Count>>
  readonly disagreements: readonly Disagreement[]
  /** Exclusions that excused nothing. */
  readonly stale: readonly string[]
  /** Replays and recordings that could not be driven, with why. */
  readonly skipped: readonly string[]
}
export interface Filter {
  readonly kernel?: string | undefined
  readonly name?: ((name: string) => boolean) | undefined
}

/** Drives every family over everything that `hosts` has. */
export async function compare(
  hosts: Pick<Hosts, 'names' | 'recording' | 'replay' | 'buildOf' | 'targetOf'>,
  families: readonly Family[],
  filter: Filter = {},
  exclusions: readonly Exclusion[] = EXCLUSIONS,
): Promise<Comparison> {
  const counts = new Map<string, Map<string, Count>>()
  const disagreements: Disagreement[] = []
  const skipped: string[] = []
  const excuses = new Map(exclusions.map(each => [`${each.recording}|${each.family}|${each.key}`, each]))
  const used = new Set<string>()
  const looked = new Set<string>()
  const wanted = (name: string, kernel: string): boolean => (filter.kernel === undefined || kernel === filter.kernel) && (filter.name?.(name) ?? true)

  const take = async (recording: string, kernel: string, family: Family, rows: Iterable<Row> | AsyncIterable<Row>): Promise<void> => {
    looked.add(`${recording}|${family.name}`)
    const byFamily = counts.get(kernel) ?? new Map<string, Count>()
    counts.set(kernel, byFamily)
    const count = byFamily.get(family.name) ?? { compared: 0, agreeing: 0, notComparable: 0, excluded: 0 }
    byFamily.set(family.name, count)
    for await (const row of guarded(rows)) {
      if (row.notComparable) {
        count.notComparable++
        continue
      }
      const agrees = same(row.expected, row.actual)
      const excuse = `${recording}|${family.name}|${row.key}`
      if (!agrees && excuses.has(excuse)) {
        used.add(excuse)
        count.excluded++
        continue
      }
      count.compared++
      if (agrees) count.agreeing++
      else disagreements.push({ recording, kernel, family: family.name, key: row.key, expected: row.expected, actual: row.actual })
    }
  }

  for (const name of hosts.names('recording')) {
    const named = hosts.recording(name)!
    const kernel = named.recording.version
    if (!wanted(name, kernel)) continue
    const build = hosts.buildOf(named)
    for (const family of families) if (family.kind === 'recording') await take(name, kernel, family, family.run({ name, recording: named.recording, build }))
  }
  const replayFamilies = families.filter(family => family.kind === 'replay')
  for (const name of replayFamilies.length > 0 ? hosts.names('replay') : []) {
    const kernel = /-to-(\d+\.\d+\.\d+)/.exec(name)?.[1] ?? ''
    if (!wanted(name, kernel)) continue
    const replay = hosts.replay(name)
    const source = hosts.recording(replay.from)
    const build = hosts.targetOf(replay)
    if (!source || !build) {
      skipped.push(
        `${name}: ${source ? `no recording of the target (${replay.version}, ${replay.qemu_cpu}, "${replay.append}")` : `no recording ${replay.from}`}`,
      )
      continue
    }
    const sourceSet = (set: string) => source.recording.regs.find(each => each.set === set && each.regs)
    for (const family of replayFamilies) await take(name, kernel, family, family.run({ name, replay, source, build, sourceSet }))
  }
  const stale = [...excuses.keys()].filter(key => !used.has(key) && looked.has(key.split('|').slice(0, 2).join('|')))
  return { counts, disagreements, stale, skipped }
}

/** A family that throws disagrees, and the others still run. */
async function* guarded(rows: Iterable<Row> | AsyncIterable<Row>): AsyncGenerator<Row> {
  try {
    yield* rows
  } catch (failure) {
    yield {
      key: 'drive',
      expected: 'no crash',
      actual: failure instanceof Error ? `${failure.message} ${failure.stack?.split('\n')[1]?.trim() ?? ''}` : String(failure),
    }
  }
}

/** Structural equality; absent members count as undefined. */
export function same(a: Plain, b: Plain): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => same(each, b[i]))
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) || Array.isArray(b)) return false
  const [x, y] = [a, b] as [Record<string, Plain>, Record<string, Plain>]
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].every(key => same(x[key], y[key]))
}
