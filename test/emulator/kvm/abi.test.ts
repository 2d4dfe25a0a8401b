// The emulated userspace ABI beyond what recordings replay row by row: batches, block moves, phases, VM-wide effects, power states.
import { expect, test } from 'vitest'
import { ERRNO } from '../../../src/arch/errno.ts'
import { type RegId, regBytes } from '../../../src/arch/reg-id.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { MP_STATE } from '../../../src/emulator/kvm/abi.ts'
import { Vm } from '../../../src/emulator/kvm/vm.ts'
import { VCPU_STATE, VCPU_STATE_BYTES } from '../../../src/emulator/state-layout.ts'
import { bitmap, FPSR, freshVm, MPIDR, PC, PSCI_VERSION, PSTATE, sysreg, TIMER_CNT, V0, VLS, workaround, X0, Z0 } from './fresh-vm.ts'

const PFR1 = sysreg(0xc021)
const MMFR3 = sysreg(0xc03b)
const TCR2 = sysreg(0xc103)
const SCTLR = sysreg(0xc080)

test('a batch reads what single reads do, refusals included', () => {
  const { vcpus } = freshVm('linux-7.3/max', ['psci_0_2', 'sve'])
  const vcpu = vcpus[0]!
  const ids = BigUint64Array.from([...vcpu.regList().ids, V0, PSCI_VERSION | 7n, 0x1234n, 0x6000_0000_0013_c000n, FPSR])
  const { bytes, errnos } = vcpu.getRegs(ids)
  let at = 0
  ids.forEach((id, i) => {
    const size = regBytes(id as RegId)
    const one = new Uint8Array(size)
    expect(vcpu.getReg(id, one)).toBe(errnos[i])
    if (errnos[i]) one.fill(0)
    expect(bytes.subarray(at, at + size)).toEqual(one)
    at += size
  })
  expect(at).toBe(bytes.length)
  expect(errnos.filter(errno => errno !== 0).length).toBe(4)
})

test('a batch write never stops at a refusal and touches nothing that it refuses', () => {
  const { vcpus } = freshVm('linux-6.1')
  const vcpu = vcpus[0]!
  const ids = BigUint64Array.from([PSCI_VERSION, X0, bitmap(3), PC])
  const bytes = new Uint8Array(32)
  new BigUint64Array(bytes.buffer).set([0x10003n, 0xabcn, 0n, 0x4000n])
  expect([...vcpu.setRegs(ids, bytes)]).toEqual([ERRNO.EINVAL, 0, ERRNO.ENOENT, 0])
  expect([vcpu.get64(PSCI_VERSION), vcpu.get64(X0), vcpu.get64(PC)]).toEqual([0x10001n, 0xabcn, 0x4000n])
})

test('every build lists registers of which each can be read, and written back without changing anything', () => {
  for (const { name } of listBuilds()) {
    const { vcpus } = freshVm(name, ['psci_0_2'], { n: 2, gic: 'v3' })
    for (const vcpu of vcpus) {
      const { ids } = vcpu.regList()
      const before = vcpu.getRegs(ids)
      expect(
        before.errnos.every(errno => errno === 0),
        name,
      ).toBe(true)
      expect(
        vcpu.setRegs(ids, before.bytes).every(errno => errno === 0),
        name,
      ).toBe(true)
      expect(vcpu.getRegs(ids).bytes, name).toEqual(before.bytes)
    }
  }
})

