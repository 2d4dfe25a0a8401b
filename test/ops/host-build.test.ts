// A fingerprint becomes a build: a fresh vCPU on it lists and holds what the real host's did.
import { describe, expect, test } from 'vitest'
import { registerName } from '../../src/arch/catalogue/catalogue.ts'
import { type RegId, regBytes, regId, sysRegId } from '../../src/arch/reg-id.ts'
import { emulatorBackend } from '../../src/backends/emulator.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { firecrackerFingerprint } from '../../src/formats/importers/firecracker/cpu-config/importers.ts'
import { bytesSource } from '../../src/formats/source/source.ts'
import type { HostDescription } from '../../src/model/host-description.ts'
import { bytesToBigint, registerEntries, registerList } from '../../src/model/register-list.ts'
import { buildOfHost, kernelOfHost } from '../../src/ops/host-build.ts'
import { fingerprintNames, readFingerprintSample, skipReason } from '../formats/importers/firecracker/samples.ts'

const provenance = [{ recording: 'fingerprint', sha256: '0'.repeat(64) }]
const hostOf = async (name: string): Promise<HostDescription> => (await firecrackerFingerprint.read(bytesSource(readFingerprintSample(name), name))).host!

/** Left out by cpu-template-helper. */
const NOT_DUMPED: readonly string[] = ['PC', 'KVM_REG_ARM_PTIMER_CNT', 'KVM_REG_ARM_TIMER_CNT']
/** Set by Firecracker before the dump: the address of the device tree. */
const SET_FOR_BOOT: readonly bigint[] = [0x6030_0000_0010_0000n]
/** A host with GICv4.1 shows 3 in ID_PFR1_EL1.GIC; the emulated ABI shows the GICv3 that its VMs have. An AArch32 field that a 64-bit guest has no use for. */
const ID_PFR1_EL1: bigint = sysRegId(3, 0, 0, 1, 1)
const PFR1_GIC = 0xfn << 28n

describe.skipIf(skipReason !== undefined)('fingerprints', () => {
  const withRules = fingerprintNames.filter(name => /^fingerprint_ARM_/.test(name) && !name.includes('_4.14host'))
  test.each(withRules)('%s', async name => {
    const host = await hostOf(name)
    const build = buildOfHost(host, { provenance })
    expect(build.name).toBe(`linux-${host.kernelRelease}/${host.cpu}`)
    expect(build.host.cpu).toBe(host.cpu)
    const vm = await emulatorBackend(build).createVm({ gic: 'v3' })
    const vcpu = await vm.createVcpu(0)
    expect(await vcpu.init(['psci_0_2'])).toBe(0)
    await vm.finishSetup()
    const { ids } = await vcpu.regList()
    const theirs = new Set(host.registers.ids)
    expect(
      ids
        .filter(id => !theirs.has(id))
        .map(registerName)
        .filter(each => !NOT_DUMPED.includes(each)),
    ).toEqual([])
    expect([...theirs].filter(id => !(ids as readonly bigint[]).includes(id)).map(id => registerName(id as RegId))).toEqual([])

    const { bytes } = await vcpu.getRegs(host.registers.ids)
    let at = 0
    const differing: bigint[] = []
    for (const [id, value] of registerEntries(host.registers)) {
      const mine = bytes.subarray(at, at + regBytes(id))
      at += regBytes(id)
      const ignored = id === ID_PFR1_EL1 ? PFR1_GIC : 0n
      if ((bytesToBigint(mine) | ignored) !== (bytesToBigint(value) | ignored) && !SET_FOR_BOOT.includes(id)) differing.push(id)
    }
    expect(differing.map(id => registerName(id as RegId))).toEqual([])
  })

  test('a kernel without built-in rules needs one to be named', async () => {
    for (const name of fingerprintNames.filter(each => each.includes('_4.14host'))) {
      const host = await hostOf(name)
      expect(kernelOfHost(host)).toBeUndefined()
      expect(() => buildOfHost(host, { provenance })).toThrow(/no built-in rules for the kernel 4\.14\./)
      // 4.14 listed no ID registers at all, so even the nearest rules get no values from it.
      expect(() => buildOfHost(host, { kernel: loadBuild('linux-5.10'), provenance })).toThrow(/not a whole KVM\/arm64 list/)
    }
  })

  test('rules of a kernel that has more bitmaps than the list are refused', async () => {
    const name = fingerprintNames.find(each => each.includes('_5.10host'))!
    expect(() => buildOfHost({ ...{ kernelRelease: '6.1.1' }, registers: registerList([]), complete: false }, { provenance })).toThrow(
      /not a whole KVM\/arm64 list/,
    )
    const host = await hostOf(name)
    expect(() => buildOfHost(host, { kernel: loadBuild('linux-6.1'), provenance })).toThrow(/lacks firmware bitmap 0/)
  })
})

test('the kernel series, and nothing like it, names the rules', () => {
  const of = (kernelRelease?: string) =>
    kernelOfHost({ ...(kernelRelease === undefined ? {} : { kernelRelease }), registers: registerList([[regId(0x6030_0000_0010_0040n), 0n]]), complete: false })
      ?.kernel.release
  expect(of('6.1.172-216.329.amzn2023.aarch64')).toBe(loadBuild('linux-6.1').kernel.release)
  expect(of('6.12.1')).toBe(loadBuild('linux-6.12').kernel.release)
  expect(of('6.13.1')).toBeUndefined()
  expect(of('custom')).toBeUndefined()
  expect(of()).toBeUndefined()
})
