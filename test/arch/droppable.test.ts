import { expect, test } from 'vitest'
import { registerName } from '../../src/arch/catalogue/catalogue.ts'
import { parseRegister } from '../../src/arch/catalogue/parse.ts'
import { DROPPABLE, droppable } from '../../src/arch/droppable.ts'
import { errnoName } from '../../src/arch/errno.ts'
import type { Feature } from '../../src/arch/features.ts'
import type { RegId } from '../../src/arch/reg-id.ts'
import { compileSelector } from '../../src/arch/selector.ts'
import { readRecording, recordingFiles, withoutRecordings } from './recordings.ts'

interface Context {
  readonly lookup?: (id: RegId) => bigint | undefined
  readonly features?: readonly Feature[]
  readonly targetValue?: bigint
}
const where = (registers: Readonly<Record<string, bigint>>, features?: readonly Feature[], targetValue?: bigint): Context => {
  const values = new Map(Object.entries(registers).map(([name, value]) => [parseRegister(name), value]))
  return { lookup: id => values.get(id), ...(features ? { features } : {}), ...(targetValue === undefined ? {} : { targetValue }) }
}
const target = (targetValue: bigint): Context => ({ targetValue })

const CASES: readonly (readonly [name: string, value: bigint, errno: string, droppable: boolean, reason: string, context?: Context])[] = [
  ['PSCI_VERSION', 0x10003n, 'EINVAL', false, 'PSCI 1.3; without this register the guest’s firmware silently becomes PSCI 1.1', target(0x10001n)],
  ['PSCI_VERSION', 0x10003n, 'EINVAL', false, "the target's default"],
  ['WA3', 0n, 'ENOENT', true, 'no mitigation'],
  ['WA3', 2n, 'ENOENT', false, 'NOT_REQUIRED'],
  ['WA1', 2n, 'EINVAL', false, 'the target has NOT_AVAIL', target(0n)],
  ['VENDOR_HYP_BMAP_2', 0n, 'ENOENT', true, 'none of its services'],
  ['VENDOR_HYP_BMAP_2', 3n, 'ENOENT', false, 'implementation ids'],
  ['STD_BMAP', 0n, 'ENOENT', true, 'offers none'],
  ['STD_BMAP', 1n, 'ENOENT', false, 'true random number generator'],
  ['VENDOR_HYP_BMAP', 3n, 'ENOENT', false, 'vendor UID and feature discovery and precise clock'],
  ['STD_HYP_BMAP', 1n, 'ENOENT', true, 'stolen time all the same'],
  ['STD_HYP_BMAP', 0n, 'ENOENT', false, 'switched off'],
  ['STD_BMAP', 0n, 'EBUSY', false, 'before that'],
  ['VENDOR_HYP_BMAP', 7n, 'EINVAL', false, 'does not know'],
  ['SVE_VLS', 3n, 'EPERM', true, 'nothing is lost', target(3n)],
  ['SVE_VLS', 3n, 'EPERM', false, 'between KVM_ARM_VCPU_INIT', target(1n)],
  ['SVE_VLS', 3n, 'EINVAL', false, 'exactly the vector lengths'],
  ['Z3', 3n, 'ENOENT', false, 'SVE state'],
  ['V3', 3n, 'EINVAL', false, 'Z0-Z31'],
  ['PSTATE', 0x3c9n, 'EINVAL', false, 'mode'],
  ['X3', 0n, 'EINVAL', false, 'runs on'],
  ['PMMIR_EL1', 0n, 'ENOENT', true, 'shows the guest 0'],
  ['PMEVCNTR0_EL0', 5n, 'ENOENT', true, 'listed by 5.10 kernels without a PMU; the guest has no PMU, so nothing is lost', where({}, [])],
  ['PMEVCNTR0_EL0', 5n, 'ENOENT', true, 'nothing is lost', where({ ID_AA64DFR0_EL1: 0x1030_5006n })],
  ['PMEVCNTR0_EL0', 5n, 'ENOENT', false, 'has a PMU', where({ ID_AA64DFR0_EL1: 0x1030_5106n })],
  ['PMEVCNTR0_EL0', 5n, 'ENOENT', false, 'does not say'],
  ['PMMIR_EL1', 4n, 'ENOENT', false, 'has a PMU', where({}, ['pmu_v3'])],
  ['TCR2_EL1', 0n, 'ENOENT', true, 'no FEAT_TCR2', where({ ID_AA64MMFR3_EL1: 0n })],
  ['TCR2_EL1', 0n, 'ENOENT', false, 'was told that it has FEAT_TCR2', where({ ID_AA64MMFR3_EL1: 1n })],
  ['TCR2_EL1', 0n, 'ENOENT', false, 'the file does not hold'],
  ['PIR_EL1', 0n, 'ENOENT', true, 'FEAT_S1PIE', where({ ID_AA64MMFR3_EL1: 1n })],
  ['PIRE0_EL1', 0n, 'ENOENT', false, 'FEAT_S1PIE', where({ ID_AA64MMFR3_EL1: 0x100n })],
  ['PIRE0_EL1', 0n, 'ENOENT', false, 'FEAT_S1PIE'],
  ['POR_EL0', 0n, 'ENOENT', true, 'FEAT_S1POE', where({ ID_AA64MMFR3_EL1: 0n })],
  ['POR_EL0', 0n, 'ENOENT', false, 'FEAT_S1POE', where({ ID_AA64MMFR3_EL1: 0x1_0000n })],
  ['POR_EL1', 0n, 'ENOENT', false, 'FEAT_S1POE'],
  ['SCTLR2_EL1', 0n, 'ENOENT', true, 'FEAT_SCTLR2', where({ ID_AA64MMFR3_EL1: 0x101n })],
  ['SCTLR2_EL1', 0n, 'ENOENT', false, 'FEAT_SCTLR2', where({ ID_AA64MMFR3_EL1: 0x111n })],
  ['SCTLR2_EL1', 0n, 'ENOENT', false, 'FEAT_SCTLR2'],
  ['FPMR', 0n, 'ENOENT', true, 'FEAT_FPMR', where({ ID_AA64PFR2_EL1: 0n })],
  ['FPMR', 0n, 'ENOENT', false, 'FEAT_FPMR', where({ ID_AA64PFR2_EL1: 0x1_0000_0000n })],
  ['FPMR', 0n, 'ENOENT', false, 'FEAT_FPMR'],
  ['GCR_EL1', 0n, 'ENOENT', true, 'memory tagging', where({ ID_AA64PFR1_EL1: 0n })],
  ['GCR_EL1', 0n, 'ENOENT', false, 'memory tagging', where({ ID_AA64PFR1_EL1: 0x200n })],
  ['RGSR_EL1', 0n, 'ENOENT', false, 'memory tagging'],
  ['APGAKeyHi_EL1', 1n, 'ENOENT', true, 'no instruction', where({}, [])],
  ['APGAKeyHi_EL1', 1n, 'ENOENT', false, 'authenticates', where({}, ['ptrauth_address'])],
  ['ZCR_EL1', 0n, 'ENOENT', false, 'SVE'],
  ['VTTBR_EL2', 0n, 'ENOENT', true, 'no EL2', where({}, ['psci_0_2'])],
  ['VTTBR_EL2', 0n, 'ENOENT', false, 'own hypervisor', where({}, ['has_el2'])],
  ['PTIMER_CTL', 4n, 'ENOENT', true, 'disabled'],
  ['PTIMER_CVAL', 99n, 'ENOENT', true, 'disabled', where({ PTIMER_CTL: 0n })],
  ['PTIMER_CTL', 1n, 'ENOENT', false, 'never comes'],
  ['PTIMER_CVAL', 99n, 'ENOENT', false, 'never comes', where({ PTIMER_CTL: 1n })],
  ['PTIMER_CNT', 99n, 'ENOENT', false, 'jumps'],
  ['TIMER_CVAL', 99n, 'EINVAL', false, 'lost'],
  ['CCSIDR_EL1[3]', 2n, 'ENOENT', true, 'CLIDR_EL1 (0x1000004)', where({ CLIDR_EL1: 0x100_0004n })],
  ['CCSIDR_EL1[0]', 2n, 'EINVAL', false, 'another cache', where({ CLIDR_EL1: 0x100_0004n })],
  ['CLIDR_EL1', 0x123n, 'EINVAL', false, 'Ctype1 3, there 4', target(0x124n)],
  ['CTR_EL0', 0x8444_c004n, 'EINVAL', false, 'L1Ip PIPT, there VIPT', target(0x8444_8004n)],
  ['ID_PFR0_EL1', 0x131n, 'EINVAL', true, 'no AArch32', where({ ID_AA64PFR0_EL1: 0x1111n })],
  ['ID_PFR1_EL1', 0x1001_0000n, 'EBUSY', false, 'GIC GICv3, there NI', where({ ID_AA64PFR0_EL1: 0x2222n }, [], 0x1_0000n)],
  ['MIDR_EL1', 0x410f_d083n, 'EINVAL', false, 'on another CPU', target(0x410f_d034n)],
  ['MPIDR_EL1', 0x8000_0000n, 'EINVAL', false, 'CPU_ON'],
  ['ID_AA64DFR0_EL1', 0x1030_5106n, 'EINVAL', false, 'PMUVer', target(0x1030_5006n)],
  ['OSLSR_EL1', 8n, 'ENOENT', true, 'OS lock is open'],
  ['OSLSR_EL1', 0xan, 'ENOENT', false, 'locked'],
  ['S3_7_C15_C15_7', 0n, 'ENOENT', false, 'does not know what this register holds'],
  ['coproc 0x17 index 0x0003', 0n, 'ENOENT', false, 'does not know what this register holds'],
  ['SCTLR_EL1', 0n, 'ENOENT', false, 'state of the guest'],
  ['SCTLR_EL1', 0n, 'EINVAL', false, 'does not take the value'],
]

