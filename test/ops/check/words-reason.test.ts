// Every rule of a reason, each on a small case: the register or the VMM's rule, the errno, the cause, and how much more there is.
import { expect, test } from 'vitest'
import { tell } from '../../../src/ops/check/tell.ts'
import { BMAP, type CaseSpec, FW, judgedCase, SYS, sysreg } from './judged-case.ts'

const reason = (spec: CaseSpec): string => tell(judgedCase(spec)).reason
const VLS = 0x6060_0000_0015_ffffn
const vls = (lengths: number): Uint8Array => Uint8Array.from({ length: 64 }, (_, i) => (i === 0 ? lengths : 0))

const REFUSED: readonly (readonly [what: string, spec: CaseSpec, says: RegExp])[] = [
  [
    'a newer PSCI version',
    { saved: [[FW.psci, 0x1_0003n]], refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' }, psci: { saved: '1.3' } },
    /^KVM_REG_ARM_PSCI_VERSION: PSCI 1\.3 is newer than what linux-6\.1\.192 takes \(1\.1\) \(EINVAL\)$/,
  ],
  ['a version that is none', { saved: [[FW.psci, 0x9_0009n]], refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' } }, /9\.9 is no PSCI version/],
  ['0.1 with the feature', { saved: [[FW.psci, 1n]], refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' } }, /0\.1 is only for vCPUs without the feature psci_0_2/],
  [
    '1.1 without the feature',
    { saved: [[FW.psci, 0x1_0001n]], features: [], refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' } },
    /PSCI 1\.1 needs the vCPU feature psci_0_2/,
  ],
  [
    'a weaker mitigation',
    { saved: [[FW.wa1, 2n]], refused: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1: 'EINVAL' }, reads: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1: 0n } },
    /Spectre v2 protection level NOT_REQUIRED, and this host has NOT_AVAIL/,
  ],
  [
    'a mitigation that is judged by a later register',
    {
      to: 'linux-7.3',
      saved: [
        [FW.wa2, 3n],
        [SYS.pfr1, 0n],
      ],
      refused: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2: 'EINVAL' },
    },
    /ID_AA64PFR1_EL1\.SSBS, which the list writes only later/,
  ],
  ['an empty bitmap', { saved: [[BMAP.vendor2, 0n]], refused: { KVM_REG_ARM_VENDOR_HYP_BMAP_2: 'ENOENT' } }, /no such register; newer kernels list it always/],
  ['a bitmap with services', { to: 'linux-5.10', saved: [[BMAP.std, 1n]], refused: { KVM_REG_ARM_STD_BMAP: 'ENOENT' } }, /the guest has TRNG_V1_0 through it/],
  ['a service that is unknown', { saved: [[BMAP.std, 3n]], refused: { KVM_REG_ARM_STD_BMAP: 'EINVAL' } }, /does not know the service bit 1/],
  ['vector lengths too late', { saved: [[VLS, vls(3)]], refused: { KVM_REG_ARM64_SVE_VLS: 'EPERM' } }, /between KVM_ARM_VCPU_INIT and KVM_ARM_VCPU_FINALIZE/],
  [
    'other vector lengths',
    { to: 'linux-6.12/neoverse-v1', saved: [[VLS, vls(0xf)]], features: ['psci_0_2', 'sve'], refused: { KVM_REG_ARM64_SVE_VLS: 'EINVAL' } },
    /vector lengths of 128-512 bits, this host 128-256/,
  ],
  [
    'SIMD registers on an SVE vCPU',
    { saved: [[0x6040_0000_0010_0054n, 0n]], features: ['psci_0_2', 'sve'], refused: { V0: 'EINVAL' } },
    /^V0: on a vCPU with SVE the FPSIMD registers V0-V31 do not exist/,
  ],
  ['a PMU register without a PMU', { saved: [[SYS.pmcr, 0n]], refused: { PMCR_EL0: 'ENOENT' } }, /5\.10\) lists PMU registers on every vCPU/],
  [
    'a PMU register of a guest with a PMU',
    { saved: [[SYS.pmcr, 0n]], features: ['psci_0_2', 'pmu_v3'], refused: { PMCR_EL0: 'ENOENT' } },
    /the guest has a PMU/,
  ],
  [
    'a register listed without its feature',
    {
      to: 'linux-6.18',
      saved: [
        [SYS.tcr2, 0n],
        [SYS.mmfr3, 0n],
      ],
      refused: { TCR2_EL1: 'ENOENT' },
    },
    /listed it although the guest's CPU has no FEAT_TCR2/,
  ],
  [
    'a register of a feature',
    {
      to: 'linux-6.18',
      saved: [
        [SYS.tcr2, 0n],
        [SYS.mmfr3, 1n],
      ],
      refused: { TCR2_EL1: 'ENOENT' },
    },
    /belongs to FEAT_TCR2, which this host does not offer/,
  ],
  [
    'a field that the host lacks',
    { to: 'linux-6.18', saved: [[SYS.mmfr2, 2n << 24n]], refused: { ID_AA64MMFR2_EL1: 'EINVAL' }, reads: { ID_AA64MMFR2_EL1: 0n } },
    /^ID_AA64MMFR2_EL1\.NV: the guest was told NV2, this host does not offer it/,
  ],
  [
    'a field that cannot be hidden',
    { saved: [[SYS.mmfr2, 0n]], refused: { ID_AA64MMFR2_EL1: 'EINVAL' }, reads: { ID_AA64MMFR2_EL1: 2n << 24n } },
    /^ID_AA64MMFR2_EL1\.NV: this host has it \(NV2\).*does not let it be hidden/,
  ],
  [
    'several fields',
    { saved: [[SYS.mmfr2, 0x2000_0001n]], refused: { ID_AA64MMFR2_EL1: 'EINVAL' }, reads: { ID_AA64MMFR2_EL1: 2n << 24n } },
    /told of .*CnP.*; this host has NV \(NV2\)/,
  ],
  ['an ID register after the run', { saved: [[SYS.isar1, 1n]], refused: { ID_AA64ISAR1_EL1: 'EBUSY' } }, /settled once a vCPU has run \(EBUSY\)/],
  [
    'another CPU',
    { saved: [[SYS.midr, 0x414f_d0c1n]], refused: { MIDR_EL1: 'EINVAL' }, reads: { MIDR_EL1: 0x410f_d083n } },
    /the guest runs on a neoverse-n1, this host is a cortex-a72; linux-6\.1\.192 takes only its own/,
  ],
  [
    'another CPU where it can be written',
    { to: 'linux-7.3', saved: [[SYS.midr, 0x414f_d0c1n]], refused: { MIDR_EL1: 'EINVAL' }, reads: { MIDR_EL1: 0x410f_d083n } },
    /only after KVM_CAP_ARM_WRITABLE_IMP_ID_REGS/,
  ],
  ['cache levels', { saved: [[SYS.clidr, 1n]], refused: { CLIDR_EL1: 'EINVAL' } }, /only the cache levels of its own host/],
  ['a cache selector', { saved: [[0x6020_0000_0011_000dn, 2n]], refused: { 'CCSIDR_EL1[13]': 'ENOENT' } }, /only the caches of its own host/],
  ['the physical timer', { saved: [[SYS.ptimerCnt, 1n]], refused: { KVM_REG_ARM_PTIMER_CNT: 'ENOENT' } }, /does not save the physical timer/],
  [
    'a key without its feature',
    { saved: [[SYS.apiaKeyLo, 1n]], features: ['psci_0_2', 'ptrauth_address', 'ptrauth_generic'], refused: { APIAKeyLo_EL1: 'ENOENT' } },
    /key of pointer authentication/,
  ],
  ['a register that nobody knows', { saved: [[sysreg(0xffff), 1n]], refused: { S3_7_C15_C15_7: 'ENOENT' } }, /neither psci-snap nor its tables know/],
  ['a value without a rule', { saved: [[SYS.timerCval, 1n]], refused: { KVM_REG_ARM_TIMER_CVAL: 'EINVAL' } }, /does not take this value \(EINVAL\)/],
]

test.each(REFUSED)('refused: %s', (_, spec, says) => {
  expect(reason(spec)).toMatch(says)
})

test('what else is refused is counted, and how much of it can be dropped', () => {
  const spec: CaseSpec = {
    saved: [
      [FW.psci, 0x1_0003n],
      [BMAP.vendor2, 0n],
      [SYS.ptimerCnt, 1n],
    ],
    refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL', KVM_REG_ARM_VENDOR_HYP_BMAP_2: 'ENOENT', KVM_REG_ARM_PTIMER_CNT: 'ENOENT' },
  }
  expect(reason(spec)).toMatch(/; 2 more registers are refused, 1 of which can be dropped$/)
})

test('the register that stops the VMM is named, not the first of the list', () => {
  const base: CaseSpec = {
    saved: [
      [FW.psci, 0x1_0003n],
      [SYS.ptimerCnt, 1n],
    ],
    refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL', KVM_REG_ARM_PTIMER_CNT: 'ENOENT' },
  }
  const decidedBy = { stage: 'write', id: '0x603000000013df01', register: 'KVM_REG_ARM_PTIMER_CNT', errno: 'ENOENT', message: '' } as const
  expect(reason({ ...base, load: { vmm: 'qemu-11.1', decidedBy } })).toMatch(/^KVM_REG_ARM_PTIMER_CNT: /)
})

test("a VMM's count names the registers that are too many", () => {
  const load = { vmm: 'qemu-10.0', outcome: 'fails', decidedBy: { stage: 'count', message: 'QEMU 10.0 counts: 269 saved, 252 fit' } } as const
  expect(reason({ verdict: 'refused', load, missing: [SYS.ptimerCnt, SYS.tcr2] })).toBe(
    'QEMU 10.0 counts: 269 saved, 252 fit; not on this host: KVM_REG_ARM_PTIMER_CNT, TCR2_EL1',
  )
})

test("a VMM's comparison of lists names the register that stops it and its cause", () => {
  const decidedBy = {
    stage: 'list',
    id: '0x603000000013df01',
    register: 'KVM_REG_ARM_PTIMER_CNT',
    message: 'KVM_REG_ARM_PTIMER_CNT is unknown: QEMU 10.0 stops there',
  } as const
  const said = reason({ verdict: 'refused', load: { vmm: 'qemu-10.0', outcome: 'fails', decidedBy }, missing: [SYS.ptimerCnt, SYS.tcr2] })
  expect(said).toBe('KVM_REG_ARM_PTIMER_CNT: linux-6.1.192 does not save the physical timer; QEMU 10.0 stops there; not on this host either: TCR2_EL1')
})

test.each([
  [['psci_0_2', 'sve'], /this host does not offer sve$/],
  [['psci_0_2', 'pmu_v3_strict'], /linux-6\.1\.192 does not know the vCPU feature pmu_v3_strict$/],
] as const)('vCPUs that cannot be made name the feature: %s', (features, says) => {
  const load = { outcome: 'fails', decidedBy: { stage: 'vcpu', message: 'KVM_ARM_VCPU_INIT fails' } } as const
  expect(reason({ verdict: 'refused', features, load })).toMatch(says)
})

const CHANGED: readonly (readonly [what: string, spec: CaseSpec, says: RegExp])[] = [
  [
    'another PSCI version',
    { verdict: 'changed', psci: { saved: '1.0', after: '1.1' } },
    /^KVM_REG_ARM_PSCI_VERSION: the guest booted with PSCI 1\.0 and finds 1\.1: SYSTEM_RESET2 appears/,
  ],
  ['no PSCI version', { verdict: 'changed', psci: { saved: null, after: '1.1' } }, /the file holds no PSCI version: the guest gets 1\.1/],
  [
    'a field',
    { to: 'linux-6.18', saved: [[SYS.mmfr2, 2n << 24n]], reads: { ID_AA64MMFR2_EL1: 0n } },
    /^ID_AA64MMFR2_EL1\.NV: the guest was told NV2 \(of no use to it\) and reads NI here$/,
  ],
  [
    'a mitigation',
    { saved: [[FW.wa3, 0n]], reads: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3: 2n } },
    /told NOT_AVAIL for Spectre-BHB and is told NOT_REQUIRED here/,
  ],
  [
    'services',
    { verdict: 'changed', added: [[BMAP.std, 1n]], origin: { build: 'linux-5.10.223/cortex-a72' } },
    /^TRNG_V1_0 appears: the file has no bitmap that keeps it off/,
  ],
  ['a value without fields', { verdict: 'changed', saved: [[SYS.timerCval, 1n]], reads: { KVM_REG_ARM_TIMER_CVAL: 2n } }, /it was 0x1 and reads 0x2 here/],
  [
    'a finding of another kind',
    { verdict: 'changed', findings: [{ severity: 'warning', code: 'guest-observed-change', message: 'the guest saw it' }] },
    /^the guest saw it$/,
  ],
]

test.each(CHANGED)('changed: %s', (_, spec, says) => {
  expect(reason(spec)).toMatch(says)
})

test('survival says what was kept and what is more', () => {
  expect(reason({ saved: [[FW.psci, 0x1_0001n]], added: [[SYS.tcr2, 0n]] })).toBe(
    'PSCI 1.1 kept; linux-6.1.192 takes the register; 1 register more on this host, at its default',
  )
})

test('a fault of the file comes first, and what the target refuses after it', () => {
  const findings = [{ severity: 'error', code: 'vector-halves-missing', message: 'the upper 64 bits are not in the file' }] as const
  expect(reason({ verdict: 'changed', findings })).toBe('the file itself is at fault (vector registers): the upper 64 bits are not in the file')
  const both = reason({ saved: [[SYS.ptimerCnt, 1n]], refused: { KVM_REG_ARM_PTIMER_CNT: 'ENOENT' }, findings })
  expect(both).toMatch(/^the file itself is at fault .*\. Besides: KVM_REG_ARM_PTIMER_CNT: /)
})
