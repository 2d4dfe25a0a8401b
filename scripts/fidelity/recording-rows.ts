// Owns comparing two recordings of the same shape row by row: what a probe recorded and what was recorded of the real kernel. A row is what one question
// was answered with. Both are put through the same normalisation first; what only one of them has the means to say is left out, by name.
import type { Recording } from '../../src/builds/recorded/recording.ts'
import { normalised } from '../../src/ops/probe/normalise.ts'
import type { PlainRow } from '../../src/ops/probe/probe-vm.ts'
import { same } from './compare.ts'
import type { Plain } from './family.ts'

export interface RowDifference {
  readonly section: string
  readonly key: string
  readonly expected: Plain
  readonly actual: Plain
}
export interface RowsCompared {
  /** Rows that both have, by section. */
  readonly compared: ReadonlyMap<string, number>
  readonly differences: readonly RowDifference[]
}

/** Sections that a recording may lack because of the extent that it was made in. */
const LISTS = ['regs', 'mpstate', 'timer', 'idvm', 'fwreinit', 'postver', 'fwwrite', 'fwhidden', 'fwrun', 'fweffect', 'smccc_filter', 'restore', 'idmasks']
const MORE_LISTS = ['impid', 'idregs', 'psci', 'cpu_on', 'event', 'psci_feat_suspend_cap']
/** What names a record among those of its section. */
const NAMES = ['set', 'mode', 'phase', 'via', 'reg', 'val', 'cap_suspend', 'ver', 't', 'v1_on', 'in']
/** The number of the host machine's CPUs. */
const OF_THE_MACHINE = new Set(['NR_VCPUS'])

type Parts = { readonly [key: string]: Plain }
const isParts = (value: Plain): value is Parts => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `expected` is the recording, `actual` the probe's. A section that `expected` has none of is not compared. */
export function compareRecordings(expected: Recording, actual: Recording): RowsCompared {
  const compared = new Map<string, number>()
  const differences: RowDifference[] = []
  const take = (section: string, key: string, a: Plain, b: Plain): void => {
    compared.set(section, (compared.get(section) ?? 0) + 1)
    if (!same(a, b)) differences.push({ section, key, expected: a, actual: b })
  }
  const [a, b] = [expected, actual] as unknown as [Parts, Parts]
  for (const name of Object.keys(expected.meta.caps))
    if (!OF_THE_MACHINE.has(name)) take('caps', name, expected.meta.caps[name] as Plain, actual.meta.caps[name] as Plain)
  take('caps', 'preferred', expected.meta.preferred as unknown as Plain, actual.meta.preferred as unknown as Plain)
  const [errsA, errsB] = [a.errs as Parts, b.errs as Parts]
  for (const name of union(errsA, errsB)) take('errs', name, errsA[name], errsB[name])
  for (const section of [...LISTS, ...MORE_LISTS]) {
    const [theirs, mine] = [named(section, a[section]), named(section, b[section])]
    if (theirs.size === 0 || (section === 'impid' && lateEnabled(take, expected, actual))) continue
    for (const key of new Set([...theirs.keys(), ...mine.keys()])) rows(take, section, key, theirs.get(key), mine.get(key))
  }
  return { compared, differences }
}

/**
 * The first version of the recorded probe enabled KVM_CAP_ARM_WRITABLE_IMP_ID_REGS when the VM had vCPUs already, and then wrote: only that errno can be
 * compared with what is asked today.
 */
function lateEnabled(take: (section: string, key: string, a: Plain, b: Plain) => void, expected: Recording, actual: Recording): boolean {
  const [theirs, mine] = [expected.impid?.[0], actual.impid?.[0]]
  if (!theirs || !mine || theirs.enable_after_vcpu_errno !== undefined) return false
  take('impid', 'enable_after_vcpu_errno', theirs.enable_errno, mine.enable_after_vcpu_errno)
  return true
}

const union = (a: Parts | undefined, b: Parts | undefined): readonly string[] => [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])]

/** Records by name; those of the same name are numbered. */
function named(section: string, list: Plain): ReadonlyMap<string, PlainRow> {
  const found = new Map<string, PlainRow>()
  for (const each of Array.isArray(list) ? (list as readonly PlainRow[]) : []) {
    const name = NAMES.flatMap(key => (each[key] === undefined ? [] : [`${key}=${JSON.stringify(each[key])}`])).join(' ')
    let key = name
    for (let n = 2; found.has(key); n++) key = `${name} #${n}`
    found.set(key, normalised(section, each))
  }
  return found
}

/** A record's members; those that are lists of rows, row by row. */
function rows(
  take: (section: string, key: string, a: Plain, b: Plain) => void,
  section: string,
  key: string,
  a: PlainRow | undefined,
  b: PlainRow | undefined,
) {
  if (!a || !b) return take(section, key, a as Plain, b as Plain)
  for (const member of union(a, b)) {
    const [x, y] = [a[member] as Plain, b[member] as Plain]
    const at = `${key} ${member}`
    if (isParts(x) && isParts(y) && /^(vcpu\d|pre|post|post_offset)$/.test(member)) rows(take, section, at, x as PlainRow, y as PlainRow)
    else if (isTable(x) && isTable(y)) {
      const [left, right] = [table(x), table(y)]
      for (const row of new Set([...left.keys(), ...right.keys()])) take(section, `${at} ${row}`, left.get(row), right.get(row))
    } else take(section, at, x, y)
  }
}

const isTable = (value: Plain): value is readonly Plain[] => Array.isArray(value) && value.every(row => typeof row === 'object')

/** Rows by the register that they are about, else by their place. A counter that a replay set may have gone on or, on a machine without time, not. */
function table(list: readonly Plain[]): ReadonlyMap<string, Plain> {
  const found = new Map<string, Plain>()
  for (const [n, row] of list.entries()) {
    if (Array.isArray(row) && row.includes('volatile')) continue
    const id = Array.isArray(row) ? row[0] : (row as Parts).id
    const name = typeof id === 'string' && id.startsWith('0x60') ? id : String(n)
    found.set(found.has(name) ? `${name} #${n}` : name, row)
  }
  return found
}
