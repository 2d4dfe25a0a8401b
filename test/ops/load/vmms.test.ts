// The other VMMs: their order of writes, what they print, and which one a file is taken to be for.
import { describe, expect, test } from 'vitest'
import { coreId, PSTATE_ID, type RegId, sveVlsId, sysRegId } from '../../../src/arch/reg-id.ts'
import { PSCI_VERSION_ID } from '../../../src/arch/smccc.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { type RegisterList, registerEntries, registerList, registerValue } from '../../../src/model/register-list.ts'
import type { Snapshot } from '../../../src/model/snapshot.ts'
import { freshGuest } from '../../../src/ops/check/check-host.ts'
import { attemptLoad } from '../../../src/ops/load/attempt.ts'
import { defaultVmm } from '../../../src/ops/load/default-vmm.ts'
import type { VmmRules } from '../../../src/ops/load/plan.ts'
import { rulesOf } from '../../../src/ops/load/rules.ts'
import { parseVmm, VMM_IDS } from '../../../src/ops/load/vmm.ts'

const Z0 = 0x6080_0000_0015_0000n as RegId
const V0 = 0x6040_0000_0010_0054n as RegId
const FPSR = 0x6020_0000_0010_00d4n as RegId
const MIDR = sysRegId(3, 0, 0, 0, 0)
const list = (...ids: readonly RegId[]): RegisterList => registerList(ids.map(id => [id, 0n] as const))
const order = (rules: VmmRules, saved: RegisterList, rawOrder = false): readonly bigint[] =>
  rules.plan(saved, list(), { isOwnFile: false, rawOrder }).phases.flatMap(({ registers }) => [...registers.ids])

describe('order', () => {
  const saved = list(MIDR, coreId(0), sveVlsId, PSTATE_ID, Z0, PSCI_VERSION_ID)

  test.each(['kvm', 'firecracker'] as const)('%s: list order, vector lengths before', id => {
    expect(order(rulesOf(id), saved)).toEqual([MIDR, coreId(0), PSTATE_ID, Z0, PSCI_VERSION_ID])
  })

  test('raw order keeps the vector lengths in their place', () => {
    expect(order(rulesOf('kvm'), saved, true)).toEqual([...saved.ids])
  })

  test('cloud-hypervisor: core, wide, then system registers; SIMD only without SVE', () => {
    expect(order(rulesOf('cloud-hypervisor'), saved)).toEqual([coreId(0), PSTATE_ID, Z0, MIDR, PSCI_VERSION_ID])
    expect(order(rulesOf('cloud-hypervisor'), list(MIDR, V0, FPSR, coreId(0)))).toEqual([coreId(0), V0, FPSR, MIDR])
    const { dropped } = rulesOf('cloud-hypervisor').plan(list(Z0, FPSR), list(), { isOwnFile: false, rawOrder: false })
    expect(dropped).toMatchObject([{ at: 1 }])
  })

  test('qemu: the list ascending, then core registers with SP_EL1 and PSTATE before PC', () => {
    const { phases } = rulesOf('qemu-10.0').plan(
      list(coreId(0), coreId(0x40), PSTATE_ID, coreId(0x44), FPSR, V0, PSCI_VERSION_ID, MIDR),
      list(PSCI_VERSION_ID, MIDR),
      {
        isOwnFile: false,
        rawOrder: false,
      },
    )
    expect(phases.map(({ registers }) => [...registers.ids])).toEqual([
      [MIDR, PSCI_VERSION_ID],
      [coreId(0), coreId(0x44), PSTATE_ID, coreId(0x40), V0, FPSR],
    ])
  })
})

/** A fresh guest with these registers changed, or left out for undefined. */
function edited(build: string, changes: ReadonlyMap<bigint, bigint | undefined>, vcpus = 1): Snapshot {
  const guest = freshGuest(loadBuild(build), { vcpus })
  const change = ({ registers }: Snapshot['vcpus'][number]): RegisterList =>
    registerList(
      [...registerEntries(registers)].flatMap(([id, value]): readonly (readonly [RegId, bigint | Uint8Array])[] => {
        const wanted = changes.get(id)
        return !changes.has(id) ? [[id, value]] : wanted === undefined ? [] : [[id, wanted]]
      }),
    )
  return { ...guest, vcpus: guest.vcpus.map(vcpu => ({ ...vcpu, registers: change(vcpu) })) }
}
const load = (snapshot: Snapshot, vmm: Parameters<typeof rulesOf>[0], build: string) =>
  attemptLoad(loadBuild(build), snapshot, rulesOf(vmm), { features: ['psci_0_2'], isOwnFile: false, rawOrder: false })

