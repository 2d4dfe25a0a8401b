// What a guest meets, in words: each kind of consequence on a small case.
import { describe, expect, test } from 'vitest'
import { tell } from '../../../src/ops/check/tell.ts'
import { foldNames, listNames } from '../../../src/ops/check/words/names.ts'
import { psciStepWords } from '../../../src/ops/check/words/psci-words.ts'
import { lengthsText } from '../../../src/ops/check/words/vector-lengths.ts'
import { BMAP, type CaseSpec, FW, judgedCase, SYS } from './judged-case.ts'

const said = (spec: CaseSpec): string =>
  tell(judgedCase(spec))
    .consequences.map(({ code, message }) => `${code}: ${message}`)
    .join('\n')

describe('PSCI steps', () => {
  test.each([
    ['1.3', '1.1', /^psci-function-vanishes SYSTEM_OFF2 vanishes: .*NOT_SUPPORTED; Linux then goes on to an ordinary SYSTEM_OFF/],
    ['1.1', '1.0', /^psci-function-vanishes SYSTEM_RESET2 vanishes: .*does not try SYSTEM_RESET after it/],
    ['1.0', '1.1', /^psci-function-appears SYSTEM_RESET2 appears: a guest that is up never looks again/],
    ['1.1', '1.3', /^psci-function-appears SYSTEM_OFF2 appears: .*after its next boot/],
    ['1.1', '1.2', /^psci-version-changes PSCI_VERSION answers 1\.2 where it answered 1\.1; the functions are the same$/],
    ['1.0', '0.2', /PSCI_FEATURES vanishes/],
    ['0.2', '0.1', /CPU_ON \(0\.1\) appears/],
  ])('%s → %s', (from, to, words) => {
    expect(
      psciStepWords(from, to)
        .map(({ code, message }) => `${code} ${message}`)
        .join('\n'),
    ).toMatch(words)
  })
  test('SYSTEM_SUSPEND says what it depends on', () => {
    expect(psciStepWords('0.2', '1.0').map(row => row.message)).toContainEqual(expect.stringMatching(/^SYSTEM_SUSPEND appears \(where the VMM enabled/))
  })
  test('nothing for equal versions, nor for a number that is none', () => {
    expect([...psciStepWords('1.1', '1.1'), ...psciStepWords('1.1', '9.9')]).toEqual([])
  })
  test('a refused version is what a VMM that skips it would bring about', () => {
    const refused = { saved: [[FW.psci, 0x1_0003n]] as const, refused: { KVM_REG_ARM_PSCI_VERSION: 'EINVAL' }, psci: { saved: '1.3', after: '1.1' } }
    expect(said(refused)).toMatch(/^psci-function-vanishes: if skipped: the guest booted with PSCI 1\.3 and finds 1\.1: SYSTEM_OFF2 vanishes/)
    expect(said({ verdict: 'changed', psci: { saved: '1.3', after: '1.1' } })).toMatch(/^psci-function-vanishes: the guest booted/)
  })
  test('a file without a version', () => {
    expect(said({ verdict: 'changed', psci: { saved: null, after: '1.3' } })).toMatch(/^psci-default: .*the guest gets 1\.3, the default of this host/)
  })
})

const CASES: readonly (readonly [what: string, spec: CaseSpec, says: RegExp])[] = [
  [
    'services that a known source did not offer',
    {
      verdict: 'changed',
      added: [
        [BMAP.std, 1n],
        [BMAP.vendor, 3n],
      ],
      origin: { build: 'linux-5.10.223/cortex-a72' },
    },
    /service-appears: TRNG_V1_0 \(true random number generator\), FUNC_FEAT .*, PTP .* appear: on by default here, and the source did not offer them/,
  ],
  [
    'services of an unknown source',
    { verdict: 'changed', added: [[BMAP.std, 1n]] },
    /the file has no bitmap for it and does not say whether the source offered it/,
  ],
  [
    'services that go with their register',
    { to: 'linux-5.10', saved: [[BMAP.std, 1n]], refused: { KVM_REG_ARM_STD_BMAP: 'ENOENT' } },
    /service-vanishes: TRNG_V1_0 .* vanishes: linux-5\.10\.223 does not offer it/,
  ],
  [
    'stolen time that cannot be kept off',
    { to: 'linux-5.10', saved: [[BMAP.stdHyp, 0n]], refused: { KVM_REG_ARM_STD_HYP_BMAP: 'ENOENT' } },
    /service-appears: PV_TIME .* appears: linux-5\.10\.223 always offers it/,
  ],
  [
    'a bitmap that reads back smaller',
    { verdict: 'changed', saved: [[BMAP.vendor, 3n]], reads: { KVM_REG_ARM_VENDOR_HYP_BMAP: 1n } },
    /service-vanishes: PTP vanishes for the guest/,
  ],
  [
    'a higher mitigation level',
    { saved: [[FW.wa3, 0n]], reads: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3: 2n } },
    /mitigation-raised: SMCCC_ARCH_WORKAROUND_3 \(Spectre-BHB\) is silently higher: NOT_AVAIL → NOT_REQUIRED/,
  ],
  [
    'a lower mitigation level',
    { saved: [[FW.wa1, 2n]], refused: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1: 'EINVAL' }, reads: { KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1: 0n } },
    /mitigation-lowered: if skipped: .* is silently lower: NOT_REQUIRED → NOT_AVAIL; .*less protected than it believes/,
  ],
  [
    'a feature that vanishes',
    { verdict: 'changed', saved: [[SYS.mmfr3, 1n]], reads: { ID_AA64MMFR3_EL1: 0n } },
    /cpu-feature-vanishes: CPU feature that vanishes: ID_AA64MMFR3_EL1 TCRX; a guest that goes by what it was told/,
  ],
  [
    'a feature that is of no use',
    { verdict: 'changed', saved: [[SYS.mmfr2, 2n << 24n]], reads: { ID_AA64MMFR2_EL1: 0n } },
    /cpu-feature-vanishes: .* NV \(NV2\); of no use to this guest/,
  ],
  [
    'features that appear',
    { verdict: 'changed', saved: [[SYS.mmfr3, 0n]], reads: { ID_AA64MMFR3_EL1: 0x11n } },
    /cpu-feature-appears: CPU features that appear: ID_AA64MMFR3_EL1 SCTLRX, TCRX;/,
  ],
  [
    'a field that changes',
    { verdict: 'changed', saved: [[SYS.dfr0, 10n]], reads: { ID_AA64DFR0_EL1: 6n } },
    /cpu-feature-changes: .*ID_AA64DFR0_EL1 DebugVer V8P8 → IMP/,
  ],
  [
    'another CPU',
    { verdict: 'changed', saved: [[SYS.midr, 0x414f_d0c1n]], reads: { MIDR_EL1: 0x410f_d083n } },
    /cpu-identity-changes: .*another CPU \(neoverse-n1 → cortex-a72\)/,
  ],
  ['caches', { verdict: 'changed', saved: [[SYS.clidr, 0x1000_0004n]], reads: { CLIDR_EL1: 3n } }, /cache-changes: the guest reads other caches/],
  ['a timer', { verdict: 'changed', saved: [[SYS.timerCval, 5n]], reads: { KVM_REG_ARM_TIMER_CVAL: 9n } }, /timer-changes: a timer is set otherwise/],
  [
    'a counter that the host does not have',
    { saved: [[SYS.ptimerCnt, 1n]], refused: { KVM_REG_ARM_PTIMER_CNT: 'ENOENT' } },
    /clock-jumps: the guest's physical counter jumps: linux-6\.1\.192 has no KVM_REG_ARM_PTIMER_CNT/,
  ],
  [
    'state without a place',
    {
      to: 'linux-6.18',
      saved: [
        [SYS.tcr2, 7n],
        [SYS.mmfr3, 1n],
      ],
      refused: { TCR2_EL1: 'ENOENT' },
    },
    /register-lost: state that this host has no place for: TCR2_EL1/,
  ],
  [
    'registers of the target alone',
    {
      added: [
        [SYS.tcr2, 0n],
        [SYS.ptimerCtl, 0n],
      ],
    },
    /register-default: 2 registers of this host are not in the file and silently keep the reset value: TCR2_EL1, KVM_REG_ARM_PTIMER_CTL/,
  ],
  [
    'what the VMM leaves out',
    {
      load: { vmm: 'qemu-11.1', dropped: [{ id: '0x6030000000160003', name: 'KVM_REG_ARM_VENDOR_HYP_BMAP_2', value: '0x0', why: 'tolerated while it is 0' }] },
    },
    /register-dropped: the VMM does not write KVM_REG_ARM_VENDOR_HYP_BMAP_2 \(tolerated while it is 0\)/,
  ],
  [
    'a faulty file',
    { verdict: 'changed', findings: [{ severity: 'error', code: 'gic-redistributors-identical', message: 'x' }] },
    /^gic-redistributors-identical: vCPUs other than the one that was saved lose their pending LPIs/,
  ],
]

test.each(CASES)('%s', (_, spec, says) => {
  expect(said(spec)).toMatch(says)
})

test('a load that changes nothing has no consequence', () => {
  expect(said({ saved: [[FW.psci, 0x1_0001n]] })).toBe('')
})

test('names are folded into ranges, and counted as registers', () => {
  expect(foldNames(['CCSIDR_EL1[1]', 'CCSIDR_EL1[2]', 'TCR2_EL1', 'CCSIDR_EL1[4]'])).toEqual(['CCSIDR_EL1[1-2,4]', 'TCR2_EL1'])
  expect(listNames(['A_EL1', 'B_EL1', 'PMEVCNTR0_EL0', 'PMEVCNTR1_EL0', 'PMEVCNTR2_EL0'], 2)).toBe('A_EL1, B_EL1 and 3 more')
  expect(listNames(['V0', 'V1', 'V2'])).toBe('V0-2')
})

test('vector lengths are said in bits', () => {
  expect([0n, 1n, 3n, 0b1011n].map(lengthsText)).toEqual(['none', '128', '128-256', '128-256, 512'])
})
