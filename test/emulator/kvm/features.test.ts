// Feature sets that nobody recorded: composed from the parts, accepted or refused by rule, and restorable onto themselves.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FEATURES, type Feature, featureMask } from '../../../src/arch/features.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { Vm } from '../../../src/emulator/kvm/vm.ts'
import { freshVm, sysreg, VLS } from './fresh-vm.ts'

const anyFeatures = fc.subarray([...FEATURES]).map(list => list as readonly Feature[])
const anyBuild = fc.constantFrom(...listBuilds().map(build => build.name))

/** What arch/arm64/kvm accepts: everything offered, address and generic pointer authentication together, strict PMU with a PMU. */
function expected(name: string, features: readonly Feature[]): boolean {
  const { host } = loadBuild(name)
  const has = (feature: Feature): boolean => features.includes(feature)
  if (featureMask(features) & ~(host.features | 5)) return false
  return has('ptrauth_address') === has('ptrauth_generic') && (!has('pmu_v3_strict') || has('pmu_v3')) && !(has('el1_32bit') && has('has_el2'))
}

test('any set of features is refused with ENOENT or EINVAL, or gives a vCPU that restores onto another like it', () => {
  fc.assert(
    fc.property(anyBuild, anyFeatures, fc.constantFrom('none', 'v3'), (name, features, gic) => {
      const make = () => {
        const vm = new Vm(loadBuild(name))
        const vcpu = vm.createVcpu(0)
        const errno = vcpu.init(featureMask(features))
        if (errno === 0 && vcpu.sve) vcpu.finalize(4)
        if (errno === 0 && gic === 'v3') vm.createGic('v3')
        return { vcpu, errno }
      }
      const source = make()
      if (!expected(name, features)) {
        expect([2, 22]).toContain(source.errno)
        return
      }
      expect(source.errno).toBe(0)
      const { ids } = source.vcpu.regList()
      const target = make().vcpu
      const errnos = target.setRegs(ids, source.vcpu.getRegs(ids).bytes)
      const refused = [...ids].filter((_, i) => errnos[i])
      expect(refused).toEqual(features.includes('sve') ? [VLS] : [])
    }),
    { numRuns: 400, seed: 7 },
  )
})

test('each feature changes the ID registers that announce it, alone or with others', () => {
  const field = (features: readonly Feature[], encoding: number, shift: number): bigint =>
    (freshVm('linux-7.3/max', features).vm.idRegister(sysreg(encoding)) >> BigInt(shift)) & 15n
  const plain: Feature[] = ['psci_0_2']
  const all: Feature[] = ['psci_0_2', 'pmu_v3', 'sve', 'ptrauth_address', 'ptrauth_generic']
  for (const [own, encoding, shift] of [
    [['pmu_v3'], 0xc028, 8],
    [['sve'], 0xc020, 32],
    [['ptrauth_address', 'ptrauth_generic'], 0xc031, 8],
  ] as const) {
    expect(field(plain, encoding, shift)).toBe(0n)
    expect(field([...plain, ...own], encoding, shift)).toBeGreaterThan(0n)
    expect(field(all, encoding, shift)).toBe(field([...plain, ...own], encoding, shift))
  }
})

test('a 32-bit vCPU with a PMU: both parts, on a kernel where only each alone was recorded', () => {
  const { vcpus, vm } = freshVm('linux-6.12', ['psci_0_2', 'el1_32bit', 'pmu_v3'])
  const both = new Set(vcpus[0]!.regList().ids)
  for (const part of [
    ['psci_0_2', 'el1_32bit'],
    ['psci_0_2', 'pmu_v3'],
  ] as const)
    for (const id of freshVm('linux-6.12', part).vcpus[0]!.regList().ids) expect(both.has(id)).toBe(true)
  expect((vm.idRegister(sysreg(0xc00a)) >> 24n) & 15n).toBe(3n)
  expect(vcpus[0]!.get64(0x6030_0000_0010_0042n)).toBe(0x1d3n)
})

test('5.10 takes a lone 32-bit vCPU and refuses the first of two', () => {
  const vm = new Vm(loadBuild('linux-5.10'))
  expect(vm.createVcpu(0).init(4 | 2)).toBe(0)
  const two = new Vm(loadBuild('linux-5.10'))
  const first = two.createVcpu(0)
  two.createVcpu(1)
  expect(first.init(4 | 2)).toBe(22)
})
