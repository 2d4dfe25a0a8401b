// Owns `restore`: a blind replay of a snapshot into a target, the verdict, and what the guest sees when it runs on. Prints nothing.
import { matchRegisters } from '../arch/catalogue/match.ts'
import type { Feature } from '../arch/features.ts'
import { parsePsciVersion, showPsciVersion } from '../arch/psci.ts'
import type { RegId } from '../arch/reg-id.ts'
import type { Build } from '../builds/build.ts'
import { SnapError } from '../errors.ts'
import { writeSnapshotFile } from '../formats/exporters.ts'
import { consistencyFindings } from '../model/consistency.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { type BackendOptions, withLiveHost } from './backend-choice.ts'
import { featureChoices } from './feature-choices.ts'
import { guestInFile } from './guest-in-file.ts'
import { type InputOptions, type Opened, withInput } from './input.ts'
import { emulatorHost } from './live/emulator-host.ts'
import type { LiveHost, LiveVmOptions, Surroundings } from './live/live-host.ts'
import { notChecked } from './not-checked.ts'
import type { RestoreReport, Verdict } from './reports.ts'
import { type Attempt, attemptRestore } from './restore-attempt.ts'
import { savedPsci } from './saved-psci.ts'
import { serviceKnowledge } from './source-services.ts'

export interface RestoreOptions extends InputOptions, BackendOptions {
  /** Replaces the features that the file names or that are inferred. */
  readonly features?: readonly Feature[]
  /** `X.Y`: written over the restored PSCI version before the guest runs, as a VMM's own pin does. */
  readonly pinPsci?: string
  /** Names, ids or globs of registers that are not written. */
  readonly omit?: readonly string[]
  readonly rawOrder?: boolean
  /**
   * Let the guest run on and say what it sees. Absent: on the built-in machine it runs; on a real host only when its code is that of the built-in
   * guest, byte for byte, and otherwise a payload of ours asks in a clone of the VM.
   */
  readonly run?: boolean
  /** Run even after a refusal. */
  readonly force?: boolean
  /** Write nothing, and ask by the payload even after a refusal. */
  readonly dryRun?: boolean
  /** What surrounds the guest when it runs on, and who hears its firmware calls. For the built-in machine. */
  readonly surroundings?: Surroundings
  readonly onFirmware?: NonNullable<LiveVmOptions['onFirmware']>
  /** Where the resulting state goes, and whether it may replace a file. */
  readonly output?: string
  readonly overwrite?: boolean
}

/**
 * Replays a file of any known format into a fresh VM, which is thrown away at the end. Throws SnapError for a file, build or register that is not what
 * it should be, and BACKEND_ABSENT; refusals are in the report.
 */
export async function restore(file: string, options: RestoreOptions): Promise<RestoreReport> {
  if (options.dryRun && options.output !== undefined) throw new SnapError('USAGE', '--dry-run writes nothing: --output has no place beside it')
  return withLiveHost(options, host =>
    withInput(file, options, async opened => {
      const { attempt, report, close } = await restoreSnapshot(opened.snapshot, host, options)
      try {
        const source = await sourceOf(opened)
        const findings = [...opened.findings, ...report.findings]
        const { verdict, ...rest } = report
        const whole = { verdict, source, ...rest, findings }
        if (options.output === undefined) return whole
        const after = await attempt.capture()
        await writeSnapshotFile(after, options.output, { force: options.overwrite ?? false, ...(options.signal ? { signal: options.signal } : {}) })
        return { ...whole, output: options.output }
      } finally {
        await close()
      }
    }),
  )
}

export interface RestoreOutcome {
  readonly report: Omit<RestoreReport, 'source'>
  readonly attempt: Attempt
  /** Throws all VMs away: what `attempt` gave is not valid any more. Of consequence on a real host only. */
  close(): Promise<void>
}

/** The same for a snapshot in memory, on a build or on a host that is open. */
export async function restoreSnapshot(
  snapshot: Snapshot,
  target: Build | LiveHost,
  options: Omit<RestoreOptions, keyof BackendOptions | 'output'>,
): Promise<RestoreOutcome> {
  const host = 'createVm' in target ? target : emulatorHost(target)
  const omit = omittedIds(snapshot, options.omit ?? [])
  const { candidates, findings: featureFindings } = featureChoices(snapshot, options.features)
  const pinned = options.pinPsci === undefined ? undefined : parsePsciVersion(options.pinPsci)
  const run = options.run === undefined ? (host.kind === 'kvm' ? 'ours' : 'any') : options.run ? 'any' : 'nothing'
  const attempts: Attempt[] = []
  const close = async (): Promise<void> => {
    for (const each of attempts) await each.close()
  }
  const common = {
    ...options,
    omit,
    pinned,
    run,
    knowledge: serviceKnowledge(snapshot),
    guest: run === 'nothing' ? 'none' : await guestInFile(snapshot, options.signal),
    force: options.force ?? false,
    askAnyway: options.dryRun ?? false,
    rawOrder: options.rawOrder ?? false,
  } as const
  try {
    for (const features of candidates) attempts.push(await attemptRestore(host, snapshot, { ...common, features }))
  } catch (error) {
    await close()
    throw error
  }
  // The file fits several feature sets: the worst decides, and the others are said.
  const attempt = attempts.reduce((worst, next) => (RANK[next.verdict] > RANK[worst.verdict] ? next : worst))
  const saved = savedPsci(snapshot)
  const report: Omit<RestoreReport, 'source'> = {
    verdict: attempt.verdict,
    target: host.target,
    features: attempt.features,
    psci: {
      saved: saved === undefined ? null : showPsciVersion(saved),
      afterReplay: text(attempt.psciAfter),
      observedByGuest: attempt.observation?.psci ?? null,
      observedVia: attempt.observation?.via ?? null,
      targetDefault: text(attempt.psciDefault ?? host.defaultPsci(attempt.features)),
    },
    vcpus: attempt.vcpus,
    findings: [...consistencyFindings(snapshot), ...featureFindings, ...attempt.findings, ...notChecked(snapshot)],
    ...(attempts.length > 1 ? { alternatives: attempts.map(({ features, verdict }) => ({ features, verdict })) } : {}),
    ...(attempt.console === '' ? {} : { console: attempt.console }),
  }
  return { report, attempt, close }
}

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
