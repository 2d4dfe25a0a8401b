// A policy file: what it says, and how each fault in it is told with its line.
import { describe, expect, test } from 'vitest'
import { SnapError } from '../../../src/errors.ts'
import { parsePolicy } from '../../../src/ops/policy/parse.ts'

const entry = (lines: string): string => `version: 1\naccept:\n  - ${lines.trim().replace(/\n\s*/g, '\n    ')}\n`
const GOOD = `code: mitigation-changed
  register: SMCCC_ARCH_WORKAROUND_*
  build: linux-6.1
  from: linux-5.10*
  reason: microcode is the same
  until: 2027-03-31`

test('YAML and JSON say the same', () => {
  const expected = {
    file: 'p',
    accept: [
      {
        code: 'mitigation-changed',
        register: 'SMCCC_ARCH_WORKAROUND_*',
        build: 'linux-6.1.192/cortex-a72',
        from: 'linux-5.10*',
        reason: 'microcode is the same',
        until: '2027-03-31',
      },
    ],
  }
  const inJson = JSON.stringify({ version: 1, accept: [{ ...expected.accept[0], build: 'linux-6.1' }] })
  expect(parsePolicy(entry(GOOD), 'p')).toEqual(expected)
  expect(parsePolicy(inJson, 'p')).toEqual(expected)
})

test.each([
  ['PSCI_VERSION', 'KVM_REG_ARM_PSCI_VERSION'],
  ['0x6030000000140000', 'KVM_REG_ARM_PSCI_VERSION'],
  ['ccsidr_el1[0]', 'CCSIDR_EL1[0]'],
])('a refusal of %s is one of %s', (text, name) => {
  const policy = parsePolicy(entry(`code: register-refused\nregister: ${text}\nreason: dropped\nuntil: 2027-03-31`), 'p')
  expect(policy.accept[0]?.register).toBe(name)
})

describe('one clear fault', () => {
  const rest = 'reason: r\nuntil: 2027-03-31'
  const cases: readonly (readonly [what: string, text: string, says: RegExp])[] = [
    ['nothing', '', /p:1?:?.*expected object/],
    ['no YAML', 'version: 1\naccept: [', /^p:2:\d+: not YAML/],
    ['no version', 'accept: []', /^p:1:1: version: .*"1"/],
    ['an unknown key', `version: 1\naccept: []\nrefuse: []`, /^p:3:1: unknown key "refuse"/],
    ['an unknown key of an entry', entry(`code: a\n${rest}\nregistre: X0`), /^p:6:5: accept\[0\]: unknown key "registre"/],
    ['a key that is misspelt, before that it is missing', entry('code: a\nraeson: r\nuntil: 2027-03-31'), /^p:4:5: accept\[0\]: unknown key "raeson"/],
    ['no reason', entry('code: a\nuntil: 2027-03-31'), /^p:3:5: accept\[0\]\.reason: missing/],
    ['an empty reason', entry('code: a\nreason: "  "\nuntil: 2027-03-31'), /^p:4:13: accept\[0\]\.reason/],
    ['no last day', entry('code: a\nreason: r'), /accept\[0\]\.until: missing/],
    ['a day that is none', entry('code: a\nreason: r\nuntil: 2027-02-30'), /^p:5:12: accept\[0\]\.until: a day as/],
    ['a time instead of a day', entry('code: a\nreason: r\nuntil: 2027-02-03T00:00:00Z'), /a day as/],
    ['a code that is none', entry(`code: Register Refused\n${rest}`), /^p:3:11: accept\[0\]\.code/],
    ['a register that nobody knows', entry(`code: a\nregister: PSCI_VERSON\n${rest}`), /^p:4:15: accept\[0\]: .*PSCI_VERSON/],
    ['a refusal of anything', entry(`code: register-refused\n${rest}`), /^p:3:5: accept\[0\]: .*one register at a time/],
    ['a refusal of a pattern', entry(`code: register-refused\nregister: PM*\n${rest}`), /^p:4:15: accept\[0\]: .*one register at a time/],
    ['an alias', 'version: &v 1\naccept: *v', /^p:1:13: a policy has no anchors|^p:2:9: a policy has no aliases/],
    ['a tag', entry(`code: !!str a\n${rest}`), /^p:3:\d+: a policy has no tags/],
    ['a key twice', 'version: 1\nversion: 1\naccept: []', /^p:2:1: the key "version" stands twice/],
    ['a map as a key', '? {a: 1}\n: b', /a key is a plain word/],
    ['two documents', 'version: 1\naccept: []\n---\nversion: 1', /^p:\d+:\d+: not YAML/],
    ['too much', `# ${'x'.repeat(1 << 20)}`, /longer than a policy/],
    ['deep nesting', '['.repeat(20_000), /^p/],
    ['a list at the top', '- code: a', /^p:1:1: .*expected object/],
  ]
  test.each(cases)('%s', (_, text, says) => {
    let thrown: unknown
    try {
      parsePolicy(text, 'p')
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(SnapError)
    expect(thrown).toMatchObject({ code: 'POLICY_INVALID', exitCode: 2 })
    expect((thrown as SnapError).message).toMatch(says)
    expect((thrown as SnapError).message).not.toContain('\n')
  })
  test('many keys take no more than linear time', () => {
    const keys = Array.from({ length: 20_000 }, (_, n) => `k${n}: 1`).join('\n')
    expect(() => parsePolicy(keys, 'p')).toThrow(/unknown key|version/)
  })
})
