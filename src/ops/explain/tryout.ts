// Owns what the recorded hosts do with a register: who lists it, what a fresh vCPU has there, how writes come out. Everything is tried, nothing is typed.
import { registerRow } from '../../arch/catalogue/catalogue.ts'
import type { Feature } from '../../arch/features.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { type Build, DEFAULT_CPU } from '../../builds/build.ts'
import { listOf, tryRead, withPsci } from './attempt.ts'
import type { FreshRow, ListedRow, WriteRow } from './explain-report.ts'
import { type KernelHosts, spans } from './hosts.ts'
import { isJudgedByField, sayValue } from './sample-values.ts'
import { writeOutcomes } from './write-outcomes.ts'

/** Features beyond PSCI 0.2 that bring registers, the cheapest explanation first. */
const FEATURE_SETS: readonly (readonly Feature[])[] = [[], ['pmu_v3'], ['sve'], ['ptrauth_address', 'ptrauth_generic'], ['has_el2'], ['has_el2', 'sve']]

/** A host that lists the register, the features it takes for that, and what it has there. */
export interface Place {
  readonly build: Build
  readonly features: readonly Feature[]
  readonly own: bigint
}

/** One question's look at the hosts; register lists are asked for once. */
export class Tryout {
  readonly hosts: readonly KernelHosts[]
  readonly #lists = new Map<string, Promise<ReadonlySet<bigint> | undefined>>()

  constructor(hosts: readonly KernelHosts[]) {
    this.hosts = hosts
  }

  /** The smallest set of features with which this host lists the register; undefined when none does. */
  async featuresFor(build: Build, id: RegId): Promise<readonly Feature[] | undefined> {
    for (const features of FEATURE_SETS) if ((await this.#listOf(build, features))?.has(id)) return features
    return undefined
  }

  /** The hosts of one kernel to try the register on, see `choose`; none when the kernel does not list it. */
  async placesOn({ builds }: KernelHosts, id: RegId): Promise<readonly Place[]> {
    const places: Place[] = []
    for (const build of builds) {
      const features = await this.featuresFor(build, id)
      const own = features && (await tryRead(build, { features: withPsci(features), phase: 'fresh' }, id))?.value
      if (features) places.push({ build, features, own: own ?? 0n })
    }
    return choose(id, places, this.#everywhere())
  }

  /** On which kernels and CPUs it is listed, and with which features. */
  async listed(id: RegId): Promise<{ readonly listed: readonly ListedRow[]; readonly notListed: readonly string[] }> {
    const everywhere = this.#everywhere()
    const facts = []
    for (const { release, builds } of this.hosts) {
      const found: { cpu: string; features: readonly Feature[] }[] = []
      for (const build of builds) {
        const features = await this.featuresFor(build, id)
        if (features) found.push({ cpu: build.host.cpu, features })
      }
      const features = found.sort((a, b) => a.features.length - b.features.length)[0]?.features ?? []
      // CPUs are recorded unevenly: neighbours are told apart by the CPUs that every kernel was recorded on.
      const cpus = found.map(({ cpu }) => cpu)
      const compared = cpus.filter(cpu => everywhere.includes(cpu))
      facts.push({ kernel: release, fact: { features, cpus: cpus.length === builds.length ? 'all' : (compared.length > 0 ? compared : cpus).join(' ') } })
    }
    return {
      listed: spans(facts)
        .filter(({ fact }) => fact.cpus !== '')
        .map(({ kernels, fact }) => ({ kernels, features: fact.features, ...(fact.cpus === 'all' ? {} : { cpus: fact.cpus.split(' ') }) })),
      notListed: facts.filter(({ fact }) => fact.cpus === '').map(({ kernel }) => kernel),
    }
  }

  /** What a fresh vCPU reads there, kernel by kernel. */
  async fresh(id: RegId): Promise<readonly FreshRow[]> {
    return this.#onEach(id, async ({ build, own }) => {
      const value = `0x${own.toString(16)}`
      const said = sayValue(id, own)
      return { value, ...(said === value ? {} : { meaning: said.replace(`${value} `, '') }), ...cpuOf(build, id) }
    })
  }

  /** How writes come out, kernel by kernel. */
  async writes(id: RegId): Promise<readonly WriteRow[]> {
    return this.#onEach(id, async place => ({ features: place.features, ...(await writeOutcomes(place, id)), ...cpuOf(place.build, id) }))
  }

  async #onEach<T extends object>(id: RegId, ask: (place: Place) => Promise<T>): Promise<readonly (T & { readonly kernels: readonly string[] })[]> {
    const rows: { kernel: string; place: number; fact: T }[] = []
    for (const host of this.hosts)
      for (const [place, each] of (await this.placesOn(host, id)).entries()) rows.push({ kernel: host.release, place, fact: await ask(each) })
    const places = [...new Set(rows.map(({ place }) => place))]
    return places.flatMap(place => spans(rows.filter(row => row.place === place)).map(({ kernels, fact }) => ({ ...fact, kernels })))
  }

  /** CPUs that every kernel was recorded on. */
  #everywhere(): readonly string[] {
    const [first = [], ...rest] = this.hosts.map(({ builds }) => builds.map(build => build.host.cpu))
    return first.filter(cpu => rest.every(cpus => cpus.includes(cpu)))
  }

  #listOf(build: Build, features: readonly Feature[]): Promise<ReadonlySet<bigint> | undefined> {
    const key = `${build.name} ${features.join()}`
    let list = this.#lists.get(key)
    if (!list) this.#lists.set(key, (list = listOf(build, withPsci(features))))
    return list
  }
}

/** The CPU, where it is not the usual one or decides. */
const cpuOf = ({ host }: Build, id: RegId) => (host.cpu === DEFAULT_CPU && !isOfHost(id) && !isJudgedByField(id) ? {} : { cpu: host.cpu })
const isOfHost = (id: RegId): boolean => registerRow(id)?.write === 'at-most-host'

/**
 * Which hosts of a kernel tell most. A level of the host: one host a level. What is judged field by field: the CPU with most of it. Else the
 * default CPU, when it lists the register.
 */
function choose(id: RegId, places: readonly Place[], everywhere: readonly string[]): readonly Place[] {
  const ranked = [...places].sort((a, b) => a.features.length - b.features.length)
  if (isOfHost(id)) return ranked.filter((place, at) => ranked.findIndex(other => other.own === place.own) === at)
  if (!isJudgedByField(id)) return ranked.slice(0, 1)
  const compared = ranked.filter(({ build }) => everywhere.includes(build.host.cpu))
  return [...(compared.length > 0 ? compared : ranked)].sort((a, b) => nibbles(b.own) - nibbles(a.own)).slice(0, 1)
}

/** How many four-bit fields hold something. */
const nibbles = (value: bigint): number => [...value.toString(16)].filter(digit => digit !== '0').length
