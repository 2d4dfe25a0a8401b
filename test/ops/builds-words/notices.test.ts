// What `builds diff` says in words: no rule, no register without a sentence, and the sentences people ask for are there.
import { describe, expect, test } from 'vitest'
import { registerName } from '../../../src/arch/catalogue/catalogue.ts'
import { type Feature, featuresOf } from '../../../src/arch/features.ts'
import { diffBuilds, showBuild } from '../../../src/builds/describe.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { pairOf } from '../../../src/ops/builds-words/notice.ts'
import { noticesBetween, ruleNotices } from '../../../src/ops/builds-words/notices.ts'
import { registerWords } from '../../../src/ops/builds-words/register-words.ts'
import { RULE_WORDS, ruleWords } from '../../../src/ops/builds-words/rule-words.ts'

const builds = listBuilds().map(({ name }) => loadBuild(name))

describe('words for all rules', () => {
  const shown = builds.map(build => showBuild(build))
  const paths = (part: 'rules' | 'guest') => [...new Set(shown.flatMap(each => Object.keys(each[part])))]

  test.each(['rules', 'guest'] as const)('every path in the %s of a built-in build has a row', part => {
    expect(paths(part).length).toBeGreaterThan(15)
    expect(paths(part).filter(path => !ruleWords(part, path))).toEqual([])
  })

  test('every row of the table is some path of a built-in build, or of what a build may have besides', () => {
    const known = { rules: paths('rules'), guest: paths('guest') }
    const unused = RULE_WORDS.filter(row => !known[row.part].some(path => ruleWords(row.part, path) === row)).map(({ code }) => code)
    expect(unused).toEqual(['id-registers-uncovered']) // no built-in kernel promises bits that it does not write; a build file may
  })

  test('every register that one built-in build lists and another does not has a row', () => {
    const sets: readonly (readonly Feature[])[] = [['psci_0_2'], ['psci_0_2', 'pmu_v3'], ['psci_0_2', 'ptrauth_address', 'ptrauth_generic']]
    for (const features of sets) {
      const lists = builds
        .filter(({ host }) => features.every(feature => featuresOf(host.features).includes(feature)))
        .map(build => new Set(showBuild(build, features).registers.map(({ id }) => id)))
      const differing = [...new Set(lists.flatMap(list => [...list]))].filter(id => !lists.every(list => list.has(id)))
      expect(differing.filter(id => !registerWords(id)).map(id => registerName(id))).toEqual([])
    }
  })
})

describe('sentences', () => {
  const max = builds.filter(({ host }) => host.cpu === 'max')
  const cpus = builds.filter(({ kernel }) => kernel.release === '6.12.117')
  const pairs = [max, cpus].flatMap(group => group.flatMap(a => group.filter(b => b !== a).map(b => [a, b] as const)))

  test('each difference in rules is said, in sentences without a hole', () => {
    for (const [a, b] of pairs) {
      const found = diffBuilds(a, b)
      const notices = ruleNotices(found, pairOf(a, b))
      const rows = new Set([...found.guest.map(({ rule }) => ruleWords('guest', rule)), ...found.rules.map(({ rule }) => ruleWords('rules', rule))])
      for (const row of rows) expect(notices.map(({ code }) => code)).toContain(row?.code)
      expect(notices.filter(({ message }) => /undefined|NaN|[{}]|\bc0[0-3][0-9a-f]\b| {2}/.test(message))).toEqual([])
    }
  })

  test('a build differs from itself in nothing', async () => {
    expect(await noticesBetween(builds[0]!, builds[0]!, ['psci_0_2'])).toEqual([])
  })

  const say = async (a: string, b: string, features: readonly Feature[] = ['psci_0_2']) =>
    new Map((await noticesBetween(loadBuild(a), loadBuild(b), features)).map(({ code, message }) => [code, message]))

  test('6.1 to 7.3: SYSTEM_OFF2, the physical timer, the caches, and the way back', async () => {
    const said = await say('linux-6.1', 'linux-7.3')
    expect(said.get('psci-default')).toMatch(/gets PSCI 1\.3 on linux-7\.3\.4, 1\.1 on linux-6\.1\.192: SYSTEM_OFF2 .* appears/)
    expect(said.get('physical-timer-saved')).toContain('the physical timer can be saved and restored on linux-7.3.4')
    expect(said.get('cache-selectors')).toMatch(/^all 14 cache selectors .* are listed on linux-7\.3\.4/)
    expect(said.get('implementation-id-writable')).toContain('KVM_CAP_ARM_WRITABLE_IMP_ID_REGS')
    expect(said.get('replay-forth')).toMatch(/linux-6\.1\.192, written blindly into linux-7\.3\.4, survives/)
    expect(said.get('replay-back')).toMatch(/is refused: KVM_REG_ARM_PSCI_VERSION, .*\(EINVAL\), KVM_REG_ARM_VENDOR_HYP_BMAP_2.*\(ENOENT\)/)
  })

  test('it mirrors: what appears one way vanishes the other', async () => {
    expect((await say('linux-7.3', 'linux-6.1')).get('psci-default')).toMatch(/gets PSCI 1\.1 on linux-6\.1\.192, .*SYSTEM_OFF2 .* vanishes/)
  })

  test('another CPU of one kernel: its name, its features, its mitigation levels', async () => {
    const said = await say('linux-6.12', 'linux-6.12/neoverse-n1')
    expect(said.get('cpu-identity')).toMatch(/MIDR_EL1 is neoverse-n1, 0x414fd0c1 on neoverse-n1, cortex-a72/)
    expect(said.get('mitigation-level')).toMatch(/Spectre/)
    expect(said.get('cpu-features-less')).toContain('ID_AA64PFR0_EL1.EL1 (AARCH32 → IMP)')
  })

  test('hosts are called as briefly as tells them apart', () => {
    const named = (name: string) => ({ ...builds[0]!, name })
    const say = (a: string, b: string) => Object.values(pairOf(named(a), named(b)).names)
    expect(say('linux-6.1/x', 'linux-6.2/x')).toEqual(['linux-6.1', 'linux-6.2'])
    expect(say('linux-6.1/x', 'linux-6.1/y')).toEqual(['x', 'y'])
    expect(say('linux-6.1/x', 'linux-6.2/y')).toEqual(['linux-6.1/x', 'linux-6.2/y'])
    expect(say('mine', 'yours')).toEqual(['mine', 'yours'])
    expect(say('mine', 'linux-6.1/x')).toEqual(['mine', 'linux-6.1/x'])
    expect(say('linux-6.1/', '/x')).toEqual(['linux-6.1/', '/x'])
  })

  test('features that a host does not take are said, not thrown', async () => {
    expect((await say('linux-6.12', 'linux-6.12/max', ['psci_0_2', 'sve'])).get('replay-forth')).toContain('takes no vCPU with psci_0_2 sve')
  })
})
