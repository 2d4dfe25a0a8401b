// What came out of a boot is judged so that nothing that went wrong can pass: files with missing pieces, steps that were not reached, other answers than
// predicted.
import { describe, expect, test } from 'vitest'
import type { Host } from '../../../scripts/real-kernel/job.ts'
import { mispredictions } from '../../../scripts/real-kernel/mispredictions.ts'
import type { FileFrame, Frame } from '../../../scripts/real-kernel/plan.ts'
import { explainedByModel } from '../../../scripts/real-kernel/qemu-models.ts'
import { bootText, summary } from '../../../scripts/real-kernel/report.ts'
import { resultsOf } from '../../../scripts/real-kernel/run-boot.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import type { RestoreReport } from '../../../src/ops/reports.ts'
import { restoreSnapshot } from '../../../src/ops/restore.ts'
import { saveSnapshot } from '../../../src/ops/save.ts'

const host: Host = { name: '6.1', package: 'linux-image', version: '6.1.192-2', cpu: 'cortex-a72', qemu: '7.2.0' }
const piece = (part: number, text: string): FileFrame => ({ kind: 'file', step: 's', path: '/f', part, parts: 3, base64: Buffer.from(text).toString('base64') })

describe('files that a boot sends', () => {
  const whole: readonly Frame[] = [piece(0, 'ab'), piece(1, 'cd'), piece(2, 'e')]
  test('are put together', () => {
    expect(resultsOf(host, whole).file('s', '/f')?.toString()).toBe('abcde')
  })
  test.each([0, 1, 2])('without piece %i are none', missing => {
    expect(
      resultsOf(
        host,
        whole.filter((_, i) => i !== missing),
      ).file('s', '/f'),
    ).toBeUndefined()
  })
  test('in another order are none', () => {
    expect(resultsOf(host, [...whole].reverse()).file('s', '/f')).toBeUndefined()
  })
})

describe('predictions', async () => {
  const { snapshot } = await saveSnapshot({ build: 'linux-7.3', vcpus: 2, memory: 1 << 20 })
  const reportOn = async (build: string): Promise<RestoreReport> => {
    const { report } = await restoreSnapshot(snapshot, loadBuild(build), { dryRun: true })
    return { ...report, source: { file: '', format: '', sha256: '' } }
  }
  const onOld = await reportOn('linux-5.10')

  test('of the same host hold', async () => {
    expect(mispredictions(onOld, await reportOn('linux-5.10'))).toEqual([])
  })
  test('of another host do not, and every register says how', async () => {
    const wrong = mispredictions(onOld, await reportOn('linux-6.18'))
    expect(wrong.find(line => line.startsWith('vCPU 0 KVM_REG_ARM_PSCI_VERSION refused'))).toMatch(/"EINVAL"/)
    expect(wrong.length).toBeGreaterThan(10)
  })
  test('one refusal less is seen, and one value', () => {
    const [first, ...rest] = onOld.vcpus
    const less = { ...onOld, vcpus: [{ ...first!, failures: first!.failures.slice(1) }, ...rest] }
    expect(mispredictions(onOld, less)).toHaveLength(1)
    const [row, ...others] = first!.newOnTarget
    const other = { ...onOld, vcpus: [{ ...first!, newOnTarget: [{ ...row!, value: '0x1234' }, ...others] }, ...rest] }
    expect(mispredictions(onOld, other)).toHaveLength(1)
  })
})

test("what QEMU's model of a CPU decides is excused in exactly those bits", () => {
  const [older, newer] = [
    ['0x603000000013c00a', '0x3010006'],
    ['0x603000000013c00a', '0x3000006'],
  ]
  expect(explainedByModel('cortex-a72', newer, older)?.name).toBe('ID_DFR0_EL1')
  expect(explainedByModel('cortex-a72', { id: newer![0], val: newer![1], same: 0 }, { id: older![0], val: older![1], same: 22 })?.name).toBe('ID_DFR0_EL1')
  expect(explainedByModel('cortex-a53', newer, older)).toBeUndefined()
  expect(explainedByModel('cortex-a72', newer, [older![0], '0x3010007'])).toBeUndefined()
  expect(explainedByModel('cortex-a72', newer, newer)).toBeUndefined()
  expect(explainedByModel('cortex-a72', 'text', undefined)).toBeUndefined()
})

test('the report: what gates is counted, what did not run is said, failures in full', () => {
  const checks = [
    { name: 'a', outcome: 'passed' },
    { name: 'b', outcome: 'failed', detail: 'first\nsecond' },
    { name: 'c', outcome: 'not run', detail: 'no probe' },
  ] as const
  const result = (name: string) => ({ host: { ...host, name }, title: name, wallSeconds: 61.4, isWhole: true, jobs: [{ job: 'probe', checks, seconds: 2.5 }] })
  expect(bootText(result('6.1'))).toBe(
    [
      '6.1: linux-image 6.1.192-2, -cpu cortex-a72, 61 s',
      '  probe          1 passed     1 failed     1 not run     2.5 s',
      '  FAILED  probe: b: first',
      '      second',
      '  not run probe: c: no probe',
      '',
    ].join('\n'),
  )
  const { text, failed } = summary([result('6.1'), result('newest')], [{ host: '5.10', gates: true, reason: 'gone' }], ({ name }) => name !== 'newest')
  expect(failed).toBe(1)
  expect(text).toBe('not run: 5.10: gone\nnot run: 1 checks of kernels that did run\ndoes not gate: 1 passed, 1 failed, on newest\n1 passed, 1 failed\n')
})
