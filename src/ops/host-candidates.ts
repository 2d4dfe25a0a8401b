// Owns the guess which host kernel saved a snapshot: its register list and values against what the built-in builds list. Knows no file format.
// A list says more than a release number: stable kernels backport, so what counts is which registers a kernel lists, in which order, with what in them.
import { registerName } from '../arch/catalogue/catalogue.ts'
import { featureBit } from '../arch/features.ts'
import { showPsciVersion } from '../arch/psci.ts'
import { COPROC, type RegId, regCoproc, sysRegId } from '../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import { encodingId, resetValues } from '../builds/compose.ts'
import type { KernelRules, Need, SysregRow } from '../builds/kernel-rules.ts'
import { builtInKernel, findBuild, listBuilds } from '../builds/load.ts'
import { type RegisterList, registerValue } from '../model/register-list.ts'
import type { Gic } from '../model/snapshot.ts'
import { showNames } from './show-value.ts'

export interface HostCandidate {
  /** Exact release, e.g. `6.12.117`. */
  readonly kernel: string
  /** Registers beyond core and SVE: of the kernel but not in the file, and the other way round. Names. */
  readonly missing: readonly string[]
  readonly extra: readonly string[]
  /** Whether the file has them in the kernel's order; absent for a file that sorts by id, which says nothing. */
  readonly order?: boolean
  /** Values that this kernel never gives: names. */
  readonly impossible: readonly string[]
  /** The built-in build of this kernel with the same CPU, and how many ID registers have another value than there. */
  readonly build?: string
  readonly differentValues?: number
  readonly psciDefault: boolean
  /** For people, most telling first. */
  readonly why: readonly string[]
}

export interface HostCandidates {
  /** Best first; the first `tied` cannot be told apart, the oldest of them first. */
  readonly candidates: readonly HostCandidate[]
  readonly tied: number
  /** No register missing and none too many. */
  readonly exact: boolean
}

export interface CandidateOptions {
  /** The format has no place for firmware bitmap registers (crosvm): their absence says nothing. */
  readonly lacksBitmaps?: boolean
  /** An in-kernel GICv3 shows in ID registers. */
  readonly gic?: Gic
}

/** A list that differs from every known one by more than this share is of no known kernel. */
const MOST_DIFFERENT = 0.2
const MIDR = sysRegId(3, 0, 0, 0, 0)
const MARKS: Readonly<Record<Need, RegId>> = {
  pmu: sysRegId(3, 3, 9, 12, 0),
  sve: sysRegId(3, 0, 1, 2, 0),
  pauth: sysRegId(3, 0, 2, 1, 0),
  el2: sysRegId(3, 4, 1, 1, 0),
}
const NEED_FEATURE = { pmu: 'pmu_v3', sve: 'sve', pauth: 'ptrauth_address', el2: 'has_el2' } as const

/** Built-in kernels that can have given this list, ranked; empty when none is near. */
export function hostCandidates(list: RegisterList, options: CandidateOptions = {}): HostCandidates {
  const ids = [...list.ids].filter(id => regCoproc(id as RegId) !== COPROC.core && regCoproc(id as RegId) !== COPROC.sve)
  const releases = [...new Set(listBuilds().map(({ release }) => release))]
  const all = releases.map((release, age) => ({ age, candidate: judge(builtInKernel(release), list, ids, options) }))
  const near = all.filter(({ candidate }) => distance(candidate) <= Math.max(ids.length, 1) * MOST_DIFFERENT)
  near.sort((a, b) => compare(a.candidate, b.candidate) || a.age - b.age)
  const candidates = near.map(({ candidate }) => candidate)
  const [best] = candidates
  return {
    candidates,
    tied: best ? candidates.filter(candidate => compare(candidate, best) === 0).length : 0,
    exact: best !== undefined && distance(best) === 0,
  }
}

const distance = ({ missing, extra }: HostCandidate): number => missing.length + extra.length
/** Lower is the better match. Values come last: VMMs and migrations change them, the list they do not. */
const rank = (candidate: HostCandidate): readonly number[] => [
  distance(candidate),
  candidate.impossible.length,
  candidate.order === false ? 1 : 0,
  candidate.differentValues ?? 0,
  candidate.psciDefault ? 0 : 1,
]

function compare(a: HostCandidate, b: HostCandidate): number {
  const [x, y] = [rank(a), rank(b)]
  return x.map((value, i) => value - (y[i] ?? 0)).find(difference => difference !== 0) ?? 0
}

function judge(kernel: KernelRules, list: RegisterList, ids: readonly bigint[], options: CandidateOptions): HostCandidate {
  const held = new Set(ids)
  const expected = expectedIds(kernel, list, held, options)
  const wanted = new Set(expected)
  const missing = expected.filter(id => !held.has(id)).map(registerName)
  const extra = ids.filter(id => !wanted.has(id)).map(registerName)
  const order = orderOf(
    ids.filter(id => wanted.has(id)),
    expected.filter(id => held.has(id)),
  )
  const version = registerValue(list, PSCI_VERSION_ID)
  const impossible = impossibleValues(kernel, list)
  const values = comparedValues(kernel, list, options)
  const psciDefault = version === BigInt(kernel.psci.initial)
  const candidate = { kernel: kernel.release, missing, extra, ...(order === undefined ? {} : { order }), impossible, ...values, psciDefault }
  return { ...candidate, why: reasons(candidate, ids.length, version) }
}

