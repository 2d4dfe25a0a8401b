// What a policy does to a verdict: never better than the rest deserves, never silent, nothing lost.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Finding } from '../../../src/model/finding.ts'
import type { CheckResult, LoadFailure } from '../../../src/ops/check/check-report.ts'
import { policyApplier } from '../../../src/ops/policy/apply.ts'
import type { Acceptance } from '../../../src/ops/policy/policy.ts'
import type { FailureRow, Verdict } from '../../../src/ops/reports.ts'
import { CHANGES } from '../../../src/ops/verdict.ts'

const PSCI = 'KVM_REG_ARM_PSCI_VERSION'
const warning = (code: string, register?: string): Finding => ({
  severity: 'warning',
  code,
  message: `${code} ${register ?? ''}`,
  ...(register ? { register } : {}),
})
const refusal = (register: string): Finding => ({ severity: 'error', code: 'register-refused', message: `${register} is refused`, register })
const failure = (name: string, droppable: boolean): FailureRow => ({ id: '0x0', name, value: '0x0', errno: 'ENOENT', droppable, reason: 'r' })

function result(
  verdict: Verdict,
  findings: readonly Finding[],
  more: Partial<CheckResult> & { failures?: readonly FailureRow[]; stage?: LoadFailure['stage'] } = {},
): CheckResult {
  const { failures = [], stage = 'write', ...rest } = more
  return {
    verdict,
    reason: 'the real reason',
    source: { file: 'f', format: 'psnap', build: 'linux-5.10.223/cortex-a72' },
    target: { build: 'linux-6.1.192/cortex-a72', kernel: '6.1.192', cpu: 'cortex-a72', vmm: 'kvm' },
    load: {
      vmm: 'kvm',
      outcome: verdict === 'refused' ? 'fails' : 'loads',
      dropped: [],
      ...(verdict === 'refused' ? { decidedBy: { stage, register: failures[0]?.name ?? 'X0', message: 'm' } } : {}),
    },
    features: ['psci_0_2'],
    psci: { saved: null, afterReplay: null, observedByGuest: null, observedVia: null, targetDefault: null },
    vcpus: [{ index: 0, written: 1, failures, differences: [], missingOnTarget: [], newOnTarget: [] }],
    consequences: [],
    advice: [],
    findings,
    ...rest,
  }
}

const TODAY = '2027-01-15'
const accept = (code: string, more: Partial<Acceptance> = {}): Acceptance => ({ code, reason: 'we know', until: '2027-12-31', ...more })
const apply = (of: CheckResult, ...entries: Acceptance[]) => policyApplier({ file: 'p.yml', accept: entries }, TODAY)(of)

describe('a change', () => {
  const changed = result('changed', [warning('service-appeared', 'STD_BMAP'), warning('mitigation-changed', PSCI)])
  test('that is accepted whole survives, with the real verdict beside it', () => {
    const { result: after, used } = apply(changed, accept('service-appeared'), accept('mitigation-changed'))
    expect(after).toMatchObject({ verdict: 'survives', verdictWithoutPolicy: 'changed', reason: 'accepted until 2027-12-31: we know, and 1 more' })
    expect(after.accepted).toEqual([
      { code: 'service-appeared', register: 'STD_BMAP', reason: 'we know', until: '2027-12-31' },
      { code: 'mitigation-changed', register: PSCI, reason: 'we know', until: '2027-12-31' },
    ])
    expect(after.findings).toEqual(changed.findings)
    expect(used).toEqual([0, 1])
  })
  test('of which a part is accepted is still one, and keeps its reason', () => {
    expect(apply(changed, accept('service-appeared')).result).toMatchObject({ verdict: 'changed', verdictWithoutPolicy: 'changed', reason: 'the real reason' })
  })
  test('that nobody accepts is untouched', () => {
    expect(apply(changed, accept('register-changed')).result).toBe(changed)
  })
  test.each([
    ['register', { register: '*_BMAP' }, { register: 'PSCI_VERSION' }],
    ['build', { build: 'linux-6.1*' }, { build: 'linux-6.12*' }],
    ['from', { from: 'linux-5.10.223/cortex-a72' }, { from: 'linux-6*' }],
  ] as const)('is accepted by %s only where that matches', (_, hit, miss) => {
    const one = result('changed', [warning('service-appeared', 'STD_BMAP')])
    expect(apply(one, accept('service-appeared', hit)).result.verdict).toBe('survives')
    expect(apply(one, accept('service-appeared', miss)).result.verdict).toBe('changed')
  })
  test('from nowhere matches no source', () => {
    const one = result('changed', [warning('service-appeared')], { source: { file: 'f', format: 'qemu' } })
    expect(apply(one, accept('service-appeared', { from: '*' })).result.verdict).toBe('changed')
  })
  test('is not accepted after the last day, and that is said', () => {
    const one = result('changed', [warning('service-appeared')])
    expect(apply(one, accept('service-appeared', { until: TODAY })).result.verdict).toBe('survives')
    const { result: after, used } = apply(one, accept('service-appeared', { until: '2027-01-14' }))
    expect(after.verdict).toBe('changed')
    expect(after.findings.at(-1)).toMatchObject({ severity: 'warning', code: 'policy-expired', message: expect.stringContaining('until 2027-01-14') })
    expect(used).toEqual([])
  })
  test('in another feature set that fits the file is not accepted by this one', () => {
    const both = result('changed', [warning('service-appeared')], {
      alternatives: [
        { features: ['psci_0_2'], verdict: 'changed' },
        { features: ['psci_0_2', 'pmu_v3'], verdict: 'changed' },
      ],
    })
    expect(apply(both, accept('service-appeared')).result.verdict).toBe('changed')
  })
})

