// Owns `restore`: a blind replay of a snapshot into a target, the verdict, and what the guest sees when it runs on. Prints nothing.
import { matchRegisters } from '../arch/catalogue/match.ts'
import type { Feature } from '../arch/features.ts'
import { parsePsciVersion, showPsciVersion } from '../arch/psci.ts'
import type { RegId } from '../arch/reg-id.ts'
import { emulatorBackend } from '../backends/emulator.ts'
import type { Build } from '../builds/build.ts'
import { writeSnapshotFile } from '../formats/exporters.ts'
import { consistencyFindings } from '../model/consistency.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { featureChoices } from './feature-choices.ts'
import { type InputOptions, type Opened, withInput } from './input.ts'
import { notChecked } from './not-checked.ts'
import type { RestoreReport, Verdict } from './reports.ts'
import { type Attempt, attemptRestore } from './restore-attempt.ts'
import { savedPsci } from './saved-psci.ts'
import { serviceKnowledge } from './source-services.ts'
import { resolveBuild } from './target.ts'

export interface RestoreOptions extends InputOptions {
  /** Built-in build, alias or build file; a Build for callers that have one. */
  readonly build: string | Build
  /** Replaces the features that the file names or that are inferred. */
  readonly features?: readonly Feature[]
  /** `X.Y`: written over the restored PSCI version before the guest runs, as a VMM's own pin does. */
  readonly pinPsci?: string
  /** Names, ids or globs of registers that are not written. */
  readonly omit?: readonly string[]
  readonly rawOrder?: boolean
  /** Let the guest run on and say what it sees (default). */
  readonly run?: boolean
  /** Run even after a refusal. */
  readonly force?: boolean
  /** Where the resulting state goes, and whether it may replace a file. */
  readonly output?: string
  readonly overwrite?: boolean
}

/** Replays a file of any known format. Throws SnapError for a file, build or register that is not what it should be; refusals are in the report. */
export async function restore(file: string, options: RestoreOptions): Promise<RestoreReport> {
  const build = typeof options.build === 'string' ? await resolveBuild(options.build) : options.build
  return withInput(file, options, async opened => {
    const outcome = await restoreSnapshot(opened.snapshot, build, options)
    const { attempt, report } = outcome
    const source = await sourceOf(opened)
    const findings = [...opened.findings, ...report.findings]
    const { verdict, ...rest } = report
    const whole = { verdict, source, ...rest, findings }
    if (options.output === undefined) return whole
    const after = await attempt.capture()
    await writeSnapshotFile(after, options.output, { force: options.overwrite ?? false, ...(options.signal ? { signal: options.signal } : {}) })
    return { ...whole, output: options.output }
  })
}

export interface RestoreOutcome {
  readonly report: Omit<RestoreReport, 'source'>
  readonly attempt: Attempt
}

/** The same for a snapshot in memory. */
export async function restoreSnapshot(snapshot: Snapshot, build: Build, options: Omit<RestoreOptions, 'build' | 'output'>): Promise<RestoreOutcome> {
  const backend = emulatorBackend(build)
  const omit = omittedIds(snapshot, options.omit ?? [])
  const { candidates, findings: featureFindings } = featureChoices(snapshot, options.features)
  const pinned = options.pinPsci === undefined ? undefined : parsePsciVersion(options.pinPsci)
  const attempts: Attempt[] = []
  const knowledge = serviceKnowledge(snapshot)
  for (const features of candidates) {
    attempts.push(
      await attemptRestore(backend, snapshot, {
        ...options,
        features,
        omit,
        pinned,
        knowledge,
        run: options.run ?? true,
        force: options.force ?? false,
        rawOrder: options.rawOrder ?? false,
      }),
    )
  }
  // The file fits several feature sets: the worst decides, and the others are said.
  const attempt = attempts.reduce((worst, next) => (RANK[next.verdict] > RANK[worst.verdict] ? next : worst))
  const saved = savedPsci(snapshot)
  const report: Omit<RestoreReport, 'source'> = {
    verdict: attempt.verdict,
    target: { build: build.name, kernel: build.kernel.release, cpu: build.host.cpu },
    features: attempt.features,
    psci: {
      saved: saved === undefined ? null : showPsciVersion(saved),
      afterReplay: text(attempt.psciAfter),
      observedByGuest: attempt.observation?.psci ?? null,
      observedVia: attempt.observation?.via ?? null,
      targetDefault: text(attempt.psciDefault ?? defaultPsci(build, attempt.features)),
    },
    vcpus: attempt.vcpus,
    findings: [...consistencyFindings(snapshot), ...featureFindings, ...attempt.findings, ...notChecked(snapshot)],
    ...(attempts.length > 1 ? { alternatives: attempts.map(({ features, verdict }) => ({ features, verdict })) } : {}),
    ...(attempt.console === '' ? {} : { console: attempt.console }),
  }
  return { report, attempt }
}

/** What the kernel gives a new guest: known also where no vCPU could be made. */
const defaultPsci = ({ kernel: { psci } }: Build, features: readonly Feature[]): bigint =>
  BigInt(features.includes('psci_0_2') ? psci.initial : psci.initialWithout02)

const RANK: Readonly<Record<Verdict, number>> = { survives: 0, changed: 1, refused: 2 }
const text = (version: bigint | undefined): string | null => (version === undefined ? null : showPsciVersion(version))

function omittedIds(snapshot: Snapshot, patterns: readonly string[]): ReadonlySet<bigint> {
  const all = new Set(snapshot.vcpus.flatMap(vcpu => [...vcpu.registers.ids]))
  return new Set(patterns.flatMap(pattern => [...matchRegisters(pattern, all as Iterable<RegId>)]))
}

async function sourceOf({ extent, format, snapshot, sha256 }: Opened): Promise<RestoreReport['source']> {
  const { build } = snapshot.origin
  return { file: (await extent()).name, format: format.id, ...(build === undefined ? {} : { build }), sha256: await sha256() }
}
