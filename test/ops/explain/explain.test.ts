// Answers about registers, values, errnos, calls and codes: what they say is what the recorded hosts do.
import { describe, expect, test } from 'vitest'
import { ERROR_CODES } from '../../../src/errors.ts'
import { FINDING_CODES } from '../../../src/model/finding-codes.ts'
import { findingCodes } from '../../../src/ops/explain/code.ts'
import { explain } from '../../../src/ops/explain/explain.ts'
import type { Answer } from '../../../src/ops/explain/explain-report.ts'
import { projectFiles, textOf } from '../../tidy/sources.ts'

async function only<K extends Answer['kind']>(kind: K, text: string, on?: string): Promise<Extract<Answer, { kind: K }>> {
  const { answers } = await explain(text.split(' '), on === undefined ? {} : { on })
  const found = answers.find(answer => answer.kind === kind)
  expect(found, `${text}: ${answers.map(answer => answer.kind).join()}`).toBeDefined()
  return found as Extract<Answer, { kind: K }>
}

describe('a register', () => {
  test('VENDOR_HYP_BMAP_2 is listed from 6.16 on among the recorded kernels, unasked, and broke QEMU 10', async () => {
    const answer = await only('register', '0x6030000000160003')
    expect(answer.register).toMatchObject({ name: 'KVM_REG_ARM_VENDOR_HYP_BMAP_2', scope: 'vm', bytes: 8, class: 'firmware-bitmap' })
    expect(answer.notListed).toEqual(['5.10.223', '6.1.192', '6.12.117'])
    expect(answer.listed).toMatchObject([{ features: [] }])
    expect(answer.writes[0]!.outcomes).toContainEqual(expect.objectContaining({ before: 'accepted', after: 'EBUSY' }))
    expect(answer.droppable[0]).toMatchObject({ droppable: true, when: 'the value is 0' })
    expect(answer.troubles[0]!.text).toMatch(/QEMU 10/)
  })

  test('TCR2_EL1 vanished from CPUs without the feature after 6.12', async () => {
    const answer = await only('register', 'TCR2_EL1')
    expect(answer.listed.map(({ kernels: [first], cpus }) => [first, cpus])).toEqual([
      ['6.12.117', undefined],
      ['6.16.12', ['max']],
    ])
  })

  test('SVE vector lengths are settled by FINALIZE, not by the first run', async () => {
    const [row] = (await only('register', 'KVM_REG_ARM64_SVE_VLS')).writes
    expect(row).toMatchObject({ between: 'KVM_ARM_VCPU_FINALIZE', features: ['sve'] })
    expect(row!.outcomes.map(({ before, after }) => [before, after])).toEqual([
      ['accepted', 'EPERM'],
      ['EINVAL', 'EPERM'],
    ])
  })

  test('a mitigation level is tried on a host of each level', async () => {
    const { writes, levels } = await only('register', 'WORKAROUND_2')
    expect(new Set(writes.map(({ cpu }) => cpu)).size).toBeGreaterThan(1)
    expect(levels).toHaveLength(4)
  })

  test('what is not in the catalogue is still taken apart', async () => {
    const { register, listed } = await only('register', '0x603000000013ffff')
    expect(listed).toEqual([])
    expect(register.parts.says).toBe('KVM_REG_ARM64_SYSREG, op0 3 op1 7 CRn 15 CRm 15 op2 7')
  })
})

describe('a value', () => {
  test('is tried on one build', async () => {
    expect((await only('value', 'PSCI_VERSION=1.3', 'linux-6.12')).tried).toMatchObject([{ kernels: ['6.12.117'], outcome: 'EINVAL' }])
    expect((await only('value', 'PSCI_VERSION=1.3', 'linux-6.18')).tried).toMatchObject([{ outcome: 'accepted' }])
    expect((await only('value', 'WA1=0x0', 'linux-6.12/max')).tried).toMatchObject([{ outcome: 'accepted', readBack: '0x2' }])
    expect((await only('value', 'VENDOR_HYP_BMAP_2=0x0', 'linux-6.1')).tried).toMatchObject([{ outcome: 'ENOENT' }])
  })

  test('names the fields in which it is not the host', async () => {
    const { tried, fields } = await only('value', 'MIDR_EL1=0x414fd0c1', 'linux-6.12/cortex-a72')
    expect(tried[0]!.why).toMatch(/PartNum is 3336 there, 3340 in the value/)
    expect(fields).toContainEqual({ name: 'Implementer', value: '0x41', meaning: 'Arm' })
  })
})

