// Owns the SARIF 2.1.0 log of a check (OASIS, SARIF Version 2.1.0 Plus Errata 01): one result for each kind of finding of each file and target,
// errors and warnings. Decides nothing: what is an error or a warning is in the findings.
import { createHash } from 'node:crypto'
import type { Finding } from '../../model/finding.ts'
import type { CheckResult, CheckSummary, CheckUnreadable } from '../../ops/check/check-report.ts'
import { VERSION } from '../../version.ts'
import { terminalText } from '../terminal-text.ts'
import { fileUri } from './escape.ts'
import { isUnreadable } from './failing.ts'
import { ruleRow } from './sarif-rules.ts'
import type { StreamedReport } from './streamed-report.ts'

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'
/** Unreadable files that are named; the number of the others is said. */
const MOST_NOTIFICATIONS = 1000
/** GitHub's documented limit for code scanning: results of one run beyond it are dropped there. */
const GITHUB_RESULTS = 25_000

type Json = { readonly [key: string]: unknown }
type Level = 'error' | 'warning'

/** What one result says: findings of one code, and what a policy says of them. */
interface Told {
  readonly code: string
  readonly level: Level
  readonly rows: readonly Pick<Finding, 'message' | 'vcpu' | 'register'>[]
  readonly accepted: Accepted | undefined
}
type Accepted = NonNullable<CheckResult['accepted']>[number]

/** Keeps the rules met so far and at most 1,000 unreadable files. Findings of severity `info` are left out; their number is in the run's properties. */
export function sarifReport(): StreamedReport {
  const rules = new Map<string, number>()
  const unreadable: CheckUnreadable[] = []
  const counts = { results: 0, unreadable: 0, informationLeftOut: 0 }
  const ruleIndex = (code: string): number => {
    const index = rules.get(code) ?? rules.size
    rules.set(code, index)
    return index
  }
  return {
    start: () => `{"$schema":${JSON.stringify(SCHEMA)},"version":"2.1.0","runs":[{"results":[`,
    row(row) {
      if (isUnreadable(row)) {
        if (counts.unreadable++ < MOST_NOTIFICATIONS) unreadable.push(row)
        return ''
      }
      const told = toldOf(row)
      counts.informationLeftOut += row.findings.filter(({ severity }) => severity === 'info').length
      const results = told.map((one, i) => JSON.stringify(resultOf(row, one, ruleIndex(one.code), i === 0)))
      const text = results.map((result, i) => `${counts.results + i === 0 ? '' : ','}\n${result}`).join('')
      counts.results += results.length
      return text
    },
    end(summary) {
      const driver = { name: 'psci-snap', version: VERSION, semanticVersion: VERSION, rules: [...rules.keys()].map(ruleOf) }
      const rest = {
        tool: { driver },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: counts.unreadable === 0, toolExecutionNotifications: notifications(unreadable, counts) }],
        properties: { ...summaryOf(summary), informationLeftOut: counts.informationLeftOut },
      }
      return `\n],${JSON.stringify(rest).slice(1, -1)}}]}\n`
    },
  }
}

function ruleOf(code: string): Json {
  const [id, title, help] = ruleRow(code)
  return { id, name: pascalCase(code), shortDescription: { text: title }, fullDescription: { text: title }, help: { text: help } }
}

const pascalCase = (code: string): string => code.replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Errors, then warnings, those of one code together. A verdict that no finding explains is a result in its own right. */
function toldOf({ verdict, reason, load: { decidedBy }, findings, accepted = [] }: CheckResult): readonly Told[] {
  const worst = verdict === 'refused' ? 'error' : 'warning'
  const isExplained = verdict === 'survives' || findings.some(({ severity }) => severity === worst)
  const own: Finding = { ...(decidedBy ?? {}), severity: worst, code: verdict === 'refused' ? 'load-fails' : 'verdict-changed', message: reason }
  const groups = new Map<string, Told & { readonly rows: Finding[] }>()
  for (const level of ['error', 'warning'] as const)
    for (const finding of isExplained ? findings : [own, ...findings]) {
      if (finding.severity !== level) continue
      const { code, register } = finding
      const acceptance = accepted.find(one => one.code === code && (one.register === undefined || one.register === register))
      const key = `${level} ${code} ${acceptance === undefined ? '' : accepted.indexOf(acceptance)}`
      const group = groups.get(key) ?? { code, level, rows: [], accepted: acceptance }
      group.rows.push(finding)
      groups.set(key, group)
    }
  return [...groups.values()]
}

