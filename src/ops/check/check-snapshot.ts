// Owns the answer for one snapshot: the load as the VMM does it, predicted on an emulated host or done on this one, judged. No guest runs, no file is written,
// no WebAssembly.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { errnoName } from '../../arch/errno.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { showPsciVersion } from '../../arch/psci.ts'
import { showRegId, sysRegId } from '../../arch/reg-id.ts'
import type { Build } from '../../builds/build.ts'
import { consistencyFindings } from '../../model/consistency.ts'
import type { Finding } from '../../model/finding.ts'
import { registerValue } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { featureChoices } from '../feature-choices.ts'
import { attemptLoad, type LoadAttempt } from '../load/attempt.ts'
import type { Stop, VmmRules } from '../load/plan.ts'
import { rulesOf } from '../load/rules.ts'
import type { VmmId } from '../load/vmm.ts'
import { notChecked } from '../not-checked.ts'
import type { Verdict } from '../reports.ts'
import { savedPsci } from '../saved-psci.ts'
import { showValue } from '../show-value.ts'
import type { Tables } from '../signature/machine-parts.ts'
import { serviceKnowledge } from '../source-services.ts'
import { CHANGES, type Judgement, judge } from '../verdict.ts'
import type { Work } from '../work.ts'
import type { CheckResult, LoadFailure, LoadReport } from './check-report.ts'
import { type CheckTarget, isLive, reportOf } from './check-target.ts'
import { lostFindings } from './lost.ts'
import { tell } from './tell.ts'
import { wakeOn } from './wake.ts'
import { faultReason, faultVerdict } from './words/file-faults.ts'
import { wakeWords } from './words/wake-words.ts'

export interface CheckSnapshotOptions extends Work {
  readonly vmm: VmmId
  /** Replaces the features that the file names or that are inferred. */
  readonly features?: readonly Feature[]
  /** `kvm` only: pure list order, SVE vector lengths too, as recordings were made. */
  readonly rawOrder?: boolean
  /** Id of the format that the snapshot was read from, where there is a file. */
  readonly format?: string
  /** Why this VMM, when nobody named one. */
  readonly assumed?: string
  /** What reading and linting the file found: first among the findings, and a fault that costs the guest something is a verdict. */
  readonly fileFindings?: readonly Finding[]
  /** Digests of the tables in the guest's memory, for a guest that hibernated. */
  readonly tables?: Tables
}

export type SnapshotResult = Omit<CheckResult, 'source'>

/** Throws SnapError only for what stops the work; what the target or the VMM refuses is in the result. */
export async function checkSnapshot(snapshot: Snapshot, target: CheckTarget, options: CheckSnapshotOptions): Promise<SnapshotResult> {
  return snapshotChecker(snapshot, options)(target)
}

/** The same for many targets: what depends on the snapshot alone is found once. */
export function snapshotChecker(snapshot: Snapshot, options: CheckSnapshotOptions): (target: CheckTarget) => SnapshotResult {
  const rules = rulesOf(options.vmm)
  const inferred = featureChoices(snapshot, options.features)
  const saved = savedPsci(snapshot)
  const about: About = { snapshot, options, candidates: inferred.candidates, saved, knowledge: serviceKnowledge(snapshot) }
  const before = [...(options.fileFindings ?? []), ...consistencyFindings(snapshot), ...inferred.findings, ...vmmFindings(rules, options)]
  const after = notChecked(snapshot)
  const faults = faultVerdict(before)
  return target => {
    options.signal?.throwIfAborted()
    if (snapshot.stop === 'hibernated') return wakeResult(about, rules, target, before, after, faults)
    const build = isLive(target) ? target.words : target
    const { worst, all } = judgeAll(about, rules, target)
    const { attempt, judged } = worst
    const verdict = RANK[faults] > RANK[worst.verdict] ? faults : worst.verdict
    const other = otherQemu(about, options.vmm, target)
    const load = loadReport(rules, attempt)
    const differs = other && other.load.outcome !== load.outcome ? [differsFinding(load, other.load)] : []
    const result = {
      verdict,
      target: { ...reportOf(target), vmm: rules.id },
      load,
      features: attempt.features,
      psci: {
        saved: saved === undefined ? null : showPsciVersion(saved),
        afterReplay: versionText(attempt.psciAfter),
        observedByGuest: null,
        observedVia: null,
        targetDefault: versionText(attempt.psciDefault),
      },
      vcpus: judged.vcpus,
      findings: [...before, ...worst.findings, ...differs, ...after, ...(isLive(target) ? target.findings : unseenFindings(snapshot, build, attempt.features))],
      ...(all.length > 1 ? { alternatives: all.map(each => ({ features: each.attempt.features, verdict: each.verdict })) } : {}),
    }
    return { ...result, ...tell({ snapshot, build, ...(other ? { other } : {}), ...result }) }
  }
}

