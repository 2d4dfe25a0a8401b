// Made-up results of `check`, as small as their types allow: what the report files are made from in tests. Synthetic.
import fc from 'fast-check'
import type { CheckResult, CheckRow, CheckSummary, CheckUnreadable } from '../../../src/ops/check/check-report.ts'
import type { Verdict } from '../../../src/ops/reports.ts'
import type { StreamedReport } from '../../../src/render/report-files/streamed-report.ts'

/** Any UTF-16 code unit: controls, halves of surrogate pairs, what no XML may hold. */
export const ANY_UNIT = fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit))

export const TARGETS = ['linux-6.1.192/cortex-a72', 'linux-6.12.117/cortex-a72', 'linux-7.3.4/cortex-a72'] as const

const PSCI = { id: '0x6030000000140000', name: 'KVM_REG_ARM_PSCI_VERSION' }
const PFR0 = { id: '0x603000000013c020', name: 'ID_AA64PFR0_EL1' }

const survives = { psci: { saved: '1.1', afterReplay: '1.1', observedByGuest: null, observedVia: null, targetDefault: '1.1' }, features: ['psci_0_2'] } as const

/** One file on one target. `extra` replaces whole keys. */
export function result(file: string, target: string, verdict: Verdict, extra: Partial<CheckResult> = {}): CheckResult {
  const failures = verdict === 'refused' ? [{ ...PSCI, value: '0x10003', errno: 'EINVAL', droppable: false, reason: 'the target does not know PSCI 1.3' }] : []
  const differences = [
    ...(verdict === 'refused' ? [{ ...PSCI, written: '0x10003', readBack: '0x10001', visible: true }] : []),
    ...(verdict === 'changed' ? [{ ...PFR0, written: '0x1100000011111112', readBack: '0x1100000010111112', visible: true }] : []),
  ]
  const findings = {
    refused: [{ severity: 'error', code: 'register-refused', register: PSCI.name, message: 'KVM_REG_ARM_PSCI_VERSION = 0x10003 is refused with EINVAL' }],
    changed: [{ severity: 'warning', code: 'register-changed', register: PFR0.name, vcpu: 0, message: 'ID_AA64PFR0_EL1 (AdvSIMD) reads differently' }],
    survives: [],
  } as const
  return {
    ...survives,
    verdict,
    reason: { refused: 'PSCI 1.3 is not known there', changed: 'the guest loses FP16', survives: 'nothing that the guest can notice' }[verdict],
    source: { file, format: 'psnap', sha256: '00' },
    target: { build: target, kernel: target.slice(6).split('/')[0]!, cpu: 'cortex-a72', vmm: 'kvm' },
    load: {
      vmm: 'kvm',
      outcome: verdict === 'refused' ? 'fails' : 'loads',
      dropped: [],
      ...(verdict === 'refused'
        ? { decidedBy: { stage: 'write', vcpu: 0, id: PSCI.id, register: PSCI.name, errno: 'EINVAL', message: 'KVM_SET_ONE_REG fails' } }
        : {}),
    },
    vcpus: [{ index: 0, written: 240, failures, differences, missingOnTarget: [], newOnTarget: [] }],
    consequences: verdict === 'survives' ? [] : [{ code: 'psci-function-vanishes', message: 'SYSTEM_OFF2 vanishes' }],
    advice: verdict === 'survives' ? [] : [{ code: 'migrate', message: 'rewrite the file', command: `psci-snap migrate FILE --to ${target} -o OUT` }],
    findings: [...findings[verdict], { severity: 'info', code: 'not-checked', message: 'IPA size not checked' }],
    ...extra,
  }
}

export const unreadable = (file: string): CheckUnreadable => ({
  source: { file },
  error: { code: 'INPUT_CORRUPT', message: `${file} ends too early`, hint: 'get another copy' },
})

/** Four files: one that survives everywhere, one of each verdict, one refused everywhere, one that cannot be read. */
export const ROWS: readonly CheckRow[] = [
  ...TARGETS.map(target => result('fleet/good.psnap', target, 'survives')),
  result('fleet/mixed.psnap', TARGETS[0], 'refused'),
  result('fleet/mixed.psnap', TARGETS[1], 'changed'),
  result('fleet/mixed.psnap', TARGETS[2], 'survives'),
  ...TARGETS.map(target => result('fleet/bad.psnap', target, 'refused')),
  unreadable('fleet/torn.psnap'),
]

export function summaryOf(rows: readonly CheckRow[], targets: readonly string[] = TARGETS): CheckSummary {
  const results = rows.flatMap(row => ('error' in row ? [] : [row]))
  const verdicts: Record<Verdict, number> = { survives: 0, changed: 0, refused: 0 }
  const reasons = new Map<string, { reason: string; verdict: Verdict; count: number }>()
  for (const { verdict, reason } of results) {
    verdicts[verdict]++
    const known = reasons.get(reason) ?? { reason, verdict, count: 0 }
    known.count++
    reasons.set(reason, known)
  }
  return {
    files: new Set(rows.map(row => row.source.file)).size,
    targets,
    results: results.length,
    verdicts,
    unreadable: rows.length - results.length,
    reasons: [...reasons.values()].sort((a, b) => b.count - a.count),
    accepted: 0,
  }
}

export function written(report: StreamedReport, rows: readonly CheckRow[], targets: readonly string[] = TARGETS): string {
  return [report.start(), ...rows.map(row => report.row(row)), report.end(summaryOf(rows, targets))].join('')
}