/** What a vCPU with the features that the list shows lists beyond core and SVE registers; ID registers with the values of the file decide the rest. */
function expectedIds(kernel: KernelRules, list: RegisterList, held: ReadonlySet<bigint>, { lacksBitmaps = false }: CandidateOptions): readonly bigint[] {
  const byEncoding = new Map(kernel.sysregs.map(row => [row.encoding, row]))
  const isThere = ({ needs, field }: SysregRow): boolean => {
    if (needs !== undefined && !held.has(MARKS[needs])) return false
    if (!field) return true
    const value = registerValue(list, encodingId(field.encoding)) ?? byEncoding.get(field.encoding)?.reset ?? 0n
    return Number((value >> BigInt(field.shift)) & 0xfn) >= field.atLeast
  }
  const firmware = (coproc: number, index: number): bigint => 0x6030_0000_0000_0000n | (BigInt(coproc) << 16n) | BigInt(index)
  const caches = Array.from({ length: kernel.demux.selectors }, (_, n) => 0x6020_0000_0011_0000n | BigInt(n))
  return [
    firmware(COPROC.firmware, 0),
    ...kernel.workarounds.map(n => firmware(COPROC.firmware, n)),
    ...kernel.bitmaps.map(({ index }) => firmware(COPROC.firmwareBitmap, index)).filter(id => !lacksBitmaps || held.has(id)),
    ...kernel.sysregs.filter(isThere).map(row => encodingId(row.encoding)),
    // Where the host's own caches are listed, which ones is the CPU's doing, not the kernel's.
    ...caches.filter(id => kernel.demux.policy === 'virtual' || held.has(id)),
  ]
}

/** Undefined for a list sorted by id: QEMU sorts, so its order is not the kernel's. */
function orderOf(ids: readonly bigint[], expected: readonly bigint[]): boolean | undefined {
  if (ids.every((id, i) => i === 0 || (ids[i - 1] ?? 0n) < id)) return undefined
  return ids.length === expected.length && ids.every((id, i) => id === expected[i])
}

function impossibleValues(kernel: KernelRules, list: RegisterList): readonly string[] {
  const version = registerValue(list, PSCI_VERSION_ID)
  const accepted = [...kernel.psci.accepted, ...kernel.psci.acceptedWithout02]
  const psci = version === undefined || accepted.some(value => BigInt(value) === version) ? [] : [registerName(PSCI_VERSION_ID)]
  const bitmaps = kernel.bitmaps.flatMap(({ index, bits }) => {
    const id = 0x6030_0000_0016_0000n | BigInt(index)
    return ((registerValue(list, id) ?? 0n) & ~bits) === 0n ? [] : [registerName(id)]
  })
  return [...psci, ...bitmaps]
}

/** ID registers against those that this kernel gives a fresh vCPU on the same CPU, where there is such a build. */
function comparedValues(kernel: KernelRules, list: RegisterList, { gic }: CandidateOptions): Pick<HostCandidate, 'build' | 'differentValues'> {
  const midr = registerValue(list, MIDR)
  if (midr === undefined) return {}
  let features = 1 << featureBit('psci_0_2')
  for (const need of ['pmu', 'sve', 'pauth', 'el2'] as const) if (list.ids.includes(MARKS[need])) features |= 1 << featureBit(NEED_FEATURE[need])
  const rows = kernel.sysregs.filter(row => row.rule === 'id' || row.rule === 'ctr')
  for (const { name, release } of listBuilds()) {
    if (release !== kernel.release) continue
    const build = findBuild(name)
    if (!build) continue
    const reset = resetValues(build, features)
    const own = kernel.sysregs.find(row => encodingId(row.encoding) === MIDR)
    // Implementer, architecture and part: the revision is the same kernel's business on another stepping.
    if (!own || reset(own) >> 4n !== midr >> 4n) continue
    const differentValues = rows.filter(row => {
      const value = registerValue(list, encodingId(row.encoding))
      const flips = gic === 'v3' ? (build.host.overlays.get('vgic3')?.flips.get(row.encoding) ?? 0n) : 0n
      return value !== undefined && value !== (reset(row) ^ flips)
    }).length
    return { build: name, differentValues }
  }
  return {}
}

function reasons(candidate: Omit<HostCandidate, 'why'>, count: number, version: bigint | undefined): readonly string[] {
  const { missing, extra, order, impossible, build, differentValues, psciDefault } = candidate
  const why: string[] = []
  if (missing.length + extra.length === 0) why.push(`lists exactly these ${count} registers`)
  if (missing.length > 0) why.push(`lists ${missing.length} more (${showNames(missing)})`)
  if (extra.length > 0) why.push(`does not list ${extra.length} of them (${showNames(extra)})`)
  if (order !== undefined) why.push(order ? 'in this order' : 'in another order')
  if (impossible.length > 0) why.push(`never has these values in ${showNames(impossible)}`)
  if (version !== undefined && !impossible.includes(registerName(PSCI_VERSION_ID)))
    why.push(`PSCI ${showPsciVersion(version)} is ${psciDefault ? 'its default' : 'accepted, not its default'}`)
  if (build !== undefined)
    why.push(
      differentValues === 0
        ? `ID registers are those of ${build}`
        : differentValues === 1
          ? `1 ID register differs from ${build}`
          : `${differentValues} ID registers differ from ${build}`,
    )
  return why
}
