// `probe` as a whole, with a build in the place of /dev/kvm: files, comparison, redaction, what a stopped probe leaves.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { loadBuild } from '../../../src/builds/load.ts'
import { type HostFacts, upstreamRelease } from '../../../src/ops/probe/host-facts.ts'
import { probe } from '../../../src/ops/probe/probe.ts'
import { redacted } from '../../../src/ops/probe/redact.ts'
import { resolveBuild } from '../../../src/ops/target.ts'
import { runCommand } from '../../cli/run-command.ts'
import { counted } from './hosts.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-probe-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)

const FACTS: HostFacts = {
  unameRelease: '6.12.117-vm42-secret',
  unameVersion: '#7 SMP Debian 6.12.117-1 (2026-11-12)',
  commandLine: 'BOOT_IMAGE=/vmlinuz root=UUID=1b0f-77 kvm-arm.mode=nvhe hostname=db7',
  vulnerabilities: { spec_store_bypass: 'Vulnerable' },
  signature: '',
}
const quick = (build = 'linux-6.12', facts = FACTS) => ({ quick: true, openHost: async () => counted(loadBuild(build)).host, hostFacts: () => facts })

test('a host becomes a build file that everything else takes, the same on every run', async () => {
  const report = await probe({ ...quick(), output: at('a.json'), recording: at('a.recording.json.gz') })
  expect(report).toMatchObject({ kernel: '6.12.117', uname: FACTS.unameRelease, cpu: 'cortex-a72', extent: 'quick', psci: { default: '1.1' } })
  await probe({ ...quick(), output: at('b.json'), recording: at('b.recording.json.gz') })
  expect(readFileSync(at('b.json')).equals(readFileSync(at('a.json')))).toBe(true)
  expect(readFileSync(at('b.recording.json.gz')).equals(readFileSync(at('a.recording.json.gz')))).toBe(true)
  const build = await resolveBuild(at('a.json'))
  expect(build.name).toBe('linux-6.12.117/cortex-a72-probed')
  expect(build.host.provenance).toEqual([
    expect.objectContaining({ cpu: 'cortex-a72 r0p3, MIDR_EL1 0x410fd083', commandLine: FACTS.commandLine, date: '2026-11-12' }),
  ])
  expect(build.kernel.inferred.join()).toContain('a quick probe shows lists and firmware registers')
})

