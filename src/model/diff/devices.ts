// Owns the comparison of devices: which one of the other snapshot is meant, and what of its state differs. Interrupt controllers are compared by
// register, whatever VMM saved them; other devices of different formats speak different languages and are not compared at all.
import { gicStateOf, itsStateOf } from '../gic-state-of.ts'
import type { DeviceSnapshot } from '../snapshot.ts'
import type { StateChange } from './change.ts'
import { type GicLeaves, gicLeaves, itsLeaves } from './gic-leaves.ts'
import { diffLeaves, type Leaf, leavesOf } from './leaves.ts'

export interface DeviceDiff {
  readonly changes: readonly StateChange[]
  /** Of different formats: what only one of them has, by name. */
  readonly onlyInA: readonly string[]
  readonly onlyInB: readonly string[]
}

/** `across`: the two come from files of different formats. */
export function diffDevices(a: readonly DeviceSnapshot[], b: readonly DeviceSnapshot[], across: boolean): DeviceDiff {
  const { pairs, restA, restB } = across ? pairByKind(a, b) : pairByName(a, b)
  const changes: StateChange[] = []
  const silent = { a: [] as string[], b: [] as string[] }
  for (const [x, y, name] of pairs) {
    if (!across && x.kind !== y.kind) changes.push({ kind: 'device', name: `${name}: kind`, before: x.kind, after: y.kind })
    let [p, q] = [partsOf(x), partsOf(y)]
    // A state of the common shape beside one that is not: both as they are.
    if (p.isGic !== q.isGic) [p, q] = [plainParts(x), plainParts(y)]
    const one = (before: ReadonlyMap<string, Leaf>, after: ReadonlyMap<string, Leaf>, vcpu: number | undefined): void => {
      for (const { path, ...values } of diffLeaves(before, after)) {
        const lacking = !('before' in values) || !('after' in values)
        if (across && lacking) silent[values.before === undefined ? 'b' : 'a'].push(`${name} ${path}${vcpu === undefined ? '' : ` of vCPU ${vcpu}`}`)
        else changes.push({ kind: 'device', ...(vcpu === undefined ? {} : { vcpu }), name: path === '' ? name : `${name} ${path}`, ...values })
      }
    }
    one(p.shared, q.shared, undefined)
    for (const vcpu of [...new Set([...p.vcpus.keys(), ...q.vcpus.keys()])].sort((m, n) => m - n))
      one(p.vcpus.get(vcpu) ?? NONE, q.vcpus.get(vcpu) ?? NONE, vcpu)
  }
  if (across) return { changes, onlyInA: [...restA.map(({ name }) => name), ...silent.a], onlyInB: [...restB.map(({ name }) => name), ...silent.b] }
  const lone = [
    ...restA.map(({ name, kind }): StateChange => ({ kind: 'device', name, before: kind || 'present' })),
    ...restB.map(({ name, kind }): StateChange => ({ kind: 'device', name, after: kind || 'present' })),
  ].sort((m, n) => (m.name < n.name ? -1 : m.name > n.name ? 1 : 0))
  return { changes: [...changes, ...lone], onlyInA: [], onlyInB: [] }
}

type Pairs = { pairs: (readonly [DeviceSnapshot, DeviceSnapshot, string])[]; restA: DeviceSnapshot[]; restB: DeviceSnapshot[] }
const NONE: ReadonlyMap<string, Leaf> = new Map()

/** By name; the second of a name with the second. */
function pairByName(a: readonly DeviceSnapshot[], b: readonly DeviceSnapshot[]): Pairs {
  const restB = [...b]
  const result: Pairs = { pairs: [], restA: [], restB }
  for (const device of a) {
    const at = restB.findIndex(({ name }) => name === device.name)
    const [other] = at < 0 ? [] : restB.splice(at, 1)
    if (other) result.pairs.push([device, other, device.name])
    else result.restA.push(device)
  }
  result.pairs.sort(([x], [y]) => (x.name < y.name ? -1 : x.name > y.name ? 1 : 0))
  return result
}

/** Interrupt controllers by kind, when each has one of it; the kind is the name. */
function pairByKind(a: readonly DeviceSnapshot[], b: readonly DeviceSnapshot[]): Pairs {
  const known = new Set(['gic-v2', 'gic-v3', 'gic-its'].filter(kind => [a, b].every(list => list.filter(device => device.kind === kind).length === 1)))
  const of = (list: readonly DeviceSnapshot[], kind: string): DeviceSnapshot | undefined => list.find(device => device.kind === kind)
  const pairs = [...known].flatMap(kind => {
    const [x, y] = [of(a, kind), of(b, kind)]
    return x && y && partsOf(x).isGic && partsOf(y).isGic ? [[x, y, kind] as const] : []
  })
  const paired = new Set<unknown>(pairs.flat())
  return { pairs, restA: a.filter(device => !paired.has(device)), restB: b.filter(device => !paired.has(device)) }
}

function partsOf(device: DeviceSnapshot): GicLeaves & { readonly isGic: boolean } {
  const gic = gicStateOf(device)
  if (gic) return { ...gicLeaves(gic, device.kind), isGic: true }
  const its = itsStateOf(device)
  return its ? { ...itsLeaves(its), isGic: true } : plainParts(device)
}

const plainParts = ({ state }: DeviceSnapshot): GicLeaves & { readonly isGic: boolean } => ({ shared: leavesOf(state), vcpus: new Map(), isGic: false })
