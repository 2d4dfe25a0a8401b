// `check --to host` over builds that answer in place of /dev/kvm: the host's own answer is what the prediction for the same build says, in the words of
// the nearest known rules, and nothing stays open.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import type { AbiHost } from '../../../src/backends/kvm-abi.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { writeSnapshotFile } from '../../../src/formats/exporters.ts'
import { freshGuest } from '../../../src/ops/check/check-host.ts'
import type { CheckResult } from '../../../src/ops/check/check-report.ts'
import { snapshotChecker } from '../../../src/ops/check/check-snapshot.ts'
import { liveTarget } from '../../../src/ops/check/live-target.ts'
import { checkFleet } from '../../../src/ops/fleet/fleet.ts'
import { type FleetWords, fleetRequest } from '../../../src/ops/fleet/request.ts'
import { VMM_IDS } from '../../../src/ops/load/vmm.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-live-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let openVms = 0
let openHosts = 0
afterEach(() => expect([openHosts, openVms]).toEqual([0, 0]))

function host(name: string): AbiHost {
  const own = emulatedAbi(loadBuild(name))
  openHosts++
  return {
    ...own,
    createVm: bits => {
      const vm = own.createVm(bits)
      openVms++
      const close = vm.close.bind(vm)
      vm.close = () => {
        openVms--
        close()
      }
      return vm
    },
    close: () => void openHosts--,
  }
}

const SETS = [['psci_0_2'], ['psci_0_2', 'pmu_v3']] as const

describe('the answer of a host is the prediction for its build', () => {
  const kernels = ['linux-5.10', 'linux-6.1', 'linux-6.12', 'linux-7.3']
  test.each(kernels)('from every other one to %s, by the rules of every VMM', to => {
    const own = host(to)
    const live = liveTarget(own)
    const build = loadBuild(to)
    expect(live).toMatchObject({ name: 'host', kernel: build.name, cpu: 'cortex-a72' })
    expect(live.findings[0]?.message).toContain(`linux-${build.kernel.release}, the nearest known`)
    let refused = 0
    for (const from of kernels)
      for (const features of SETS)
        for (const vmm of VMM_IDS) {
          const check = snapshotChecker(freshGuest(loadBuild(from), { vcpus: 2, features }), { vmm, features })
          const [predicted, answered] = [check(build), check(live)]
          if (predicted.verdict === 'refused') refused++
          expect(answered.verdict).toBe(predicted.verdict)
          expect(answered.vcpus).toEqual(predicted.vcpus)
          expect(answered.load).toEqual(predicted.load)
          expect(answered.psci).toEqual(predicted.psci)
          expect(answered.target).toEqual({ build: 'host', kernel: build.name, cpu: 'cortex-a72', vmm })
        }
    expect(refused).toBeGreaterThan(10)
    own.close()
  })

  test('the words too, but for the name', () => {
    const own = host('linux-6.1')
    const check = snapshotChecker(freshGuest(loadBuild('linux-7.3'), {}), { vmm: 'kvm', features: ['psci_0_2'] })
    const [predicted, answered] = [check(loadBuild('linux-6.1')), check(liveTarget(own))]
    expect(answered.reason.replaceAll('linux-6.1.192/cortex-a72', 'linux-6.1.192')).toBe(
      predicted.reason.replaceAll('linux-6.1.192/cortex-a72', 'linux-6.1.192'),
    )
    expect(answered.consequences.map(({ code }) => code)).toEqual(predicted.consequences.map(({ code }) => code))
    own.close()
  })
})

async function run(words: Partial<FleetWords>, name = 'linux-6.1') {
  const results: CheckResult[] = []
  const request = await fleetRequest({ files: [], to: [], today: '2026-11-23', ...words })
  let start: unknown
  const end = await checkFleet(
    { ...request, openHost: async () => host(name) },
    async given => {
      start = given
      return { json: false, rows: true }
    },
    async ({ rows = [] }) => {
      for (const row of rows) if (!('error' in row)) results.push(row)
    },
  )
  return { ...end, results, start }
}

describe('a fleet', () => {
  test('this host beside builds, files in the order in which they were given, whatever --jobs says', async () => {
    const files = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const file = join(folder, `${n}.psnap`)
        await writeSnapshotFile(freshGuest(loadBuild(n % 2 ? 'linux-7.3' : 'linux-6.1'), {}), file, { force: true })
        return file
      }),
    )
    const { results, summary, status, start } = await run({ files, to: ['linux-6.1,host'], jobs: 4 })
    expect(start).toMatchObject({ targets: ['linux-6.1.192/cortex-a72', 'host'] })
    expect(summary).toMatchObject({ files: 20, results: 40, targets: ['linux-6.1.192/cortex-a72', 'host'], unreadable: 0 })
    expect(status).toBe(3)
    expect(results.map(({ source }) => source.file)).toEqual(files.flatMap(file => [file, file]))
    for (let n = 0; n < results.length; n += 2) expect(results[n + 1]!.verdict).toBe(results[n]!.verdict)
  })

  test('a fresh guest of this host on builds, and of a build on this host', async () => {
    const { results } = await run({ from: ['host'], to: ['linux-7.3', 'host'] })
    expect(results.map(({ source, target, verdict }) => [source.file, source.build, target.build, verdict])).toEqual([
      ['host', undefined, 'linux-7.3.4/cortex-a72', 'survives'],
      ['host', undefined, 'host', 'survives'],
    ])
    const { results: other } = await run({ from: ['linux-7.3'], to: ['host'] })
    expect(other.map(({ verdict }) => verdict)).toEqual(['refused'])
  })

  test('a file of that name is ./host', async () => {
    writeFileSync(join(folder, 'host'), '{}')
    await expect(run({ from: ['linux-6.1'], to: [join(folder, 'host')] })).rejects.toMatchObject({ code: 'BUILD_INVALID' })
  })
})
