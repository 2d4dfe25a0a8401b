// What the calls that end, stop or start something do; calls that simply answer are covered by the recorded ones.
import { describe, expect, test } from 'vitest'
import { firmwareCall } from '../../../src/emulator/firmware/dispatch.ts'
import type { FirmwareResult } from '../../../src/emulator/firmware/firmware.ts'
import { ALL_RULES, type ModelVm, modelVm } from './model-vm.ts'

const INTERNAL_FAILURE = (1n << 64n) - 6n
const INVALID = (1n << 64n) - 2n

function call(vm: ModelVm, x: readonly [bigint, bigint?, bigint?, bigint?], caller = 0): { readonly result: FirmwareResult; readonly x: readonly bigint[] } {
  const vcpu = vm.vcpus[caller]!
  for (const n of [0, 1, 2, 3]) vcpu.writeX(n, x[n] ?? 0n)
  return { result: firmwareCall(vm, vcpu, 'hvc', 0), x: [...vcpu.x] }
}
const states = (vm: ModelVm) => vm.vcpus.map(vcpu => vcpu.state)

describe('the end of a system', () => {
  test.each([
    ['SYSTEM_OFF', [0x8400_0008n, 1n, 2n, 3n], 1, 0n, [INTERNAL_FAILURE, 0n, 0n, 0n]],
    ['SYSTEM_RESET', [0x8400_0009n, 1n, 2n, 3n], 2, 0n, [INTERNAL_FAILURE, 0n, 0n, 0n]],
    [
      'SYSTEM_RESET2 keeps type and cookie',
      [0xc400_0012n, 0x8000_0001n, 0xabcd_0000_1234n, 3n],
      2,
      1n,
      [INTERNAL_FAILURE, 0x8000_0001n, 0xabcd_0000_1234n, 3n],
    ],
    ['SYSTEM_RESET2 of 32 bits cuts them', [0x8400_0012n, 0x1_8000_0001n, 0xabcd_0000_1234n, 3n], 2, 1n, [INTERNAL_FAILURE, 0x8000_0001n, 0x1234n, 3n]],
    ['SYSTEM_OFF2', [0xc400_0015n, 1n, 0n, 3n], 1, 1n, [INTERNAL_FAILURE, 0n, 0n, 0n]],
    ['SYSTEM_OFF2 by its older alias', [0x8400_0015n, 0x1_0000_0000n, 0x1_0000_0000n, 3n], 1, 1n, [INTERNAL_FAILURE, 0n, 0n, 0n]],
  ] as const)('%s', (_name, x, type, flags, left) => {
    const vm = modelVm()
    vm.vcpus[1]!.state = 'runnable'
    const { result, x: after } = call(vm, x)
    expect(result).toEqual({ kind: 'system-event', type, ndata: 1, data: [flags, ...new Array(15).fill(0n)] })
    expect(after).toEqual(left)
    expect(states(vm)).toEqual(['stopped', 'stopped'])
  })

  test.each([
    ['SYSTEM_RESET2 of type 1', [0xc400_0012n, 1n]],
    ['SYSTEM_OFF2 of type 2', [0xc400_0015n, 2n]],
    ['SYSTEM_OFF2 with a cookie', [0xc400_0015n, 1n, 0x1_0000_0000n]],
  ] as const)('%s is refused and stops nothing', (_name, x) => {
    const vm = modelVm()
    expect(call(vm, x)).toEqual({ result: { kind: 'resume' }, x: [INVALID, 0n, 0n, 0n] })
    expect(states(vm)).toEqual(['runnable', 'stopped'])
  })

  test('a kernel without event data writes type and flags only', () => {
    const vm = modelVm({ ...ALL_RULES, eventData: false })
    expect(call(vm, [0x8400_0008n]).result).toEqual({ kind: 'system-event', type: 1, ndata: undefined, data: [0n] })
  })

  test('SYSTEM_SUSPEND leaves registers and power states alone, and needs the capability', () => {
    const vm = modelVm()
    expect(call(vm, [0xc400_000en, 0x4000_0300n, 7n]).x[0]).toBe((1n << 64n) - 1n)
    vm.systemSuspend = true
    const { result, x } = call(vm, [0xc400_000en, 0x4000_0300n, 7n, 9n])
    expect(result).toMatchObject({ kind: 'system-event', type: 5, ndata: 0 })
    expect(x).toEqual([0xc400_000en, 0x4000_0300n, 7n, 9n])
    expect(states(vm)).toEqual(['runnable', 'stopped'])
  })
})

