// The sums over a fleet: right, in order, and of bounded size.
import { describe, expect, test } from 'vitest'
import { generalReason, shortReason } from '../../../src/ops/fleet/reason.ts'
import { SummaryCounter } from '../../../src/ops/fleet/summary.ts'

const build = 'linux-6.1.192/cortex-a72'
const result = (verdict: 'survives' | 'changed' | 'refused', reason: string) => ({ build, verdict, reason, accepted: false, lifted: false, notes: [] })
const facts = { targets: [build], today: '2027-01-01' }

describe('a summary', () => {
  test('counts verdicts and reasons, the most frequent first, survivors without a reason', () => {
    const counter = new SummaryCounter()
    for (let n = 0; n < 5; n++)
      counter.add({ file: `${n}`, used: [], results: [result('refused', `X0 = 0x12345678${n}0 is refused on vCPU ${n}`), result('survives', 'all is well')] })
    counter.add({ file: 'x', used: [], results: [result('changed', 'something else')] })
    counter.add({ file: 'y', used: [], results: [], error: { code: 'CANNOT_READ', message: 'm', exit: 10 } })
    counter.add({ file: 'z', used: [], results: [], skipped: 'foreign' })
    expect(counter.summary(facts)).toEqual({
      files: 7,
      targets: [build],
      results: 11,
      verdicts: { survives: 5, changed: 1, refused: 5 },
      unreadable: 1,
      skipped: 1,
      foreign: 1,
      reasons: [
        { reason: 'X0 = 0x… is refused on some vCPUs', verdict: 'refused', count: 5 },
        { reason: 'something else', verdict: 'changed', count: 1 },
      ],
      accepted: 0,
    })
  })
  test('keeps a thousand reasons and counts the rest together', () => {
    const counter = new SummaryCounter()
    for (let n = 0; n < 3000; n++) counter.add({ file: `${n}`, used: [], results: [result('changed', `reason ${n}`)] })
    const { reasons, otherReasons } = counter.summary(facts)
    expect([reasons.length, otherReasons]).toEqual([1000, 2000])
  })
})

test.each([
  [
    'PSCI 1.3 is newer than what linux-6.1.192 takes (1.1) (EINVAL); 19 more registers are refused, 15 of which can be dropped',
    'PSCI 1.3 is newer than what this host takes (1.1) (EINVAL)',
  ],
  ['linux-6.1.192/cortex-a72 takes all; linux-6.12 does not', 'this host takes all; linux-6.12 does not'],
  ['1 more thing; 1 more register is refused', '1 more thing'],
])('one of several hosts: %s', (reason, short) => {
  expect(shortReason(reason, build)).toBe(short)
})

test('a build that is called like a word leaves the text alone', () => {
  expect(shortReason('a register of a host', 'a')).toBe('a register of a host')
  expect(shortReason('my-host-1 and my-host-12', 'my-host-1')).toBe('this host and my-host-12')
})

test('what only one file has is left out of sums', () => {
  expect(generalReason('CNTVCT = 0x123456789ab on vCPUs 0, 1 and 3; A and 17 more differ', build)).toBe('CNTVCT = 0x… on some vCPUs; A and more differ')
})
