// The load verdict of real QEMU on a real kernel, for every sample that has one, predicted: hosts are derived from the streams as a user would do it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Build } from '../../src/builds/build.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { buildsDerive } from '../../src/ops/builds.ts'
import { freshGuest } from '../../src/ops/check/check-host.ts'
import { checkSnapshot, type SnapshotResult } from '../../src/ops/check/check-snapshot.ts'
import { withInput } from '../../src/ops/input.ts'
import type { VmmId } from '../../src/ops/load/vmm.ts'
import { resolveBuild } from '../../src/ops/target.ts'
import { ENTRIES, type Entry, hasSamples, SAMPLES } from '../formats/importers/qemu/samples.ts'

const KERNELS = ['6.1', '6.12', '6.18'] as const
const HOSTS = ['a', 'e'] as const
const builds = new Map<string, Build>()
const folder = mkdtempSync(join(tmpdir(), 'psci-check-'))
const sample = (kernel: string, host: string): string => join(SAMPLES, `kvm-x${kernel}-${host}.mig.gz`)
const derive = async (kernel: string, from: string, name: string): Promise<void> => {
  const file = join(folder, `${name}.json`)
  await buildsDerive(file, { kernel: `linux-${kernel}`, from: [from] })
  builds.set(name, await resolveBuild(file))
}
const target = (name: string): Build => {
  const build = builds.get(name)
  if (!build) throw new Error(`no host ${name}`)
  return build
}

