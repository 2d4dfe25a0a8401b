// Owns the comparison of two snapshots without their memory: VM, vCPUs, registers, devices. Pure; knows no file format by name and shows nothing.
// One rule for what formats hold: two files of one format differ in whatever differs; of two formats only what both say is compared, and what one
// is silent about is a finding. Registers are always compared: a list without a register says that there is none.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import type { RegId } from '../../arch/reg-id.ts'
import type { Finding } from '../finding.ts'
import { bytesToBigint, type RegisterList, registerAt } from '../register-list.ts'
import type { Snapshot, VcpuSnapshot, VmState } from '../snapshot.ts'
import { byImportance, type Change, sides } from './change.ts'
import { diffDevices } from './devices.ts'
import { diffLeaves, type Leaf, leavesOf } from './leaves.ts'

/** One of the two: what it is called in findings, and in which format it was. */
export interface Side {
  readonly name: string
  readonly format: string
  readonly snapshot: Snapshot
}

export interface Diff {
  /** VM first, then each vCPU's power state and registers (firmware first), then devices. */
  readonly changes: readonly Change[]
  /** What was not compared, and that registers stand in another order. */
  readonly findings: readonly Finding[]
}

/** diff(a, a) is empty; diff(a, b) is diff(b, a) with every change mirrored. Memory is compared by diffMemory. */
export function diffSnapshots(a: Side, b: Side): Diff {
  const changes: Change[] = []
  const findings: Finding[] = []
  const across = a.format !== b.format
  /** Says that only one of two files of different formats has something. */
  const only = (side: Side, what: string): void => {
    findings.push({ severity: 'info', code: 'not-compared', message: `not compared, for only ${side.name} says it: ${what}` })
  }
  const silentVcpus = new Map<Side, (readonly [vcpu: number, keys: readonly string[]])[]>()
  /** Both maps without what one side of different formats is silent about. */
  const common = (x: ReadonlyMap<string, Leaf>, y: ReadonlyMap<string, Leaf>, what: string, vcpu?: number) => {
    if (!across) return diffLeaves(x, y)
    for (const [side, own, other] of [[a, x, y] as const, [b, y, x] as const]) {
      const silent = [...own.keys()].filter(key => !other.has(key))
      if (silent.length === 0) continue
      if (vcpu === undefined) only(side, `${what} (${names(silent)})`)
      else silentVcpus.set(side, [...(silentVcpus.get(side) ?? []), [vcpu, silent]])
    }
    return diffLeaves(pick(x, y), pick(y, x))
  }
  const vm = (name: string, before: string | undefined, after: string | undefined): void => {
    if (before !== after) changes.push({ kind: 'vm', name, ...sides(before, after) })
  }

  const [x, y] = [a.snapshot, b.snapshot]
  vm('gic', x.gic, y.gic)
  // `running` is also what formats say that do not know why a guest stopped.
  const unsure = across && (x.stop === 'running' || y.stop === 'running')
  if (unsure && x.stop !== y.stop) only(x.stop === 'running' ? b : a, 'why the guest stopped')
  if (!unsure) vm('stop', x.stop, y.stop)
  for (const { path, ...change } of common(vmLeaves(x.vm), vmLeaves(y.vm), 'VM-wide state')) changes.push({ kind: 'vm', name: path, ...change })
  for (const { path, ...change } of common(partsOf(x.machine, 'machine'), partsOf(y.machine, 'machine'), 'state of the built-in machine'))
    changes.push({ kind: 'vm', name: path, ...change })
  for (const { path, ...change } of common(unknownOf(x), unknownOf(y), 'what this release does not understand'))
    changes.push({ kind: 'vm', name: path, ...change })

  const reordered: number[] = []
  const [inA, inB] = [byIndex(x), byIndex(y)]
  for (const index of [...new Set([...inA.keys(), ...inB.keys()])].sort((p, q) => p - q)) {
    const [v, w] = [inA.get(index), inB.get(index)]
    if (!v || !w) {
      changes.push({ kind: 'vm', vcpu: index, name: 'vcpu', ...sides(vcpuText(v), vcpuText(w)) })
      continue
    }
    if (v.mpState !== w.mpState) changes.push({ kind: 'mpState', vcpu: index, name: 'mpState', before: v.mpState, after: w.mpState })
    for (const { path, ...change } of common(vcpuLeaves(v), vcpuLeaves(w), '', index)) changes.push({ kind: 'vm', vcpu: index, name: path, ...change })
    changes.push(...diffRegisters(index, v.registers, w.registers))
    if (isReordered(v.registers, w.registers)) reordered.push(index)
  }
  for (const [side, list] of silentVcpus)
    only(side, `of vCPU${list.length === 1 ? '' : 's'} ${names(list.map(([vcpu]) => String(vcpu)))} (${names([...new Set(list.flatMap(([, keys]) => keys))])})`)
  if (reordered.length > 0)
    findings.push({
      severity: 'info',
      code: 'register-order',
      message: `the registers that both have stand in another order on vCPU${reordered.length === 1 ? '' : 's'} ${names(reordered.map(String))}`,
    })
  const devices = diffDevices(x.devices, y.devices, across)
  changes.push(...devices.changes)
  for (const [side, silent] of [[a, devices.onlyInA] as const, [b, devices.onlyInB] as const]) if (silent.length > 0) only(side, `devices (${names(silent)})`)
  return { changes, findings }
}

