// Owns what can be asked about builds beside their list: show one, compare two, derive one from a snapshot. Values are text here, as in every report.
import { basename } from 'node:path'
import { registerName } from '../arch/catalogue/catalogue.ts'
import { matchRegisters } from '../arch/catalogue/match.ts'
import type { Feature } from '../arch/features.ts'
import { type RegId, showRegId, sysRegId } from '../arch/reg-id.ts'
import type { Build } from '../builds/build.ts'
import { encodeBuildFile } from '../builds/build-file.ts'
import { deriveBuild } from '../builds/derive.ts'
import { diffBuilds, type RuleDifference, showBuild } from '../builds/describe.ts'
import type { ListedSet } from '../builds/host-from-lists.ts'
import type { Provenance } from '../builds/kernel-rules.ts'
import { writeFileAtomically } from '../formats/output/atomic-file.ts'
import type { Finding } from '../model/finding.ts'
import { inferFeatures } from '../model/infer-features.ts'
import type { Notice } from './builds-words/notice.ts'
import { type Opened, withInput } from './input.ts'
import { resolveBuild } from './target.ts'
import type { Work } from './work.ts'

interface Row {
  readonly id: string
  readonly name: string
}
export interface BuildsShowReport {
  readonly name: string
  readonly kernel: string
  readonly cpu: string
  readonly psci: { readonly default: string; readonly accepted: readonly string[] }
  /** vCPU features that this host takes. */
  readonly features: readonly string[]
  readonly workarounds: Readonly<Record<string, number>>
  readonly bitmaps: readonly { readonly index: number; readonly bits: string; readonly initial: string }[]
  /** With the value of a fresh vCPU, in list order. */
  readonly registers: readonly (Row & { readonly value: string })[]
  readonly rules: Readonly<Record<string, string>>
  readonly guest: Readonly<Record<string, string>>
  /** The recordings behind it, the CPU's own first. */
  readonly provenance: readonly Provenance[]
  readonly inferred: readonly string[]
}

export interface BuildsDiffReport {
  readonly a: string
  readonly b: string
  readonly equal: boolean
  /** What a guest and a VMM notice, in sentences. */
  readonly notices: readonly Notice[]
  readonly registers: { readonly onlyInA: readonly Row[]; readonly onlyInB: readonly Row[] }
  readonly defaults: readonly (Row & { readonly a: string; readonly b: string; readonly fields: readonly string[] })[]
  /** What userspace is allowed, by rule path. */
  readonly rules: readonly RuleDifference[]
  /** What a guest that calls firmware can tell apart. */
  readonly guest: readonly RuleDifference[]
}

export interface BuildsDeriveReport {
  readonly file: string
  readonly name: string
  readonly kernel: string
  readonly cpu: string
  readonly registers: number
  readonly inferred: readonly string[]
  readonly findings: readonly Finding[]
}

const hex = (value: bigint): string => `0x${value.toString(16)}`
const row = (id: RegId): Row => ({ id: showRegId(id), name: registerName(id) })

/** `registers` limits the list to a name, id or glob. Throws what resolveBuild throws. */
export async function buildsShow(name: string, features: readonly Feature[], registers?: string): Promise<BuildsShowReport> {
  const { provenance, bitmaps, registers: all, ...shown } = showBuild(await resolveBuild(name), features)
  const wanted =
    registers === undefined
      ? undefined
      : new Set<bigint>(
          matchRegisters(
            registers,
            all.map(({ id }) => id),
          ),
        )
  return {
    ...shown,
    rules: Object.fromEntries(Object.entries(shown.rules).map(([rule, value]) => [named(rule), named(value)])),
    bitmaps: bitmaps.map(({ index, bits, initial }) => ({ index, bits: hex(bits), initial: hex(initial) })),
    registers: all.filter(({ id }) => wanted?.has(id) ?? true).map(({ id, value }) => ({ ...row(id), value: hex(value) })),
    provenance: [...provenance.host, ...provenance.kernel].filter((each, at, list) => list.findIndex(other => other.recording === each.recording) === at),
  }
}

/** Compares fresh vCPUs with these features, and the rules of both kernels. */
export const buildsDiff = async (a: string, b: string, features: readonly Feature[]): Promise<BuildsDiffReport> =>
  compareBuilds(await resolveBuild(a), await resolveBuild(b), features)

