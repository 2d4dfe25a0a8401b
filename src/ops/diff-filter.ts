// Owns which differences a user wants to see: --only and --ignore, over names of registers and of everything else, and the registers that are left
// out because they run by themselves. A pattern that can match nothing is an error, so that a typing mistake does not look like an answer.
import { registerName } from '../arch/catalogue/catalogue.ts'
import { globMatcher, isGlob } from '../arch/catalogue/glob.ts'
import { matchRegisters } from '../arch/catalogue/match.ts'
import type { RegId } from '../arch/reg-id.ts'
import { isVolatile, volatileRegisters } from '../arch/volatile.ts'
import { SnapError } from '../errors.ts'
import { CHANGE_KINDS, type Change } from '../model/diff/change.ts'
import type { Snapshot } from '../model/snapshot.ts'

export interface FilterOptions {
  /** Show only what one of these means: a register's name, id or glob; a glob over other names (`arm_gicv3*`); or a kind: register, device, memory … */
  readonly only?: readonly string[]
  readonly ignore?: readonly string[]
  /** Compare running counters too. */
  readonly volatile?: boolean
}

export interface Filter {
  /** `out`: not asked for. `ignored`: left out, and said. */
  judge(change: Change): 'shown' | 'ignored' | 'out'
  /** For the report. */
  readonly ignoring: readonly string[]
}

/** Throws REG_ID_INVALID for a pattern that can match nothing. */
export function diffFilter(options: FilterOptions, a: Snapshot, b: Snapshot): Filter {
  const ids = new Set<RegId>()
  for (const { registers } of [...a.vcpus, ...b.vcpus]) for (const id of registers.ids) ids.add(id as RegId)
  const names = otherNames([a, b])
  const compiled = (patterns: readonly string[] | undefined) => patterns?.map(pattern => matcher(pattern, ids, names))
  const only = compiled(options.only)
  const ignore = compiled(options.ignore) ?? []
  return {
    judge(change) {
      if (only && only.length > 0 && !only.some(matches => matches(change))) return 'out'
      if (!options.volatile && change.kind === 'register' && isVolatile(change.id)) return 'ignored'
      return ignore.some(matches => matches(change)) ? 'ignored' : 'shown'
    },
    ignoring: [...(options.volatile ? [] : volatileRegisters().map(registerName)), ...(options.ignore ?? [])],
  }
}

function matcher(pattern: string, ids: Iterable<RegId>, names: ReadonlySet<string>): (change: Change) => boolean {
  const text = pattern.trim()
  const matches = isGlob(text) ? globMatcher(text) : undefined
  const lower = text.toLowerCase()
  const isOther = (name: string): boolean => (matches ? matches(name) : name.toLowerCase() === lower || name.toLowerCase().startsWith(`${lower} `))
  const isKind = CHANGE_KINDS.some(kind => kind.toLowerCase() === lower)
  let registers: ReadonlySet<bigint> = new Set()
  try {
    registers = new Set(matchRegisters(text, ids))
  } catch (error) {
    if (!(error instanceof SnapError) || (!isKind && ![...names].some(isOther))) throw error
  }
  return change => {
    if (isKind && change.kind.toLowerCase() === lower) return true
    return change.kind === 'register' ? registers.has(change.id) : isOther(change.name)
  }
}

/** Names that a difference may have, other than registers: fixed ones, those of devices, and of what a file says of its VM. */
function otherNames(snapshots: readonly Snapshot[]): ReadonlySet<string> {
  const names = new Set(['gic', 'stop', 'vcpu', 'mpState', 'features', 'events', 'machine', 'unknown', 'gic-v2', 'gic-v3', 'gic-its'])
  for (const { vm, devices, memory } of snapshots)
    for (const name of [...Object.keys(vm), ...devices.map(each => each.name), ...memory.map(each => each.name)]) names.add(name)
  return names
}