test('registers follow their block when it moves, and the block is the state', () => {
  const { vcpus } = freshVm('linux-6.12')
  const vcpu = vcpus[0]!
  vcpu.set64(X0, 7n)
  const memory = new Uint8Array(3 * VCPU_STATE_BYTES)
  const block = memory.subarray(VCPU_STATE_BYTES, 2 * VCPU_STATE_BYTES)
  vcpu.moveTo(block)
  expect(vcpu.get64(X0)).toBe(7n)
  vcpu.set64(X0 + 2n, 0x1122_3344_5566_7788n)
  expect(new DataView(memory.buffer).getBigUint64(VCPU_STATE_BYTES + VCPU_STATE.x + 8, true)).toBe(0x1122_3344_5566_7788n)
  new DataView(memory.buffer).setBigUint64(VCPU_STATE_BYTES + vcpu.offsetOf(SCTLR)!, 0x30c5_1835n, true)
  expect(vcpu.get64(SCTLR)).toBe(0x30c5_1835n)
  const grown = memory.slice()
  vcpu.rebind(grown.subarray(VCPU_STATE_BYTES, 2 * VCPU_STATE_BYTES))
  vcpu.set64(X0, 9n)
  expect(new DataView(grown.buffer).getBigUint64(VCPU_STATE_BYTES, true)).toBe(9n)
  expect(new DataView(memory.buffer).getBigUint64(VCPU_STATE_BYTES, true)).toBe(7n)
})

test('ID registers live outside the block', () => {
  const { vcpus } = freshVm('linux-7.3')
  expect(vcpus[0]!.offsetOf(PFR1)).toBeUndefined()
  expect(vcpus[0]!.offsetOf(SCTLR)).toBeGreaterThanOrEqual(VCPU_STATE.sysregs)
})

test('firmware and ID registers are VM-wide, MPIDR is not', () => {
  const { vcpus } = freshVm('linux-7.3', ['psci_0_2'], { n: 2 })
  const [a, b] = vcpus as [(typeof vcpus)[0], (typeof vcpus)[0]]
  a.set64(PSCI_VERSION, 0x10001n)
  expect(b.get64(PSCI_VERSION)).toBe(0x10001n)
  a.set64(bitmap(2), 1n)
  expect(b.get64(bitmap(2))).toBe(1n)
  a.set64(MPIDR, 0x8000_0105n)
  expect(b.get64(MPIDR)).toBe(0x8000_0001n)
})

test('after the first run of any vCPU a bitmap only takes its value, and an unknown bit stays EINVAL', () => {
  const { vcpus } = freshVm('linux-7.3', ['psci_0_2'], { n: 2 })
  const [a, b] = vcpus as [(typeof vcpus)[0], (typeof vcpus)[0]]
  expect(a.enterRun()).toBe(0)
  expect([b.set64(bitmap(0), 1n), b.set64(bitmap(0), 0n), b.set64(bitmap(0), 4n)]).toEqual([0, ERRNO.EBUSY, ERRNO.EINVAL])
  expect(b.set64(PSCI_VERSION, 2n)).toBe(0)
})

test('WORKAROUND_2 follows the SSBS of the VM from 6.12 on, of the host before', () => {
  for (const [name, follows] of [
    ['linux-6.1/max', false],
    ['linux-6.12/max', true],
    ['linux-7.3/max', true],
  ] as const) {
    const { vcpus } = freshVm(name)
    const vcpu = vcpus[0]!
    expect(vcpu.get64(workaround(2)), name).toBe(0n)
    expect(vcpu.set64(workaround(2), 3n)).toBe(ERRNO.EINVAL)
    const pfr1 = vcpu.get64(PFR1)!
    expect(vcpu.set64(PFR1, pfr1 & ~0xf0n), name).toBe(follows ? 0 : ERRNO.EINVAL)
    expect(vcpu.get64(workaround(2)), name).toBe(follows ? 3n : 0n)
    expect(vcpu.set64(workaround(2), 3n), name).toBe(follows ? 0 : ERRNO.EINVAL)
  }
})

test('a list shrinks when an ID register says that a feature is gone', () => {
  const { vcpus } = freshVm('linux-7.3/max', ['psci_0_2'], { n: 2 })
  const [a, b] = vcpus as [(typeof vcpus)[0], (typeof vcpus)[0]]
  const before = b.regList().n
  expect(b.get64(TCR2)).toBe(0n)
  expect(a.set64(MMFR3, a.get64(MMFR3)! & ~0xfn)).toBe(0)
  expect(b.regList().n).toBe(before - 1)
  expect([...b.regList().ids]).not.toContain(TCR2)
  expect(b.set64(TCR2, 0n)).toBe(ERRNO.ENOENT)
})

