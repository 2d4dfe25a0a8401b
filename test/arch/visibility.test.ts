import { expect, test } from 'vitest'
import { parseRegister } from '../../src/arch/catalogue/parse.ts'
import type { Feature } from '../../src/arch/features.ts'
import { diffFields } from '../../src/arch/fields/fields.ts'
import type { GuestView } from '../../src/arch/guest-view.ts'
import type { RegId } from '../../src/arch/reg-id.ts'
import { compileSelector } from '../../src/arch/selector.ts'
import { VISIBILITY, visibleDifference } from '../../src/arch/visibility.ts'
import { isVolatile } from '../../src/arch/volatile.ts'
import { readRecording, recordingFiles, recordings, withoutRecordings } from './recordings.ts'

const UNKNOWN = 0x1de7_ec7e_dbad_c0den

/** A guest with these saved registers (by name) and, when given, these features. */
function guest(registers: Readonly<Record<string, bigint>> = {}, features?: readonly Feature[]): GuestView {
  const values = new Map(Object.entries(registers).map(([name, value]) => [parseRegister(name), value]))
  return { lookup: id => values.get(id), ...(features ? { features } : {}) }
}
const A72 = {
  ID_AA64PFR0_EL1: 0x1000_0000_0000_2222n,
  ID_AA64MMFR3_EL1: 0n,
  ID_AA64PFR1_EL1: 0n,
  ID_AA64PFR2_EL1: 0n,
  ID_AA64ISAR1_EL1: 0n,
  ID_AA64ISAR2_EL1: 0n,
}

