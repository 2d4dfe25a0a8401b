// VMs of built-in builds for the tests of the emulated ABI, made the way a VMM makes them.
import { type Feature, featureMask } from '../../../src/arch/features.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import type { Vcpu } from '../../../src/emulator/kvm/vcpu.ts'
import { Vm } from '../../../src/emulator/kvm/vm.ts'

export const PSCI_VERSION = 0x6030_0000_0014_0000n
export const workaround = (n: number): bigint => PSCI_VERSION | BigInt(n)
export const bitmap = (n: number): bigint => 0x6030_0000_0016_0000n | BigInt(n)
export const sysreg = (encoding: number): bigint => 0x6030_0000_0013_0000n | BigInt(encoding)
export const X0 = 0x6030_0000_0010_0000n
export const PC = 0x6030_0000_0010_0040n
export const PSTATE = 0x6030_0000_0010_0042n
export const V0 = 0x6040_0000_0010_0054n
export const FPSR = 0x6020_0000_0010_00d4n
export const VLS = 0x6060_0000_0015_ffffn
export const Z0 = 0x6080_0000_0015_0000n
export const TIMER_CNT = sysreg(0xdf1a)
export const MPIDR = sysreg(0xc005)

/** `n` initialised vCPUs, SVE finalized, with the GIC asked for. */
export function freshVm(
  build: string,
  features: readonly Feature[] = ['psci_0_2'],
  { n = 1, gic = 'none' as 'none' | 'v2' | 'v3' } = {},
): { vm: Vm; vcpus: Vcpu[] } {
  const vm = new Vm(loadBuild(build))
  const vcpus = Array.from({ length: n }, (_, i) => vm.createVcpu(i))
  for (const vcpu of vcpus) {
    const errno = vcpu.init(featureMask(features))
    if (errno) throw new Error(`KVM_ARM_VCPU_INIT of ${features.join(',')} on ${build}: errno ${errno}`)
    if (vcpu.sve) vcpu.finalize(4)
  }
  if (gic !== 'none') vm.createGic(gic)
  return { vm, vcpus }
}