describe('CPU_ON and CPU_OFF', () => {
  test('a target starts where it was told, once', () => {
    const vm = modelVm()
    expect(call(vm, [0xc400_0003n, 1n, 0x4000_0300n, 0x1122_3344_5566_7788n]).x[0]).toBe(0n)
    expect(vm.vcpus[1]!.start).toEqual({ pc: 0x4000_0300n, context: 0x1122_3344_5566_7788n, bigEndian: false })
    expect(call(vm, [0xc400_0003n, 1n, 0n, 0n]).x[0]).toBe((1n << 64n) - 4n)
    expect(call(vm, [0x8400_0002n], 1).result).toEqual({ kind: 'off' })
    expect(call(vm, [0xc400_0004n, 1n]).x[0]).toBe(1n)
    expect(call(vm, [0xc400_0003n, 1n, 8n, 9n]).x[0]).toBe(0n)
  })

  test('the 32-bit form cuts entry and context', () => {
    const vm = modelVm()
    call(vm, [0x8400_0003n, 0xdead_0000_0000_0001n, 0xdead_0000_4000_0300n, 0x1122_3344_5566_7788n])
    expect(vm.vcpus[1]!.start).toMatchObject({ pc: 0x4000_0300n, context: 0x5566_7788n })
  })

  test('PSCI 0.1 has its own ids, and INVALID_PARAMETERS where later versions say ALREADY_ON', () => {
    const vm = modelVm()
    vm.version = 1
    expect(call(vm, [0xc400_0003n, 1n]).x[0]).toBe((1n << 64n) - 1n)
    expect(call(vm, [0x95c1_ba60n, 1n, 4n, 5n]).x[0]).toBe(0n)
    expect(call(vm, [0x95c1_ba60n, 1n, 4n, 5n]).x[0]).toBe(INVALID)
  })

  test('CPU_SUSPEND answers before it sleeps', () => {
    expect(call(modelVm(), [0xc400_0001n, 5n, 6n, 7n])).toEqual({ result: { kind: 'wait' }, x: [0n, 0n, 0n, 0n] })
  })
})

describe('who answers', () => {
  test('a filtered function is forwarded untouched, or denied', () => {
    const vm = modelVm()
    vm.filter = fn => (fn === 0x8400_0000 ? 'forward' : fn === 0x8400_0008 ? 'deny' : 'handle')
    expect(call(vm, [0x1_8400_0000n, 1n, 2n, 3n])).toEqual({ result: { kind: 'hypercall', nr: 0x8400_0000n, flags: 0n }, x: [0x1_8400_0000n, 1n, 2n, 3n] })
    vm.vcpus[0]!.writeX(0, 0x8400_0000n)
    expect(firmwareCall(vm, vm.vcpus[0]!, 'smc', 0)).toEqual({ kind: 'hypercall', nr: 0x8400_0000n, flags: 1n })
    expect(call(vm, [0x8400_0008n, 1n, 2n, 3n])).toEqual({ result: { kind: 'resume' }, x: [(1n << 64n) - 1n, 0n, 0n, 0n] })
    expect(states(vm)).toEqual(['runnable', 'stopped'])
  })

  test('entropy fills the low bits from X3 up, is masked to the request, and goes on where it was', () => {
    const vm = modelVm()
    const first = call(vm, [0xc400_0053n, 100n]).x
    expect(first[0]).toBe(0n)
    expect(first[1]).toBe(0n)
    expect(first[2]! >> 36n).toBe(0n)
    expect(first[3]).not.toBe(0n)
    expect(call(vm, [0xc400_0053n, 100n]).x).not.toEqual(first)
    expect(call(modelVm(), [0xc400_0053n, 100n]).x).toEqual(first)
    const [, high, middle, low] = call(modelVm(), [0x8400_0053n, 96n]).x
    const [, , , whole] = call(modelVm(), [0xc400_0053n, 64n]).x
    expect((middle! << 32n) | low!).toBe(whole)
    expect(high! >> 32n).toBe(0n)
  })

  test('PTP gives the wall clock and the counter that was asked for', () => {
    const vm = modelVm()
    expect(call(vm, [0x8600_0001n, 0n]).x).toEqual([0x1234_5678n, 0x9abc_def0n, 1n, 2n])
    expect(call(vm, [0x8600_0001n, 1n]).x).toEqual([0x1234_5678n, 0x9abc_def0n, 3n, 4n])
  })
})