const CASES: readonly (readonly [name: string, written: bigint, readBack: bigint, visible: boolean, fields: readonly string[], guest?: GuestView])[] = [
  ['TIMER_CNT', 1n, 2n, false, []],
  ['PTIMER_CNT', 1n, 2n, false, []],
  ['PMCCNTR_EL0', 1n, 2n, false, []],
  ['PSCI_VERSION', 0x10003n, 0x10001n, true, ['MINOR']],
  ['WA1', 0n, 2n, true, ['LEVEL']],
  ['WA2', 0n, 1n, false, ['LEVEL']],
  ['WA2', 0n, 3n, true, ['LEVEL']],
  ['STD_BMAP', 0n, 1n, true, ['TRNG_V1_0']],
  ['VENDOR_HYP_BMAP', 3n, 1n, true, ['PTP']],
  ['TIMER_CTL', 4n, 0n, false, ['ISTATUS']],
  ['TIMER_CTL', 5n, 1n, false, ['ISTATUS']],
  ['TIMER_CTL', 5n, 0n, true, ['ENABLE']],
  ['PTIMER_CTL', 7n, 5n, true, ['IMASK']],
  ['TIMER_CVAL', 7n, 5n, true, []],
  ['PMUSERENR_EL0', 1n, 0n, false, ['EN'], guest({}, [])],
  ['PMUSERENR_EL0', 1n, 0n, false, ['EN'], guest({ ID_AA64DFR0_EL1: 6n })],
  ['PMUSERENR_EL0', 1n, 0n, true, ['EN'], guest({}, ['pmu_v3'])],
  ['PMUSERENR_EL0', 1n, 0n, true, ['EN']],
  ['PMSWINC_EL0', UNKNOWN, 0n, false, []],
  ['PMCNTENSET_EL0', 0x8000_001en, 0n, false, ['C', 'P'], guest({ PMCR_EL0: 0x30acn }, ['pmu_v3'])],
  ['PMCNTENSET_EL0', 0x8000_001en, 0n, true, ['C', 'P'], guest({ PMCR_EL0: 0x30adn }, ['pmu_v3'])],
  ['PMCNTENSET_EL0', 0x8000_0000n, 0n, true, ['C'], guest({ PMCR_EL0: 0x30acn }, ['pmu_v3'])],
  ['PMEVCNTR3_EL0', 0x1_0000_0005n, 5n, false, [], guest({ ID_AA64DFR0_EL1: 0x400n }, ['pmu_v3'])],
  ['PMEVCNTR3_EL0', 0x1_0000_0005n, 5n, true, [], guest({ ID_AA64DFR0_EL1: 0x600n }, ['pmu_v3'])],
  ['PMCR_EL0', 0x4101_30acn, 0x30acn, true, ['IMP', 'IDCODE'], guest({}, ['pmu_v3'])],
  ['TCR2_EL1', 1n, 0n, false, ['PnCH'], guest(A72)],
  ['TCR2_EL1', 1n, 0n, true, ['PnCH'], guest({ ID_AA64MMFR3_EL1: 1n })],
  ['PIR_EL1', UNKNOWN - 1n, 0n, false, expect.anything() as never, guest(A72)],
  ['PIRE0_EL1', 1n, 0n, true, expect.anything() as never],
  ['POR_EL1', 1n, 0n, false, expect.anything() as never, guest(A72)],
  ['SCTLR2_EL1', 2n, 0n, false, expect.anything() as never, guest(A72)],
  ['FPMR', 1n, 0n, false, expect.anything() as never, guest(A72)],
  ['GCR_EL1', 1n, 0n, false, ['Exclude'], guest(A72)],
  ['APIAKeyLo_EL1', 1n, 0n, false, [], guest(A72)],
  ['APIAKeyLo_EL1', 1n, 0n, true, [], guest(A72, ['ptrauth_address', 'ptrauth_generic'])],
  ['DACR32_EL2', 1n, 0n, false, expect.anything() as never, guest({}, [])],
  ['DACR32_EL2', 1n, 0n, true, expect.anything() as never, guest({}, ['el1_32bit'])],
  ['VTTBR_EL2', 1n, 0n, false, ['CnP'], guest({}, ['psci_0_2'])],
  ['VTTBR_EL2', 1n, 0n, true, ['CnP'], guest({}, ['has_el2'])],
  ['TTBR0_EL1', UNKNOWN, 0n, false, expect.anything() as never],
  ['TTBR0_EL1', 0x1000n, 0n, true, ['BADDR']],
  ['ID_PFR0_EL1', 0x131n, 0n, false, expect.anything() as never, guest({ ID_AA64PFR0_EL1: 0x1111n })],
  ['ID_PFR0_EL1', 0x131n, 0n, true, ['State2', 'State1', 'State0'], guest(A72)],
  ['ID_AA64MMFR2_EL1', 0x2011_011n, 0x11_011n, true, ['NV']],
  ['S3_0_C0_C6_4', 1n, 0n, true, []],
  ['MIDR_EL1', 0x410f_d083n, 0x410f_d082n, true, ['Revision']],
  ['MPIDR_EL1', 0x8000_0001n, 0x8000_0000n, true, ['Aff0']],
  ['CTR_EL0', 0x8444_c004n, 0x8444_8004n, true, ['L1Ip']],
  ['CLIDR_EL1', 0x123n, 0x23n, true, ['Ctype3']],
  ['CCSIDR_EL1[0]', 2n, 0x12n, true, ['Associativity'], guest({ CLIDR_EL1: 0x100_0004n })],
  ['CCSIDR_EL1[2]', 2n, 0x12n, false, ['Associativity'], guest({ CLIDR_EL1: 0x100_0004n })],
  ['OSLSR_EL1', 0xan, 8n, true, ['OSLK']],
  ['X5', 1n, 2n, true, []],
  ['Z0', 1n << 2000n, 0n, true, []],
  ['VBAR_EL1', 0x1000n, 0n, true, ['Base']],
]

for (const [name, written, readBack, visible, fields, view] of CASES)
  test(`${name} 0x${written.toString(16).slice(0, 16)} read back as 0x${readBack.toString(16)}: ${visible ? 'visible' : 'not visible'}`, () => {
    expect(visibleDifference(parseRegister(name), written, readBack, view)).toMatchObject({ visible, fields })
  })

test('every row of the table decides some case: none is hidden behind another', () => {
  const rows = VISIBILITY.map(row => ({ row, isMeant: compileSelector(row.registers) }))
  const decided = CASES.flatMap(([name, written, readBack, , , view = {}]) => {
    const id = parseRegister(name)
    const difference = { id, written, readBack, guest: view }
    const fields = diffFields(id, written, readBack).map(change => change.name)
    return (fields.length > 0 ? fields : ['']).map(field =>
      rows.findIndex(({ row, isMeant }) => isMeant(id) && (row.fields?.includes(field) ?? true) && (row.when?.[1](difference) ?? true)),
    )
  })
  expect(VISIBILITY.filter((_, i) => !decided.includes(i)).map(row => [row.registers, row.when?.[0]])).toEqual([])
})

test('equal values are no difference', () => {
  expect(visibleDifference(parseRegister('PSCI_VERSION'), 1n, 1n).visible).toBe(false)
})

test('a field that differs visibly is not hidden by one that does not', () => {
  expect(visibleDifference(parseRegister('TIMER_CTL'), 5n, 2n)).toMatchObject({ visible: true, fields: ['IMASK', 'ENABLE'] })
})