/** The guest boots anew and resumes from its disk: nothing is replayed. */
function wakeResult(
  { snapshot, saved, candidates, options }: About,
  { id }: VmmRules,
  target: CheckTarget,
  before: readonly Finding[],
  after: readonly Finding[],
  faults: Verdict,
): SnapshotResult {
  const all = candidates.map(features => wakeOn(target, snapshot, { saved, features, ...(options.tables ? { tables: options.tables } : {}) }))
  const worst = all.reduce((found, next) => (RANK[next.verdict] > RANK[found.verdict] ? next : found))
  const { features, wake, vcpus, psci } = worst
  // A file whose state is damaged is none to go by, not even for its environment.
  const isFault = RANK[faults] > RANK[worst.verdict]
  const findings = [...before, ...worst.findings, ...after, ...(isLive(target) ? target.findings : [])]
  return {
    verdict: isFault ? faults : worst.verdict,
    reason: (isFault ? faultReason(before) : undefined) ?? worst.reason,
    target: { ...reportOf(target), vmm: id },
    load: { vmm: id, outcome: worst.verdict === 'refused' ? 'fails' : 'loads', dropped: [] },
    features,
    psci,
    vcpus,
    ...wakeWords(worst, id, isLive(target) ? 'BUILD' : target.name),
    findings,
    ...(all.length > 1 ? { alternatives: all.map(each => ({ features: each.features, verdict: each.verdict })) } : {}),
    wake,
  }
}

interface About {
  readonly snapshot: Snapshot
  readonly options: CheckSnapshotOptions
  readonly candidates: readonly (readonly Feature[])[]
  readonly saved: bigint | undefined
  readonly knowledge: ReturnType<typeof serviceKnowledge>
}

interface Judged {
  readonly attempt: LoadAttempt
  readonly judged: Judgement
  readonly verdict: Verdict
  /** Of this attempt alone. */
  readonly findings: readonly Finding[]
}

const RANK: Readonly<Record<Verdict, number>> = { survives: 0, changed: 1, refused: 2 }
const versionText = (version: bigint | undefined): string | null => (version === undefined ? null : showPsciVersion(version))

/** Every feature set that fits, with which the VMM may make the vCPUs: the worst decides. */
function judgeAll(about: About, rules: VmmRules, target: CheckTarget): { readonly worst: Judged; readonly all: readonly Judged[] } {
  const { candidates, options } = about
  const sets = new Map<number, readonly Feature[]>()
  for (const candidate of candidates)
    for (const set of options.features ? [candidate] : rules.features(candidate)) if (!sets.has(featureMask(set))) sets.set(featureMask(set), set)
  const all = [...sets.values()].map(features => judgeOne(about, rules, target, features))
  return { worst: all.reduce((worst, next) => (RANK[next.verdict] > RANK[worst.verdict] ? next : worst)), all }
}

function judgeOne({ snapshot, options, saved, knowledge }: About, rules: VmmRules, target: CheckTarget, features: readonly Feature[]): Judged {
  const isOwnFile = rules.format !== undefined && options.format === rules.format
  const attempt = attemptLoad(target, snapshot, rules, { features, isOwnFile, rawOrder: rules.id === 'kvm' && (options.rawOrder ?? false) })
  const judged = judge(snapshot, attempt.replays, { features, psci: { saved, after: attempt.psciAfter }, sourceOffered: knowledge })
  const findings = [...loadFindings(attempt), ...judged.findings, ...lostFindings(snapshot, attempt, rules)]
  const changed = findings.some(({ code, severity }) => CHANGES.has(code) && severity !== 'info')
  return { attempt, judged, findings, verdict: attempt.stop ? 'refused' : changed ? 'changed' : 'survives' }
}

