// `builds show` and `builds diff`, as data: what each pair of kernels is known to differ in.
import { expect, test } from 'vitest'
import { diffBuilds, showBuild } from '../../src/builds/describe.ts'
import { listBuilds, loadBuild } from '../../src/builds/load.ts'

test('a build differs from itself in nothing', () => {
  for (const { name } of listBuilds())
    expect(diffBuilds(loadBuild(name), loadBuild(name))).toMatchObject({ registers: { onlyInA: [], onlyInB: [] }, defaults: [], rules: [], guest: [] })
})

test('a difference mirrors when the builds change places', () => {
  const [a, b] = [loadBuild('linux-5.10'), loadBuild('linux-7.3/max')]
  const there = diffBuilds(a, b)
  const back = diffBuilds(b, a)
  expect(back.registers).toEqual({ onlyInA: there.registers.onlyInB, onlyInB: there.registers.onlyInA })
  expect(new Map(back.rules.map(({ rule, a, b }) => [rule, [b, a]]))).toEqual(new Map(there.rules.map(({ rule, a, b }) => [rule, [a, b]])))
  expect(back.defaults.map(({ id, a, b }) => [id, b, a]).sort()).toEqual(there.defaults.map(({ id, a, b }) => [id, a, b]).sort())
})

test('6.1 to 7.3: a new default PSCI version, a new firmware bitmap, virtual caches', () => {
  const { registers, defaults, guest } = diffBuilds(loadBuild('linux-6.1'), loadBuild('linux-7.3'))
  expect(registers.onlyInB).toContain(0x6030_0000_0016_0003n)
  expect(defaults).toContainEqual({ id: 0x6030_0000_0014_0000n, a: 0x10001n, b: 0x10003n })
  expect(defaults.map(({ id }) => id)).toContain(0x6030_0000_0013_c801n)
  expect(guest).toContainEqual({ rule: 'psci.default', a: '1.1', b: '1.3' })
})

test('a build shows what it accepts and where that comes from', () => {
  const shown = showBuild(loadBuild('linux-6.12'))
  expect(shown.psci).toEqual({ default: '1.1', accepted: ['0.2', '1.0', '1.1'], without02: '0.1' })
  expect(shown.features).toEqual(['power_off', 'el1_32bit', 'psci_0_2', 'pmu_v3'])
  expect(shown.provenance.host.map(each => each.recording)).toEqual(['6.12.117-cortex-a72'])
  expect(shown.registers.length).toBe(259 - 75)
})