for (const [name, value, errno, expected, reason, context] of CASES)
  test(`${name} 0x${value.toString(16)} refused with ${errno} (${reason}): droppable ${expected}`, () => {
    const advice = droppable(parseRegister(name), value, errno, context)
    expect([advice.droppable, advice.reason]).toEqual([expected, expect.stringContaining(reason.replace('’', "'"))])
  })

test('every row of the table decides some case: none is hidden behind another', () => {
  const rows = DROPPABLE.map(row => ({ row, isMeant: compileSelector(row.registers) }))
  const decided = CASES.map(([name, value, errno, , , context = {}]) => {
    const id = parseRegister(name)
    const refusal = { id, value, errno, guest: context, ...(context.targetValue === undefined ? {} : { targetValue: context.targetValue }) }
    return rows.findIndex(({ row, isMeant }) => (row.errnos?.some(known => known === errno) ?? true) && isMeant(id) && (row.when?.[1](refusal) ?? true))
  })
  expect(DROPPABLE.filter((_, i) => !decided.includes(i)).map(row => [row.registers, row.when?.[0]])).toEqual([])
})

test('reasons are sentences: they name no undefined thing and carry a source', () => {
  for (const [name, value, errno, , , context] of CASES) {
    const { reason, source } = droppable(parseRegister(name), value, errno, context)
    expect(reason).not.toMatch(/undefined|\[object|NaN/)
    expect(reason.length).toBeGreaterThan(20)
    expect(source.length).toBeGreaterThan(5)
  }
})

const SETS: Readonly<Record<string, readonly Feature[]>> = { psci02: ['psci_0_2'], pmu: ['psci_0_2', 'pmu_v3'] }

/** Refusals of vCPU 0 in a recorded replay: what may be dropped, what not, by name. */
function advised(file: string, setName: 'psci02' | 'pmu') {
  const source = readRecording(`${/^replay-(.+?)-to-/.exec(file)?.[1]}.json.gz`)
  const values = new Map(source.regs?.find(({ set }) => set === setName)?.regs?.map(([id, value]) => [BigInt(id), value]) ?? [])
  const may: string[] = []
  const mayNot: string[] = []
  for (const [id, errno, value, targetValue] of readRecording(file).sets?.find(({ set }) => set === setName)?.vcpu0?.fail ?? []) {
    const advice = droppable(BigInt(id) as RegId, BigInt(value), errnoName(errno), {
      lookup: wanted => {
        const found = values.get(wanted)
        return typeof found === 'string' && found.startsWith('0x') ? BigInt(found) : undefined
      },
      ...(SETS[setName] ? { features: SETS[setName] } : {}),
      ...(typeof targetValue === 'string' ? { targetValue: BigInt(targetValue) } : {}),
    })
    ;(advice.droppable ? may : mayNot).push(registerName(BigInt(id)))
  }
  return { may, mayNot }
}
const replay = (from: string, to: string, cpu: string) => {
  const file = recordingFiles('replay').find(name => name === `replay-${from}-${cpu}-to-${to}-fam-${cpu}.json.gz`)
  if (!file) throw new Error(`no replay ${from} to ${to} on ${cpu}`)
  return file
}

test.skipIf(withoutRecordings)('5.10 to a newer kernel: the 74 PMU registers may be left out when there is no PMU', () => {
  const { may, mayNot } = advised(replay('5.10.223', '7.3.4', 'cortex-a72'), 'psci02')
  expect(may).toHaveLength(74)
  expect(may.every(name => name.startsWith('PM'))).toBe(true)
  expect(mayNot).toEqual(['ID_DFR0_EL1', 'ID_AA64DFR0_EL1'])
})

test.skipIf(withoutRecordings)('6.12 to a newer kernel on a CPU without the features: all three refused registers may be left out', () => {
  expect(advised(replay('6.12.117', '7.3.4', 'cortex-a72'), 'psci02')).toEqual({ may: ['TCR2_EL1', 'PIRE0_EL1', 'PIR_EL1'], mayNot: [] })
})

test.skipIf(withoutRecordings)('a newer kernel back to 6.12: the PSCI version is the one thing that cannot be left out', () => {
  expect(advised(replay('7.3.4', '6.12.117', 'cortex-a72'), 'psci02')).toEqual({ may: ['KVM_REG_ARM_VENDOR_HYP_BMAP_2'], mayNot: ['KVM_REG_ARM_PSCI_VERSION'] })
})

test.skipIf(withoutRecordings)('every refusal of every replay gets an answer with a reason', () => {
  let judged = 0
  for (const file of recordingFiles('replay').filter((_, i) => i % 5 === 0))
    for (const set of readRecording(file).sets ?? [])
      for (const side of [set.vcpu0, set.vcpu1])
        for (const [id, errno, value] of side?.fail ?? []) {
          if (!value.startsWith('0x')) continue
          judged++
          const { reason } = droppable(BigInt(id) as RegId, BigInt(value), errnoName(errno))
          if (reason.length < 20 || /undefined/.test(reason)) expect.unreachable(`${id} ${value}: ${reason}`)
        }
  expect(judged).toBeGreaterThan(1000)
})
