// The prediction for a snapshot and for a host: verdicts, what decides, what is said about assumptions. Made of fresh guests of built-in hosts.
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type RegId, sveVlsId, sysRegId } from '../../../src/arch/reg-id.ts'
import { PSCI_VERSION_ID, VENDOR_HYP_BMAP_2_ID } from '../../../src/arch/smccc.ts'
import { makeBuild } from '../../../src/builds/build.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { registerEntries, registerList } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { checkHost, freshGuest } from '../../../src/ops/check/check-host.ts'
import { checkSnapshot } from '../../../src/ops/check/check-snapshot.ts'
import { restoreSnapshot } from '../../../src/ops/restore.ts'

const guestOf = (name: string, options: Parameters<typeof freshGuest>[1] = {}): Snapshot => freshGuest(loadBuild(name), options)

/** With these registers instead of, or behind, its own. */
function withRegisters(snapshot: Snapshot, values: ReadonlyMap<RegId, bigint>): Snapshot {
  const vcpus = snapshot.vcpus.map(vcpu => {
    const entries = new Map<RegId, bigint | Uint8Array>([...registerEntries(vcpu.registers), ...values])
    return { ...vcpu, registers: registerList(entries) }
  })
  return { ...snapshot, vcpus }
}
const withoutFeatures = (snapshot: Snapshot): Snapshot => ({ ...snapshot, vcpus: snapshot.vcpus.map(({ features: _, ...vcpu }) => vcpu) })

describe('a blind replay', () => {
  test.each(['linux-5.10', 'linux-6.1', 'linux-6.18', 'linux-7.3/max'])('survives on its own host: %s', async name => {
    const { verdict, load, reason } = await checkSnapshot(guestOf(name, { vcpus: 2 }), loadBuild(name), { vmm: 'kvm' })
    expect([verdict, load]).toEqual(['survives', { vmm: 'kvm', outcome: 'loads', dropped: [] }])
    expect(reason).not.toBe('')
  })

  test.each([
    ['linux-6.18', 'linux-6.12'],
    ['linux-6.12', 'linux-6.1'],
    ['linux-5.10', 'linux-6.1'],
    ['linux-6.1/max', 'linux-7.3/max'],
  ])('says what restore says: %s → %s', async (from, to) => {
    const snapshot = withoutFeatures(guestOf(from, { vcpus: 2 }))
    const checked = await checkSnapshot(snapshot, loadBuild(to), { vmm: 'kvm' })
    const { report } = await restoreSnapshot(snapshot, loadBuild(to), { run: false })
    expect([checked.verdict, checked.vcpus, checked.psci, checked.alternatives]).toEqual([report.verdict, report.vcpus, report.psci, report.alternatives])
    expect(checked.findings.map(({ message }) => message)).toEqual(expect.arrayContaining(report.findings.map(({ message }) => message)))
  })

  test('the first refused write decides, and all are reported', async () => {
    const { load, vcpus } = await checkSnapshot(guestOf('linux-6.18'), loadBuild('linux-6.12'), { vmm: 'kvm' })
    expect(load).toMatchObject({ outcome: 'fails', decidedBy: { stage: 'write', vcpu: 0, register: vcpus[0]!.failures[0]!.name, errno: 'EINVAL' } })
    expect(vcpus[0]!.failures.length).toBeGreaterThan(1)
  })
})

describe('several feature sets fit', () => {
  test('a 5.10 list fits with and without a PMU: the worse decides, both are named', async () => {
    const { alternatives, verdict } = await checkSnapshot(withoutFeatures(guestOf('linux-5.10')), loadBuild('linux-5.10'), { vmm: 'kvm' })
    expect(alternatives?.map(({ features }) => features.includes('pmu_v3'))).toEqual([false, true])
    expect(alternatives?.map(each => each.verdict)).toContain(verdict)
  })

  test('PSCI 0.1 without its feature: QEMU 11 may be given kvm-psci-version=0.1, QEMU 10 cannot', async () => {
    const guest = withoutFeatures(guestOf('linux-6.18', { features: [] }))
    const old = await checkSnapshot(guest, loadBuild('linux-6.18'), { vmm: 'qemu-10.0' })
    expect(old.load.decidedBy).toMatchObject({ stage: 'write', id: '0x6030000000140000', errno: 'EINVAL' })
    expect(old.alternatives).toBeUndefined()
    const { alternatives } = await checkSnapshot(guest, loadBuild('linux-6.18'), { vmm: 'qemu-11.1' })
    expect(alternatives).toEqual([
      { features: ['psci_0_2'], verdict: 'refused' },
      { features: [], verdict: 'survives' },
    ])
  })
})