/** The same for builds that are at hand. */
export async function compareBuilds(before: Build, after: Build, features: readonly Feature[]): Promise<BuildsDiffReport> {
  const { diffFields } = await import('../arch/fields/fields.ts')
  const { noticesBetween } = await import('./builds-words/notices.ts')
  const found = diffBuilds(before, after, features)
  const { onlyInA, onlyInB } = found.registers
  const defaults = found.defaults.map(({ id, a: had, b: has }) => ({
    ...row(id),
    a: hex(had),
    b: hex(has),
    fields: diffFields(id, had, has).map(field => field.name),
  }))
  return {
    a: found.a,
    b: found.b,
    equal: [onlyInA, onlyInB, defaults, found.rules, found.guest].every(list => list.length === 0),
    notices: await noticesBetween(before, after, features),
    registers: { onlyInA: onlyInA.map(row), onlyInB: onlyInB.map(row) },
    defaults,
    rules: found.rules.map(({ rule, a: had, b: has }) => ({
      rule: named(rule),
      ...(had === undefined ? {} : { a: named(had) }),
      ...(has === undefined ? {} : { b: named(has) }),
    })),
    guest: found.guest,
  }
}

/** Rules name system registers by encoding (`c020`, `c020.56`); people know them by name. */
const named = (text: string): string =>
  text.replace(/(?<![0-9a-zA-Z])[89c-f][0-9a-f]{3}(?![0-9a-zA-Z])/g, encoding => registerName(sysRegId(0, 0, 0, 0, 0) | BigInt(`0x${encoding}`)))

/** A file's name without what says its format: `kvm-x6.1-a` of `kvm-x6.1-a.mig.gz`. */
const stemOf = (file: string): string => basename(file).replace(/(\.(?!\d)[A-Za-z0-9]+)+$/, '')

export interface DeriveFileOptions extends Work {
  /** A build of the kernel that the snapshots were taken on. */
  readonly kernel: string
  /** Snapshots of never-run vCPUs, one for each feature set. */
  readonly from: readonly string[]
  readonly features?: readonly Feature[]
  readonly name?: string
  readonly cpu?: string
  readonly overwrite?: boolean
}

/** Writes a build file of somebody's own host. Throws BUILD_UNUSABLE when the lists are not that kernel's, and what reading and writing throw. */
export async function buildsDerive(output: string, options: DeriveFileOptions): Promise<BuildsDeriveReport> {
  const kernel = await resolveBuild(options.kernel)
  const lists: ListedSet[] = []
  const findings: Finding[] = []
  const provenance: Provenance[] = []
  let cpu = options.cpu
  for (const file of options.from)
    await withInput(file, options, async opened => {
      const { snapshot } = opened
      lists.push(...listedSets(opened, options.features))
      findings.push(...opened.findings, ...ranFindings(opened))
      cpu ??= snapshot.origin.cpu
      provenance.push({
        recording: basename(opened.source.name),
        sha256: await opened.sha256(),
        ...(snapshot.origin.kernel === undefined ? {} : { uname: snapshot.origin.kernel }),
      })
    })
  const name = options.name ?? `linux-${kernel.kernel.release}/${cpu ?? stemOf(options.from[0] ?? '')}-derived`
  const build = deriveBuild({ kernel, lists, name, provenance, ...(cpu === undefined ? {} : { cpu }) })
  await writeFileAtomically(output, { force: options.overwrite ?? false, ...(options.signal ? { signal: options.signal } : {}) }, async sink =>
    sink.write(new TextEncoder().encode(encodeBuildFile(build))),
  )
  return {
    file: output,
    name: build.name,
    kernel: build.kernel.release,
    cpu: build.host.cpu,
    registers: showBuild(build).registers.length,
    inferred: [...new Set([...build.kernel.inferred, ...build.host.inferred])],
    findings,
  }
}

function listedSets({ snapshot }: Opened, given: readonly Feature[] | undefined): readonly ListedSet[] {
  const [first] = snapshot.vcpus
  if (!first) return []
  const features = given ?? first.features?.filter(feature => feature !== 'power_off') ?? inferFeatures(snapshot.vcpus).candidates[0] ?? []
  return [{ features, registers: first.registers }]
}

const SCTLR_EL1 = 0x6030_0000_0013_c080n

/** A guest that has run left its own values where the host's reset values are wanted; an MMU that is on is the clearest sign. */
function ranFindings({ snapshot }: Opened): readonly Finding[] {
  const [first] = snapshot.vcpus
  const at = first ? first.registers.ids.indexOf(SCTLR_EL1) : -1
  const isOn = first && at >= 0 && (first.registers.bytes[first.registers.offsets[at] ?? 0] ?? 0) & 1
  return isOn
    ? [
        {
          severity: 'warning',
          code: 'guest-has-run',
          message: 'this guest has run: its registers are not what the host gives a fresh vCPU',
          hint: 'take a snapshot of a guest that was never started, e.g. QEMU -S',
        },
      ]
    : []
}
