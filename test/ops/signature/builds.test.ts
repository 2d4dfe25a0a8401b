// New guests of all built-in builds, grouped by signature, held against the verdict matrix: two builds that no guest can tell apart have the same signature,
// and two with the same signature move guests both ways with nothing visible, but for registers that no guest can reach.
import { expect, test } from 'vitest'
import type { Feature } from '../../../src/arch/features.ts'
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import type { Build } from '../../../src/builds/build.ts'
import { listBuilds, loadBuild } from '../../../src/builds/load.ts'
import { checkHost } from '../../../src/ops/check/check-host.ts'
import { liveTarget } from '../../../src/ops/check/live-target.ts'
import { bornGuest } from '../../../src/ops/signature/born-guest.ts'
import { compareEnvironments } from '../../../src/ops/signature/compare.ts'
import { environmentOfBuild, environmentOfSnapshot, signatureOf } from '../../../src/ops/signature/environment.ts'

const series = ({ name }: Build): string => name.replace(/^linux-(\d+\.\d+)\.\d+/, '$1')
const all = listBuilds().map(({ name }) => loadBuild(name))

function groups(builds: readonly Build[], features: readonly Feature[]): readonly (readonly string[])[] {
  const found = new Map<string, string[]>()
  for (const build of builds) {
    const { digest } = signatureOf(environmentOfBuild(build, { features }))
    found.set(digest, [...(found.get(digest) ?? []), series(build)])
  }
  return [...found.values()].filter(names => names.length > 1)
}

/** Pairs in which signature and matrix disagree, by what is refused. */
async function exceptions(builds: readonly Build[], features: readonly Feature[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const digests = new Map(builds.map(build => [build.name, signatureOf(environmentOfBuild(build, { features })).digest]))
  const results = new Map<string, Awaited<ReturnType<typeof checkHost>>[number]>()
  for (const from of builds) for (const result of await checkHost(from, builds, { features })) results.set(`${from.name} ${result.target.build}`, result)
  const found: Record<string, string[]> = {}
  for (const [i, a] of builds.entries())
    for (const b of builds.slice(i + 1)) {
      const ways = [results.get(`${a.name} ${b.name}`)!, results.get(`${b.name} ${a.name}`)!]
      const same = digests.get(a.name) === digests.get(b.name)
      if (ways.every(({ verdict }) => verdict === 'survives') === same) continue
      const registers = ways.flatMap(({ vcpus }) =>
        vcpus.flatMap(({ failures }) => failures.map(row => `${row.name} ${row.errno}${row.droppable ? ' droppable' : ''}`)),
      )
      const key = `${same ? 'the same' : 'another'}, ${ways.map(({ verdict }) => verdict).join(' ')}: ${[...new Set(registers)].join(', ')}`
      found[key] = [...(found[key] ?? []), `${series(a)} ${series(b)}`]
    }
  return found
}

test('the groups of builds that no guest can tell apart', () => {
  expect(groups(all, ['psci_0_2'])).toEqual([
    ['6.16', '6.17', '6.18', '6.19', '7.0', '7.1', '7.2', '7.3'].map(kernel => `${kernel}/cortex-a72`),
    ['6.16', '6.17', '6.18', '6.19', '7.0', '7.1', '7.2', '7.3'].map(kernel => `${kernel}/neoverse-n1`),
    ['6.17', '6.18', '6.19', '7.0', '7.1'].map(kernel => `${kernel}/max`),
    ['7.2', '7.3'].map(kernel => `${kernel}/max`),
  ])
})

test('are exactly the pairs between which guests move both ways unnoticed', async () => {
  expect(await exceptions(all, ['psci_0_2'])).toEqual({})
}, 120_000)

test('but for PMMIR_EL1, which only Linux 7.3 lists: it reads zero to guests on all of them', async () => {
  const builds = all.filter(({ host }) => host.cpu === 'cortex-a72')
  expect(await exceptions(builds, ['psci_0_2', 'pmu_v3'])).toEqual({
    'the same, survives refused: PMMIR_EL1 ENOENT droppable': ['6.16', '6.17', '6.18', '6.19', '7.0', '7.1', '7.2'].map(
      kernel => `${kernel}/cortex-a72 7.3/cortex-a72`,
    ),
  })
}, 60_000)

test('a host that is asked through the verbs of KVM says what its build says', () => {
  for (const features of [['psci_0_2'], ['psci_0_2', 'pmu_v3', 'ptrauth_address', 'ptrauth_generic', 'sve']] as const)
    for (const build of all.filter(({ host }) => features.length === 1 || host.cpu === 'max')) {
      const guest = bornGuest(liveTarget(emulatedAbi(build)), { features, vcpus: 2 })
      expect(compareEnvironments(environmentOfBuild(build, { features, vcpus: 2 }), environmentOfSnapshot(guest, { build })), build.name).toEqual([])
    }
})
