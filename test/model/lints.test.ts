// Every lint of the table: a snapshot that has the fault, and the same without it.
import { expect, test } from 'vitest'
import { type RegId, regId, sveVlsId, sysRegId } from '../../src/arch/reg-id.ts'
import { consistencyFindings } from '../../src/model/consistency.ts'
import type { Finding } from '../../src/model/finding.ts'
import { GICR, GITS, registerRuns } from '../../src/model/gic.ts'
import { lintFindings } from '../../src/model/lints/lints.ts'
import { LINTS } from '../../src/model/lints/table.ts'
import { bytesRegion } from '../../src/model/memory.ts'
import { registerList } from '../../src/model/register-list.ts'
import type { DeviceSnapshot, Snapshot, VcpuSnapshot } from '../../src/model/snapshot.ts'

const PSCI = 0x6030_0000_0014_0000n
const WA1 = 0x6030_0000_0014_0001n
const WA2 = 0x6030_0000_0014_0002n
const PFR1 = sysRegId(3, 0, 0, 4, 1)
const CNTVOFF = sysRegId(3, 4, 14, 0, 3)
const CNT = sysRegId(3, 3, 14, 3, 2)
const Z0 = 0x6080_0000_0015_0000n
const RAM = 0x4000_0000n

type Entry = readonly [bigint, bigint]
const vcpu = (index: number, entries: readonly Entry[], more: Partial<VcpuSnapshot> = {}): VcpuSnapshot => ({
  index,
  mpState: 'runnable',
  registers: registerList(entries.map(([id, value]) => [regId(id), value] as const)),
  ...more,
})
const snapshot = (vcpus: readonly VcpuSnapshot[], more: Partial<Snapshot> = {}): Snapshot => ({
  origin: {},
  gic: 'v3',
  stop: 'running',
  vm: {},
  devices: [],
  memory: [],
  vcpus,
  ...more,
})
const one = (...entries: Entry[]): Snapshot => snapshot([vcpu(0, entries)])
const two = (a: readonly Entry[], b: readonly Entry[], more: Partial<Snapshot> = {}): Snapshot => snapshot([vcpu(0, a), vcpu(1, b)], more)
const ram = (bytes: Uint8Array = new Uint8Array(1 << 20)) => ({ memory: [bytesRegion('ram', RAM, bytes)] })

/** A table of 64 KiB at this address, valid and enabled; CWRITER says that commands were given. */
const its = (address: bigint): DeviceSnapshot => ({
  name: 'its',
  kind: 'gic-its',
  state: {
    registers: [
      [GITS.ctlr, 1n],
      [GITS.cwriter, 0x40n],
      [GITS.baser, (1n << 63n) | (1n << 56n) | address | 0x00fn],
    ],
  },
})
const redistributors = (...pending: readonly number[]): DeviceSnapshot => ({
  name: 'gic',
  kind: 'gic-v3',
  state: {
    distributor: [],
    vcpus: pending.map((address, index) => ({
      vcpu: index,
      registers: registerRuns([
        [GICR.ctlr, 1],
        [GICR.propbaser, 0x4001_0000 | 13],
        [GICR.propbaser + 4, 0],
        [GICR.pendbaser, address],
        [GICR.pendbaser + 4, 0],
      ]),
    })),
  },
})
const withByte = (offset: number): Uint8Array => {
  const bytes = new Uint8Array(1 << 20)
  bytes[offset] = 1
  return bytes
}

