// The real back end's bookkeeping over a C library that is not there: what is passed to the kernel, what is undone when a call fails, what close leaves.
import { closeSync, fstatSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { IOCTL, type IoctlName } from '../../../src/backends/kvm/ioctls.ts'
import type { Libc, Mapping } from '../../../src/backends/kvm/libc.ts'
import { DATA, Scratch } from '../../../src/backends/kvm/scratch.ts'
import { KvmVm } from '../../../src/backends/kvm/vm.ts'

const NAMES = new Map<number, IoctlName>(Object.entries(IOCTL).map(([name, { request }]) => [request, name as IoctlName]))
const RUN_BYTES = 8192
const PAGE = 0x1_0000

/** A kernel of 64 KiB pages whose calls do what `answers` say, else succeed; descriptors are real ones. */
function kernel(answers: Partial<Record<IoctlName, (view: DataView, argument: number) => number>> = {}) {
  const calls: (readonly [IoctlName, DataView])[] = []
  const opened: number[] = []
  const live = new Set<Mapping>()
  let mapFails = (_fd: number | undefined): boolean => false
  const descriptor = (): number => {
    const fd = openSync('/dev/null', 'r')
    opened.push(fd)
    return fd
  }
  const libc: Libc = {
    pageBytes: PAGE,
    bounded: (_, call) => call(),
    ioctl(_fd, request, argument) {
      const name = NAMES.get(request)!
      const copy = new DataView(scratch.bytes.slice(0, DATA + 64).buffer)
      calls.push([name, copy])
      const answer = answers[name]?.(scratch.view, argument)
      if (answer !== undefined) return answer
      if (name === 'KVM_CREATE_VCPU') return descriptor()
      if (name === 'KVM_CREATE_DEVICE') scratch.view.setUint32(4, descriptor(), true)
      return 0
    },
    map(size, fd) {
      if (mapFails(fd)) throw new Error('no memory')
      const mapping: Mapping = { address: 0x7000_0000 + live.size * 0x1000_0000, bytes: new Uint8Array(size), unmap: () => void live.delete(mapping) }
      live.add(mapping)
      return mapping
    },
  }
  const scratch = new Scratch(libc)
  live.clear()
  const closed: KvmVm[] = []
  const vm = new KvmVm(descriptor(), RUN_BYTES, scratch, each => closed.push(each))
  return {
    vm,
    calls,
    live,
    closed,
    failMap: (fails: typeof mapFails) => {
      mapFails = fails
    },
    structs: (name: IoctlName) => calls.filter(([called]) => called === name).map(([, view]) => view),
    stillOpen: () => opened.filter(isOpen),
    leave: () => opened.filter(isOpen).forEach(closeSync),
  }
}
function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice()
  } catch {
    return false
  }
}

test('memory lies in whole pages of the host, and is seen as it was asked for', () => {
  const { vm, structs, leave } = kernel()
  const view = vm.addMemory(0x4000_1000n, 0x2000)
  expect(view.length).toBe(0x2000)
  expect(view.byteOffset).toBe(0x1000)
  const [region] = structs('KVM_SET_USER_MEMORY_REGION')
  expect([region!.getUint32(0, true), region!.getBigUint64(8, true), region!.getBigUint64(16, true), region!.getBigUint64(24, true)]).toEqual([
    0,
    0x4000_0000n,
    0x1_0000n,
    0x7000_0000n,
  ])
  vm.addMemory(0x5000_f000n, 0x2000)
  expect(structs('KVM_SET_USER_MEMORY_REGION')[1]!.getBigUint64(16, true)).toBe(0x2_0000n)
  leave()
})

test('memory that KVM does not take is unmapped', () => {
  const { vm, live, leave } = kernel({ KVM_SET_USER_MEMORY_REGION: () => -17 })
  expect(() => vm.addMemory(0n, 4096)).toThrow('KVM_SET_USER_MEMORY_REGION of 4096 bytes at 0x0 fails with EEXIST')
  expect(live.size).toBe(0)
  leave()
})

test('a vCPU whose kvm_run cannot be mapped leaves no descriptor, one without a target is not made', () => {
  const some = kernel()
  some.failMap(fd => fd !== undefined)
  expect(() => some.vm.createVcpu(0)).toThrow('no memory')
  expect(some.stillOpen()).toHaveLength(1)
  some.leave()
  const none = kernel({ KVM_ARM_PREFERRED_TARGET: () => -19 })
  expect(() => none.vm.createVcpu(0)).toThrow('KVM_ARM_PREFERRED_TARGET fails with ENODEV')
  expect(none.calls.map(([name]) => name)).not.toContain('KVM_CREATE_VCPU')
  none.leave()
})

test('close closes and unmaps everything, once; what comes after it fails and touches nothing', () => {
  const { vm, live, closed, stillOpen } = kernel()
  vm.addMemory(0x4000_0000n, PAGE)
  const vcpu = vm.createVcpu(0)
  vm.createVcpu(1)
  expect(vm.createGic('v3')).toBe(0)
  expect([stillOpen().length, live.size]).toEqual([4, 3])
  vm.close()
  expect([stillOpen().length, live.size, closed.length]).toEqual([0, 0, 1])
  vm.close()
  expect(closed).toEqual([vm])
  expect([vcpu.run(10).errno, vcpu.completeExit()]).toEqual([9, 9])
})