describe('an errno', () => {
  test('EINVAL of PSCI_VERSION on 6.1: newer versions first, then 0.1, then no feature', async () => {
    const { causes, others, takenBy } = await only('errno', 'EINVAL KVM_REG_ARM_PSCI_VERSION', 'linux-6.1')
    expect(takenBy).toMatchObject([{ values: ['1.2', '1.3'], kernels: expect.arrayContaining(['6.16.12', '7.3.4']) }])
    expect(causes.map(({ values }) => values)).toEqual([['1.2', '1.3', '1.4', '2.0'], [], ['0.2', '1.0', '1.1', '1.2', '1.3', '1.4', '2.0']])
    expect(others[0]).toMatchObject({ outcome: 'accepted', causes: [{ values: ['0.2', '1.0', '1.1'] }] })
  })

  test('EINVAL of V0 is an SVE vCPU, also when the build that was named has no SVE', async () => {
    for (const on of [undefined, 'linux-6.1']) expect((await only('errno', 'EINVAL 0x6040000000100054', on)).causes[0]!.cause).toMatch(/the vCPU has SVE/)
  })

  test('ENOENT of TCR2_EL1: older kernels, then CPUs without the feature; it may be left out', async () => {
    const { causes, advice } = await only('errno', 'ENOENT TCR2_EL1')
    expect(causes.slice(0, 2).map(({ kernels }) => kernels[0])).toEqual(['5.10.223', '6.16.12'])
    expect(advice.join('\n')).toMatch(/may be left out when ID_AA64MMFR3_EL1\.TCRX is 0/)
  })

  test('EBUSY comes after the first run only', async () => {
    expect((await only('errno', 'EBUSY STD_BMAP', 'linux-6.12')).causes).toMatchObject([{ cause: expect.stringMatching(/after a vCPU ran/) }])
    expect((await only('errno', 'EBUSY STD_BMAP', 'linux-5.10')).rule.at(-1)).toMatch(/does not answer so/)
  })
})

describe('a call and a service', () => {
  test('SYSTEM_OFF2 is answered from PSCI 1.3 on', async () => {
    expect(await only('call', '0xc4000015')).toMatchObject({ name: 'SYSTEM_OFF2', offered: '1.3', notAnsweredOn: ['5.10.223', '6.1.192', '6.12.117'] })
    expect((await only('call', 'MIGRATE')).answeredOn).toEqual([])
  })

  test('TRNG appears when a guest of 5.10 moves on', async () => {
    const { offeredOn, consequences } = await only('service', 'TRNG')
    expect(offeredOn).not.toContain('5.10.223')
    expect(consequences[0]).toMatch(/5\.10\.223 gains it/)
    expect((await only('service', 'PV_TIME')).consequences[0]).toMatch(/5\.10\.223 offers it without the register/)
  })
})

describe('codes', () => {
  test('every error code is explained', async () => {
    for (const code of Object.keys(ERROR_CODES)) expect((await only('code', code)).advice).toEqual([ERROR_CODES[code as keyof typeof ERROR_CODES].hint])
  })

  test('every code of a finding in src/ has words', () => {
    const used = projectFiles(/^src\/(?!ops\/explain\/).*\.ts$/).flatMap(file => findingCodesIn(textOf(file)).map(code => `${code} (${file})`))
    expect(used.length).toBeGreaterThan(60)
    const known = new Set(findingCodes())
    expect(used.filter(each => !known.has(each.split(' ')[0]!))).toEqual([])
  })

  test('no code has words twice', () => {
    const codes = FINDING_CODES.map(([code]) => code)
    expect(codes.filter((code, i) => codes.indexOf(code) !== i)).toEqual([])
  })
})

/** Codes that stand beside a severity, in each of the ways in which findings are written. */
function findingCodesIn(text: string): string[] {
  const code = "'([a-z][a-z0-9]*(?:-[a-z0-9]+)+)'"
  const forms = [
    `severity: [^\\n]{0,60}[,;]\\s*code: (?:[^,\\n]{0,60}\\? )?${code}(?: : ${code})?`,
    `code: (?:[^,\\n]{0,60}\\? )?${code}(?: : ${code})?,\\s*severity:`,
    `\\(\\s*'(?:error|warning|info)',\\s*${code}`,
    `lintFinding\\(\\s*${code}`,
  ]
  return forms.flatMap(form => [...text.matchAll(new RegExp(form, 'g'))].flatMap(([, ...found]) => found.filter(each => each !== undefined)))
}

test('a step between builds is told in the words of builds diff', async () => {
  const { guest, vmm } = await only('builds', 'linux-6.12..linux-6.18')
  expect(guest.join('\n')).toMatch(/SYSTEM_OFF2/)
  expect(vmm.join('\n')).toMatch(/TCR2_EL1/)
})
