// Owns how the words of a command line become a fleet request: targets by name, the policy read, everything checked that can be before a file is
// opened. Prints nothing.
import { parseFeatures } from '../../arch/features.ts'
import { findBuild, listBuilds } from '../../builds/load.ts'
import { SnapError } from '../../errors.ts'
import { readBaseline } from '../baseline/read-baseline.ts'
import { parseVmm } from '../load/vmm.ts'
import { readPolicy } from '../policy/read.ts'
import type { Work } from '../work.ts'
import { type FleetRequest, MOST_JOBS } from './fleet.ts'
import { parseShard } from './shard.ts'

/** As a user writes it. */
export interface FleetWords extends Work {
  readonly files: readonly string[]
  /** Builds, build files or `all`, each possibly several with commas between. */
  readonly to: readonly string[]
  readonly vmm?: string | undefined
  readonly features?: string | undefined
  readonly rawOrder?: boolean | undefined
  readonly jobs?: number | undefined
  /** `i/n` */
  readonly shard?: string | undefined
  readonly failOn?: 'changed' | 'refused' | undefined
  /** Hosts, as in `to`, instead of files: a fresh guest of each. */
  readonly from?: readonly string[] | undefined
  /** A file of `builds baseline`. */
  readonly baseline?: string | undefined
  /** A file. */
  readonly policy?: string | undefined
  /** sha256 of every file in its results (default). */
  readonly digest?: boolean | undefined
  readonly memoryFiles?: readonly string[] | undefined
  readonly vmmVersion?: string | undefined
  /** YYYY-MM-DD: what the policy is held against. */
  readonly today: string
}

/** Throws USAGE, FEATURE_UNKNOWN, CANNOT_READ and POLICY_INVALID for what cannot be meant. */
export async function fleetRequest(words: FleetWords): Promise<FleetRequest> {
  const { files, jobs, signal, progress } = words
  if (jobs !== undefined && !(Number.isInteger(jobs) && jobs >= 1 && jobs <= MOST_JOBS))
    throw new SnapError('USAGE', `--jobs is from 1 to ${MOST_JOBS}, not ${jobs}`)
  if (files.filter(file => file === '-').length > 1) throw new SnapError('USAGE', 'standard input can be read once only')
  const baseline = words.baseline === undefined ? undefined : { file: words.baseline, baseline: await readBaseline(words.baseline) }
  const targets = parseTargets(words.to.length === 0 ? (baseline?.baseline.hosts ?? []) : words.to)
  const hosts = words.from === undefined ? undefined : parseTargets(words.from)
  if (targets.length === 0)
    throw new SnapError(
      'USAGE',
      'no host to check against',
      {},
      { hint: 'name one with --to: a build as `psci-snap builds list` shows them, a build file, all, or host for the kernel of this machine' },
    )
  if (hosts !== undefined && (files.length > 0 || hosts.length === 0))
    throw new SnapError(
      'USAGE',
      hosts.length === 0 ? '--from names no host' : '--from stands instead of files',
      {},
      { hint: 'check files, or a fresh guest of a host' },
    )
  if (hosts === undefined && files.length === 0)
    throw new SnapError(
      'USAGE',
      'no file to check',
      {},
      { hint: 'name files, folders or patterns; - is standard input; --from BUILD checks a fresh guest of that host' },
    )
  const vmm = words.vmm === undefined ? undefined : parseVmm(words.vmm)
  if (words.rawOrder === true && vmm !== undefined && vmm !== 'kvm')
    throw new SnapError('USAGE', `--raw-order is for --vmm kvm: ${vmm} has an order of its own`)
  const policy = words.policy === undefined ? undefined : await readPolicy(words.policy, signal)
  return {
    words: files,
    ...(hosts === undefined ? {} : { hosts }),
    failOn: words.failOn ?? 'changed',
    ...(jobs === undefined ? {} : { jobs }),
    ...(words.shard === undefined ? {} : { shard: parseShard(words.shard) }),
    ...(signal ? { signal } : {}),
    ...(progress ? { progress } : {}),
    settings: {
      targets,
      rawOrder: words.rawOrder ?? false,
      digest: words.digest ?? true,
      today: words.today,
      ...(vmm === undefined ? {} : { vmm }),
      ...(words.features === undefined ? {} : { features: parseFeatures(words.features) }),
      ...(words.memoryFiles === undefined ? {} : { memoryFiles: words.memoryFiles }),
      ...(words.vmmVersion === undefined ? {} : { vmmVersion: words.vmmVersion }),
      ...(policy ? { policy } : {}),
      ...(baseline ? { baseline } : {}),
    },
  }
}

/** Names in the order given, each once, whatever alias it was given by. */
export function parseTargets(to: readonly string[]): readonly string[] {
  const names = to
    .flatMap(list => list.split(','))
    .map(name => name.trim())
    .filter(name => name !== '')
    .flatMap(name => (name === 'all' ? listBuilds().map(build => build.name) : [name]))
  if (names.includes('-')) throw new SnapError('USAGE', 'a target is a build, a build file or host, not standard input')
  return [...new Set(names.map(name => findBuild(name)?.name ?? name))]
}
