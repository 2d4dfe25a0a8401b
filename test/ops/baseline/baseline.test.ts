// The baseline keeps its promise: a guest born with it moves by blind replay from every host to every other; what cannot be common is said; the file
// is read back as it was and never believed.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseRegister } from '../../../src/arch/catalogue/parse.ts'
import { type Feature, parseFeatures } from '../../../src/arch/features.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { SnapError } from '../../../src/errors.ts'
import { registerEntries, registerList } from '../../../src/model/register-list.ts'
import { baselineJson, parseBaseline } from '../../../src/ops/baseline/baseline.ts'
import { baselineDifferences } from '../../../src/ops/baseline/baseline-differences.ts'
import { bear } from '../../../src/ops/baseline/birth.ts'
import { findBaseline } from '../../../src/ops/baseline/find-baseline.ts'
import { vmmOptions } from '../../../src/ops/baseline/vmm-options.ts'
import { restoreSnapshot } from '../../../src/ops/restore.ts'
import { saveSnapshot } from '../../../src/ops/save.ts'

const builds = (...names: readonly string[]) => names.map(loadBuild)
const registerOf = (found: Awaited<ReturnType<typeof findBaseline>>, name: string) => found.baseline.registers.find(({ id }) => id === parseRegister(name))

describe('hosts among which a baseline makes guests movable', () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['kernels of one plain CPU', 'psci_0_2', ['linux-6.16', 'linux-6.18', 'linux-7.1', 'linux-7.3']],
    ['kernels that show a large CPU differently', 'psci_0_2', ['linux-6.16/max', 'linux-6.18/max', 'linux-7.3/max']],
    ['the same with a PMU', 'psci_0_2,pmu_v3', ['linux-6.17/max', 'linux-7.2/max']],
    ['the same with SVE and pointer authentication', 'psci_0_2,sve,ptrauth_address,ptrauth_generic', ['linux-6.16/max', 'linux-7.2/max']],
  ]
  test.each(cases)('%s', async (_what, text, names) => {
    const features = parseFeatures(text)
    const hosts = builds(...names)
    const found = await findBaseline(hosts, { features })
    expect(found.baseline.obstacles).toEqual([])
    expect(found.baseline.free).toBe(true)
    expect(found.moves.length).toBe(hosts.length * (hosts.length - 1))
    // Once more by the replay itself, without the baseline's own trial.
    for (const from of hosts) {
      const { snapshot, refused, kept } = bear(from, { features, pins: found.baseline.registers, hasRun: true, vcpus: 2 })
      expect({ refused, kept }).toEqual({ refused: [], kept: [] })
      expect(baselineDifferences(snapshot, found.baseline)).toEqual([])
      for (const to of hosts) expect((await restoreSnapshot(snapshot, to, { run: false, features })).report.verdict).toBe('survives')
    }
  })

  test('without it they do not move: the baseline is what makes the difference', async () => {
    const [a, b] = builds('linux-6.16/max', 'linux-7.3/max') as [ReturnType<typeof loadBuild>, ReturnType<typeof loadBuild>]
    const { snapshot } = bear(b, { features: ['psci_0_2'], hasRun: true })
    expect((await restoreSnapshot(snapshot, a, { run: false })).report.verdict).toBe('refused')
    expect(baselineDifferences(snapshot, (await findBaseline([a, b], {})).baseline).map(({ register }) => register)).toEqual([
      'ID_AA64ISAR2_EL1',
      'ID_AA64MMFR3_EL1',
    ])
  })
})

