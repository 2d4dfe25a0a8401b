// Rules of single registers that the recordings touch only in part; each from the kernel function that its family file names.
import { expect, test } from 'vitest'
import { ERRNO } from '../../../src/arch/errno.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { KVM_CAP } from '../../../src/emulator/kvm/abi.ts'
import { Vm } from '../../../src/emulator/kvm/vm.ts'
import { freshVm, sysreg } from './fresh-vm.ts'

const { EINVAL, EBUSY, ENOENT } = ERRNO
const MIDR = sysreg(0xc000)
const PMU = ['psci_0_2', 'pmu_v3'] as const
const PMCR = sysreg(0xdce0)
const [CNTENSET, CNTENCLR] = [sysreg(0xdce1), sysreg(0xdce2)]
const demux = (selector: number): bigint => 0x6020_0000_0011_0000n | BigInt(selector)
const fieldIn = (value: bigint | undefined, shift: number): number => Number(((value ?? 0n) >> BigInt(shift)) & 15n)

test('implementation ids: any value in 32 bits with the capability, only before the first run', () => {
  const vm = new Vm(loadBuild('linux-7.3'))
  expect(vm.enableCapability(KVM_CAP.writableImpIdRegs)).toBe(0)
  const vcpu = vm.createVcpu(0)
  vcpu.init(4)
  expect([vcpu.set64(MIDR, 0x410f_d4f1n), vcpu.set64(MIDR, 1n << 32n), vcpu.get64(MIDR)]).toEqual([0, EINVAL, 0x410f_d4f1n])
  vcpu.enterRun()
  expect([vcpu.set64(MIDR, 0x410f_d4f1n), vcpu.set64(MIDR, 1n)]).toEqual([0, EBUSY])
  expect(vm.enableCapability(KVM_CAP.writableImpIdRegs)).toBe(EINVAL)
  expect(new Vm(loadBuild('linux-6.12')).enableCapability(KVM_CAP.writableImpIdRegs)).toBe(EINVAL)
})

test('PMCR.N goes down before the first run, more than the host has is ignored, and takes its counters’ bits along', () => {
  const { vcpus } = freshVm('linux-7.3/max', PMU, { n: 2 })
  const [a, b] = vcpus as [(typeof vcpus)[0], (typeof vcpus)[0]]
  const n = (): bigint => (b.get64(PMCR)! >> 11n) & 31n
  expect(n()).toBe(6n)
  expect([a.set64(PMCR, 31n << 11n), n()]).toEqual([0, 6n])
  expect([a.set64(PMCR, (2n << 11n) | 0xffff_0001n), n(), a.get64(PMCR)]).toEqual([0, 2n, (2n << 11n) | 1n])
  a.set64(CNTENSET, 0xffff_ffffn)
  expect(a.get64(CNTENSET)).toBe(0x8000_0003n)
  a.enterRun()
  expect([a.set64(PMCR, 1n << 11n), n()]).toEqual([0, 2n])
})

test('SET and CLR name one register: stored raw, masked, or as the instruction would, by kernel', () => {
  const written = (build: string): (bigint | undefined)[] => {
    const vcpu = freshVm(build, PMU).vcpus[0]!
    vcpu.set64(CNTENSET, 0x1_0000_000fn)
    const afterSet = vcpu.get64(CNTENSET)
    vcpu.set64(CNTENCLR, 0x3n)
    return [afterSet, vcpu.get64(CNTENSET), vcpu.get64(CNTENCLR)]
  }
  expect(written('linux-6.1/max')).toEqual([0x1_0000_000fn, 3n, 3n])
  expect(written('linux-6.12/max')).toEqual([0x8000_001fn, 0x8000_001cn, 0x8000_001cn])
  expect(written('linux-7.3/max')).toEqual([0xfn, 3n, 3n])
})

test('event counters are 32 bits wide unless the PMU is v3.5', () => {
  const vcpu = freshVm('linux-7.3/max', PMU).vcpus[0]!
  const counter = sysreg(0xdf40)
  vcpu.set64(counter, 0x1234_5678_9abcn)
  expect(vcpu.get64(counter)).toBe(0x1234_5678_9abcn)
  const dfr0 = sysreg(0xc028)
  expect(vcpu.set64(dfr0, vcpu.get64(dfr0)! & ~(2n << 8n))).toBe(0)
  expect(vcpu.get64(counter)).toBe(0x5678_9abcn)
})