describe('what stops them', () => {
  test('Firecracker stops at the first refused register in list order, and says which', () => {
    const { stop, says, replays } = load(
      edited(
        'linux-6.12',
        new Map([
          [PSCI_VERSION_ID, 0x10003n],
          [MIDR, 1n],
        ]),
      ),
      'firecracker',
      'linux-6.12',
    )
    expect(stop).toMatchObject({ stage: 'write', vcpu: 0, id: PSCI_VERSION_ID, errno: 22 })
    expect(says).toBe(
      'Failed to restore the state of the vcpu: Failed to set register 0x6030000000140000 to value 0x0000000000010003: Invalid argument (os error 22)',
    )
    expect(replays[0]!.refused.map(({ id }) => id)).toEqual([PSCI_VERSION_ID, MIDR])
  })

  test('Firecracker refuses a PMU itself', () => {
    const { stop, says } = attemptLoad(loadBuild('linux-6.12'), freshGuest(loadBuild('linux-6.12'), {}), rulesOf('firecracker'), {
      features: ['psci_0_2', 'pmu_v3'],
      isOwnFile: true,
      rawOrder: false,
    })
    expect(stop?.stage).toBe('vcpu')
    expect(says).toBe('Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features.')
  })

  test('Cloud Hypervisor names no register', () => {
    const { says } = load(edited('linux-6.12', new Map([[MIDR, 1n]])), 'cloud-hypervisor', 'linux-6.12')
    expect(says).toContain('Failed to set system register')
    expect(says).not.toMatch(/0x|MIDR/)
  })

  test('QEMU loads the list of every vCPU before the core registers of any', () => {
    // EL2h: refused by KVM for a vCPU without EL2. vCPU 1's list is refused before vCPU 0's PSTATE is written.
    const bad = edited(
      'linux-6.12',
      new Map([
        [PSTATE_ID, 0x3c9n],
        [MIDR, 1n],
      ]),
      2,
    )
    const [zero, one] = [edited('linux-6.12', new Map([[PSTATE_ID, 0x3c9n]]), 2), bad].map(snapshot => snapshot.vcpus) as [Snapshot['vcpus'], Snapshot['vcpus']]
    const mixed = { ...bad, vcpus: [zero[0]!, one[1]!] }
    expect(load(mixed, 'qemu-10.0', 'linux-6.12').stop).toMatchObject({ stage: 'write', vcpu: 1, id: MIDR })
    expect(load(mixed, 'firecracker', 'linux-6.12').stop).toMatchObject({ stage: 'write', vcpu: 0, id: PSTATE_ID })
  })

  test('a vCPU without the version gets QEMU’s own value back, over the one that another vCPU set', () => {
    const without = edited('linux-6.18', new Map([[PSCI_VERSION_ID, undefined]]), 2)
    const pinned = edited('linux-6.18', new Map([[PSCI_VERSION_ID, 0x10001n]]), 2)
    const mixed = { ...pinned, vcpus: [pinned.vcpus[0]!, without.vcpus[1]!] }
    expect(load(mixed, 'kvm', 'linux-6.18').psciAfter).toBe(0x10001n)
    expect(load(mixed, 'qemu-11.1', 'linux-6.18').psciAfter).toBe(0x10003n)
  })

  test('a register that the destination hides after a write fails as one of its own', () => {
    // ID_AA64MMFR3_EL1.SCTLRX = 0 takes SCTLR2_EL1 away, which QEMU writes back because it listed it.
    const MMFR3 = sysRegId(3, 0, 0, 7, 3)
    const SCTLR2 = sysRegId(3, 0, 1, 0, 3)
    const own = registerValue(freshGuest(loadBuild('linux-6.18/max'), {}).vcpus[0]!.registers, MMFR3)!
    const changes = new Map([
      [MMFR3, own & ~0xf0n],
      [SCTLR2, undefined],
    ])
    const snapshot = edited('linux-6.18/max', changes)
    const { stop, replays } = load(snapshot, 'qemu-11.1', 'linux-6.18/max')
    expect(stop).toMatchObject({ stage: 'write', id: SCTLR2, errno: 2 })
    expect(replays[0]!.refused.map(({ id }) => id)).toEqual([SCTLR2])
    expect(load(snapshot, 'kvm', 'linux-6.18/max').stop).toBeUndefined()
  })
})

describe('which VMM', () => {
  const guest = freshGuest(loadBuild('linux-6.12'), {})
  const stream = (machine: string | undefined): Snapshot => ({ ...guest, devices: [{ name: 'configuration', kind: 'qemu-configuration', state: { machine } }] })

  test.each([
    ['virt-10.0', 'qemu-10.0'],
    ['virt-7.2', 'qemu-10.0'],
    ['virt-10.2', 'qemu-10.0'],
    ['rhel9.4.0', 'qemu-10.0'],
    [undefined, 'qemu-10.0'],
    ['virt-11.0', 'qemu-11.1'],
    ['virt-12.1', 'qemu-11.1'],
  ] as const)('a QEMU stream of machine %s: %s, and why', (machine, vmm) => {
    const chosen = defaultVmm('qemu', stream(machine))
    expect(chosen.vmm).toBe(vmm)
    expect(chosen.why).toContain(machine ?? 'no machine type')
  })

  test.each([
    ['firecracker-vmstate', 'firecracker'],
    ['cloud-hypervisor', 'cloud-hypervisor'],
    ['psnap', 'kvm'],
    ['kvm-reglist', 'kvm'],
    ['crosvm', 'kvm'],
    ['stratovirt', 'kvm'],
  ] as const)('%s: %s', (format, vmm) => {
    expect(defaultVmm(format, guest).vmm).toBe(vmm)
  })

  test('every id has rules of its own', () => {
    for (const id of VMM_IDS) expect([rulesOf(id).id, parseVmm(id)]).toEqual([id, id])
  })

  test('QEMU 10 has no machine type of 11', () => {
    expect(load(stream('virt-11.1'), 'qemu-10.0', 'linux-6.12').stop).toMatchObject({ stage: 'other' })
    expect(load(stream('virt-11.1'), 'qemu-11.1', 'linux-6.12').stop).toBeUndefined()
  })
})
