// Which words mean which question, and what is said when none is meant.
import { describe, expect, test } from 'vitest'
import { registerRows } from '../../../src/arch/catalogue/catalogue.ts'
import { compileSelector } from '../../../src/arch/selector.ts'
import { SnapError } from '../../../src/errors.ts'
import { findMessage } from '../../../src/ops/explain/message.ts'
import { MESSAGES } from '../../../src/ops/explain/messages.ts'
import { TROUBLES } from '../../../src/ops/explain/troubles.ts'
import { understand } from '../../../src/ops/explain/understand.ts'

const kinds = (text: string) => understand(text.split(' ')).questions.map(({ kind }) => kind)

describe('words', () => {
  test.each([
    ['PSCI 1.1..1.3', ['psci']],
    ['psci 1.3->1.1', ['psci']],
    ['PSCI 1.3 to 1.1', ['psci']],
    ['PSCI_VERSION 1.0 .. 1.1', ['psci']],
    ['psci', ['psci']],
    ['0x6030000000160003', ['register']],
    ['ID_AA64MMFR2_EL1', ['register']],
    ['S3_0_C0_C7_2', ['register']],
    ['CCSIDR_EL1[0]', ['register']],
    // One word may be a register and a call.
    ['PSCI_VERSION', ['register', 'psci-function']],
    ['WORKAROUND_2', ['register', 'function']],
    ['ID_AA64PFR?_EL1', ['register', 'register', 'register']],
    ['PSCI_VERSION=1.3', ['register']],
    ['EINVAL', ['errno']],
    ['22', ['errno']],
    ['os error 2', ['errno']],
    ['Invalid argument', ['errno']],
    ['EINVAL KVM_REG_ARM_PSCI_VERSION', ['errno']],
    ['EINVAL for PSCI_VERSION=0x10002', ['errno']],
    ['0x6040000000100054 EINVAL', ['errno']],
    ['-22 on PSCI_VERSION', ['errno']],
    ['SYSTEM_OFF2', ['psci-function']],
    ['0xc4000015', ['psci-function']],
    ['0x95c1ba60', ['old-function']],
    ['0x84000050', ['function']],
    ['TRNG', ['service']],
    ['TRNG_V1_0', ['service']],
    ['PV_TIME', ['service']],
    ['CANNOT_EXECUTE', ['error-code']],
    ['service-appeared', ['finding-code']],
    ['order-firmware-before-id', ['finding-code']],
    ['linux-6.12..linux-6.18', ['builds']],
    ['linux-6.12/max -> linux-6.18/max', ['builds']],
    ['qemu-system-aarch64: Failed to load cpu:cpreg_vmstate_array_len', ['message']],
    ['Could not set register fw feat reg 3 to 1 (is 0)', ['message', 'register']],
    ['KVM in this kernel does not support PSCI version 1.3', ['message', 'psci']],
  ])('%s', (text, expected) => expect(kinds(text)).toEqual(expected))

  test('a log line of Firecracker names its register, its value and its errno', () => {
    const { questions } = understand(['Failed to set register 0x6030000000140000 to value 65539: Invalid argument (os error 22)'])
    expect(questions[1]).toEqual({ kind: 'errno', errno: 'EINVAL', id: 0x6030_0000_0014_0000n, value: '0x10003' })
  })

  test('QEMU prints bare hex digits and encodings', () => {
    const { questions } = understand(['Could not set register op0:3 op1:0 crn:0 crm:0 op2:0 to c00fac31 (is 413fd0c1)'])
    expect(questions[1]).toEqual({ kind: 'register', id: 0x6030_0000_0013_c000n, value: '0xc00fac31' })
  })

  test('a glob that means many explains the first and names the rest', () => {
    const { questions, said, more } = understand(['ID_AA64*'])
    expect(questions).toHaveLength(4)
    expect(said).toHaveLength(4)
    expect(more).toContain('ID_AA64MMFR0_EL1')
  })
})

describe('what is not understood', () => {
  test.each([
    ['SYSTEM_OFF3', 'QUESTION_UNKNOWN', /SYSTEM_OFF2/],
    ['PSCI_VERSOIN', 'QUESTION_UNKNOWN', /PSCI_VERSION/],
    ['service-apeared', 'QUESTION_UNKNOWN', /service-appeared/],
    ['linux-6.1', 'QUESTION_UNKNOWN', /builds show linux-6\.1/],
    ['0xc400009f', 'QUESTION_UNKNOWN', /standard/],
    ['xyzzy plugh', 'QUESTION_UNKNOWN', /explain takes/],
    [' ', 'QUESTION_UNKNOWN', /explain takes/],
    ['x'.repeat(3000), 'QUESTION_UNKNOWN', /explain takes/],
    ['FOO*BAR', 'REG_ID_INVALID', /./],
    ['linux-6.1..linux-9.9', 'BUILD_UNKNOWN', /./],
  ])('%s', (text, code, hint) => {
    const error = thrown(() => understand([text]))
    expect(error.code).toBe(code)
    expect(error.exitCode).toBe(code === 'BUILD_UNKNOWN' ? 14 : 2)
    expect(error.hint).toMatch(hint)
  })
})

function thrown(act: () => unknown): SnapError {
  try {
    act()
  } catch (error) {
    if (error instanceof SnapError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

test('every message of the table is found by itself, not by an earlier row', () => {
  expect(MESSAGES.filter(row => findMessage(row.message)?.row !== row).map(row => row.message)).toEqual([])
})

test('no pattern takes long on a stranger line', () => {
  const lines = [
    'GIC'.repeat(600),
    `Failed to set register 0x1 to value ${'a'.repeat(1900)}`,
    'SetSysRegister'.repeat(140),
    `${'put registers after init '.repeat(80)}`,
  ]
  // The test's own time limit is the judge: a pattern that goes back and forth would take years.
  for (const line of lines) expect(() => findMessage(line)).not.toThrow()
})

test('every row of known trouble is about a register that some kernel lists, and says where it was reported', () => {
  const listed = [...registerRows()].filter(row => row.listed !== undefined).map(row => row.id)
  expect(TROUBLES.filter(({ registers, url }) => !listed.some(compileSelector(registers)) || !/^https:\/\//.test(url))).toEqual([])
})
