// Owns the answer about PSCI versions: one of them, or the step between two. Which kernel knows which version comes from the builds.
import { describePsciStep, PSCI_RETURNS, PSCI_VERSIONS, type PsciVersion, parsePsciVersion, psciFunctionsOf, showPsciVersion } from '../../arch/psci.ts'
import { SnapError } from '../../errors.ts'
import { psciStepWords } from '../check/words/psci-words.ts'
import type { PsciAnswer, PsciFunctionRow, PsciVersionRow } from './explain-report.ts'
import { type KernelHosts, kernelsWhere } from './hosts.ts'
import {
  DOWN_CONSEQUENCE,
  GUEST_SIDE,
  OLD_ADVICE,
  OLD_RULE,
  PSCI_SINCE,
  PSCI_SOURCES,
  pinAdvice,
  SAME_FUNCTIONS,
  STEP_RULE,
  UP_CONSEQUENCE,
} from './psci-facts.ts'

const hex32 = (id: number): string => `0x${(id >>> 0).toString(16).padStart(8, '0')}`
const NOT_SUPPORTED = -1
const OLDEST: PsciVersion = '0.1'
const refusal = `${PSCI_RETURNS.find(row => row.value === NOT_SUPPORTED)?.name} (${NOT_SUPPORTED})`

/** `from` is absent for a question about one version. Throws REG_VALUE_INVALID for a version that no kernel knows. */
export function explainPsci(from: string | undefined, to: string, hosts: readonly KernelHosts[]): PsciAnswer {
  const [start, end] = [from === undefined ? undefined : known(from), known(to)]
  const functions = start === undefined ? functionsOf(end) : stepRows(start, end)
  return {
    kind: 'psci',
    title: start === undefined ? `PSCI ${end}` : `PSCI ${start} → ${end}`,
    ...(start === undefined ? {} : { from: start }),
    to: end,
    rule: [...(start !== undefined && functions.length === 0 ? [`${SAME_FUNCTIONS}.`] : []), ...(start === OLDEST || end === OLDEST ? [OLD_RULE] : STEP_RULE)],
    versions: (start === undefined ? [end] : between(start, end)).map(version => versionRow(version, hosts)),
    functions,
    consequences: start === undefined || start === end ? [] : [precedes(end, start) ? DOWN_CONSEQUENCE : UP_CONSEQUENCE, ...stepMessages(start, end)],
    advice: start === end ? [] : adviceFor(start, end, hosts),
    sources: [...PSCI_SOURCES, GUEST_SIDE],
  }
}

function known(text: string): PsciVersion {
  const version = showPsciVersion(parsePsciVersion(text))
  const found = PSCI_VERSIONS.find(each => each === version)
  if (found) return found
  throw new SnapError('REG_VALUE_INVALID', `no kernel knows PSCI ${version}`, {}, { hint: `known versions: ${PSCI_VERSIONS.join(' ')}` })
}

/** What a guest that was booted with one meets under the other, without a row that says the same as the table of functions. */
const stepMessages = (from: string, to: string): readonly string[] => psciStepWords(from, to).flatMap(({ message }) => (message.includes(':') ? [message] : []))

const at = (version: PsciVersion): number => PSCI_VERSIONS.indexOf(version)
const precedes = (a: PsciVersion, b: PsciVersion): boolean => at(a) < at(b)

/** A guest is best born with the older version; one that was not belongs on kernels that know the newer. */
function adviceFor(from: PsciVersion | undefined, to: PsciVersion, hosts: readonly KernelHosts[]): readonly string[] {
  const older = from !== undefined && precedes(from, to) ? from : to
  if (older === OLDEST) return OLD_ADVICE
  const { value } = versionRow(older, hosts)
  const { acceptedOn = [] } = from !== undefined && precedes(to, from) ? versionRow(from, hosts) : {}
  return [
    ...(acceptedOn.length > 0 ? [`a guest that booted with ${from}: keep it on kernels that accept ${from}, or boot it again with ${to}`] : []),
    ...pinAdvice(older, value),
  ]
}

/** Both versions and those between them, in the direction of the step. */
function between(from: PsciVersion, to: PsciVersion): readonly PsciVersion[] {
  const rows = PSCI_VERSIONS.slice(Math.min(at(from), at(to)), Math.max(at(from), at(to)) + 1)
  return precedes(to, from) ? rows.reverse() : rows
}

export function versionRow(version: PsciVersion, hosts: readonly KernelHosts[]): PsciVersionRow {
  const value = Number(parsePsciVersion(version))
  const isOld = version === OLDEST
  const since = PSCI_SINCE[version]
  return {
    version,
    value: `0x${value.toString(16)}`,
    defaultOn: kernelsWhere(hosts, ({ kernel: { psci } }) => (isOld ? psci.initialWithout02 : psci.initial) === value),
    acceptedOn: kernelsWhere(hosts, ({ kernel: { psci } }) => (isOld ? psci.acceptedWithout02 : psci.accepted).includes(value)),
    ...(since === undefined ? {} : { since: `Linux ${since.release}${since.commit === undefined ? '' : ` (${since.commit})`}` }),
  }
}

function stepRows(from: PsciVersion, to: PsciVersion): readonly PsciFunctionRow[] {
  return describePsciStep(from, to).map(({ change, name, ids, needs, meaning }) => ({
    change,
    name,
    ids: ids.map(hex32),
    meaning,
    ...(needs === undefined ? {} : { needs }),
    ...(change === 'vanishes' ? { answer: refusal } : {}),
  }))
}

/** What a guest finds, the newest functions first. */
function functionsOf(version: PsciVersion): readonly PsciFunctionRow[] {
  if (version === '0.1')
    return stepRows('0.2', '0.1')
      .filter(row => row.change === 'appears')
      .map(row => ({ ...row, change: 'offered' as const }))
  const rows = [...psciFunctionsOf(version)].sort((a, b) => at(b.offered ?? '0.1') - at(a.offered ?? '0.1') || a.number - b.number)
  return rows.map(({ name, smc32, smc64, meaning, needs }) => ({
    change: 'offered',
    name,
    ids: [smc32, ...(smc64 === undefined ? [] : [smc64])].map(hex32),
    meaning,
    ...(needs === undefined ? {} : { needs }),
  }))
}
