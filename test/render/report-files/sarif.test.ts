// SARIF: judged by the schema of the standard, and by what services that read it ask for besides.
import schema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' }
import Ajv from 'ajv'
import draft from 'ajv/lib/refs/json-schema-draft-04.json' with { type: 'json' }
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CheckRow } from '../../../src/ops/check/check-report.ts'
import { sarifReport } from '../../../src/render/report-files/sarif.ts'
import { ANY_UNIT, ROWS, result, TARGETS, unreadable, written } from './rows.ts'

interface Log {
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string; readonly help: { readonly text: string } }[] } }
      readonly results: readonly Result[]
      readonly invocations: readonly [
        { readonly executionSuccessful: boolean; readonly toolExecutionNotifications: readonly { readonly descriptor: { readonly id: string } }[] },
      ]
      readonly properties: { readonly informationLeftOut: number }
    },
  ]
}
interface Result {
  readonly ruleId: string
  readonly ruleIndex: number
  readonly level: string
  readonly message: { readonly text: string }
  readonly locations: readonly [{ readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } } }]
  readonly partialFingerprints: Readonly<Record<string, string>>
  readonly properties: { readonly build: string; readonly verdict: string; readonly registers?: readonly string[] }
  readonly suppressions?: readonly { readonly justification: string }[]
}

const ajv = new Ajv({ schemaId: 'auto', allErrors: true })
ajv.addMetaSchema(draft)
const validate = ajv.compile(schema)

function log(rows: readonly CheckRow[]): Log {
  const parsed = JSON.parse(written(sarifReport(), rows)) as Log
  validate(parsed)
  expect(validate.errors ?? []).toEqual([])
  return parsed
}
const fingerprints = ({ runs: [{ results }] }: Log) => results.map(one => one.partialFingerprints['psciSnapFinding/v1'])

test('the schema is the real one: it refuses what is not SARIF', () => {
  expect(validate({ version: '2.1.0', runs: [{ results: [{ message: {} }] }] })).toBe(false)
})

test('one result for each kind of finding of each file and target, with its rule', () => {
  const [run] = log(ROWS).runs
  expect(run.results.map(one => [one.ruleId, one.level, one.locations[0].physicalLocation.artifactLocation.uri, one.properties.build])).toEqual([
    ['register-refused', 'error', 'fleet/mixed.psnap', TARGETS[0]],
    ['register-changed', 'warning', 'fleet/mixed.psnap', TARGETS[1]],
    ...TARGETS.map(target => ['register-refused', 'error', 'fleet/bad.psnap', target]),
  ])
  for (const one of run.results) expect(run.tool.driver.rules[one.ruleIndex]!.id).toBe(one.ruleId)
  expect(run.tool.driver.rules.map(({ help }) => help.text.length > 40)).toEqual([true, true])
  expect(run.properties.informationLeftOut).toBe(9)
})

test('files that cannot be read are notifications, and the run is then no success', () => {
  const [{ invocations }] = log(ROWS).runs
  expect(invocations[0]).toMatchObject({ executionSuccessful: false, toolExecutionNotifications: [{ descriptor: { id: 'INPUT_CORRUPT' }, level: 'error' }] })
  const many = log(Array.from({ length: 1200 }, (_, i) => unreadable(`f${i}`))).runs[0].invocations[0].toolExecutionNotifications
  expect([many.length, many.at(-1)]).toEqual([
    1001,
    expect.objectContaining({ message: { text: '200 more files could not be read; they are not named here' } }),
  ])
})

test('nothing found is a log too', () => {
  expect(log([]).runs[0]).toMatchObject({ results: [], tool: { driver: { rules: [] } }, invocations: [{ executionSuccessful: true }] })
})

test('findings of one code are one result that names their registers; what decides comes first and says what to do', () => {
  const refused = (register: string) => ({ severity: 'error', code: 'register-refused', register, message: `${register} is refused` }) as const
  const findings = [{ severity: 'warning', code: 'service-appeared', message: 'TRNG appears' } as const, ...['A', 'B', 'C'].map(refused)]
  const { results } = log([result('f', TARGETS[0], 'refused', { findings })]).runs[0]
  expect(results.map(one => one.message.text)).toEqual([
    `${TARGETS[0]}: A is refused. Also: B, C. What to do: rewrite the file: psci-snap migrate FILE --to ${TARGETS[0]} -o OUT`,
    `${TARGETS[0]}: TRNG appears`,
  ])
  expect(results[0]!.properties.registers).toEqual(['A', 'B', 'C'])
})

test('a verdict that no finding explains is a result of its own', () => {
  expect(log([result('f', TARGETS[0], 'refused', { findings: [] })]).runs[0].results).toMatchObject([{ ruleId: 'load-fails', level: 'error' }])
})

test('what a policy accepts is suppressed, with its reason and its last day', () => {
  const accepted = [{ code: 'register-changed', reason: 'no guest uses it', until: '2027-06-30' }]
  const [one] = log([result('f', TARGETS[0], 'changed', { accepted })]).runs[0].results
  expect(one!.suppressions).toEqual([{ kind: 'external', status: 'accepted', justification: 'no guest uses it (until 2027-06-30)' }])
})

test('fingerprints tell results apart, and stay the same when words or the other files change', () => {
  const all = fingerprints(log(ROWS))
  expect(new Set(all).size).toBe(all.length)
  const again = ROWS.slice(3).map(row => ('error' in row ? row : { ...row, findings: row.findings.map(one => ({ ...one, message: 'said otherwise' })) }))
  expect(fingerprints(log(again))).toEqual(all)
})

test('no name breaks the log, and every name comes back from its URI', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: ANY_UNIT, minLength: 1 }), fc.constantFrom('/abs/a b#c?d', 'http://host/x', '//host/x', '%2e', 'a:b')), name => {
      fc.pre(!name.split('/').some(part => part === '.' || part === '..' || part === ''))
      const { uri } = log([result(name, TARGETS[0], 'refused')]).runs[0].results[0]!.locations[0].physicalLocation.artifactLocation
      const url = new URL(uri, 'file:///base/')
      expect(url.host).toBe('')
      expect(url.protocol).toBe('file:')
      expect(decodeURIComponent(url.pathname).replace('/base/', '')).toBe(name.replace(/\p{Surrogate}/gu, '\ufffd'))
    }),
    { seed: 4, numRuns: 30 },
  )
  expect(log([result('/a b/ü#?%.mig', TARGETS[0], 'refused')]).runs[0].results[0]!.locations[0].physicalLocation.artifactLocation.uri).toBe(
    'file:///a%20b/%C3%BC%23%3F%25.mig',
  )
})
