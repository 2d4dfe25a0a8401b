// What is said of PSCI versions is what the builds hold and what the emulated firmware answers.
import { describe, expect, test } from 'vitest'
import { PSCI_VERSIONS, parsePsciVersion } from '../../../src/arch/psci.ts'
import { firmwareCall } from '../../../src/emulator/firmware/dispatch.ts'
import { builtInKernels } from '../../../src/ops/explain/hosts.ts'
import { PSCI_SINCE } from '../../../src/ops/explain/psci-facts.ts'
import { explainPsci, versionRow } from '../../../src/ops/explain/psci-step.ts'
import { modelVm } from '../../emulator/firmware/model-vm.ts'

const hosts = builtInKernels()
const STEPS = PSCI_VERSIONS.flatMap(from => PSCI_VERSIONS.filter(to => to !== from).map(to => [from, to] as const))

/** What vCPU 0 of a guest pinned to this version gets in x0. */
function answer(version: string, id: string): bigint {
  const vm = modelVm()
  vm.version = Number(parsePsciVersion(version))
  vm.systemSuspend = true
  const vcpu = vm.vcpus[0]!
  vcpu.writeX(0, BigInt(id))
  for (const n of [1, 2, 3]) vcpu.writeX(n, 0n)
  firmwareCall(vm, vcpu, 'hvc', 0)
  return BigInt.asIntN(64, vcpu.x[0]!)
}

test.each(STEPS)('%s → %s: what vanishes is not supported any more, what appears is', (from, to) => {
  for (const { change, ids, name } of explainPsci(from, to, hosts).functions)
    for (const id of ids) {
      const [gone, there] = change === 'vanishes' ? [to, from] : [from, to]
      expect(answer(gone, id), `${name} under ${gone}`).toBe(-1n)
      // PSCI_FEATURES says "not supported" of the function 0 that it is asked about; every other call does something.
      if (name !== 'PSCI_FEATURES' && name !== 'CPU_OFF (0.1)' && name !== 'CPU_OFF') expect(answer(there, id), `${name} under ${there}`).not.toBe(-1n)
    }
})

describe('which kernels know a version', () => {
  test('comes from the builds', () => {
    expect(versionRow('1.1', hosts)).toMatchObject({ value: '0x10001', defaultOn: ['6.1.192', '6.12.117'] })
    expect(versionRow('1.3', hosts).acceptedOn).toEqual(versionRow('1.3', hosts).defaultOn)
    expect(versionRow('1.2', hosts)).toMatchObject({ defaultOn: [] })
    expect(versionRow('0.1', hosts).acceptedOn).toHaveLength(hosts.length)
  })

  test.each(Object.entries(PSCI_SINCE))('%s: no recorded kernel older than Linux %o knows it, and every newer one does', (version, { release }) => {
    const order = (text: string) =>
      text
        .split('.')
        .slice(0, 2)
        .reduce((sum, part) => sum * 1000 + Number(part), 0)
    const { acceptedOn } = versionRow(version as (typeof PSCI_VERSIONS)[number], hosts)
    expect(acceptedOn).toEqual(hosts.map(host => host.release).filter(kernel => order(kernel) >= order(release)))
  })
})

test('a step back keeps the guest where its version is known, and names the older one to boot with', () => {
  const { advice, consequences } = explainPsci('1.3', '1.1', hosts)
  expect(advice.join('\n')).toMatch(/keep it on kernels that accept 1\.3[\s\S]*kvm-psci-version=1\.1/)
  expect(consequences.join('\n')).toMatch(/SYSTEM_OFF2[\s\S]*NOT_SUPPORTED/)
})

test('1.1 and 1.2 differ in nothing but the number', () => {
  expect(explainPsci('1.1', '1.2', hosts).rule[0]).toMatch(/functions are the same/)
})