const CASES: readonly (readonly [code: string, faulty: Snapshot, sound: Snapshot])[] = [
  ['psci-version-differs', two([[PSCI, 0x10001n]], [[PSCI, 0x10003n]]), two([[PSCI, 0x10001n]], [[PSCI, 0x10001n]])],
  ['psci-version-missing', two([[PSCI, 0x10001n]], [[WA1, 0n]]), two([[PSCI, 0x10001n]], [[PSCI, 0x10001n]])],
  ['firmware-register-differs', two([[WA1, 1n]], [[WA1, 2n]]), two([[WA1, 1n]], [[WA1, 1n]])],
  ['vm-wide-register-differs', two([[PFR1, 1n]], [[PFR1, 2n]]), two([[PFR1, 1n]], [[PFR1, 1n]])],
  ['order-firmware-before-id', one([WA2, 3n], [PFR1, 0n]), one([PFR1, 0n], [WA2, 3n])],
  ['order-firmware-before-id', one([WA2, 3n], [PFR1, 0n]), one([WA2, 3n], [PFR1, 0x20n])],
  ['order-firmware-before-id', one([WA2, 3n], [PFR1, 0n]), one([WA2, 0n], [PFR1, 0n])],
  ['order-offset-after-counter', one([CNT, 5n], [CNTVOFF, 1n]), one([CNTVOFF, 1n], [CNT, 5n])],
  ['order-vls-after-vectors', one([Z0, 0n], [sveVlsId, 1n]), one([sveVlsId, 1n], [Z0, 0n])],
  ['sve-vls-missing', one([Z0, 0n]), one([sveVlsId, 1n], [Z0, 0n])],
  [
    'power-off-in-features',
    snapshot([vcpu(0, [[PSCI, 1n]], { features: ['power_off', 'psci_0_2'] })]),
    snapshot([vcpu(0, [[PSCI, 1n]], { features: ['power_off', 'psci_0_2'], mpState: 'stopped' })]),
  ],
  // A 64-bit id at the place of v0, which is 128 bits wide: what kernels before 5.2 list.
  ['core-register-impossible', one([0x6030_0000_0010_0054n, 0n]), one([0x6040_0000_0010_0054n, 0n])],
  ['core-register-impossible', one([0x6030_0000_0010_0001n, 0n]), one([0x6030_0000_0010_0002n, 0n])],
  ['many-registers', one(...manyRegisters(501)), one(...manyRegisters(500))],
  ['counters-disagree', two([[CNT, 0n]], [[CNT, 100_000_001n]]), two([[CNT, 0n]], [[CNT, 100_000_000n]])],
  [
    'counters-disagree',
    two([[CNT, 0n]], [[CNT, 6_250_001n]], { vm: { counterFrequency: 62_500_000 } }),
    two([[CNT, 0n]], [[CNT, 6_250_000n]], { vm: { counterFrequency: 62_500_000 } }),
  ],
  [
    'gic-redistributors-identical',
    two([[CNT, 0n]], [[CNT, 0n]], { devices: [redistributors(0x4002_0000, 0x4002_0000)] }),
    two([[CNT, 0n]], [[CNT, 0n]], { devices: [redistributors(0x4002_0000, 0x4003_0000)] }),
  ],
  [
    'its-table-outside-memory',
    snapshot([vcpu(0, [[CNT, 0n]])], { ...ram(), devices: [its(RAM + 0x10_0000n)] }),
    snapshot([vcpu(0, [[CNT, 0n]])], { ...ram(), devices: [its(RAM + 0x8_0000n)] }),
  ],
  [
    'its-table-outside-memory',
    snapshot([vcpu(0, [[CNT, 0n]])], { ...ram(), devices: [redistributors(0x5000_0000)] }),
    snapshot([vcpu(0, [[CNT, 0n]])], { ...ram(), devices: [redistributors(0x4002_0000)] }),
  ],
  [
    'its-tables-not-saved',
    snapshot([vcpu(0, [[CNT, 0n]])], { ...ram(withByte(0x7_ffff)), devices: [its(RAM + 0x8_0000n)] }),
    snapshot([vcpu(0, [[CNT, 0n]])], { ...ram(withByte(0x8_ffff)), devices: [its(RAM + 0x8_0000n)] }),
  ],
]

function manyRegisters(count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => [(sysRegId(3, 3, 8, 0, 0) + BigInt(i)) as RegId, 0n])
}

const findingsOf = async (value: Snapshot): Promise<readonly Finding[]> => [...consistencyFindings(value), ...(await lintFindings(value))]

test.each(CASES)('%s', async (code, faulty, sound) => {
  const found = (await findingsOf(faulty)).filter(finding => finding.code === code)
  expect(found.length).toBeGreaterThan(0)
  expect(found[0]?.severity).toBe(LINTS.find(lint => lint.code === code)?.severity)
  expect((await findingsOf(sound)).filter(finding => finding.code === code)).toEqual([])
})

test('every lint has a case above, but for what only the reader of a format can see', () => {
  const tested = new Set(CASES.map(([code]) => code))
  expect(LINTS.map(({ code }) => code).filter(code => !tested.has(code))).toEqual(['vector-halves-missing'])
})

test('a file that has no place for vector lengths is told so once', async () => {
  const known: Finding[] = [{ severity: 'warning', code: 'sve-lengths-not-saved', message: '' }]
  expect(await lintFindings(one([Z0, 0n]), known)).toEqual([])
})

test('nothing is said about tables when there is no memory to look in', async () => {
  expect(await lintFindings(snapshot([vcpu(0, [[CNT, 0n]])], { devices: [its(0x9000_0000n), redistributors(0x5000_0000)] }))).toEqual([])
})

test('every lint names a public report', () => {
  for (const { code, reports } of LINTS) for (const { url } of reports) expect(url, code).toMatch(/^https:\/\/[a-z.]+\/.+/)
})