describe('what is chosen', () => {
  test('the newest PSCI that all take, services that all offer, the value that a fixed field has', async () => {
    const found = await findBaseline(builds('linux-5.10', 'linux-6.1'), {})
    expect(found.baseline.psci).toBe('1.0')
    expect(registerOf(found, 'KVM_REG_ARM_STD_BMAP')).toMatchObject({
      value: 0n,
      writeOn: ['linux-6.1.192/cortex-a72'],
      listedOn: ['linux-6.1.192/cortex-a72'],
    })
    expect(registerOf(found, 'KVM_REG_ARM_STD_HYP_BMAP')).toMatchObject({ value: 1n, writeOn: [] })
    expect(found.baseline.free).toBe(false)
    expect(found.baseline.obstacles.join('\n')).toMatch(/from linux-6\.1\.192\/cortex-a72 to linux-5\.10\.223\/cortex-a72: .*KVM_REG_ARM_STD_BMAP/)
  })

  test('only an old kernel has fixed caches: the new one takes them over', async () => {
    const found = await findBaseline(builds('linux-6.1', 'linux-6.18'), {})
    expect(registerOf(found, 'CLIDR_EL1')).toMatchObject({ value: 0xa200023n, writeOn: ['linux-6.18.15/cortex-a72'] })
    expect(registerOf(found, 'KVM_REG_ARM_PSCI_VERSION')).toMatchObject({ value: 0x10001n, writeOn: ['linux-6.18.15/cortex-a72'] })
  })

  test('the longest set of vector lengths that both have', async () => {
    const features: readonly Feature[] = ['psci_0_2', 'sve']
    expect(registerOf(await findBaseline(builds('linux-7.3/max', 'linux-7.3/neoverse-v1'), { features }), 'KVM_REG_ARM64_SVE_VLS')).toMatchObject({
      value: 3n,
      writeOn: ['linux-7.3.4/max'],
    })
  })

  test('another CPU model: MIDR_EL1 and mitigation levels stay apart, a field that one host cannot lower keeps the others common', async () => {
    const found = await findBaseline(builds('linux-7.3', 'linux-7.3/neoverse-n1'), {})
    expect(found.baseline.free).toBe(false)
    expect(found.apart.map(({ name }) => name)).toEqual(expect.arrayContaining(['MIDR_EL1', 'KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1']))
    expect(found.baseline.obstacles.join()).toContain('another CPU model')
    expect(registerOf(found, 'ID_AA64PFR0_EL1')?.mask).toBeDefined()
  })
})

describe('what VMMs are told', () => {
  test('QEMU: the pin where a default differs, off what the baseline leaves out, honest about the rest', async () => {
    const hosts = builds('linux-6.12/max', 'linux-6.16/max')
    const { qemu } = vmmOptions((await findBaseline(hosts, {})).baseline, hosts)
    expect(qemu).toMatchObject({ since: '11.0', cpu: 'host,kvm-psci-version=1.1,pmu=off,sve=off,pauth=off' })
    expect(qemu.cannotSet).not.toContain('KVM_REG_ARM_PSCI_VERSION')
  })

  test('Firecracker: a template whose modifiers are the registers, bit by bit, x where a host keeps its own', async () => {
    const hosts = builds('linux-7.3', 'linux-7.3/neoverse-n1')
    const { baseline } = await findBaseline(hosts, {})
    const [only, ...others] = vmmOptions(baseline, hosts).firecracker
    expect(others).toEqual([])
    expect(only?.template).toMatchObject({ kvm_capabilities: [], vcpu_features: [] })
    const pfr0 = only?.template.reg_modifiers.find(({ addr }) => addr === '0x603000000013c020')
    expect(pfr0?.bitmap).toMatch(/^0b[01x]{64}$/)
    const wanted = baseline.registers.find(({ id }) => id === 0x6030_0000_0013_c020n)!
    expect(BigInt(pfr0!.bitmap.replaceAll('x', '0'))).toBe(wanted.value & (wanted.mask ?? ~0n))
  })

  test('Firecracker: SVE and pointer authentication by capability and feature bits; no guest with a PMU', async () => {
    const hosts = builds('linux-6.16/max', 'linux-7.2/max')
    const of = async (features: readonly Feature[]) => vmmOptions((await findBaseline(hosts, { features })).baseline, hosts).firecracker
    expect((await of(['psci_0_2', 'sve', 'ptrauth_address', 'ptrauth_generic']))[0]?.template).toMatchObject({
      kvm_capabilities: ['170', '171', '172'],
      vcpu_features: [{ index: 0, bitmap: '0b111xxxx' }],
    })
    expect(await of(['psci_0_2', 'pmu_v3'])).toEqual([])
  })

  test('Firecracker: hosts that list other registers get templates of their own', async () => {
    const hosts = builds('linux-5.10', 'linux-6.1')
    const templates = vmmOptions((await findBaseline(hosts, {})).baseline, hosts).firecracker
    expect(templates.map(({ hosts }) => hosts)).toEqual([['linux-5.10.223/cortex-a72'], ['linux-6.1.192/cortex-a72']])
  })
})

