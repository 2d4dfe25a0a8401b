import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isKnownRegister, registerClass, registerName, registerRow, registerRows } from '../../src/arch/catalogue/catalogue.ts'
import { parseRegister } from '../../src/arch/catalogue/parse.ts'
import { systemRegisterName } from '../../src/arch/catalogue/system.ts'
import { type RegId, regBytes, regId } from '../../src/arch/reg-id.ts'
import { recordings, withoutRecordings } from './recordings.ts'

const rowOf = (id: bigint) => registerRow(regId(id))

test('the two swapped timer ids stay swapped, as the kernel header has them', () => {
  expect(registerName(0x6030_0000_0013_df1an)).toBe('KVM_REG_ARM_TIMER_CNT')
  expect(registerName(0x6030_0000_0013_df02n)).toBe('KVM_REG_ARM_TIMER_CVAL')
  expect(rowOf(0x6030_0000_0013_df1an)?.quirk).toContain('each other')
  // what an instruction with those encodings reaches is not swapped
  expect(systemRegisterName(0xdf1a)).toBe('CNTV_CVAL_EL0')
  expect(systemRegisterName(0xdf02)).toBe('CNTVCT_EL0')
  // and a name means what the register holds
  expect(parseRegister('CNTVCT_EL0')).toBe(0x6030_0000_0013_df1an)
  expect(parseRegister('CNTV_CVAL_EL0')).toBe(0x6030_0000_0013_df02n)
})

test('the ids of the kernel headers have the names of the kernel headers', () => {
  const pinned: readonly (readonly [bigint, string, string, string, number])[] = [
    [0x6030_0000_0010_0000n, 'X0', 'core', 'vcpu', 8],
    [0x6030_0000_0010_003cn, 'X30', 'core', 'vcpu', 8],
    [0x6030_0000_0010_003en, 'SP_EL0', 'core', 'vcpu', 8],
    [0x6030_0000_0010_0040n, 'PC', 'core', 'vcpu', 8],
    [0x6030_0000_0010_0042n, 'PSTATE', 'core', 'vcpu', 8],
    [0x6030_0000_0010_0044n, 'SP_EL1', 'core', 'vcpu', 8],
    [0x6030_0000_0010_0048n, 'SPSR_EL1', 'core', 'vcpu', 8],
    [0x6040_0000_0010_0054n, 'V0', 'core', 'vcpu', 16],
    [0x6020_0000_0010_00d5n, 'FPCR', 'core', 'vcpu', 4],
    [0x6080_0000_0015_0000n, 'Z0', 'sve', 'vcpu', 256],
    [0x6050_0000_0015_05e0n, 'P15', 'sve', 'vcpu', 32],
    [0x6050_0000_0015_0600n, 'FFR', 'sve', 'vcpu', 32],
    [0x6060_0000_0015_ffffn, 'KVM_REG_ARM64_SVE_VLS', 'sve', 'vcpu', 64],
    [0x6030_0000_0014_0000n, 'KVM_REG_ARM_PSCI_VERSION', 'firmware', 'vm', 8],
    [0x6030_0000_0014_0003n, 'KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3', 'firmware', 'vcpu', 8],
    [0x6030_0000_0016_0003n, 'KVM_REG_ARM_VENDOR_HYP_BMAP_2', 'firmware-bitmap', 'vm', 8],
    [0x6030_0000_0013_df01n, 'KVM_REG_ARM_PTIMER_CNT', 'timer', 'vm', 8],
    [0x6030_0000_0013_c020n, 'ID_AA64PFR0_EL1', 'system', 'vm', 8],
    [0x6030_0000_0013_c005n, 'MPIDR_EL1', 'system', 'vcpu', 8],
    [0x6030_0000_0013_c108n, 'APIAKeyLo_EL1', 'system', 'vcpu', 8],
    [0x6030_0000_0013_c02an, 'ID_AA64DFR2_EL1', 'system', 'vm', 8],
    [0x6030_0000_0013_c01bn, 'S3_0_C0_C3_3', 'system', 'vm', 8],
    [0x6020_0000_0011_0004n, 'CCSIDR_EL1[4]', 'demux', 'vcpu', 4],
  ]
  for (const [id, name, kind, scope, bytes] of pinned) {
    const row = rowOf(id)
    expect([row?.name, row?.class, row?.scope, row?.bytes]).toEqual([name, kind, scope, bytes])
  }
})

