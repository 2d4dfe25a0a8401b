// A firmware call in words: every function of the tables, what its answers mean, and how it ends.
import { describe, expect, test } from 'vitest'
import { PSCI_FUNCTIONS } from '../../../src/arch/psci.ts'
import { SMCCC_FUNCTIONS } from '../../../src/arch/smccc.ts'
import type { FirmwareCall } from '../../../src/emulator/machine/firmware-watch.ts'
import { functionNames, namedFunction } from '../../../src/ops/trace/call-words.ts'
import { callRow } from '../../../src/ops/trace/collector.ts'
import { PLAIN_STYLE } from '../../../src/render/page.ts'
import { traceLine } from '../../../src/render/trace.ts'

const NOT_SUPPORTED = 0xffff_ffff_ffff_ffffn
const minus = (value: bigint): bigint => BigInt.asUintN(64, -value)

function call(id: number, x: readonly bigint[], results: readonly bigint[], more: Partial<FirmwareCall> = {}): FirmwareCall {
  return {
    kind: 'call',
    vcpu: 0,
    time: 1234,
    instructions: 1200,
    pc: 0x4008_0000n,
    pstate: 0x3c5n,
    conduit: 'hvc',
    immediate: 0,
    arguments: [BigInt(id), ...[0, 1, 2].map(n => x[n] ?? 0n)],
    results: [0, 1, 2, 3].map(n => results[n] ?? 0n),
    ending: { kind: 'resume' },
    filter: 'handle',
    switchedOn: [],
    switchedOff: [],
    ...more,
  }
}
/** Without time and vCPU, one blank between columns. */
const said = (firmwareCall: FirmwareCall): string =>
  traceLine(callRow(firmwareCall), { columns: undefined, style: PLAIN_STYLE }, false)
    .replace(/^ *0\.000001234 +\d+ +/, '')
    .replace(/ +/g, ' ')