describe('the file', () => {
  const made = findBaseline(builds('linux-7.3/max', 'linux-7.3/neoverse-v1'), { features: ['psci_0_2', 'sve'] })
  const text = async (edit: (json: Record<string, unknown>) => unknown = json => json) =>
    JSON.stringify(edit(JSON.parse(JSON.stringify(baselineJson((await made).baseline)))))

  test('is read back as it was', async () => {
    expect(parseBaseline(await text(), 'x')).toEqual((await made).baseline)
  })

  test.each([
    ['format', (json: Record<string, unknown>) => ({ ...json, format: 'other' }), /format/],
    ['version', (json: Record<string, unknown>) => ({ ...json, version: 2 }), /version/],
    ['a key nobody knows', (json: Record<string, unknown>) => ({ ...json, extra: 1 }), /extra/],
    ['a feature nobody knows', (json: Record<string, unknown>) => ({ ...json, features: ['sme'] }), /sme/],
    ['a PSCI version that the register denies', (json: Record<string, unknown>) => ({ ...json, psci: '1.0' }), /psci/],
    [
      'a register id of another architecture',
      (json: Record<string, unknown>) => ({ ...json, registers: [{ id: '0x2030000000100002', value: '0x0', writeOn: [] }] }),
      /registers\.0\.id/,
    ],
    [
      'a value wider than its register',
      (json: Record<string, unknown>) => ({ ...json, registers: [{ id: '0x6020000000110000', value: '0x100000000', writeOn: [] }] }),
      /registers\.0\.value/,
    ],
    [
      'a register twice',
      (json: Record<string, unknown>) => ({ ...json, registers: [1, 2].map(() => ({ id: '0x6020000000110000', value: '0x1', writeOn: [] })) }),
      /twice/,
    ],
    ['no object', () => 7, /not an object/],
  ])('is refused for %s', async (_what, edit, message) => {
    const wrong = await text(edit)
    expect(() => parseBaseline(wrong, 'x')).toThrowError(message)
    try {
      parseBaseline(wrong, 'x')
    } catch (error) {
      expect(error instanceof SnapError && error.code).toBe('BASELINE_INVALID')
    }
  })
})

describe('save with a baseline', () => {
  const made = findBaseline(builds('linux-6.18', 'linux-6.1'), {})

  test('pins everything before the first run, on every vCPU; the guest sees it', async () => {
    const { baseline } = await made
    const { snapshot, console: output } = await saveSnapshot({ build: 'linux-6.18', vcpus: 2, baseline })
    expect(output).toContain('PSCI 1.1')
    expect(baselineDifferences(snapshot, baseline)).toEqual([])
    const plain = await saveSnapshot({ build: 'linux-6.18', vcpus: 1 })
    expect(baselineDifferences(plain.snapshot, baseline).map(({ code }) => code)).toContain('baseline-psci')
  })

  test('a host that does not take it is told by register', async () => {
    await expect(saveSnapshot({ build: 'linux-5.10', vcpus: 1, baseline: (await made).baseline })).rejects.toMatchObject({
      code: 'BUILD_UNUSABLE',
      at: { register: 'KVM_REG_ARM_PSCI_VERSION' },
    })
  })

  test('options that contradict it are usage errors', async () => {
    await expect(saveSnapshot({ build: 'linux-6.18', psci: '1.3', baseline: (await made).baseline })).rejects.toMatchObject({ code: 'USAGE' })
    await expect(saveSnapshot({ build: 'linux-6.18', features: ['psci_0_2', 'pmu_v3'], baseline: (await made).baseline })).rejects.toMatchObject({
      code: 'USAGE',
    })
  })
})

test('baselineDifferences names features, missing registers and other values, each once', async () => {
  const { baseline } = await findBaseline(builds('linux-6.18', 'linux-7.3'), {})
  const { snapshot } = bear(loadBuild('linux-6.18'), { features: ['psci_0_2', 'pmu_v3'], vcpus: 2 })
  const midr = parseRegister('MIDR_EL1')
  const lacking = {
    ...snapshot,
    vcpus: snapshot.vcpus.map(vcpu => ({ ...vcpu, registers: registerList([...registerEntries(vcpu.registers)].filter(([id]) => id !== midr)) })),
  }
  const codes = baselineDifferences(lacking, baseline).map(({ code, register }) => `${code} ${register ?? ''}`.trim())
  expect(codes).toEqual(['baseline-features', 'baseline-register-missing MIDR_EL1', 'baseline-register ID_DFR0_EL1', 'baseline-register ID_AA64DFR0_EL1'])
})

test('whatever hosts are asked for: free means that every move survives, and what is not free is said', async () => {
  const names = listBuilds().map(({ name }) => name)
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.constantFrom(...names), { minLength: 2, maxLength: 3 }), async chosen => {
      const { baseline, moves } = await findBaseline(builds(...chosen), {})
      expect(moves.length).toBe(chosen.length * (chosen.length - 1))
      expect(baseline.free).toBe(moves.every(({ verdict }) => verdict === 'survives'))
      expect(baseline.obstacles.length === 0).toBe(baseline.free)
      expect(parseBaseline(JSON.stringify(baselineJson(baseline)), 'x')).toEqual(baseline)
    }),
    { seed: 4, numRuns: 12 },
  )
})

test('one host is no fleet', async () => {
  await expect(findBaseline(builds('linux-6.1', 'linux-6.1'), {})).rejects.toMatchObject({ code: 'USAGE' })
})