beforeAll(async () => {
  if (!hasSamples) return
  for (const kernel of KERNELS) for (const host of HOSTS) await derive(kernel, sample(kernel, host), `${kernel}-${host}`)
  // There is no stream of a 7.3 host: its rules over what 6.18 showed on the same CPU.
  for (const host of HOSTS) await derive('7.3', sample('6.18', host), `7.3-${host}`)
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Expected {
  readonly kernel: string
  readonly vmm: VmmId
  readonly outcome: string
}
/** `host kernel 6.1.192 + QEMU 10.0.13`, `kernel 6.12 + QEMU 10.0`: releases by their series. */
const expectations = ({ expected = {} }: Entry): readonly Expected[] =>
  Object.entries(expected).map(([where, outcome]) => {
    const [, kernel, qemu] = /kernel (\d+\.\d+)[.\d]* \+ QEMU (\d+\.\d+)/.exec(where) ?? []
    if (!kernel || !qemu) throw new Error(`cannot read ${JSON.stringify(where)}`)
    return { kernel, vmm: `qemu-${qemu}` as VmmId, outcome }
  })
const hostOf = (entry: Entry): string => (entry.matrixHost === 'e' ? 'e' : 'a')
const withVerdict = ENTRIES.filter(entry => entry.expected)

const read = new Map<string, Promise<Snapshot>>()
/** Registers stay when the file is closed; memory is not asked for. */
function snapshotOf(file: string): Promise<Snapshot> {
  let known = read.get(file)
  if (!known) read.set(file, (known = withInput(file, {}, async ({ snapshot }) => snapshot)))
  return known
}
const loadOf = async (file: string, build: Build, vmm: VmmId): Promise<SnapshotResult> => checkSnapshot(await snapshotOf(file), build, { vmm, format: 'qemu' })

describe.skipIf(!hasSamples)('as real QEMU and real kernels did', () => {
  test('there are verdicts to compare with', () => {
    expect(withVerdict.length).toBeGreaterThan(20)
    expect(withVerdict.flatMap(expectations).length).toBeGreaterThan(60)
  })

  test.each(withVerdict.map(entry => [entry.name, entry] as const))('%s', async (_name, entry) => {
    for (const { kernel, vmm, outcome } of expectations(entry)) {
      const { load, verdict } = await loadOf(join(SAMPLES, entry.file), target(`${kernel}-${hostOf(entry)}`), vmm)
      expect(`${kernel} ${vmm} ${load.outcome} ${load.decidedBy?.message ?? ''}`).toContain(`${kernel} ${vmm} ${outcome}`)
      expect(verdict === 'refused').toBe(outcome === 'fails')
    }
  })

  // facts/qemu-stream.md §8, below the matrix, and §8.6; `stage` where no register decides.
  test.each([
    ['kvm-x6.1-a', '6.12', ['qemu-10.0', 'qemu-11.1'], 'write', 'ID_AA64MMFR1_EL1'],
    ['kvm-x6.1-e', '6.12', ['qemu-10.0', 'qemu-11.1'], 'write', 'ID_AA64MMFR1_EL1'],
    ['kvm-x6.18-a', '6.12', ['qemu-10.0', 'qemu-11.1'], 'write', 'ID_AA64MMFR2_EL1'],
    ['kvm-x6.18-e', '6.12', ['qemu-10.0', 'qemu-11.1'], 'write', 'ID_AA64MMFR2_EL1'],
    ['kvm-x6.12-a', '6.18', ['qemu-10.0'], 'count', undefined],
    ['kvm-x6.12-a', '6.1', ['qemu-10.0'], 'count', undefined],
    ['crafted-c1-psci13', '6.1', ['qemu-10.0', 'qemu-11.1'], 'write', 'KVM_REG_ARM_PSCI_VERSION'],
    ['crafted-c3b-psci12', '6.1', ['qemu-10.0', 'qemu-11.1'], 'write', 'KVM_REG_ARM_PSCI_VERSION'],
    ['crafted-c3d-psci01', '6.1', ['qemu-10.0', 'qemu-11.1'], 'write', 'KVM_REG_ARM_PSCI_VERSION'],
    ['crafted-c6-midunk-n', '6.1', ['qemu-10.0', 'qemu-11.1'], 'list', 'S3_0_C10_C3_7'],
    ['crafted-c8-b2zero', '6.1', ['qemu-10.0'], 'count', undefined],
    ['crafted-c11-stdbits', '6.1', ['qemu-10.0', 'qemu-11.1'], 'write', 'KVM_REG_ARM_STD_BMAP'],
    ['crafted-c14-midr', '6.1', ['qemu-10.0', 'qemu-11.1'], 'write', 'MIDR_EL1'],
    ['crafted-c15-pfr0', '6.1', ['qemu-10.0', 'qemu-11.1'], 'write', 'ID_AA64PFR0_EL1'],
  ] as const)('%s → %s: what decides', async (name, kernel, vmms, stage, register) => {
    for (const vmm of vmms) {
      const { load } = await loadOf(join(SAMPLES, `${name}.mig.gz`), target(`${kernel}-${name.endsWith('-e') ? 'e' : 'a'}`), vmm)
      expect(load.decidedBy).toMatchObject({ stage, ...(register === undefined ? {} : { register }) })
    }
  })

  test('6.18 → 6.12 fails on PSCI 1.3 too, and both are reported', async () => {
    const { vcpus } = await loadOf(sample('6.18', 'a'), target('6.12-a'), 'qemu-10.0')
    expect(vcpus[0]?.failures.map(({ name, errno }) => `${name} ${errno}`)).toEqual(['ID_AA64MMFR2_EL1 EINVAL', 'KVM_REG_ARM_PSCI_VERSION EINVAL'])
  })

  test('what QEMU prints', async () => {
    const count = await loadOf(sample('6.12', 'a'), target('6.1-a'), 'qemu-10.0')
    expect(count.load.says).toContain('Invalid value 269 expecting positive value <= 252\nFailed to load cpu:cpreg_vmstate_array_len')
    const named = await loadOf(join(SAMPLES, 'crafted-c1-psci13.mig.gz'), target('6.1-a'), 'qemu-11.1')
    expect(named.load.says).toContain('Could not set register fw reg 0 to 10003 (is 10001)')
    const silent = await loadOf(join(SAMPLES, 'crafted-c1-psci13.mig.gz'), target('6.1-a'), 'qemu-10.0')
    expect(silent.load.says).toBe("error while loading state for instance 0x0 of device 'cpu'\nFailed to put registers after init: Invalid argument")
  })

  // The rows and columns of the matrix for which there is no stream: hosts as 7.3's rules make them of the same CPU.
  const INTO_73 = { '6.1': ['loads', 'loads'], '6.12': ['fails', 'loads'], '6.18': ['loads', 'loads'] } as const
  test.each(HOSTS)('the matrix of the facts into 7.3, host %s', async host => {
    for (const kernel of KERNELS)
      for (const [i, vmm] of (['qemu-10.0', 'qemu-11.1'] as const).entries())
        expect(`${kernel} ${vmm} ${(await loadOf(sample(kernel, host), target(`7.3-${host}`), vmm)).load.outcome}`).toBe(
          `${kernel} ${vmm} ${INTO_73[kernel][i]}`,
        )
  })

  test.each([
    ['a', { '6.1': ['fails', 'fails'], '6.12': ['fails', 'fails'], '6.18': ['fails', 'fails'], '7.3': ['loads', 'loads'] }],
    ['e', { '6.1': ['fails', 'fails'], '6.12': ['fails', 'fails'], '6.18': ['loads', 'loads'], '7.3': ['loads', 'loads'] }],
  ] as const)('and out of it, host %s', async (host, columns) => {
    const features = host === 'a' ? (['psci_0_2', 'pmu_v3', 'sve', 'ptrauth_address', 'ptrauth_generic'] as const) : (['psci_0_2'] as const)
    const guest = freshGuest(target(`7.3-${host}`), { features })
    for (const [kernel, outcomes] of Object.entries(columns))
      for (const [i, vmm] of (['qemu-10.0', 'qemu-11.1'] as const).entries())
        expect(`${kernel} ${vmm} ${(await checkSnapshot(guest, target(`${kernel}-${host}`), { vmm })).load.outcome}`).toBe(`${kernel} ${vmm} ${outcomes[i]}`)
  })

  test('every KVM stream loads on the host it was saved on', async () => {
    for (const entry of ENTRIES.filter(({ name }) => /^kvm-k6\.\d+-q10\.0-[a-f]-/.test(name))) {
      const kernel = String(entry.host_kernel).split('.').slice(0, 2).join('.')
      const host = /-e-/.test(entry.name) ? 'e' : 'a'
      const { load, verdict } = await loadOf(join(SAMPLES, entry.file), target(`${kernel}-${host}`), 'qemu-10.0')
      expect(`${entry.name} ${load.outcome} ${verdict} ${load.decidedBy?.message ?? ''}`).toBe(`${entry.name} loads survives `)
    }
  })
})
