// What to do, best first: the VMM's own options, the project's commands, the order of upgrades. The guess of --allow codes is held against the planner.
import { expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { snapshotChecker } from '../../../src/ops/check/check-snapshot.ts'
import { tell } from '../../../src/ops/check/tell.ts'
import { readCase } from '../../../src/ops/check/words/case.ts'
import { faultVerdict } from '../../../src/ops/check/words/file-faults.ts'
import { migrateOutlook } from '../../../src/ops/check/words/migrate-codes.ts'
import { planMigration } from '../../../src/ops/migrate/plan.ts'
import { saveSnapshot } from '../../../src/ops/save.ts'
import { BMAP, type CaseSpec, FW, judgedCase, SYS } from './judged-case.ts'

const advised = (spec: CaseSpec): readonly string[] =>
  tell(judgedCase(spec)).advice.map(({ code, message, command }) => `${code}: ${message}${command ? ` $ ${command}` : ''}`)
const newer: CaseSpec = {
  saved: [[FW.psci, 0x1_0003n]],
  refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' },
  psci: { saved: '1.3' },
  origin: { build: 'linux-6.18.15/cortex-a72' },
}

test.each([
  ['qemu-10.0', /kvm-psci-version|QEMU 11 and later.* \$ -cpu host,kvm-psci-version=1\.1$/],
  ['firecracker', /CPU template.*\{"reg_modifiers":\[\{"addr":"0x6030000000140000","bitmap":"0b0{15}10{15}1"\}\]\}$/],
  ['cloud-hypervisor', /Cloud Hypervisor has no option for it/],
  ['kvm', /a VMM can write KVM_REG_ARM_PSCI_VERSION = 1\.1 after KVM_ARM_VCPU_INIT and before the first run/],
] as const)('a newer PSCI version, loaded by %s', (vmm, says) => {
  const all = advised({ ...newer, vmm })
  expect(all[0]).toMatch(/^migrate: .*psci-snap migrate FILE --to linux-6\.1\.192\/cortex-a72 .*-o OUT --allow psci-version-changed$/)
  expect(all.find(text => text.startsWith('pin-psci-at-boot'))).toMatch(says)
  expect(all.at(-1)).toMatch(/^upgrade-order: .*psci-snap builds baseline linux-6\.18\.15\/cortex-a72 linux-6\.1\.192\/cortex-a72$/)
})

test('a version that nobody can be born with has no such advice', () => {
  const all = advised({ saved: [[FW.psci, 0x2_0000n]], refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' }, psci: { saved: '2.0' } })
  expect(all.some(text => /^(pin-psci-at-boot|upgrade-order)/.test(text))).toBe(false)
})

const CASES: readonly (readonly [what: string, spec: CaseSpec, says: RegExp])[] = [
  [
    'a few registers that can go',
    { saved: [[BMAP.vendor2, 0n]], refused: { KVM_REG_ARM_VENDOR_HYP_BMAP_2: 'ENOENT' } },
    /^drop-registers: .*edit FILE -o OUT --drop 'KVM_REG_ARM_VENDOR_HYP_BMAP_2'$/,
  ],
  [
    "the same by Firecracker's editor",
    { vmm: 'firecracker', saved: [[BMAP.vendor2, 0n]], refused: { KVM_REG_ARM_VENDOR_HYP_BMAP_2: 'ENOENT' } },
    /snapshot-editor edit-vmstate remove-regs 0x6030000000160003 --vmstate-path FILE --output-path OUT$/,
  ],
  [
    'a PMU that the host does not give',
    { vmm: 'qemu-10.0', saved: [[SYS.pmcr, 0n]], features: ['psci_0_2', 'pmu_v3'], refused: { PMCR_EL0: 'ENOENT' } },
    /^feature-off: .*\$ -cpu host,pmu=off$/,
  ],
  [
    'SVE that the host does not have, on Firecracker',
    { vmm: 'firecracker', verdict: 'refused', features: ['psci_0_2', 'sve'], load: { outcome: 'fails', decidedBy: { stage: 'vcpu', message: 'x' } } },
    /^feature-off: .*\{"vcpu_features":\[\{"index":0,"bitmap":"0bxx0xxxx"\}\]\}$/,
  ],
  [
    'vCPUs that cannot be made',
    { verdict: 'refused', features: ['psci_0_2', 'sve'], load: { outcome: 'fails', decidedBy: { stage: 'vcpu', message: 'x' } } },
    /^other-host: .*psci-snap check FILE --to all$/,
  ],
  [
    'services that appear',
    { verdict: 'changed', added: [[BMAP.std, 1n]] },
    /^bitmaps-zero: the VMM can keep it off: write 0 to KVM_REG_ARM_STD_BMAP on the new VM before its first run$/,
  ],
  [
    'a file without a version',
    { verdict: 'changed', psci: { saved: null, after: '1.3' }, findings: [{ severity: 'warning', code: 'psci-version-missing', message: 'x' }] },
    /^migrate: .* --pin-psci X\.Y$/,
  ],
  [
    'vector lengths too late',
    { saved: [[0x6060_0000_0015_ffffn, new Uint8Array(64).fill(1, 0, 1)]], refused: { KVM_REG_ARM64_SVE_VLS: 'EPERM' } },
    /^vls-before-finalize: /,
  ],
  [
    'another CPU where it can be written',
    { to: 'linux-7.3', saved: [[SYS.midr, 1n]], refused: { MIDR_EL1: 'EINVAL' } },
    /^writable-imp-id: .*KVM_CAP_ARM_WRITABLE_IMP_ID_REGS \(239\)/,
  ],
  [
    'a weaker mitigation',
    { saved: [[FW.wa1, 2n]], refused: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1: 'EINVAL' }, reads: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1: 0n } },
    /^host-mitigation: .*nospectre_v2/,
  ],
  [
    'ID registers that are written too late',
    {
      to: 'linux-7.3',
      saved: [
        [FW.wa2, 3n],
        [SYS.pfr1, 0n],
      ],
      refused: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2: 'EINVAL' },
    },
    /^id-registers-first: /,
  ],
  [
    'a stream of TCG',
    { verdict: 'refused', saved: [[0x4020_0000_200e_0298n, 0n]], load: { outcome: 'fails', decidedBy: { stage: 'other', message: 'TCG' } } },
    /^tcg-only: /,
  ],
  [
    'another release of QEMU that loads it',
    {
      verdict: 'refused',
      load: { vmm: 'qemu-10.0', outcome: 'fails', decidedBy: { stage: 'count', message: 'x' } },
      other: {
        verdict: 'changed',
        load: { vmm: 'qemu-11.1', outcome: 'loads', dropped: [{ id: '0x603000000013c103', name: 'TCR2_EL1', value: '0x0', why: 'y' }] },
      },
    },
    /^other-vmm: run QEMU 11\.1 on the target host: it loads this file there, leaving out TCR2_EL1; the guest can notice it$/,
  ],
  [
    'a faulty file',
    { verdict: 'changed', findings: [{ severity: 'error', code: 'gic-redistributors-identical', message: 'x' }] },
    /^repair-file: save the guest again with a VMM that has the fix$/,
  ],
]

