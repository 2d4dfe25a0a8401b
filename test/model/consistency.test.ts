import { expect, test } from 'vitest'
import { regId } from '../../src/arch/reg-id.ts'
import { consistencyFindings } from '../../src/model/consistency.ts'
import { registerList } from '../../src/model/register-list.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'

const PSCI = 0x6030_0000_0014_0000n
const WA2 = 0x6030_0000_0014_0002n
const STD = 0x6030_0000_0016_0000n
const PC = 0x6030_0000_0010_0040n

const snapshot = (...vcpus: [bigint, bigint][][]): Snapshot => ({
  origin: {},
  gic: 'none',
  stop: 'running',
  vm: {},
  devices: [],
  memory: [],
  vcpus: vcpus.map((list, index) => ({ index, mpState: 'runnable', registers: registerList(list.map(([id, value]) => [regId(id), value] as const)) })),
})
const codes = (value: Snapshot): string[] =>
  consistencyFindings(value).map(({ code, severity, vcpu }) => `${severity} ${code}${vcpu === undefined ? '' : ` ${vcpu}`}`)

test.each<[string, Snapshot, string[]]>([
  [
    'two vCPUs that agree',
    snapshot(
      [
        [PSCI, 0x10001n],
        [PC, 1n],
      ],
      [
        [PSCI, 0x10001n],
        [PC, 2n],
      ],
    ),
    [],
  ],
  ['two PSCI versions', snapshot([[PSCI, 0x10001n]], [[PSCI, 0x10003n]]), ['error psci-version-differs']],
  ['a PSCI version in one vCPU only', snapshot([[PSCI, 0x10001n]], [[PC, 1n]]), ['warning psci-version-missing 1']],
  ['two firmware bitmaps', snapshot([[STD, 1n]], [[STD, 0n]]), ['warning firmware-register-differs']],
  ['workaround 2 switched on in one vCPU', snapshot([[WA2, 0x12n]], [[WA2, 2n]]), []],
  ['workaround 2 at two levels', snapshot([[WA2, 3n]], [[WA2, 0n]]), ['warning firmware-register-differs']],
  ['a vCPU without registers', snapshot([[PSCI, 1n]], []), ['error no-registers 1']],
  [
    'a register twice, same value',
    snapshot([
      [PC, 1n],
      [PC, 1n],
    ]),
    ['warning duplicate-register 0'],
  ],
  [
    'a register twice, two values',
    snapshot([
      [PC, 1n],
      [PC, 2n],
    ]),
    ['error duplicate-register 0'],
  ],
  ['no vCPU', snapshot(), ['error no-vcpus']],
])('%s', (_name, value, expected) => {
  expect(codes(value)).toEqual(expected)
})

test('a disagreement names every value and the one that a replay leaves', () => {
  const [finding] = consistencyFindings(snapshot([[PSCI, 0x10003n]], [[PSCI, 0x10001n]]))
  expect(finding?.message).toMatch(/vCPU 0 1\.3, vCPU 1 1\.1.*leaves that of vCPU 1, 1\.1$/)
})

test('a file of absurdities is told in a few lines, at once', () => {
  // each of 4096 vCPUs has a firmware register that no other has: told one by one these would be 16 million
  const strange = snapshot(...Array.from({ length: 4096 }, (_, i): [bigint, bigint][] => [[PSCI + BigInt(i), BigInt(i)]]))
  const missing = consistencyFindings(strange)
  expect(missing.length).toBeLessThan(1000)
  expect(missing.at(-1)?.message).toBe('4032 more firmware registers are not on all vCPUs')
  expect(missing[8]?.message).toMatch(/^4087 more vCPUs have no /)

  const same: [bigint, bigint][] = Array.from({ length: 100 }, () => [PC, 1n])
  expect(codes(snapshot(same))).toEqual(Array.from({ length: 9 }, () => 'warning duplicate-register 0'))
  expect(codes(snapshot([...same, [PC, 2n]])).at(-1)).toBe('error duplicate-register 0')

  const all = Array.from({ length: 500 }, (_, i): [bigint, bigint][] => [[PSCI, i === 0 ? 0x10000n : 0x10001n]])
  expect(consistencyFindings(snapshot(...all))[0]?.message).toMatch(/vCPU 7 1\.1 and 492 more\. .* leaves that of vCPU 499, 1\.1$/)
})