test.each([
  [call(0x8400_0000, [], [0x1_0001n]), 'hvc PSCI_VERSION() = 1.1'],
  [call(0x8400_0000, [], [NOT_SUPPORTED], { conduit: 'smc' }), 'smc PSCI_VERSION() = NOT_SUPPORTED'],
  [
    call(0xc400_0003, [1n, 0xffff_0000_4008_0000n, 7n], [0n], { switchedOn: [1] }),
    'hvc CPU_ON(target=0x1, entry=0xffff000040080000, context=0x7) = SUCCESS, vCPU 1 on',
  ],
  // The SMC32 form has 32-bit arguments.
  [call(0x8400_0003, [0xffff_ffff_0000_0001n, 0xabcd_4008_0000n], [minus(4n)]), 'hvc CPU_ON (SMC32)(target=0x1, entry=0x40080000, context=0x0) = ALREADY_ON'],
  [call(0xc400_0003, [9n], [minus(2n)]), 'hvc CPU_ON(target=0x9, entry=0x0, context=0x0) = INVALID_PARAMETERS'],
  [call(0xc400_0001, [0x1_0000n, 1n, 2n], [0n], { ending: { kind: 'wait' } }), 'hvc CPU_SUSPEND(state=0x10000, entry=0x1, context=0x2) = SUCCESS, waits'],
  [call(0x8400_0002, [], [0n], { ending: { kind: 'off' }, switchedOff: [0] }), 'hvc CPU_OFF() → vCPU off'],
  [call(0xc400_0004, [1n, 0n], [1n]), 'hvc AFFINITY_INFO(affinity=0x1, level=0x0) = OFF'],
  [call(0x8400_0006, [], [2n]), 'hvc MIGRATE_INFO_TYPE() = NO_MIGRATION'],
  [call(0x8400_000a, [0xc400_0015n], [1n]), 'hvc PSCI_FEATURES(SYSTEM_OFF2) = supported, HIBERNATE_OFF'],
  [call(0x8400_000a, [0x8400_000en], [NOT_SUPPORTED]), 'hvc PSCI_FEATURES(SYSTEM_SUSPEND (SMC32)) = NOT_SUPPORTED'],
  [call(0x8400_000a, [0x8400_0001n], [2n]), 'hvc PSCI_FEATURES(CPU_SUSPEND (SMC32)) = supported, flags 0x2'],
  [call(0x8400_000a, [0x8000_0000n], [0n]), 'hvc PSCI_FEATURES(SMCCC_VERSION) = supported'],
  [call(0x8400_000a, [0x1234n], [NOT_SUPPORTED]), 'hvc PSCI_FEATURES(0x1234) = NOT_SUPPORTED'],
  [call(0x8400_0008, [], [minus(6n)], { ending: { kind: 'system-event', type: 1, ndata: 1, data: [0n] }, switchedOff: [0, 1] }), 'hvc SYSTEM_OFF() → SHUTDOWN'],
  [
    call(0xc400_0015, [1n, 0n], [minus(6n)], { ending: { kind: 'system-event', type: 1, ndata: 1, data: [1n] } }),
    'hvc SYSTEM_OFF2(type=0x1 HIBERNATE_OFF, cookie=0x0) → SHUTDOWN PSCI_OFF2',
  ],
  [
    call(0xc400_0012, [0x8000_0001n, 5n], [minus(6n)], { ending: { kind: 'system-event', type: 2, ndata: undefined, data: [1n] } }),
    'hvc SYSTEM_RESET2(type=0x80000001 VENDOR, cookie=0x5) → RESET PSCI_RESET2',
  ],
  [call(0xc400_0012, [0n, 0n], [minus(2n)]), 'hvc SYSTEM_RESET2(type=0x0 WARM, cookie=0x0) = INVALID_PARAMETERS'],
  [call(0x8000_0000, [], [0x1_0001n]), 'hvc SMCCC_VERSION() = 1.1'],
  [call(0x8000_0001, [0x8000_8000n], [1n]), 'hvc SMCCC_ARCH_FEATURES(SMCCC_ARCH_WORKAROUND_1) = NOT_REQUIRED'],
  [call(0x8000_0001, [0x8000_3fffn], [0n]), 'hvc SMCCC_ARCH_FEATURES(SMCCC_ARCH_WORKAROUND_3) = AVAIL'],
  [call(0x8000_0001, [0x8000_7fffn], [minus(2n)]), 'hvc SMCCC_ARCH_FEATURES(SMCCC_ARCH_WORKAROUND_2) = NOT_REQUIRED'],
  [call(0x8000_0001, [0x8000_7fffn], [NOT_SUPPORTED]), 'hvc SMCCC_ARCH_FEATURES(SMCCC_ARCH_WORKAROUND_2) = NOT_SUPPORTED'],
  [call(0x8000_7fff, [1n], [0n]), 'hvc SMCCC_ARCH_WORKAROUND_2(enable=0x1) = SUCCESS'],
  [call(0xc400_0053, [192n], [0n, 1n, 2n, 3n]), 'hvc TRNG_RND64(bits=0xc0) = 192 bits'],
  [call(0xc400_0053, [193n], [minus(2n)]), 'hvc TRNG_RND64(bits=0xc1) = INVALID_PARAMETERS'],
  [call(0x8400_0053, [8n], [minus(3n)]), 'hvc TRNG_RND32(bits=0x8) = NO_ENTROPY'],
  [call(0x8400_0052, [], [0x00e0_210dn, 0xeb11_8443n, 0x4452_7080n, 0x4c5a_4e55n]), 'hvc TRNG_GET_UUID() = 0d21e000-4384-11eb-8070-5244554e5a4c'],
  [call(0x8600_ff01, [], [0xb66f_b428n, 0xe911_c52en, 0x564b_caa9n, 0x743a_004dn]), 'hvc VENDOR_HYP_CALL_UID() = KVM 28b46fb6-2ec5-11e9-a9ca-4b564d003a74'],
  [call(0x8600_ff01, [], [1n, 2n, 3n, 4n]), 'hvc VENDOR_HYP_CALL_UID() = 01000000-0200-0000-0300-000004000000'],
  [call(0x8600_0000, [], [3n, 0n, 1n]), 'hvc KVM_FEATURES() = FUNC_FEAT PTP DISCOVER_IMPL_VER'],
  [
    call(0x8600_0001, [0n], [1_767_225_600_000_000_000n >> 32n, 1_767_225_600_000_000_000n & 0xffff_ffffn, 0n, 0x55n]),
    'hvc KVM_PTP(counter=0x0 virtual) = 2026-01-01T00:00:00.000Z, counter 0x55',
  ],
  [call(0xc500_0020, [0xc500_0021n], [0n]), 'hvc PV_TIME_FEATURES(PV_TIME_ST) = supported'],
  [call(0x95c1_ba60, [1n, 0x4000n, 2n], [0n], { switchedOn: [1] }), 'hvc CPU_ON(target=0x1, entry=0x4000, context=0x2) = SUCCESS, vCPU 1 on'],
  [call(0x8600_1234, [1n, 2n, 3n], [NOT_SUPPORTED]), 'hvc 0x86001234(x1=0x1, x2=0x2, x3=0x3) = NOT_SUPPORTED, unknown function'],
  [
    call(0x8600_1234, [], [NOT_SUPPORTED], { filter: 'deny' }),
    "hvc 0x86001234(x1=0x0, x2=0x0, x3=0x0) = NOT_SUPPORTED, unknown function, denied by the VMM's filter",
  ],
  [
    call(0x8400_0000, [], [0x8400_0000n], { filter: 'forward', ending: { kind: 'hypercall', nr: 0x8400_0000n, flags: 1n }, conduit: 'smc' }),
    'smc PSCI_VERSION() → the VMM (filter: forward, flags 0x1)',
  ],
  [call(0x8400_0000, [], [0x1_0003n], { immediate: 3 }), 'hvc PSCI_VERSION() hvc #3 = 1.3'],
  [call(0x8400_0000, [], [0x1_0003n], { vcpu: 12 }), 'hvc PSCI_VERSION() = 1.3'],
])('%#', (firmwareCall, words) => {
  expect(said(firmwareCall)).toBe(words)
})