describe('assumptions are said', () => {
  test('a VMM that is not the file’s own', async () => {
    const { findings } = await checkSnapshot(guestOf('linux-6.12'), loadBuild('linux-6.12'), { vmm: 'firecracker', format: 'psnap' })
    expect(findings.map(({ code }) => code)).toContain('vmm-as-if')
  })

  test('the other QEMU’s answer where it differs', async () => {
    const guest = withRegisters(guestOf('linux-6.12'), new Map([[VENDOR_HYP_BMAP_2_ID, 0n]]))
    const target = loadBuild('linux-6.12')
    const codes = async (vmm: 'qemu-10.0' | 'qemu-11.1') =>
      (await checkSnapshot(guest, target, { vmm })).findings.filter(({ code }) => code === 'other-vmm-differs')
    const [from10] = await codes('qemu-10.0')
    expect(from10).toMatchObject({ severity: 'info', hint: '--vmm qemu-11.1' })
    expect((await codes('qemu-11.1'))[0]?.hint).toBe('--vmm qemu-10.0')
    expect((await checkSnapshot(guestOf('linux-6.12'), target, { vmm: 'qemu-10.0' })).findings.map(({ code }) => code)).not.toContain('other-vmm-differs')
  })
})

describe('what a VMM drops', () => {
  // One register less than the host has, and one that sorts behind its last: QEMU 10 loads it and says nothing (facts/qemu-stream.md §8.3).
  const guest = withRegisters(guestOf('linux-6.12'), new Map([[VENDOR_HYP_BMAP_2_ID, 1n]]))
  const without: Snapshot = {
    ...guest,
    vcpus: guest.vcpus.map(vcpu => ({ ...vcpu, registers: registerList([...registerEntries(vcpu.registers)].filter(([id]) => id !== PSCI_VERSION_ID)) })),
  }

  test('a service that the guest had vanishes: changed, with a finding', async () => {
    const { verdict, load, findings } = await checkSnapshot(without, loadBuild('linux-6.12'), { vmm: 'qemu-10.0' })
    expect([verdict, load.outcome]).toEqual(['changed', 'loads'])
    expect(load.dropped).toMatchObject([{ name: 'KVM_REG_ARM_VENDOR_HYP_BMAP_2', value: expect.stringMatching(/1$/) }])
    expect(findings).toContainEqual(expect.objectContaining({ code: 'service-vanished', register: 'KVM_REG_ARM_VENDOR_HYP_BMAP_2' }))
  })

  test('with 0 in it nothing is lost', async () => {
    const harmless = withRegisters(without, new Map([[VENDOR_HYP_BMAP_2_ID, 0n]]))
    const { load, findings } = await checkSnapshot(harmless, loadBuild('linux-6.12'), { vmm: 'qemu-10.0' })
    expect(load.dropped.length).toBe(1)
    expect(findings.map(({ code }) => code)).not.toContain('service-vanished')
  })
})

describe('a host that cannot make the vCPUs', () => {
  test('stops at KVM_ARM_VCPU_INIT', async () => {
    const { verdict, load, vcpus } = await checkSnapshot(guestOf('linux-6.18/max', { features: ['psci_0_2', 'sve'] }), loadBuild('linux-6.18'), { vmm: 'kvm' })
    expect([verdict, vcpus]).toEqual(['refused', []])
    expect(load.decidedBy).toMatchObject({ stage: 'vcpu', vcpu: 0, errno: 'EINVAL' })
  })

  test('or without a capability', async () => {
    const guest = { ...guestOf('linux-6.18'), vm: { writableImpIdRegs: true } }
    const { load, findings } = await checkSnapshot(guest, loadBuild('linux-6.1'), { vmm: 'kvm' })
    expect(load.decidedBy?.stage).toBe('other')
    expect(findings.map(({ code }) => code)).toContain('capability-refused')
  })
})