test('PMMIR takes 0 or what it holds, and exists with a PMU on 7.3', () => {
  const pmmir = sysreg(0xc4f6)
  const vcpu = freshVm('linux-7.3', PMU).vcpus[0]!
  expect([vcpu.set64(pmmir, 0n), vcpu.set64(pmmir, 1n), vcpu.set64(pmmir, 0x100n)]).toEqual([0, EINVAL, EINVAL])
  expect(freshVm('linux-7.3').vcpus[0]!.set64(pmmir, 0n)).toBe(ENOENT)
  expect(freshVm('linux-7.2', PMU).vcpus[0]!.set64(pmmir, 0n)).toBe(ENOENT)
})

test('OSLSR: only the lock bit may change', () => {
  const oslsr = sysreg(0x808c)
  const vcpu = freshVm('linux-6.12').vcpus[0]!
  expect([vcpu.get64(oslsr), vcpu.set64(oslsr, 0xan), vcpu.get64(oslsr), vcpu.set64(oslsr, 9n)]).toEqual([8n, 0, 0xan, EINVAL])
})

test('CLIDR and CCSIDR: the host’s for ever before 6.3, checked after', () => {
  const clidr = sysreg(0xc801)
  const old = freshVm('linux-6.1').vcpus[0]!
  expect(old.set64(clidr, old.get64(clidr)! ^ 1n)).toBe(EINVAL)
  expect(old.set64(demux(0), old.get64(demux(0))! ^ 8n)).toBe(EINVAL)
  expect(old.set64(demux(9), 0n)).toBe(ENOENT)
  const now = freshVm('linux-7.3').vcpus[0]!
  // No level of coherence claims that nothing needs cleaning, which CTR_EL0.IDC must back; bit 47 is RES0.
  expect([now.set64(clidr, 0n), now.set64(clidr, 1n << 47n), now.set64(clidr, 0xa20_0023n)]).toEqual([EINVAL, EINVAL, 0])
  expect([now.set64(demux(0), 0x700f_e01an), now.get64(demux(0)), now.get64(demux(1))]).toEqual([0, 0x700f_e01an, 2n])
  expect([now.set64(demux(0), 0n), now.set64(demux(14), 2n)]).toEqual([EINVAL, ENOENT])
  now.init(4)
  expect(now.get64(demux(0))).toBe(0x700f_e01an)
})

test('CTR.L1Ip: PIPT may become VIPT, a reserved policy is refused even after the first run', () => {
  const ctr = sysreg(0xd801)
  const vcpu = freshVm('linux-7.3/max').vcpus[0]!
  const host = vcpu.get64(ctr)!
  const policy = (value: bigint): bigint => (host & ~(3n << 14n)) | (value << 14n)
  expect([vcpu.set64(ctr, policy(1n)), vcpu.set64(ctr, policy(2n))]).toEqual([EINVAL, 0])
  vcpu.enterRun()
  expect([vcpu.set64(ctr, policy(1n)), vcpu.set64(ctr, policy(3n)), vcpu.set64(ctr, policy(2n))]).toEqual([EINVAL, EBUSY, 0])
})

test('fields that the hardware has and KVM once showed are taken and dropped', () => {
  const mmfr2 = sysreg(0xc03a)
  const dfr0 = sysreg(0xc028)
  const vcpu = freshVm('linux-7.3/max').vcpus[0]!
  const shown = vcpu.get64(mmfr2)!
  expect([vcpu.set64(mmfr2, shown | (2n << 24n)), vcpu.get64(mmfr2)]).toEqual([0, shown])
  expect(vcpu.set64(mmfr2, shown | (1n << 24n))).toBe(EINVAL)
  // An IMPLEMENTATION DEFINED PMU, in both views.
  expect([vcpu.set64(dfr0, vcpu.get64(dfr0)! | (15n << 8n)), fieldIn(vcpu.get64(dfr0), 8)]).toEqual([0, 0])
  expect(freshVm('linux-6.12/max').vcpus[0]!.set64(mmfr2, shown | (2n << 24n))).toBe(0)
})

test('a first run on 7.3 drops permission fields without the translation control that they need', () => {
  const mmfr3 = sysreg(0xc03b)
  const { vcpus } = freshVm('linux-7.3/max')
  const vcpu = vcpus[0]!
  expect(vcpu.set64(mmfr3, vcpu.get64(mmfr3)! & ~15n)).toBe(0)
  expect(fieldIn(vcpu.get64(mmfr3), 8)).toBe(1)
  vcpu.enterRun()
  expect(fieldIn(vcpu.get64(mmfr3), 8)).toBe(0)
})
