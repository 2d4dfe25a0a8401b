// Owns what a policy does to one result: which findings it accepts, and the verdict of the rest. Makes nothing better than it is: what was found
// stays in the result, the real verdict stays beside the new one, and a refusal that is accepted says that the VMM still fails. No clock: the
// caller says what day it is.
import { globMatcher } from '../../arch/catalogue/glob.ts'
import { findRegister } from '../../arch/catalogue/parse.ts'
import type { Finding } from '../../model/finding.ts'
import type { CheckResult } from '../check/check-report.ts'
import type { FailureRow, Verdict } from '../reports.ts'
import { CHANGES } from '../verdict.ts'
import { type Acceptance, isExpired, type Policy, REFUSED, showAcceptance } from './policy.ts'

export interface Applied {
  readonly result: CheckResult
  /** Indices into the policy of what was of use. */
  readonly used: readonly number[]
}

interface Entry extends Acceptance {
  readonly index: number
  readonly means: (register: string | undefined) => boolean
}

/** A policy made ready for many results. `today` is YYYY-MM-DD. */
export function policyApplier(policy: Policy, today: string): (result: CheckResult) => Applied {
  const patterns = policy.accept.map((entry, index) => ({
    ...entry,
    index,
    means: registerMatcher(entry.register),
    buildMatches: buildMatcher(entry.build),
    fromMatches: buildMatcher(entry.from),
  }))
  return result => {
    const here = patterns.filter(entry => entry.buildMatches(result.target.build) && entry.fromMatches(result.source.build))
    return here.length === 0 ? { result, used: [] } : apply(result, here, policy.file, today)
  }
}

function apply(result: CheckResult, entries: readonly Entry[], file: string, today: string): Applied {
  const applying = entries.filter(entry => !isExpired(entry, today))
  const spoken = [...result.findings, ...refusedRows(result).map(asFinding)].filter(({ severity }) => severity !== 'info')
  const expired = entries.filter(entry => isExpired(entry, today) && spoken.some(finding => matches(entry, finding)))

  // A change is accepted finding by finding, a refusal register by register: one finding may speak of many.
  const accepted = new Map<Finding, Entry>()
  for (const finding of result.findings) {
    const entry = finding.severity === 'warning' ? applying.find(each => each.code !== REFUSED && matches(each, finding)) : undefined
    if (entry) accepted.set(finding, entry)
  }
  const refusals = acceptedRefusals(result, applying)
  const used = new Set([...accepted.values(), ...refusals.values()])
  const tooMuch = applying.filter(
    entry => entry.code !== REFUSED && !used.has(entry) && result.findings.some(finding => finding.severity === 'error' && matches(entry, finding)),
  )
  const verdict = used.size === 0 ? result.verdict : verdictOfTheRest(result, accepted, refusals)
  const findings: Finding[] = [
    ...[...refusals].map(([register]) => stillFails(result, register)),
    ...expired.map(entry => expiredFinding(entry, file)),
    ...tooMuch.map(tooMuchFinding),
  ]
  if (used.size === 0 && findings.length === 0) return { result, used: [] }
  const acceptedRows = [
    ...[...accepted].map(([{ register }, entry]) => acceptedRow(entry, register)),
    ...[...refusals].map(([register, entry]) => acceptedRow(entry, register)),
  ]
  return {
    used: [...used].map(({ index }) => index),
    result: {
      ...result,
      verdict,
      reason: verdict === result.verdict ? result.reason : newReason(result, verdict, accepted, [...used]),
      findings: [...result.findings, ...findings],
      ...(used.size === 0 ? {} : { accepted: acceptedRows, verdictWithoutPolicy: result.verdict }),
    },
  }
}

const matches = (entry: Entry, { code, register }: Pick<Finding, 'code' | 'register'>): boolean => entry.code === code && entry.means(register)

const refusedRows = ({ vcpus }: CheckResult): readonly FailureRow[] => vcpus.flatMap(vcpu => vcpu.failures)
const asFinding = ({ name }: FailureRow) => ({ severity: 'error', code: REFUSED, register: name }) as const

