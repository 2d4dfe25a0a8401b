// What `--until` may say, and what it says about what it may not.
import { describe, expect, test } from 'vitest'
import { isCallOf, isReached, parseRunPoint } from '../../../src/ops/run/run-point.ts'

test.each([
  ['off', { kind: 'stop', stop: 'off' }],
  ['hibernate', { kind: 'stop', stop: 'hibernated' }],
  ['suspend', { kind: 'stop', stop: 'suspended' }],
  ['insns=0', { kind: 'insns', count: 0 }],
  ['console=a=b', { kind: 'console', pattern: 'a=b' }],
  ['psci=SYSTEM_OFF2', { kind: 'psci', name: 'SYSTEM_OFF2' }],
  ['psci=cpu_on', { kind: 'psci', name: 'CPU_ON' }],
  ['psci=PSCI_VERSION', { kind: 'psci', name: 'PSCI_VERSION' }],
  ['psci=psci_system_reset', { kind: 'psci', name: 'SYSTEM_RESET' }],
])('%s', (text, point) => {
  expect(parseRunPoint(text)).toEqual(point)
})

test.each([
  ['', /no point/],
  ['toString', /no point/],
  ['insns=', /no number/],
  ['insns=1e9', /no number/],
  ['psci=SYSTEM_OF', /no function of PSCI/],
  ['ready', /no point/],
])('%j is refused', (text, message) => {
  expect(() => parseRunPoint(text)).toThrow(message)
})

test('a call is recognised in both of its forms, and with anything in the upper half of the register', () => {
  expect([0x8400_0003n, 0xc400_0003n, 0xffff_ffff_8400_0003n, 0x8400_0002n].map(id => isCallOf('CPU_ON', id))).toEqual([true, true, true, false])
})

describe('a point is reached', () => {
  test.each([
    ['off', { kind: 'ended', stop: 'off' }, true],
    ['off', { kind: 'ended', stop: 'reset' }, false],
    ['psci=SYSTEM_RESET2', { kind: 'ended', stop: 'reset' }, true],
    ['console=x', { kind: 'ended', stop: 'off' }, false],
    ['console=x', { kind: 'ended', stop: 'off', seen: true }, true],
    ['insns=5', { kind: 'point' }, true],
    ['insns=5', { kind: 'left' }, false],
    ['off', { kind: 'idle' }, false],
    ['off', { kind: 'limit', what: '1 s' }, false],
  ] as const)('%s by %o: %s', (until, end, reached) => {
    expect(isReached(end, parseRunPoint(until))).toBe(reached)
  })
})