test('a GIC of which a step fails is closed with the VM', () => {
  const { vm, stillOpen } = kernel({ KVM_SET_DEVICE_ATTR: () => -7 })
  vm.createVcpu(0)
  expect(vm.createGic('v3')).toBe(7)
  vm.close()
  expect(stillOpen()).toEqual([])
})

test('GICs: types, attributes and addresses', () => {
  for (const [version, type, expected] of [
    [
      'v3',
      7,
      [
        [0, 2n],
        [0, 3n],
        [3, 0n],
        [4, 0n],
      ],
    ],
    [
      'v2',
      5,
      [
        [0, 0n],
        [0, 1n],
        [3, 0n],
        [4, 0n],
      ],
    ],
  ] as const) {
    const { vm, structs } = kernel()
    vm.createVcpu(0)
    expect(vm.createGic(version)).toBe(0)
    expect(structs('KVM_CREATE_DEVICE')[0]!.getUint32(0, true)).toBe(type)
    const attributes = structs('KVM_SET_DEVICE_ATTR')
    expect(attributes.map(view => [view.getUint32(4, true), view.getBigUint64(8, true)])).toEqual(expected)
    expect(attributes.slice(0, 3).map(view => view.getBigUint64(DATA, true))).toEqual(
      version === 'v3' ? [0x0800_0000n, 0x080a_0000n, 64n] : [0x0800_0000n, 0x0801_0000n, 64n],
    )
    expect(attributes[3]!.getBigUint64(16, true)).toBe(0n)
    vm.close()
  }
})

/** A vCPU whose KVM_RUN writes `exit` into its kvm_run. */
function running(exit: (run: DataView) => number) {
  let run: DataView | undefined
  const made = kernel({ KVM_RUN: () => exit(run!) })
  const vcpu = made.vm.createVcpu(0)
  const [mapping] = made.live
  run = new DataView(mapping!.bytes.buffer)
  return { ...made, vcpu, run }
}

test('the words of a system event that the kernel does not write are no words', () => {
  const { vcpu, vm } = running(run => {
    run.setUint32(8, 24, true)
    run.setUint32(32, 1, true)
    run.setBigUint64(40, 1n, true)
    return 0
  })
  expect(vcpu.run(10)).toEqual({ errno: 0, reason: 24, systemEvent: { type: 1, ndata: undefined, data: [1n, undefined, undefined, undefined] } })
  vm.close()
})

test("a store has its size's bytes, a load's answer is there when the kernel looks", () => {
  const seen: bigint[] = []
  let write = 1
  const { vcpu, vm, run } = running(view => {
    seen.push(view.getBigUint64(40, true))
    view.setUint32(8, 6, true)
    view.setBigUint64(32, 0x900_0000n, true)
    view.setUint8(40, 0x41)
    view.setUint32(48, 1, true)
    view.setUint8(52, write)
    return 0
  })
  run.setBigUint64(40, 0xffff_ffff_ffff_ffffn, true)
  expect(vcpu.run(10).mmio).toEqual({ address: 0x900_0000n, size: 1, write: true, data: 0x41n })
  write = 0
  expect(vcpu.run(10).mmio).toEqual({ address: 0x900_0000n, size: 1, write: false, data: 0n })
  vcpu.answerMmio(0x1234n)
  vcpu.run(10)
  vcpu.run(10)
  expect(seen).toEqual([0n, 0n, 0x1234n, 0n])
  vm.close()
})

test('completing an exit asks for no run', () => {
  const immediate: number[] = []
  const { vcpu, vm } = running(view => {
    immediate.push(view.getUint8(1))
    return -4
  })
  expect(vcpu.completeExit()).toBe(0)
  expect(vcpu.run(0)).toEqual({ errno: 4, reason: 10 })
  expect(vcpu.run(60_000)).toEqual({ errno: 4, reason: 10, interrupted: true })
  expect(immediate).toEqual([1, 0, 0])
  vm.close()
})

test('registers of every size go both ways whole', () => {
  const held = new Map<bigint, Uint8Array>()
  const { vm } = kernel({
    KVM_SET_ONE_REG: view => {
      held.set(view.getBigUint64(0, true), new Uint8Array(view.buffer.slice(DATA, DATA + 512)))
      return 0
    },
    KVM_GET_ONE_REG: view => {
      new Uint8Array(view.buffer).set(held.get(view.getBigUint64(0, true))!, DATA)
      return 0
    },
  })
  const vcpu = vm.createVcpu(0)
  for (let nibble = 0n; nibble <= 8n; nibble++) {
    const id = 0x6000_0000_0015_0000n | (nibble << 52n)
    const value = Uint8Array.from({ length: 1 << Number(nibble) }, (_, i) => i + 1)
    expect(vcpu.setReg(id, value)).toBe(0)
    expect(vcpu.getReg(id)).toEqual({ errno: 0, bytes: value })
  }
  vm.close()
})