test.each(CASES)('%s', (_, spec, says) => {
  expect(advised(spec)).toContainEqual(expect.stringMatching(says))
})

test('only what is refused for its place is no reason to write another file', () => {
  const all = advised({ saved: [[0x6060_0000_0015_ffffn, new Uint8Array(64).fill(1, 0, 1)]], refused: { KVM_REG_ARM64_SVE_VLS: 'EPERM' } })
  expect(all.some(text => /^(migrate|drop-registers)/.test(text))).toBe(false)
})

test('survival needs no advice', () => {
  expect(advised({ saved: [[FW.psci, 0x1_0001n]], added: [[SYS.tcr2, 0n]] })).toEqual([])
})

test('a fault of the file is a verdict: what is lost cannot survive', () => {
  const finding = (code: string, severity: 'error' | 'warning' | 'info' = 'error') => ({ severity, code, message: '' })
  expect(faultVerdict([])).toBe('survives')
  expect(faultVerdict([finding('many-registers', 'warning')])).toBe('survives')
  expect(faultVerdict([finding('its-tables-not-saved', 'warning')])).toBe('changed')
  expect(faultVerdict([finding('vector-halves-missing'), finding('its-table-outside-memory')])).toBe('refused')
})

test.each([
  ['linux-6.18', 'linux-6.1'],
  ['linux-5.10', 'linux-6.1'],
  ['linux-6.1/max', 'linux-6.18/max'],
  ['linux-6.12', 'linux-6.18'],
  ['linux-7.3/neoverse-n1', 'linux-6.12'],
])('%s → %s: the codes behind --allow are those that the planner asks for', async (from, to) => {
  const { snapshot } = await saveSnapshot({ build: from, vcpus: 1, memory: 1 << 20, until: { kind: 'insns', count: 100 } })
  const build = loadBuild(to)
  const outlook = migrateOutlook(readCase({ snapshot, build, ...snapshotChecker(snapshot, { vmm: 'kvm' })(build) }))
  const plan = await planMigration(snapshot, build, { vmm: 'kvm' })
  const needed = [...plan.steps.filter(step => !step.isSafe).map(step => step.code), ...plan.noticed.map(({ consent }) => consent)]
  expect(outlook.codes).toEqual([...new Set(needed)].sort())
  expect(outlook.helps).toBe(plan.blocked.length === 0)
})