test('every row has a name of its own, a meaning, and the size that its id says', () => {
  const rows = [...registerRows()]
  expect(new Set(rows.map(row => row.name.toLowerCase())).size).toBe(rows.length)
  expect(rows.filter(row => row.bytes !== regBytes(row.id))).toEqual([])
  expect(rows.filter(row => !/^\S.{4,}\S$/.test(row.meaning) || /undefined|\n/.test(row.meaning)).map(row => row.name)).toEqual([])
  expect(rows.filter(row => row.listed !== undefined && row.write === undefined).map(row => row.name)).toEqual([])
  expect(rows.every(row => registerName(row.id) === row.name)).toBe(true)
})

test('no alias belongs to two registers, or is the name of another', () => {
  const rows = [...registerRows()]
  const names = new Map(rows.map(row => [row.name.toLowerCase(), row.id]))
  const aliases = rows.flatMap(row => row.aliases.map(alias => [alias.toLowerCase(), row.id] as const))
  expect(new Set(aliases.map(([alias]) => alias)).size).toBe(aliases.length)
  // timers: the Arm names are aliases of KVM's ids, nothing else answers to them
  expect(aliases.filter(([alias, id]) => names.has(alias) && names.get(alias) !== id)).toEqual([])
})

test('a register that nobody has named is spelled from its bits', () => {
  expect(registerName(0x6030_0000_0013_ffffn)).toBe('S3_7_C15_C15_7')
  expect(registerName(0x6030_0000_0017_0003n)).toBe('coproc 0x17 index 0x0003')
  expect(registerName(0x6020_0000_0014_0000n)).toBe('coproc 0x14 index 0x0000 u32')
  expect(registerName(0x6030_0000_0010_0001n)).toBe('coproc 0x10 index 0x0001')
  expect(registerName(0x6030_0001_0013_c020n)).toBe('0x603000010013c020')
  // the MRS encoding of a register that KVM keeps elsewhere
  expect(registerName(0x6030_0000_0013_da20n)).toBe('S3_3_C4_C4_0')
  expect(registerClass(regId(0x6030_0000_0014_0009n))).toBe('firmware')
  expect(registerClass(regId(0x6030_0000_0017_0003n))).toBeUndefined()
})

test('naming is total and one-to-one: the name of any id parses to that id', () => {
  const anyId = fc.oneof(
    fc.bigInt(0n, (1n << 56n) - 1n).map(low => (0x60n << 56n) | low),
    fc
      .tuple(fc.constantFrom(0x10n, 0x11n, 0x13n, 0x14n, 0x15n, 0x16n, 0x17n, 0xfffn), fc.bigInt(0n, 15n), fc.bigInt(0n, 0xffffn))
      .map(([coproc, size, index]) => (0x60n << 56n) | (size << 52n) | (coproc << 16n) | index),
  )
  fc.assert(
    fc.property(anyId, id => parseRegister(registerName(id)) === id),
    { seed: 20261123, numRuns: 5000 },
  )
})

test.skipIf(withoutRecordings)('every id of every recording is known, has a class, and its name parses back', () => {
  const seen = new Set<bigint>()
  for (const recording of recordings()) for (const { regs } of recording.regs ?? []) for (const [id] of regs ?? []) seen.add(BigInt(id))
  for (const replay of recordings('replay'))
    for (const set of replay.sets ?? [])
      for (const side of [set.vcpu0, set.vcpu1]) for (const [id] of [...(side?.fail ?? []), ...(side?.diff ?? [])]) seen.add(BigInt(id))
  expect(seen.size).toBeGreaterThan(440)
  const faults = [...seen].filter(id => {
    const row = rowOf(id)
    return !isKnownRegister(id) || row?.listed === undefined || row.bytes !== regBytes(id as RegId) || parseRegister(row.name) !== id
  })
  expect(faults.map(id => id.toString(16))).toEqual([])
})