interface Saved {
  readonly lookup: (id: RegId) => bigint | undefined
  readonly features: readonly Feature[]
}
const SETS: Readonly<Record<string, readonly Feature[]>> = {
  psci02: ['psci_0_2'],
  psci01: [],
  vgic3: ['psci_0_2'],
  sve: ['psci_0_2', 'sve'],
  pmu: ['psci_0_2', 'pmu_v3'],
  pauth: ['psci_0_2', 'ptrauth_address', 'ptrauth_generic'],
  all: ['psci_0_2', 'pmu_v3', 'sve', 'ptrauth_address', 'ptrauth_generic'],
  aarch32: ['psci_0_2', 'el1_32bit'],
  el2: ['psci_0_2', 'has_el2'],
}

/** What the recording with this name saved for a feature set of vCPU 0. */
function savedBy(regs: NonNullable<ReturnType<typeof readRecording>['regs']>, set: string): Saved | undefined {
  const values = new Map(regs.find(row => row.set === set)?.regs?.map(([id, value]) => [BigInt(id), value]) ?? [])
  const features = SETS[set]
  if (values.size === 0 || !features) return undefined
  const number = (value: string | number | undefined) => (typeof value === 'string' && value.startsWith('0x') ? BigInt(value) : undefined)
  return { lookup: id => number(values.get(id)), features }
}

test.skipIf(withoutRecordings)('a never-run guest restored on the same kernel sees no difference, on any recorded kernel, CPU or feature set', () => {
  let judged = 0
  const visible: string[] = []
  for (const recording of recordings())
    for (const restore of recording.restore ?? []) {
      const view = savedBy(recording.regs ?? [], restore.set)
      if (restore.mode !== 'fresh' || !view) continue
      for (const side of [restore.vcpu0, restore.vcpu1])
        for (const [id, written, readBack] of side?.diff ?? []) {
          if (typeof readBack !== 'string' || !written.startsWith('0x')) continue
          judged++
          const verdict = visibleDifference(BigInt(id) as RegId, BigInt(written), BigInt(readBack), view)
          if (verdict.visible) visible.push(`${recording.version} ${restore.set} ${id} ${written} ${readBack}: ${verdict.why}`)
        }
    }
  expect(visible).toEqual([])
  expect(judged).toBeGreaterThan(500)
})

/** `from -> to` of the replays between kernels on one CPU model: what was accepted and yet is visible, by register name. */
function acceptedVisible(file: string): ReadonlySet<string> {
  const replay = readRecording(file)
  const found = new Set<string>()
  for (const set of replay.sets ?? []) {
    if (set.set !== 'psci02') continue
    const from = /^replay-(.+?)-to-/.exec(file)?.[1] ?? ''
    const view = savedBy(readRecording(`${from}.json.gz`).regs ?? [], set.set)
    const side = set.vcpu0
    const refused = new Set(side?.fail?.map(([id]) => id))
    for (const [id, written, readBack] of side?.diff ?? [])
      if (!refused.has(id) && typeof readBack === 'string' && visibleDifference(BigInt(id) as RegId, BigInt(written), BigInt(readBack), view).visible)
        found.add(id)
  }
  return found
}

test.skipIf(withoutRecordings)('between kernels on cortex-a72 and neoverse-n1 nothing accepted is visible; on max it is nested virtualization alone', () => {
  const fleets = recordingFiles('replay').filter(file => /^replay-\d[\d.]+-(cortex-a72|neoverse-n1)-to-\d[\d.]+(-fam-\1)\.json/.test(file))
  expect(fleets.length).toBeGreaterThan(40)
  for (const file of fleets) expect([...acceptedVisible(file)], file).toEqual([])
  const max = recordingFiles('replay').filter(file => /^replay-\d[\d.]+-to-\d[\d.]+(-fam-max)?\.json/.test(file))
  const seen = new Set(max.flatMap(file => [...acceptedVisible(file)]))
  expect([...seen]).toEqual(['0x603000000013c03a'])
})

test.skipIf(withoutRecordings)('volatile registers are those that recordings mark', () => {
  const marked = new Set<string>()
  for (const recording of recordings())
    for (const restore of recording.restore ?? [])
      for (const side of [restore.vcpu0, restore.vcpu1]) for (const [id, , , mark] of side?.diff ?? []) if (mark === 'volatile') marked.add(id)
  expect(marked.size).toBeGreaterThan(1)
  expect([...marked].filter(id => !isVolatile(BigInt(id)))).toEqual([])
})