describe('a derived host that does not show everything', () => {
  const sve = { features: ['psci_0_2', 'sve'] } as const
  const known = loadBuild('linux-6.18/max')
  const unseen = makeBuild('my-host', known.kernel, { ...known.host, hardware: new Map(), unseen: ['hardware', 'vector-lengths'] })

  test('takes any vector lengths, and says that they were not checked', async () => {
    const guest = withRegisters(freshGuest(known, sve), new Map())
    const short = new Uint8Array(64)
    short[0] = 1
    const cut = {
      ...guest,
      vcpus: guest.vcpus.map(vcpu => ({
        ...vcpu,
        registers: registerList([...registerEntries(vcpu.registers)].map(([id, value]) => [id, id === sveVlsId ? short : value] as const)),
      })),
    }
    const { verdict, findings } = await checkSnapshot(cut, unseen, { vmm: 'kvm' })
    expect(verdict).not.toBe('refused')
    expect(findings.map(({ message }) => message).join('\n')).toContain('vector lengths not checked')
  })

  test('forgives a hidden field that it cannot compare, where a known host does not', async () => {
    const MMFR2 = sysRegId(3, 0, 0, 7, 2)
    const own = freshGuest(known, {}).vcpus[0]!.registers
    const value = BigInt(
      `0x${[...own.bytes.subarray(own.offsets[own.ids.indexOf(MMFR2)], own.offsets[own.ids.indexOf(MMFR2) + 1])]
        .reverse()
        .map(b => b.toString(16).padStart(2, '0'))
        .join('')}`,
    )
    const older = withRegisters(freshGuest(known, {}), new Map([[MMFR2, value | (1n << 24n)]]))
    expect((await checkSnapshot(older, known, { vmm: 'kvm' })).verdict).toBe('refused')
    const { verdict, findings } = await checkSnapshot(older, unseen, { vmm: 'kvm' })
    expect(verdict).not.toBe('refused')
    expect(findings.map(({ register }) => register)).toContain('ID_AA64MMFR2_EL1')
  })
})

describe('checkHost', () => {
  test('host against host, no file', async () => {
    const results = await checkHost(loadBuild('linux-6.1'), [loadBuild('linux-6.1'), loadBuild('linux-6.12')], { vmm: 'qemu-10.0', vcpus: 2 })
    expect(results.map(({ verdict, source }) => [verdict, source])).toEqual([
      ['survives', { file: 'linux-6.1.192/cortex-a72', format: 'host', build: 'linux-6.1.192/cortex-a72' }],
      [expect.any(String), expect.anything()],
    ])
    expect(results[0]!.vcpus.length).toBe(2)
  })

  test('a guest that the host cannot make', async () => {
    await expect(checkHost(loadBuild('linux-6.1'), [loadBuild('linux-6.1')], { features: ['psci_0_2', 'sve'] })).rejects.toThrow(/KVM_ARM_VCPU_INIT/)
  })
})

describe('lean', () => {
  afterEach(() => vi.restoreAllMocks())

  test('no WebAssembly, no memory read', async () => {
    const compile = vi.spyOn(WebAssembly, 'Module').mockImplementation(() => {
      throw new Error('compiled')
    })
    const memory = vi.spyOn(WebAssembly, 'Memory').mockImplementation(() => {
      throw new Error('allocated')
    })
    const chunks = vi.fn(() => [])
    const guest: Snapshot = { ...guestOf('linux-6.18'), memory: [{ name: 'ram', start: 0n, size: 1 << 30, chunks }] }
    for (const vmm of ['kvm', 'qemu-11.1'] as const) await checkSnapshot(guest, loadBuild('linux-6.12'), { vmm })
    expect([compile.mock.calls.length, memory.mock.calls.length, chunks.mock.calls.length]).toEqual([0, 0, 0])
  })
})