function diffRegisters(vcpu: number, a: RegisterList, b: RegisterList): readonly Change[] {
  const [x, y] = [occurrences(a), occurrences(b)]
  const changes: Change[] = []
  for (const id of [...new Set([...x.keys(), ...y.keys()])].sort(byImportance)) {
    const [before, after] = [x.get(id) ?? [], y.get(id) ?? []]
    // A list may hold a register twice: the first is compared with the first.
    for (let i = 0; i < Math.max(before.length, after.length); i++) {
      const [p, q] = [before[i], after[i]]
      if (p && q && Buffer.compare(p, q) === 0) continue
      changes.push({ kind: 'register', vcpu, id: id as RegId, name: registerName(id), ...sides(p, q) })
    }
  }
  return changes
}

function occurrences(list: RegisterList): ReadonlyMap<bigint, readonly Uint8Array[]> {
  const all = new Map<bigint, Uint8Array[]>()
  for (let i = 0; i < list.ids.length; i++) {
    const id = list.ids[i] ?? 0n
    const seen = all.get(id)
    if (seen) seen.push(registerAt(list, i))
    else all.set(id, [registerAt(list, i)])
  }
  return all
}

function isReordered(a: RegisterList, b: RegisterList): boolean {
  const [inA, inB] = [new Set(a.ids), new Set(b.ids)]
  const [x, y] = [[...inA].filter(id => inB.has(id)), [...inB].filter(id => inA.has(id))]
  return x.some((id, i) => id !== y[i])
}

/** Number of a vCPU's registers and its PC: enough to see which one is missing. */
function vcpuText(vcpu: VcpuSnapshot | undefined): string | undefined {
  if (!vcpu) return undefined
  const pc = vcpu.registers.ids.indexOf(0x6030_0000_0010_0040n)
  return `${vcpu.registers.ids.length} registers${pc < 0 ? '' : `, PC 0x${bytesToBigint(registerAt(vcpu.registers, pc)).toString(16)}`}`
}

const byIndex = ({ vcpus }: Snapshot): ReadonlyMap<number, VcpuSnapshot> => new Map(vcpus.map(vcpu => [vcpu.index, vcpu]))

/** Features are a set: one value. */
function vcpuLeaves({ features, events }: VcpuSnapshot): Map<string, Leaf> {
  const leaves = events ? leavesOf(events, 'events') : new Map<string, Leaf>()
  if (features) leaves.set('features', features.toSorted().join(' ') || 'none')
  return leaves
}

function vmLeaves(vm: VmState): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>()
  for (const [key, value] of Object.entries(vm)) if (value !== undefined) leavesOf(value, key, leaves)
  return leaves
}
const partsOf = (value: object | undefined, path: string): Map<string, Leaf> => (value ? leavesOf(value, path) : new Map())
const unknownOf = ({ unknown }: Snapshot): Map<string, Leaf> => new Map((unknown ?? []).map(({ name, bytes }) => [`unknown ${name}`, bytes]))
const pick = (from: ReadonlyMap<string, Leaf>, keys: ReadonlyMap<string, Leaf>): Map<string, Leaf> => new Map([...from].filter(([key]) => keys.has(key)))
const names = (list: readonly string[]): string => (list.length <= 4 ? list.join(', ') : `${list.slice(0, 3).join(', ')} and ${list.length - 3} more`)