/** Registers whose refusal is accepted: named in the policy, and safe to leave out wherever they were refused. */
function acceptedRefusals(result: CheckResult, applying: readonly Entry[]): ReadonlyMap<string, Entry> {
  const found = new Map<string, Entry>()
  for (const row of refusedRows(result)) {
    const entry = applying.find(each => matches(each, asFinding(row)))
    if (entry) found.set(row.name, entry)
  }
  for (const row of refusedRows(result)) if (!row.droppable) found.delete(row.name)
  return found
}

const RANK: Readonly<Record<Verdict, number>> = { survives: 0, changed: 1, refused: 2 }
const worse = (a: Verdict, b: Verdict): Verdict => (RANK[b] > RANK[a] ? b : a)

function verdictOfTheRest(result: CheckResult, accepted: ReadonlyMap<Finding, Entry>, refusals: ReadonlyMap<string, Entry>): Verdict {
  if (result.verdict === 'refused' && !isOnlyRefusedFor(result, refusals)) return 'refused'
  const rest = deciding(result).some(finding => !accepted.has(finding)) ? 'changed' : 'survives'
  // Of the other feature sets that fit the file only the verdict is known: nothing in them can be accepted.
  const others = (result.alternatives ?? []).filter(({ features }) => features.join() !== result.features.join())
  return others.reduce<Verdict>((worst, other) => worse(worst, other.verdict), rest)
}

/** Findings that make the guest see a change. */
const deciding = ({ findings }: CheckResult): readonly Finding[] => findings.filter(({ code, severity }) => severity === 'warning' && CHANGES.has(code))

/** Nothing stands in the way of the load but writes of these registers. */
function isOnlyRefusedFor(result: CheckResult, refusals: ReadonlyMap<string, Entry>): boolean {
  const { decidedBy } = result.load
  return (
    refusedRows(result).every(row => refusals.has(row.name)) &&
    refusals.size > 0 &&
    (decidedBy === undefined || (decidedBy.stage === 'write' && decidedBy.register !== undefined && refusals.has(decidedBy.register))) &&
    result.findings.every(({ severity, code }) => severity !== 'error' || code === REFUSED)
  )
}

function newReason(result: CheckResult, verdict: Verdict, accepted: ReadonlyMap<Finding, Entry>, used: readonly Entry[]): string {
  const left = deciding(result).find(finding => !accepted.has(finding))
  if (verdict === 'changed' && left) return left.message
  const [first, ...more] = used
  if (!first) return result.reason
  return `accepted until ${first.until}: ${first.reason}${more.length === 0 ? '' : `, and ${more.length} more`}`
}

const acceptedRow = ({ code, reason, until }: Entry, register: string | undefined) => ({ code, ...(register === undefined ? {} : { register }), reason, until })

function stillFails({ load }: CheckResult, register: string): Finding {
  return {
    severity: 'warning',
    code: 'refusal-accepted',
    register,
    message: `the policy accepts that ${register} is refused, but ${load.vmm === 'kvm' ? 'a VMM' : load.vmm} still fails to load this file as it is`,
    hint: `take the register out first: psci-snap edit FILE --drop ${register} -o OUT, or psci-snap migrate`,
  }
}

function expiredFinding(entry: Entry, file: string): Finding {
  return {
    severity: 'warning',
    code: 'policy-expired',
    ...(entry.register === undefined ? {} : { register: entry.register }),
    message: `${showAcceptance(entry)} was accepted until ${entry.until} and no longer is: ${entry.reason}`,
    hint: `give it a later day in ${file} if it still holds`,
  }
}

function tooMuchFinding(entry: Entry): Finding {
  return {
    severity: 'warning',
    code: 'policy-cannot-accept',
    ...(entry.register === undefined ? {} : { register: entry.register }),
    message: `the policy accepts ${showAcceptance(entry)}, but this stops the load, and a VM that does not start is nothing to accept`,
  }
}

const PREFIX = /^KVM_REG_ARM(64)?_/

/** A name is compared whole, a glob with the name and with the name without KVM_REG_ARM…. */
function registerMatcher(text: string | undefined): (register: string | undefined) => boolean {
  if (text === undefined) return () => true
  if (findRegister(text) !== undefined) return register => register === text
  const hits = globMatcher(text)
  return register => register !== undefined && (hits(register) || hits(register.replace(PREFIX, '')))
}

function buildMatcher(text: string | undefined): (build: string | undefined) => boolean {
  if (text === undefined) return () => true
  const hits = globMatcher(text, { exactCase: true })
  return build => build !== undefined && (build === text || hits(build))
}