const MOST_NAMES = 8

function resultOf(
  { source, target, verdict, advice: [advice] }: CheckResult,
  { code, level, rows, accepted }: Told,
  ruleIndex: number,
  isFirst: boolean,
): Json {
  const registers = [...new Set(rows.flatMap(({ register }) => register ?? []))]
  const vcpus = [...new Set(rows.flatMap(({ vcpu }) => vcpu ?? []))]
  const others = rows.slice(1).map(({ register, message }) => register ?? message)
  const more =
    others.length === 0 ? '' : `. Also: ${others.slice(0, MOST_NAMES).join(', ')}${others.length > MOST_NAMES ? ` and ${others.length - MOST_NAMES} more` : ''}`
  const advised = isFirst && advice ? `. What to do: ${advice.message}${advice.command === undefined ? '' : `: ${advice.command}`}` : ''
  const [register] = registers
  const logical =
    register === undefined ? [] : [{ name: register, fullyQualifiedName: vcpus.length === 1 ? `vCPU ${vcpus[0]}/${register}` : register, kind: 'resource' }]
  return {
    ruleId: code,
    ruleIndex,
    level,
    message: { text: terminalText(`${target.build}: ${rows[0]?.message ?? ''}${more}${advised}`) },
    locations: [
      {
        // A snapshot has no lines, but services that show results beside a file place those without a region nowhere.
        physicalLocation: { artifactLocation: { uri: fileUri(source.file) }, region: { startLine: 1 } },
        ...(logical.length === 0 ? {} : { logicalLocations: logical }),
      },
    ],
    partialFingerprints: { 'psciSnapFinding/v1': fingerprint([code, source.file, target.build, target.vmm, accepted?.register ?? '']) },
    ...(accepted ? { suppressions: [{ kind: 'external', status: 'accepted', justification: `${accepted.reason} (until ${accepted.until})` }] } : {}),
    properties: {
      verdict,
      build: target.build,
      kernel: target.kernel,
      cpu: target.cpu,
      vmm: target.vmm,
      ...(vcpus.length === 0 ? {} : { vcpus }),
      ...(registers.length === 0 ? {} : { registers }),
    },
  }
}

/** The same for the same finding of the same file and target in every run, whatever the wording of its message. */
const fingerprint = (parts: readonly string[]): string => createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)

function notifications(rows: readonly CheckUnreadable[], counts: { readonly results: number; readonly unreadable: number }): readonly Json[] {
  const note = (level: 'error' | 'warning', id: string, text: string): Json => ({ descriptor: { id }, level, message: { text: terminalText(text) } })
  const left = counts.unreadable - rows.length
  return [
    ...rows.map(({ source, error }) => ({
      ...note('error', error.code, error.message),
      locations: [{ physicalLocation: { artifactLocation: { uri: fileUri(source.file) } } }],
    })),
    ...(left > 0 ? [note('error', 'MORE_UNREADABLE', `${left} more files could not be read; they are not named here`)] : []),
    ...(counts.results > GITHUB_RESULTS
      ? [note('warning', 'MANY_RESULTS', `${counts.results} results; GitHub code scanning takes ${GITHUB_RESULTS} of one run: divide the files with --shard`)]
      : []),
  ]
}

const summaryOf = ({ files, targets, results, verdicts, unreadable, accepted, shard }: CheckSummary): Json => ({
  files,
  targets,
  results,
  verdicts,
  unreadable,
  accepted,
  ...(shard ? { shard } : {}),
})