test('PSCI CPU_ON resets its target when it is next looked at', () => {
  const { vcpus } = freshVm('linux-6.12', ['psci_0_2'], { n: 2 })
  const target = vcpus[1]!
  target.forceMpState(MP_STATE.stopped)
  target.set64(X0 + 10n, 0x5555n)
  target.set64(PSTATE, 0x3c4n)
  target.set64(MPIDR, 0x8000_0700n)
  target.requestReset({ pc: 0x4008_0000n, context: 0x1234n, bigEndian: true })
  expect(target.getMpState()).toBe(MP_STATE.runnable)
  expect([target.get64(PC), target.get64(X0), target.get64(X0 + 10n), target.get64(PSTATE)]).toEqual([0x4008_0000n, 0x1234n, 0n, 0x3c5n])
  expect((target.get64(SCTLR)! >> 25n) & 1n).toBe(1n)
  expect(target.get64(MPIDR)).toBe(0x8000_0700n)
})

test('an AArch32 entry point with bit 0 set starts in Thumb', () => {
  const { vcpus } = freshVm('linux-6.12', ['psci_0_2', 'el1_32bit'])
  const vcpu = vcpus[0]!
  vcpu.requestReset({ pc: 0x8001n, context: 5n, bigEndian: true })
  expect([vcpu.get64(PC), vcpu.get64(PSTATE)]).toEqual([0x8000n, 0x1d3n | (1n << 5n) | (1n << 9n)])
})

test('AArch32 state keeps 32 bits of its registers', () => {
  const { vcpus } = freshVm('linux-6.12', ['psci_0_2', 'el1_32bit'])
  const vcpu = vcpus[0]!
  expect(vcpu.set64(X0, 0xffff_ffff_0000_0001n)).toBe(0)
  expect(vcpu.get64(X0)).toBe(1n)
  expect(vcpu.set64(PSTATE, 0x3c5n)).toBe(ERRNO.EINVAL)
})

test('SVE: lengths before finalize, registers after, V registers never', () => {
  const vm = new Vm(loadBuild('linux-7.3/max'))
  const vcpu = vm.createVcpu(0)
  vcpu.init(4 | 16)
  const lengths = new Uint8Array(64)
  new DataView(lengths.buffer).setBigUint64(0, 0xfn, true)
  expect(vcpu.regList().errno).toBe(ERRNO.EPERM)
  expect(vcpu.enterRun()).toBe(ERRNO.EPERM)
  expect(vcpu.setReg(VLS, lengths)).toBe(0)
  expect(vcpu.finalize(4)).toBe(0)
  expect(vcpu.setReg(VLS, lengths)).toBe(ERRNO.EPERM)
  const z = new Uint8Array(256).fill(0xa5)
  expect(vcpu.setReg(Z0, z)).toBe(0)
  const read = new Uint8Array(256)
  expect(vcpu.getReg(Z0, read)).toBe(0)
  // Four quadwords are the longest vector now.
  expect(read).toEqual(Uint8Array.from({ length: 256 }, (_, i) => (i < 64 ? 0xa5 : 0)))
  expect(vcpu.getReg(Z0 + 1n, read)).toBe(ERRNO.ENOENT)
  expect(vcpu.getReg(V0, read)).toBe(ERRNO.EINVAL)
})

test('old kernels take vCPUs of different features and keep their ID registers apart; CSV2 is the VM’s', () => {
  const vm = new Vm(loadBuild('linux-6.1/max'))
  const [a, b] = [vm.createVcpu(0), vm.createVcpu(1)]
  expect([a.init(4), b.init(4 | 8)]).toEqual([0, 0])
  const [dfr0, pfr0] = [sysreg(0xc028), sysreg(0xc020)]
  expect([(a.get64(dfr0)! >> 8n) & 15n, (b.get64(dfr0)! >> 8n) & 15n]).toEqual([0n, 5n])
  expect(b.set64(dfr0, a.get64(dfr0)!)).toBe(ERRNO.EINVAL)
  const lowered = b.get64(pfr0)! & ~(0xfn << 56n)
  expect(b.set64(pfr0, lowered)).toBe(0)
  expect((a.get64(pfr0)! >> 56n) & 15n).toBe(0n)
  expect(new Vm(loadBuild('linux-6.12/max')).createVcpu(0).init(4)).toBe(0)
})

