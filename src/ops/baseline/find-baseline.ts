// Owns the search for a baseline: what all hosts take, put together, tried by moving a guest that is born with it from every host to every other.
// What cannot be made common is said. Prints nothing, writes nothing.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { showPsciVersion } from '../../arch/psci.ts'
import { type RegId, sveVlsId } from '../../arch/reg-id.ts'
import { BITMAP_BITS, PSCI_VERSION_ID, showWorkaround, WORKAROUND_IDS } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import { SnapError } from '../../errors.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Gic } from '../../model/snapshot.ts'
import type { CheckResult } from '../check/check-report.ts'
import { checkSnapshot } from '../check/check-snapshot.ts'
import type { VmmId } from '../load/vmm.ts'
import { offeredWithoutBitmap } from '../source-services.ts'
import type { Work } from '../work.ts'
import { type Apart, apartName, type Common, commonValues } from './agreed-values.ts'
import type { Baseline, BaselineRegister } from './baseline.ts'
import { bear, type Pin } from './birth.ts'
import { type Obstacle, obstacleSentences } from './obstacles.ts'

export interface BaselineOptions extends Work {
  /** Default psci_0_2. */
  readonly features?: readonly Feature[]
  /** Default 1. */
  readonly vcpus?: number
  /** Default v3. */
  readonly gic?: Gic
  /** Whose load rules the moves are tried with. Default kvm: the blind replay. */
  readonly vmm?: VmmId
}

export interface Move {
  readonly from: string
  readonly to: string
  readonly verdict: CheckResult['verdict']
  readonly reason: string
}

export interface FoundBaseline {
  readonly baseline: Baseline
  readonly moves: readonly Move[]
  readonly obstacles: readonly Obstacle[]
  /** What stays different, whatever a VMM writes: name, and the values by host. */
  readonly apart: readonly { readonly name: string; readonly values: Readonly<Record<string, string>> }[]
}

const hex = (value: bigint): string => `0x${value.toString(16)}`

/** At least two different hosts. Throws USAGE for fewer, BUILD_UNUSABLE when a host takes no vCPU with these features. */
export async function findBaseline(hosts: readonly Build[], options: BaselineOptions): Promise<FoundBaseline> {
  const builds = [...new Map(hosts.map(build => [build.name, build])).values()]
  if (builds.length < 2)
    throw new SnapError('USAGE', 'a baseline needs at least two different hosts', {}, { hint: 'name the hosts among which a guest is to move' })
  const { features = ['psci_0_2'], gic = 'v3' } = options
  const psci = commonPsci(builds, features)
  const { common, apart } = commonValues(builds, features, gic)
  const wanted: readonly Common[] = [{ id: PSCI_VERSION_ID, value: psci }, ...commonBitmaps(builds), ...commonLengths(builds, features), ...common]
  const born = bearAll(builds, wanted, features, gic)
  const levels = commonLevels(builds, born)
  const registers = [...registersOf(builds, wanted, features, gic), ...levels.common]
  const { moves, results } = await tryMoves(builds, wanted, { ...options, features, gic })
  const apartRows = [...apart.map(each => ({ name: apartName(each), values: valuesByHost(builds, each) })), ...levels.apart]
  const obstacles = obstacleSentences(results)
  return {
    baseline: {
      hosts: builds.map(({ name }) => name),
      features,
      gic,
      psci: showPsciVersion(psci),
      registers,
      free: moves.every(({ verdict }) => verdict === 'survives'),
      obstacles: obstacles.map(({ message }) => message),
    },
    moves,
    obstacles,
    apart: apartRows,
  }
}

/** The newest version that every host takes. */
function commonPsci(builds: readonly Build[], features: readonly Feature[]): bigint {
  const accepted = builds.map(({ kernel: { psci } }) => (features.includes('psci_0_2') ? psci.accepted : psci.acceptedWithout02))
  const versions = accepted[0]!.filter(version => accepted.every(list => list.includes(version)))
  if (versions.length === 0) throw new SnapError('BUILD_UNUSABLE', `${builds.map(({ name }) => name).join(' and ')} have no PSCI version in common`)
  return BigInt(Math.max(...versions))
}

/** Services that every host offers; a host without the register offers what its firmware rules say. */
function commonBitmaps(builds: readonly Build[]): readonly Common[] {
  const indexes = [...new Set(builds.flatMap(({ kernel }) => kernel.bitmaps.map(({ index }) => index)))].sort((a, b) => a - b)
  return indexes.map(index => {
    const id = (0x6030_0000_0016_0000n | BigInt(index)) as RegId
    const value = builds.reduce((bits, { kernel, firmware }) => {
      const bitmap = kernel.bitmaps.find(each => each.index === index)
      if (bitmap) return bits & bitmap.initial
      const offered = BITMAP_BITS.filter(row => row.register === id && offeredWithoutBitmap(firmware, id, row.bit) === true)
      return bits & offered.reduce((all, { bit }) => all | (1n << BigInt(bit)), 0n)
    }, ~0n)
    return { id, value }
  })
}