describe('a refusal', () => {
  const dropped = accept('register-refused', { register: 'X1' })
  test('of a register that may be dropped is accepted by name, and the VMM still fails', () => {
    const { result: after } = apply(result('refused', [refusal('X1')], { failures: [failure('X1', true)] }), dropped)
    expect(after).toMatchObject({ verdict: 'survives', verdictWithoutPolicy: 'refused', load: { outcome: 'fails' } })
    expect(after.findings.at(-1)).toMatchObject({ code: 'refusal-accepted', register: 'X1', message: expect.stringContaining('still fails') })
  })
  test('leaves the verdict of the rest', () => {
    const both = result('refused', [refusal('X1'), warning('service-appeared')], { failures: [failure('X1', true)] })
    expect(apply(both, dropped).result).toMatchObject({ verdict: 'changed', reason: 'service-appeared ' })
  })
  const stays: readonly (readonly [string, CheckResult, Acceptance])[] = [
    ['of a register that may not be dropped', result('refused', [refusal('X1')], { failures: [failure('X1', false)] }), dropped],
    ['of another register too', result('refused', [refusal('X1')], { failures: [failure('X1', true), failure('X2', true)] }), dropped],
    ['before the registers', result('refused', [refusal('X1')], { failures: [failure('X1', true)], stage: 'count' }), dropped],
    [
      'of something that is no register',
      result('refused', [refusal('X1'), { severity: 'error', code: 'events-refused', message: 'm' }], { failures: [failure('X1', true)] }),
      dropped,
    ],
    ['on another build', result('refused', [refusal('X1')], { failures: [failure('X1', true)] }), { ...dropped, build: 'linux-7*' }],
  ]
  test.each(stays)('%s stays refused', (_, of, entry) => {
    expect(apply(of, entry).result.verdict).toBe('refused')
  })
  test('that a policy cannot accept is said', () => {
    const { result: after, used } = apply(result('refused', [{ severity: 'error', code: 'events-refused', message: 'm' }]), accept('events-refused'))
    expect(after.findings.at(-1)?.code).toBe('policy-cannot-accept')
    expect([after.verdict, used]).toEqual(['refused', []])
  })
})

describe('whatever the policy', () => {
  const codes = [...CHANGES, 'not-a-change']
  const finding = fc.record({
    code: fc.constantFrom(...codes),
    register: fc.constantFrom('X1', 'X2'),
    severity: fc.constantFrom('warning' as const, 'info' as const),
  })
  const row = fc.record({ name: fc.constantFrom('X1', 'X2'), droppable: fc.boolean() })
  const acceptance = fc.record({
    code: fc.constantFrom(...codes, 'register-refused'),
    register: fc.constantFrom('X1', 'X2'),
    until: fc.constantFrom('2027-01-14', '2027-01-15', '2028-01-01'),
  })
  const RANK = { survives: 0, changed: 1, refused: 2 }
  test('a verdict only gets better, what was found stays, and more acceptance is never worse', () => {
    fc.assert(
      fc.property(
        fc.array(finding, { maxLength: 4 }),
        fc.array(row, { maxLength: 3 }),
        fc.array(acceptance, { maxLength: 5 }),
        acceptance,
        (found, rows, entries, one) => {
          const isChanged = found.some(({ code, severity }) => severity === 'warning' && CHANGES.has(code))
          const verdict = rows.length > 0 ? 'refused' : isChanged ? 'changed' : 'survives'
          const findings = [...found.map(each => ({ ...each, message: 'm' })), ...rows.map(({ name }) => refusal(name))]
          const of = result(verdict, findings, { failures: rows.map(({ name, droppable }) => failure(name, droppable)) })
          const given = entries.map(entry => accept(entry.code, entry))
          const less = apply(of, ...given).result
          const more = apply(of, ...given, accept(one.code, one)).result
          expect(RANK[less.verdict]).toBeLessThanOrEqual(RANK[verdict])
          expect(RANK[more.verdict]).toBeLessThanOrEqual(RANK[less.verdict])
          expect(less.findings.slice(0, findings.length)).toEqual(findings)
          if (less.verdict !== verdict) expect(less).toMatchObject({ verdictWithoutPolicy: verdict, accepted: expect.anything() })
          if (given.every(({ until }) => until < TODAY)) expect(less.verdict).toBe(verdict)
        },
      ),
      { seed: 4, numRuns: 400 },
    )
  })
})
