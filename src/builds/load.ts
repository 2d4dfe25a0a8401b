// Owns finding a build by name: exact names, aliases, near matches for a wrong one. Built-in data comes from data-files.ts; a build file's
// text is read by the caller and parsed by build-file.ts.
import { SnapError } from '../errors.ts'
import { editDistance } from '../near-match.ts'
import { type Build, buildName, DEFAULT_CPU, makeBuild } from './build.ts'
import { decodeHost, decodeKernel } from './codec.ts'
import { type IndexEntry, readHost, readIndex, readKernel } from './data-files.ts'
import type { KernelRules } from './kernel-rules.ts'

/** A built-in build in a listing; `aliases` are shorter names of the same. */
export interface BuildSummary extends IndexEntry {
  readonly name: string
  readonly aliases: readonly string[]
}

// Read once: names are resolved again and again, thousands of times in a check of many files.
let listing: readonly BuildSummary[] | undefined

/** The built-in builds: kernels oldest first, the default CPU first. */
export function listBuilds(): readonly BuildSummary[] {
  listing ??= readIndex().map(entry => ({ ...entry, name: buildName(entry.release, entry.cpu), aliases: aliasesOf(entry) }))
  return listing
}

function aliasesOf({ release, cpu }: IndexEntry): readonly string[] {
  const series = release.split('.').slice(0, 2).join('.')
  const isDefault = cpu === DEFAULT_CPU
  return [...(isDefault ? [`linux-${series}`, `linux-${release}`] : []), `linux-${series}/${cpu}`]
}

// A kernel's rules are shared by its builds: the same value, so that whoever caches by identity sees one kernel.
const kernels = new Map<string, KernelRules>()
const builds = new Map<string, Build>()

/** The kernel rules of a built-in release. */
export function builtInKernel(release: string): KernelRules {
  let rules = kernels.get(release)
  if (!rules) kernels.set(release, (rules = decodeKernel(readKernel(release))))
  return rules
}

/** A built-in build by name or alias, or undefined. */
export function findBuild(name: string): Build | undefined {
  const wanted = name.trim()
  const entry = listBuilds().find(each => each.name === wanted || each.aliases.includes(wanted))
  if (!entry) return undefined
  let build = builds.get(entry.name)
  if (!build) builds.set(entry.name, (build = makeBuild(entry.name, builtInKernel(entry.release), decodeHost(readHost(entry.release, entry.cpu)))))
  return build
}

/** A built-in build by name or alias. Throws BUILD_UNKNOWN, naming the nearest ones. */
export function loadBuild(name: string): Build {
  const build = findBuild(name)
  if (build) return build
  const near = nearestNames(name)
  throw new SnapError('BUILD_UNKNOWN', `there is no build "${name}"${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`)
}

/** Names that differ little from `name`, best first, at most three. */
export function nearestNames(name: string): readonly string[] {
  const names = listBuilds().flatMap(build => [build.name, ...build.aliases])
  return [...new Set(names)]
    .map(candidate => ({ candidate, distance: editDistance(name.toLowerCase(), candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length / 3))
    .sort((a, b) => a.distance - b.distance || a.candidate.length - b.candidate.length)
    .slice(0, 3)
    .map(({ candidate }) => candidate)
}
