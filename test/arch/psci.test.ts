import { expect, test } from 'vitest'
import {
  describePsciStep,
  PSCI_FUNCTIONS,
  PSCI_VERSIONS,
  type PsciVersion,
  parsePsciVersion,
  psciFunctionsOf,
  psciReturnName,
  showPsciVersion,
} from '../../src/arch/psci.ts'
import { recordings, withoutRecordings } from './recordings.ts'

test('versions print and parse as major.minor', () => {
  expect(PSCI_VERSIONS.map(parsePsciVersion)).toEqual([1n, 2n, 0x10000n, 0x10001n, 0x10002n, 0x10003n])
  for (const text of [...PSCI_VERSIONS, '2.7', '32767.65535']) expect(showPsciVersion(parsePsciVersion(text))).toBe(text)
  expect(showPsciVersion(0x1_0001_0003n)).toBe('0x100010003')
  for (const text of ['', '1', '1.', '1.x', '-1.0', '1.70000', '40000.0', '0x10003', '1.0.0'])
    expect(() => parsePsciVersion(text), text).toThrow(expect.objectContaining({ code: 'REG_VALUE_INVALID' }))
})

test('a step between versions names what the guest gains and loses', () => {
  const names = (from: string, to: string, change: string) =>
    describePsciStep(from, to)
      .filter(row => row.change === change)
      .map(row => row.name)
  expect(names('1.1', '1.3', 'appears')).toEqual(['SYSTEM_OFF2'])
  expect(names('1.3', '1.0', 'vanishes')).toEqual(['SYSTEM_RESET2', 'SYSTEM_OFF2'])
  expect(names('0.2', '1.0', 'appears')).toEqual(['PSCI_FEATURES', 'SYSTEM_SUSPEND'])
  expect(describePsciStep('1.1', '1.2')).toEqual([])
  expect(names('0.1', '0.2', 'vanishes')).toEqual(['CPU_OFF (0.1)', 'CPU_ON (0.1)'])
  expect(() => describePsciStep('1.1', '1.4')).toThrow(expect.objectContaining({ code: 'REG_VALUE_INVALID' }))
})

test('a step forth and back is mirrored', () => {
  for (const from of PSCI_VERSIONS)
    for (const to of PSCI_VERSIONS) {
      const flip = { appears: 'vanishes', vanishes: 'appears' } as const
      const forth = describePsciStep(from, to).map(row => `${row.change} ${row.name}`)
      const back = describePsciStep(to, from).map(row => `${flip[row.change]} ${row.name}`)
      expect(forth.sort()).toEqual(back.sort())
    }
})

test('return codes are read from the sign-extended register', () => {
  expect(psciReturnName(0xffff_ffff_ffff_fffcn)).toBe('ALREADY_ON')
  expect(psciReturnName(0n)).toBe('SUCCESS')
  expect(psciReturnName(0x10003n)).toBeUndefined()
})

/** What PSCI_FEATURES must answer by the table; undefined for a version that has no PSCI_FEATURES. */
function expectedFeature(version: PsciVersion, id: number, hasSuspendCap: boolean): bigint {
  if (version === '0.1' || version === '0.2') return -1n
  if (id === 0x8000_0000) return 0n
  const row = psciFunctionsOf(version).find(fn => fn.smc32 === id || fn.smc64 === id)
  return row === undefined || (row.needs !== undefined && !hasSuspendCap) ? -1n : BigInt(row.features ?? 0)
}

test.skipIf(withoutRecordings)('PSCI_FEATURES answers as the table says, on every recorded kernel, for every version', () => {
  let compared = 0
  const faults: string[] = []
  for (const recording of recordings()) {
    const runs = [
      ...(recording.psci ?? []).map(run => ({ version: run.ver_read, calls: run.calls ?? [], cap: false })),
      ...(recording.psci_feat_suspend_cap ?? []).map(run => ({ version: run.ver, calls: run.calls ?? [], cap: true })),
    ]
    for (const { version, calls, cap } of runs) {
      if (version === undefined || version === '0x0') continue
      const shown = showPsciVersion(BigInt(version)) as PsciVersion
      for (const call of calls) {
        if (call.t !== 'FEAT' || call.r === undefined || call.pc !== undefined) continue
        compared++
        const id = Number(BigInt(call.in[1] ?? '0') & 0xffff_ffffn)
        const answer = BigInt.asIntN(64, BigInt(call.r))
        if (answer !== expectedFeature(shown, id, cap)) faults.push(`${recording.version} PSCI ${shown} ${call.in[1]}: ${answer}`)
      }
    }
  }
  expect(faults).toEqual([])
  expect(compared).toBeGreaterThan(2000)
})

test('function ids follow the two ranges, without gaps', () => {
  expect(PSCI_FUNCTIONS.map(row => row.number)).toEqual(PSCI_FUNCTIONS.map((_, i) => i))
  for (const row of PSCI_FUNCTIONS) {
    expect(row.smc32).toBe(0x8400_0000 + row.number)
    expect(row.smc64 ?? 0xc400_0000 + row.number).toBe(0xc400_0000 + row.number)
  }
})