test('--redact leaves nothing that names the machine, in either file, and the same rules and values', async () => {
  await probe({ ...quick(), output: at('open.json') })
  await probe({ ...quick(), output: at('closed.json'), recording: at('closed.recording.json.gz'), redact: true })
  const texts = [readFileSync(at('closed.json'), 'utf8'), gunzipSync(readFileSync(at('closed.recording.json.gz'))).toString()]
  for (const text of texts) expect(text).not.toMatch(/vm42|secret|#7|UUID|1b0f|hostname|db7|BOOT_IMAGE/)
  expect(texts[0]).toContain('kvm-arm.mode=nvhe')
  const [open, closed] = [await resolveBuild(at('open.json')), await resolveBuild(at('closed.json'))]
  expect({ ...closed.host, provenance: [] }).toEqual({ ...open.host, provenance: [] })
})

test('--compare: equal to itself, and different in what differs, with the host as b', async () => {
  const same = await probe({ ...quick(), compare: 'linux-6.12' })
  expect(same.comparison).toMatchObject({ a: 'linux-6.12.117/cortex-a72', b: 'linux-6.12.117/cortex-a72-probed', equal: true })
  const other = await probe({ ...quick(), compare: 'linux-6.1' })
  expect(other.comparison?.equal).toBe(false)
  expect(other.comparison?.registers.onlyInB.map(({ name }) => name)).toContain('KVM_REG_ARM_PTIMER_CTL')
})

test('a kernel series that no built-in has: its own lists and firmware registers, the rules of the most alike, and it says so', async () => {
  const { inferred, kernel } = await probe({
    ...quick('linux-6.18', { ...FACTS, unameRelease: '9.9.1-custom', unameVersion: '#1 SMP' }),
    compare: 'linux-6.18',
  })
  expect(kernel).toBe('9.9.1')
  expect(inferred.join()).toContain('the built-in kernel whose lists and firmware registers are the most alike')
})

test('a probe that is stopped throws the reason, leaves no file, no VM and no device open', async () => {
  const stop = new AbortController()
  const watched = counted(loadBuild('linux-6.12'))
  const { host } = watched
  const createVm = host.createVm.bind(host)
  host.createVm = (...given) => {
    if (watched.made() === 40) stop.abort(new Error('enough'))
    return createVm(...given)
  }
  const before = readdirSync(folder)
  const work = probe({ openHost: async () => host, hostFacts: () => FACTS, output: at('stopped.json'), recording: at('stopped.gz'), signal: stop.signal })
  await expect(work).rejects.toThrow('enough')
  expect(watched.made()).toBeLessThan(45)
  expect([watched.open(), watched.isClosed()]).toEqual([0, true])
  expect(readdirSync(folder)).toEqual(before)
})

test('a VM that cannot be made ends the probe: others are closed, nothing is written', async () => {
  const watched = counted(loadBuild('linux-6.12'))
  const { host } = watched
  const createVm = host.createVm.bind(host)
  host.createVm = () => {
    const vm = createVm()
    if (watched.made() === 20)
      vm.createVcpu = () => {
        throw new Error('ENOMEM')
      }
    return vm
  }
  await expect(probe({ openHost: async () => host, hostFacts: () => FACTS, output: at('none.json') })).rejects.toThrow('ENOMEM')
  expect([watched.open(), watched.isClosed()]).toEqual([0, true])
  expect(readdirSync(folder)).not.toContain('none.json')
})

test('a file that exists is known before the host is asked', async () => {
  writeFileSync(at('mine.json'), 'mine')
  const watched = counted(loadBuild('linux-6.12'))
  const work = probe({ openHost: async () => watched.host, hostFacts: () => FACTS, output: at('mine.json') })
  await expect(work).rejects.toMatchObject({ code: 'OUTPUT_EXISTS' })
  expect(watched.made()).toBe(0)
  expect(readFileSync(at('mine.json'), 'utf8')).toBe('mine')
})

test.skipIf(process.arch === 'arm64')('without an arm64 host: exit status 15 and where to run it instead; without anything to do: 2', async () => {
  const { status, json } = await runCommand(['probe', '-o', at('x.json'), '--json'])
  expect({ status, ...json() }).toMatchObject({
    status: 15,
    ok: false,
    error: { code: 'BACKEND_ABSENT', hint: expect.stringContaining('on the arm64 host in question') },
  })
  expect(readdirSync(folder)).not.toContain('x.json')
  expect((await runCommand(['probe'])).status).toBe(2)
  expect((await runCommand(['probe', '--compare', 'linux-6.11'])).status).toBe(14)
})

test('the upstream release: Debian says it in uname -v, Ubuntu in its signature, others in uname -r', () => {
  const of = (unameRelease: string, unameVersion: string, signature = '') => upstreamRelease({ ...FACTS, unameRelease, unameVersion, signature })
  expect(of('6.1.0-56-cloud-arm64', '#1 SMP Debian 6.1.192-2 (2026-11-16)')).toBe('6.1.192')
  expect(of('6.8.0-45-generic', '#45-Ubuntu SMP PREEMPT_DYNAMIC', 'Ubuntu 6.8.0-45.45-generic 6.8.12')).toBe('6.8.12')
  expect(of('6.1.172-216.amzn2023.aarch64', '#1 SMP')).toBe('6.1.172')
  expect(of('7.0-rc3', '#1 SMP')).toBe('7.0')
})

test('the options of the command line that stay are those that KVM or the CPU features hear', () => {
  const line =
    'ro quiet mitigations=off nospectre_v2 ssbd=force-on kvm-arm.mode=protected arm64.nosve ip=10.0.0.7 luks.uuid=1 id_aa64isar1.gpi=0 root=/dev/sda1'
  expect(redacted({ ...FACTS, commandLine: line }).commandLine).toBe(
    'mitigations=off nospectre_v2 ssbd=force-on kvm-arm.mode=protected arm64.nosve id_aa64isar1.gpi=0',
  )
})