/** What is refused and is no register. */
function loadFindings({ refusals, stop }: LoadAttempt): readonly Finding[] {
  const findings = refusals.map((refusal): Finding => ({ severity: 'error', ...refusal }))
  return stop?.stage === 'count' ? [...findings, { severity: 'error', code: 'list-too-long', message: stop.message }] : findings
}

function loadReport({ id }: VmmRules, { stop, says, dropped }: LoadAttempt): LoadReport {
  const rows = new Map<string, LoadReport['dropped'][number]>()
  for (const { id: register, value, why } of dropped.flat()) {
    const row = { id: showRegId(register), name: registerName(register), value: showValue(register, value), why }
    rows.set(`${row.id} ${row.value} ${why}`, row)
  }
  return {
    vmm: id,
    outcome: stop ? 'fails' : 'loads',
    ...(stop ? { decidedBy: failureOf(stop) } : {}),
    dropped: [...rows.values()],
    ...(says === undefined ? {} : { says }),
  }
}

const failureOf = ({ stage, vcpu, id, errno, message }: Stop): LoadFailure => ({
  stage,
  ...(vcpu === undefined ? {} : { vcpu }),
  ...(id === undefined ? {} : { id: showRegId(id), register: registerName(id) }),
  ...(errno === undefined ? {} : { errno: errnoName(errno) }),
  message,
})

/** What the other modelled QEMU does with it: `tell` makes advice of a difference. */
export interface OtherLoad {
  readonly load: LoadReport
  readonly verdict: Verdict
}

function otherQemu(about: About, vmm: VmmId, target: CheckTarget): OtherLoad | undefined {
  const other = vmm === 'qemu-10.0' ? 'qemu-11.1' : vmm === 'qemu-11.1' ? 'qemu-10.0' : undefined
  if (!other) return undefined
  const rules = rulesOf(other)
  const { attempt, verdict } = judgeAll(about, rules, target).worst
  return { load: loadReport(rules, attempt), verdict }
}

function differsFinding(load: LoadReport, other: LoadReport): Finding {
  const title = rulesOf(other.vmm).title
  const message =
    other.outcome === 'loads'
      ? `${title} loads it here: ${rulesOf(load.vmm).title} alone refuses`
      : `${title} does not load it here: ${other.decidedBy?.message ?? ''}`
  return { severity: 'info', code: 'other-vmm-differs', message, hint: `--vmm ${other.vmm}` }
}

function vmmFindings({ title, id, format: own }: VmmRules, { format, assumed }: CheckSnapshotOptions): readonly Finding[] {
  if (assumed !== undefined) return [{ severity: 'info', code: 'vmm-assumed', message: assumed, hint: 'pass --vmm to say what will load it' }]
  const isForeign = format !== undefined && id !== 'kvm' && own !== format
  return isForeign
    ? [{ severity: 'info', code: 'vmm-as-if', message: `judged as if ${title} had saved these registers: the file is not its own (${format})` }]
    : []
}

const HIDDEN = [
  [sysRegId(3, 0, 0, 7, 2), 0xfn << 24n], // ID_AA64MMFR2_EL1.NV
  [sysRegId(3, 0, 0, 4, 0), 0xfn << 40n], // ID_AA64PFR0_EL1.MPAM
] as const

/** What a derived build cannot know of its host, where this snapshot depends on it. */
function unseenFindings({ vcpus }: Snapshot, { host, name }: Build, features: readonly Feature[]): readonly Finding[] {
  if (!host.unseen) return []
  const findings: Finding[] = []
  if (host.unseen.includes('vector-lengths') && features.includes('sve'))
    findings.push({
      severity: 'info',
      code: 'not-checked',
      message: `vector lengths not checked: nothing shows those of ${name}`,
      hint: 'derive the build from a list with KVM_REG_ARM64_SVE_VLS',
    })
  const list = vcpus[0]?.registers
  for (const [id, mask] of host.unseen.includes('hardware') && list ? HIDDEN : [])
    if (((list && registerValue(list, id)) ?? 0n) & mask)
      findings.push({
        severity: 'info',
        code: 'not-checked',
        register: registerName(id),
        message: `a field of ${registerName(id)} that newer kernels hide was not compared with the hardware of ${name}: taken to be the same CPU's`,
      })
  return findings
}
