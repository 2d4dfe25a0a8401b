// The host kernel of real files by their register lists: QEMU's samples and Firecracker's fingerprints name theirs.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { featureMask } from '../../src/arch/features.ts'
import { freshRegisters } from '../../src/builds/compose.ts'
import { findBuild, listBuilds } from '../../src/builds/load.ts'
import { registerList } from '../../src/model/register-list.ts'
import { hostCandidates } from '../../src/ops/host-candidates.ts'
import { inspect } from '../../src/ops/inspect.ts'

const SAMPLES = join(import.meta.dirname, '../../../shared/samples')
const absent = existsSync(SAMPLES) ? undefined : 'there is no ../shared/samples'
if (absent !== undefined) console.log(`host kernels of real files: skipped, ${absent}`)
const filesOf = (folder: string, pattern: RegExp): string[] =>
  absent === undefined ? readdirSync(join(SAMPLES, folder)).filter(name => pattern.test(name)) : []

const series = (release: string): string => release.split('.').slice(0, 2).join('.')

test.skipIf(absent !== undefined).each(filesOf('qemu', /^kvm-k.*\.mig\.gz$/))('%s: the kernel that it names is among the best, and exactly', async file => {
  const { host, accelerator } = await inspect(join(SAMPLES, 'qemu', file))
  const kernel = /^kvm-k([0-9.]+)-/.exec(file)?.[1] ?? ''
  expect(accelerator).toBe('kvm')
  expect(host?.exact).toBe(true)
  expect(host?.candidates.slice(0, host.tied).map(candidate => series(candidate.kernel))).toContain(kernel)
})

// 4.14 is older than every built-in build.
test.skipIf(absent !== undefined).each(filesOf('firecracker/fingerprints', /_(5|6)\.\d+host\.json$/))(
  '%s: the nearest kernel is of the series that it names',
  async file => {
    const { host } = await inspect(join(SAMPLES, 'firecracker/fingerprints', file))
    const kernel = /_([0-9.]+)host/.exec(file)?.[1] ?? ''
    expect(host?.candidates.slice(0, host.tied).map(candidate => series(candidate.kernel))).toContain(kernel)
  },
)

test.skipIf(absent !== undefined).each(filesOf('firecracker/fingerprints', /_4\.14host\.json$/))('%s: no built-in kernel is near', async file => {
  expect((await inspect(join(SAMPLES, 'firecracker/fingerprints', file))).host?.candidates).toEqual([])
})

const BUILDS = listBuilds().map(({ name }) => name)

test.each(BUILDS)('a fresh vCPU of %s is recognised in list order, and told from kernels with another list', name => {
  const build = findBuild(name)
  if (!build) throw new Error(name)
  const { candidates, tied, exact } = hostCandidates(registerList(freshRegisters(build, featureMask(['psci_0_2']))))
  expect(exact).toBe(true)
  const best = candidates.slice(0, tied)
  expect(best.map(({ kernel }) => kernel)).toContain(build.kernel.release)
  for (const { missing, extra, order, impossible } of best) expect([missing, extra, order, impossible]).toEqual([[], [], true, []])
})

test('a register that is gone and one that is too many are named', () => {
  const build = findBuild('linux-6.12')
  if (!build) throw new Error('linux-6.12')
  const rows = freshRegisters(build, featureMask(['psci_0_2']))
  const [first] = hostCandidates(registerList([...rows.slice(1), [0x6030_0000_0013_ffffn as (typeof rows)[number][0], 0n]])).candidates
  expect(first?.kernel).toBe('6.12.117')
  expect(first?.missing).toEqual(['KVM_REG_ARM_PSCI_VERSION'])
  expect(first?.extra).toHaveLength(1)
})

test('a list of no kernel has no candidates', () => {
  expect(hostCandidates(registerList([])).candidates).toEqual([])
  expect(hostCandidates(registerList([[0x6030_0000_0013_c000n as never, 1n]])).candidates).toEqual([])
})
