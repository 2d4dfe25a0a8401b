// The text of one prediction: what stands where, what is cut without --details, and that a stranger's text is harmless.
import { expect, test } from 'vitest'
import type { CheckResult } from '../../src/ops/check/check-report.ts'
import { tell } from '../../src/ops/check/tell.ts'
import { renderCheckResult } from '../../src/render/check-result.ts'
import { COLOR_STYLE, PLAIN_STYLE } from '../../src/render/page.ts'
import { BMAP, type CaseSpec, FW, judgedCase, SYS } from '../ops/check/judged-case.ts'

function result(spec: CaseSpec, more: Partial<CheckResult> = {}): CheckResult {
  const { snapshot: _, build, other: __, ...judged } = judgedCase(spec)
  const target = { build: build.name, kernel: build.kernel.release, cpu: build.host.cpu, vmm: judged.load.vmm }
  return { ...judged, target, source: { file: 'guest.psnap', format: 'psnap' }, ...tell(judgedCase(spec)), ...more }
}
const render = (row: CheckResult, details = false, columns: number | undefined = 100): string =>
  renderCheckResult(row, { columns, style: PLAIN_STYLE }, details)
const ROLLBACK: CaseSpec = {
  saved: [
    [FW.psci, 0x1_0003n],
    [BMAP.vendor2, 0n],
    [SYS.ptimerCnt, 1n],
  ],
  refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL', KVM_REG_ARM_VENDOR_HYP_BMAP_2: 'ENOENT', KVM_REG_ARM_PTIMER_CNT: 'ENOENT' },
  psci: { saved: '1.3', after: '1.1' },
}

test('verdict, file and target first, then the reason, in the width of the page', () => {
  const lines = render(result(ROLLBACK), false, 80).split('\n')
  expect(lines[0]).toBe('refused   guest.psnap → linux-6.1.192/cortex-a72 (kvm)')
  expect(lines[1]).toMatch(/^because {3}KVM_REG_ARM_PSCI_VERSION: PSCI 1\.3/)
  for (const line of lines.filter(text => !text.includes('psci-snap '))) expect(line.length, line).toBeLessThanOrEqual(80)
})

test('commands name the file, quoted where a shell needs it, and are never broken', () => {
  const named = (file: string, format = 'psnap'): string => render(result(ROLLBACK, { source: { file, format } }))
  expect(named('a/guest-1.psnap')).toContain('psci-snap migrate a/guest-1.psnap --to linux-6.1.192/cortex-a72 -o OUT --allow ')
  expect(named("it's $HOME.psnap")).toContain(String.raw`migrate 'it'\''s $HOME.psnap' --to`)
  expect(named('-')).toContain('migrate FILE --to')
  expect(named('linux-6.18.15/cortex-a72', 'host')).toContain('migrate FILE --to')
})

test('text of a file cannot drive the terminal', () => {
  expect(render(result(ROLLBACK, { source: { file: 'x\u001b[2J\n.psnap', format: 'psnap' }, reason: 'a\u001b[31mb' }))).not.toContain('\u001b')
})

test('registers are cut to the first ones, with details all of them and all findings are there', () => {
  const many: CaseSpec = { saved: Array.from({ length: 14 }, (_, i) => [0x6020_0000_0011_0000n + BigInt(i), 2n] as const) }
  const refused = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`CCSIDR_EL1[${i}]`, 'ENOENT']))
  const findings = [{ severity: 'info', code: 'not-checked', message: 'IPA size not checked', hint: 'why' }] as const
  const row = result({ ...many, refused, findings })
  expect(render(row)).toMatch(/CCSIDR_EL1\[5\].*\n {10}and 8 more \(--details\)\nnotes {5}1 note: not-checked \(--details\)$/s)
  expect(render(row)).not.toContain('CCSIDR_EL1[6] ')
  expect(render(row, true)).toMatch(/CCSIDR_EL1\[13\].*info {5}IPA size not checked\n {9}→ why$/s)
})

test('what vCPUs share is said once, what they do not share says where', () => {
  const base = result(ROLLBACK)
  const [vcpu] = base.vcpus
  const other = { ...vcpu!, index: 1, failures: vcpu!.failures.slice(0, 1) }
  const text = render({ ...base, vcpus: [vcpu!, other] })
  expect(text.match(/^refused {3}KVM_REG_ARM_PSCI_VERSION.*$/m)?.[0]).not.toContain('vCPU')
  expect(text).toMatch(/KVM_REG_ARM_PTIMER_CNT +0x1 +ENOENT +not droppable +vCPU 0/)
})

test('a verdict that a policy made better says what it was', () => {
  const accepted = [{ code: 'register-changed', register: 'ID_AA64MMFR2_EL1', reason: 'nobody nests', until: '2027-01-01' }]
  const text = render(result({ verdict: 'survives' }, { verdictWithoutPolicy: 'changed', accepted }))
  expect(text).toContain('(kvm) (changed but for what the policy accepts)')
  expect(text).toContain('accepted  register-changed of ID_AA64MMFR2_EL1 until 2027-01-01: nobody nests')
})

test('what the VMM prints keeps its lines', () => {
  const load = { vmm: 'qemu-10.0', outcome: 'fails', says: 'first line\nsecond line', decidedBy: { stage: 'count', message: 'x' } } as const
  expect(render(result({ verdict: 'refused', load }))).toContain('it prints first line\n          second line')
})

test('colours are for the verdict, not for files', () => {
  expect(renderCheckResult(result(ROLLBACK), { columns: 100, style: COLOR_STYLE }, false)).toContain('\u001b[31mrefused\u001b[39m')
})