/** The longest set of SVE vector lengths that every host can be cut down to: KVM takes its own set up to a longest length. */
function commonLengths(builds: readonly Build[], features: readonly Feature[]): readonly Common[] {
  if (!features.includes('sve')) return []
  const sets = builds.map(({ host }) => host.vectorLengths)
  for (let longest = 511n; longest >= 0n; longest--) {
    const cut = sets.map(set => set & ((1n << (longest + 1n)) - 1n))
    if (cut[0] !== 0n && (cut[0]! >> longest) & 1n && cut.every(set => set === cut[0])) return [{ id: sveVlsId, value: cut[0]! }]
  }
  return []
}

/** Pins that apply to one host: those of registers that it lists and shows otherwise. */
export const pinsFor = (wanted: readonly Common[], lists: (id: RegId) => boolean): readonly Pin[] =>
  wanted.filter(({ id }) => lists(id)).map(({ id, value, mask }) => ({ id, value, ...(mask === undefined ? {} : { mask }) }))

const listsOf = (build: Build, features: readonly Feature[], gic: Gic): ReadonlySet<bigint> =>
  new Set(bear(build, { features, gic }).snapshot.vcpus[0]!.registers.ids)

function bearAll(builds: readonly Build[], wanted: readonly Common[], features: readonly Feature[], gic: Gic, vcpus = 1) {
  return builds.map(build => {
    const lists = listsOf(build, features, gic)
    return bear(build, { features, gic, vcpus, pins: pinsFor(wanted, id => lists.has(id)), hasRun: true }).snapshot
  })
}

/** For each register: where a VMM must write it, and which hosts have it at all. */
function registersOf(builds: readonly Build[], wanted: readonly Common[], features: readonly Feature[], gic: Gic): readonly BaselineRegister[] {
  const fresh = builds.map(build => bear(build, { features, gic }).snapshot.vcpus[0]!.registers)
  return wanted.map(({ id, value, mask = ~0n }) => {
    const own = fresh.map(list => registerValue(list, id))
    const names = (keep: (value: bigint | undefined) => boolean): readonly string[] => builds.filter((_, host) => keep(own[host])).map(({ name }) => name)
    const listedOn = names(present => present !== undefined)
    return {
      id,
      value,
      ...(mask === ~0n ? {} : { mask }),
      writeOn: names(present => present !== undefined && ((present ^ value) & mask) !== 0n),
      ...(listedOn.length === builds.length ? {} : { listedOn }),
    }
  })
}

/** Mitigation levels are the host's and cannot be written: either they are the same for guests born with the baseline, or they stay apart. */
function commonLevels(
  builds: readonly Build[],
  born: ReturnType<typeof bearAll>,
): { readonly common: readonly BaselineRegister[]; readonly apart: FoundBaseline['apart'] } {
  const common: BaselineRegister[] = []
  const apart: { readonly name: string; readonly values: Readonly<Record<string, string>> }[] = []
  for (const n of [1, 2, 3] as const) {
    const id = WORKAROUND_IDS[n]
    const levels = born.map(({ vcpus }) => registerValue(vcpus[0]!.registers, id))
    const [first] = levels
    if (first !== undefined && levels.every(level => level === first)) common.push({ id, value: first, writeOn: [] })
    else if (levels.some(level => level !== undefined))
      apart.push({
        name: registerName(id),
        values: Object.fromEntries(builds.map(({ name }, host) => [name, levels[host] === undefined ? 'absent' : showWorkaround(n, levels[host])])),
      })
  }
  return { common, apart }
}

const valuesByHost = (builds: readonly Build[], { values }: Apart): Readonly<Record<string, string>> =>
  Object.fromEntries(builds.map(({ name }, host) => [name, values[host] === undefined ? 'absent' : hex(values[host])]))

export interface MoveResult extends Move {
  readonly result: Omit<CheckResult, 'source'>
}

/** A guest born with the pins, its first run behind it, from every host to a fresh VM of every other. */
export async function tryMoves(
  builds: readonly Build[],
  wanted: readonly Common[],
  options: BaselineOptions & { readonly features: readonly Feature[]; readonly gic: Gic },
): Promise<{ readonly moves: readonly Move[]; readonly results: readonly MoveResult[] }> {
  const { features, gic, vcpus = 1, vmm = 'kvm' } = options
  const snapshots = bearAll(builds, wanted, features, gic, vcpus)
  const results: MoveResult[] = []
  for (const [at, from] of builds.entries())
    for (const to of builds) {
      if (to === from) continue
      options.signal?.throwIfAborted()
      const result = await checkSnapshot(snapshots[at]!, to, { vmm, features })
      results.push({ from: from.name, to: to.name, verdict: result.verdict, reason: result.reason, result })
      options.progress?.({ label: 'trying moves', done: results.length, total: builds.length * (builds.length - 1), unit: 'moves' })
    }
  return { moves: results.map(({ result: _, ...move }) => move), results }
}

/** Features that some host would give a guest by default and that this baseline leaves out. */
export const leftOut = (builds: readonly Build[], features: readonly Feature[], of: readonly Feature[]): readonly Feature[] =>
  of.filter(feature => !features.includes(feature) && builds.some(({ host }) => (host.features & featureMask([feature])) !== 0))