test('the counter moves with the machine’s time and with a write through any vCPU, until its offset is fixed', () => {
  let ticks = 100n
  const vm = new Vm(loadBuild('linux-7.3'), { now: () => ticks })
  const [a, b] = [vm.createVcpu(0), vm.createVcpu(1)]
  a.init(4)
  b.init(5)
  expect(a.get64(TIMER_CNT)).toBe(100n)
  expect(b.set64(TIMER_CNT, 0x8000_0000_0000_0000n)).toBe(0)
  ticks = 150n
  expect(a.get64(TIMER_CNT)).toBe(0x8000_0000_0000_0032n)
  expect(vm.setCounterOffset(10n)).toBe(0)
  expect(a.set64(TIMER_CNT, 5n)).toBe(0)
  expect([a.get64(TIMER_CNT), a.virtualCount(), a.physicalCount()]).toEqual([140n, 140n, 140n])
})

test('a GICv3 announces itself when it is created, a first run without a GIC clears the announcement', () => {
  const gicField = (vm: Vm): bigint => (vm.idRegister(sysreg(0xc020)) >> 24n) & 15n
  const { vm: without, vcpus } = freshVm('linux-7.3')
  expect(gicField(without)).toBe(1n)
  vcpus[0]!.enterRun()
  expect(gicField(without)).toBe(0n)
  const { vm: v3, vcpus: some } = freshVm('linux-7.3', ['psci_0_2'], { gic: 'v3' })
  some[0]!.enterRun()
  expect(gicField(v3)).toBe(1n)
  const { vm: v2 } = freshVm('linux-7.3', ['psci_0_2'], { gic: 'v2' })
  expect(gicField(v2)).toBe(0n)
  expect([v3.createGic('v3'), without.createGic('v3')]).toEqual([ERRNO.EEXIST, ERRNO.EBUSY])
  expect(() => v3.createVcpu(5)).toThrow(/EBUSY/)
  expect(() => without.createVcpu(0)).toThrow(/EEXIST/)
  expect(() => without.createVcpu(1_000_000)).toThrow(/EINVAL/)
})

test('vCPU events: a syndrome needs RAS, and pending is not cleared by writing 0', () => {
  const events = { serrorPending: true, serrorHasEsr: true, serrorEsr: 0x42n, extDabtPending: false }
  const none = { serrorPending: false, serrorHasEsr: false, serrorEsr: 0n, extDabtPending: false }
  const withRas = freshVm('linux-6.12/max').vcpus[0]!
  expect(withRas.setEvents(events)).toBe(0)
  expect(withRas.setEvents(none)).toBe(0)
  expect(withRas.getEvents()).toEqual(events)
  expect(withRas.setEvents({ ...events, serrorEsr: 1n << 25n })).toBe(ERRNO.EINVAL)
  expect(freshVm('linux-6.12/cortex-a72').vcpus[0]!.setEvents(events)).toBe(ERRNO.EINVAL)
})

test('the SMCCC filter refuses empty, wrapping, reserved and overlapping ranges', () => {
  const { vm, vcpus } = freshVm('linux-6.12')
  const set = (base: number, count: number): number => vm.setSmcccFilter({ base, count, action: 'deny' })
  expect([set(0x8400_0000, 0), set(0xffff_ffff, 2), set(0x8000_0010, 1), set(0xc000_ffff, 2)]).toEqual([ERRNO.EINVAL, ERRNO.EINVAL, ERRNO.EEXIST, ERRNO.EEXIST])
  expect([set(0x8400_0000, 8), set(0x8400_0007, 1), set(0x8400_0008, 1)]).toEqual([0, ERRNO.EEXIST, 0])
  vcpus[0]!.enterRun()
  expect(set(0x8500_0000, 1)).toBe(ERRNO.EBUSY)
  expect(freshVm('linux-6.1').vm.setSmcccFilter({ base: 1, count: 1, action: 'deny' })).toBe(ERRNO.EINVAL)
})