describe('every function of the tables', () => {
  test.each([
    ...PSCI_FUNCTIONS.flatMap(({ name, smc32, smc64 }) => [smc32, ...(smc64 === undefined ? [] : [smc64])].map(id => [name, id] as const)),
    ...SMCCC_FUNCTIONS.map(({ name, id }) => [name, id] as const),
  ])('%s 0x%s has its name and arguments', (name, id) => {
    expect(namedFunction(id)).toMatchObject({ name, known: true })
    expect(functionNames()).toContain(name)
    const row = callRow(call(id, [1n, 2n, 3n], [NOT_SUPPORTED]))
    expect(row.result).toBe('NOT_SUPPORTED')
    expect(row.arguments.map(({ value }) => value)).toEqual(['0x1', '0x2', '0x3'].slice(0, row.arguments.length))
  })
  test('any 32-bit number has some name', () => {
    for (const id of [0, 1, 0xffff_ffff, 0x8400_ffff, 0x7fff_ffff])
      expect(namedFunction(id)).toMatchObject({ name: `0x${id.toString(16).padStart(8, '0')}`, known: false })
  })
})

test('a row has everything that is known of a call', () => {
  expect(callRow(call(0xc400_0003, [1n, 2n, 3n], [0n, 0n, 5n], { switchedOn: [1], immediate: 2 }))).toEqual({
    kind: 'call',
    vcpu: 0,
    time: 1234,
    instructions: 1200,
    pc: '0x40080000',
    el: 'EL1h',
    conduit: 'hvc',
    immediate: 2,
    function: 'CPU_ON',
    id: '0xc4000003',
    form: 'SMC64',
    known: true,
    arguments: [
      { name: 'target_cpu', value: '0x1' },
      { name: 'entry_point', value: '0x2' },
      { name: 'context_id', value: '0x3' },
    ],
    result: 'SUCCESS',
    values: ['0x0', '0x0', '0x5'],
    ending: { kind: 'resume' },
    switchedOn: [1],
  })
})
