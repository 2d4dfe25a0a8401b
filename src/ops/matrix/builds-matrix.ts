// Owns `builds matrix`: fresh guests of hosts on hosts, every pair, each with its verdict and what stands in the way. Prints nothing.
import { type Feature, featureMask } from '../../arch/features.ts'
import type { Build } from '../../builds/build.ts'
import { listBuilds, loadBuild } from '../../builds/load.ts'
import { SnapError } from '../../errors.ts'
import { checkHost } from '../check/check-host.ts'
import type { CheckResult } from '../check/check-report.ts'
import type { VmmId } from '../load/vmm.ts'
import type { Verdict } from '../reports.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import { CAUSES, type Cause, causesOf } from './causes.ts'

/** `host`: what a VMM gives by default, PSCI 0.2 and, where the source host has them, PMU, SVE and pointer authentication. */
export type MatrixFeatures = readonly Feature[] | 'host'

export interface MatrixOptions extends Work {
  /** Built-in builds, aliases or build files; absent: every built-in build. */
  readonly from?: readonly (string | Build)[]
  readonly to?: readonly (string | Build)[]
  /** Default kvm: the blind replay. */
  readonly vmm?: VmmId
  /** Default psci_0_2. */
  readonly features?: MatrixFeatures
}

/** One host as a row or a column. */
export interface MatrixHost {
  readonly name: string
  readonly kernel: string
  readonly cpu: string
}

export interface MatrixCell {
  readonly from: string
  readonly to: string
  readonly verdict: Verdict
  readonly reason: string
  /** Codes of `causes`, refusals first. */
  readonly causes: readonly string[]
}

export interface BuildsMatrixReport {
  readonly vmm: VmmId
  readonly features: readonly string[] | 'host'
  readonly from: readonly MatrixHost[]
  readonly to: readonly MatrixHost[]
  /** Source by source, in the order of the targets. */
  readonly cells: readonly MatrixCell[]
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** What stands in the way anywhere in the matrix, and in how many pairs. */
  readonly causes: readonly (Cause & { readonly pairs: number })[]
  /** Hosts that take no guest with these features, and so are no source. */
  readonly skipped: readonly { readonly host: string; readonly why: string }[]
}

const BY_DEFAULT: readonly Feature[] = ['pmu_v3', 'sve', 'ptrauth_address', 'ptrauth_generic']

/** What a VMM gives a guest when nobody says otherwise: the features of `BY_DEFAULT` that the host has. */
export const hostFeatures = ({ host }: Build): readonly Feature[] => [
  'psci_0_2',
  ...BY_DEFAULT.filter(feature => (host.features & featureMask([feature])) !== 0),
]

/** `each` gets every whole result as it comes. Throws what resolveBuild throws. */
export async function buildsMatrix(options: MatrixOptions = {}, each?: (result: CheckResult) => void): Promise<BuildsMatrixReport> {
  const [from, to] = [await resolveAll(options.from), await resolveAll(options.to)]
  const { vmm = 'kvm', features = ['psci_0_2'] } = options
  const cells: MatrixCell[] = []
  const skipped: { readonly host: string; readonly why: string }[] = []
  for (const [done, source] of from.entries()) {
    options.signal?.throwIfAborted()
    options.progress?.({ label: 'moving guests', done, total: from.length, unit: 'hosts' })
    try {
      const wanted = features === 'host' ? hostFeatures(source) : features
      for (const result of await checkHost(source, to, { ...options, vmm, features: wanted })) {
        each?.(result)
        const { verdict, reason, target } = result
        cells.push({ from: source.name, to: target.build, verdict, reason, causes: causesOf(result).map(({ code }) => code) })
      }
    } catch (error) {
      if (!(error instanceof SnapError && error.code === 'BUILD_UNUSABLE')) throw error
      skipped.push({ host: source.name, why: error.message })
    }
  }
  const verdicts: Record<Verdict, number> = { survives: 0, changed: 0, refused: 0 }
  for (const { verdict } of cells) verdicts[verdict]++
  return {
    vmm,
    features,
    from: from.filter(({ name }) => !skipped.some(({ host }) => host === name)).map(hostOf),
    to: to.map(hostOf),
    cells,
    verdicts,
    causes: CAUSES.map(cause => ({ ...cause, pairs: cells.filter(cell => cell.causes.includes(cause.code)).length })).filter(({ pairs }) => pairs > 0),
    skipped,
  }
}

const hostOf = ({ name, kernel, host }: Build): MatrixHost => ({ name, kernel: kernel.release, cpu: host.cpu })

async function resolveAll(hosts: readonly (string | Build)[] | undefined): Promise<readonly Build[]> {
  if (!hosts) return listBuilds().map(({ name }) => loadBuild(name))
  const builds: Build[] = []
  for (const host of hosts) builds.push(typeof host === 'string' ? await resolveBuild(host) : host)
  return [...new Map(builds.map(build => [build.name, build])).values()]
}
