// Owns the planning of a migration in memory: rounds of check and change until the target takes the snapshot, or nothing helps. Reads and writes no file.
import type { Feature } from '../../arch/features.ts'
import { parsePsciVersion } from '../../arch/psci.ts'
import type { RegId } from '../../arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../arch/smccc.ts'
import type { Build } from '../../builds/build.ts'
import type { Finding } from '../../model/finding.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { checkSnapshot } from '../check/check-snapshot.ts'
import type { VmmId } from '../load/vmm.ts'
import { serviceKnowledge } from '../source-services.ts'
import { CHANGES } from '../verdict.ts'
import type { Work } from '../work.ts'
import { acceptedPsci } from './answer-refusal.ts'
import { CHANGE_CODES, type ChangeCode } from './change-codes.ts'
import type { MigrateBlock } from './migrate-report.ts'
import { type Checked, nextSteps, pinSteps } from './round.ts'
import { applySteps, type Step } from './step.ts'
import { type TargetVcpu, targetVcpu } from './target-vcpu.ts'

export interface PlanOptions extends Work {
  readonly vmm: VmmId
  /** Id of the format that the snapshot was read from, where there is a file. */
  readonly format?: string
  /** Why this VMM, when nobody named one. */
  readonly assumed?: string
  readonly features?: readonly Feature[]
  /** `X.Y` */
  readonly pinPsci?: string
}

export interface Plan {
  /** One a vCPU and register, in the order in which they were found to be needed. */
  readonly steps: readonly Step[]
  readonly snapshot: Snapshot
  readonly before: Checked
  readonly after: Checked
  /** What is left that the guest will notice, with no register to change: codes to agree to. */
  readonly noticed: readonly (Finding & { readonly consent: ChangeCode })[]
  /** Why the target still refuses; empty when it loads. */
  readonly blocked: readonly MigrateBlock[]
}

/** A register is given up on after three answers, so this many rounds are never needed: a guard against going in circles. */
const MOST_ROUNDS = 24

/** Throws SnapError for what stops the work, and for a version that is none; what the target refuses is in the plan. */
export async function planMigration(original: Snapshot, build: Build, options: PlanOptions): Promise<Plan> {
  const { vmm, format, assumed, features, signal } = options
  const about = {
    vmm,
    ...(features ? { features } : {}),
    ...(format === undefined ? {} : { format }),
    ...(assumed === undefined ? {} : { assumed }),
    ...(signal ? { signal } : {}),
  }
  const check = (snapshot: Snapshot): Promise<Checked> => checkSnapshot(snapshot, build, about)
  const pinned = options.pinPsci === undefined ? undefined : parsePsciVersion(options.pinPsci)
  const before = await check(original)
  const target = await targetVcpu(build, original, before.features as readonly Feature[])
  const done = new Map<string, Step>()
  const tries = new Map<RegId, number>()
  let current = original
  const apply = (steps: readonly Step[]): void => {
    current = applySteps(current, steps)
    for (const step of steps) done.set(`${step.vcpu} ${step.id}`, step)
    for (const id of new Set(steps.map(step => step.id))) tries.set(id, (tries.get(id) ?? 0) + 1)
  }
  if (pinned !== undefined) apply(pinSteps(original, pinned, options.pinPsci ?? '', target))
  const fixed = new Set<bigint>(pinned === undefined ? [] : [PSCI_VERSION_ID])
  const knowledge = serviceKnowledge(original)
  let own = current === original ? before : await check(current)
  const isHopeless = otherRefusals(before).length > 0
  for (let round = 0; target && !isHopeless && round < MOST_ROUNDS; round++) {
    signal?.throwIfAborted()
    const steps = await nextSteps({ original, current, own, target, knowledge, tries, fixed, isOrdered: features !== undefined })
    if (steps.length === 0) break
    apply(steps)
    own = await check(current)
  }
  return {
    steps: [...done.values()],
    snapshot: current,
    before,
    after: own,
    noticed: own.verdict === 'changed' ? noticed(own) : [],
    blocked: own.verdict === 'refused' ? await blocks(own, target, fixed.size > 0) : [],
  }
}

function noticed({ findings, reason }: Checked): Plan['noticed'] {
  const changes = findings
    .filter(({ code, severity }) => CHANGES.has(code) && severity !== 'info')
    .map(finding => ({ ...finding, consent: finding.code in CHANGE_CODES ? (finding.code as ChangeCode) : ('register-changed' as const) }))
  const faults = findings
    .filter(({ code, severity }) => severity === 'error' && !CHANGES.has(code))
    .map(fault => ({ ...fault, consent: 'file-fault' as const }))
  const all = [...changes, ...faults]
  return all.length > 0 ? all : [{ severity: 'warning', code: 'register-changed', message: reason, consent: 'register-changed' }]
}

/** Refusals of something that is no register: nothing that is changed here helps. */
const otherRefusals = ({ findings }: Checked): readonly Finding[] => findings.filter(({ code }) => /-refused$/.test(code) && code !== 'register-refused')

async function blocks(checked: Checked, target: TargetVcpu | undefined, isPinned: boolean): Promise<readonly MigrateBlock[]> {
  const { load, vcpus } = checked
  const failures = vcpus.flatMap(({ index, failures: rows }) => rows.map(row => ({ vcpu: index, ...row })))
  const refused = failures.map(({ vcpu, name, value, errno, reason }) => ({
    vcpu,
    register: name,
    message: `${name} = ${value} is refused with ${errno}: ${reason}`,
  }))
  const others = otherRefusals(checked).map(({ message }) => ({ message }))
  const decided = load.decidedBy && refused.length + others.length === 0 ? [{ message: load.decidedBy.message }] : []
  const psci =
    isPinned && target && failures.some(({ id }) => BigInt(id) === PSCI_VERSION_ID)
      ? [
          {
            register: 'KVM_REG_ARM_PSCI_VERSION',
            message: `the target takes PSCI ${(await acceptedPsci(target)).join(', ') || 'no version'}, so it cannot be pinned to another`,
          },
        ]
      : []
  return others.length > 0 ? others : [...psci, ...refused, ...decided]
}
