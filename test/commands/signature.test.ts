// `signature`, and `check` of a guest that hibernated, as a user types them: in this process, and once from a shell.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emulatedAbi } from '../../src/backends/emulated-abi.ts'
import { makeBuild } from '../../src/builds/build.ts'
import { encodeBuildFile } from '../../src/builds/build-file.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { compareSignatures } from '../../src/ops/signature/signature.ts'
import type { SignatureComparison, SignatureReport } from '../../src/ops/signature/signature-report.ts'
import { runCommand, runShell } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-signature-'))
const at = (name: string): string => join(folder, name)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Words that begin with @ name files of the folder. */
const run = (line: string, options = {}) =>
  runCommand(
    line.split(' ').map(word => word.replace(/^@/, `${folder}/`)),
    { columns: 100, ...options },
  )
const one = async (name: string): Promise<SignatureReport> => (await run(`signature ${name} --json`)).json() as unknown as SignatureReport
const two = async (a: string, b: string): Promise<SignatureComparison & { readonly status: number }> => {
  const ran = await run(`signature ${a} ${b} --json`)
  return { ...(ran.json() as unknown as SignatureComparison), status: ran.status }
}
const different = ({ differences }: SignatureComparison): readonly string[] =>
  differences.filter(({ kind }) => kind === 'different').map(({ component }) => component)

beforeAll(async () => {
  for (const line of [
    'save --build linux-7.3 --until hibernate -o @h.psnap',
    'save --build linux-7.3 -o @r.psnap',
    'convert @h.psnap -o @h.json',
    'convert @h.psnap -o @again.psnap',
    'restore @r.psnap --build linux-7.3 -o @on.psnap',
    'restore @r.psnap --build linux-7.2 -o @moved.psnap',
  ])
    expect((await run(line)).stderr, line).toBe('')
  const { kernel, host } = loadBuild('linux-7.3')
  const psci = { ...kernel.psci, initial: 0x10004, accepted: [...kernel.psci.accepted, 0x10004] }
  writeFileSync(at('tomorrow.json'), encodeBuildFile(makeBuild('tomorrow', { ...kernel, psci }, host)))
  writeFileSync(at('noise'), 'neither a snapshot nor a build')
  writeFileSync(at('cut.psnap'), readFileSync(at('h.psnap')).subarray(0, 20_000))
})

describe('the signature is the same', () => {
  test('over convert, and over a restore with the guest running on', async () => {
    const [saved, copy] = [await one('@h.psnap'), await one('@again.psnap')]
    expect(copy.digest).toBe(saved.digest)
    expect(saved.hardwareSignature).toBe(`0x${saved.digest.slice(0, 8)}`)
    const [before, after, moved] = [await one('@r.psnap'), await one('@on.psnap'), await one('@moved.psnap')]
    expect(after.digest).toBe(before.digest)
    expect(moved.digest).toBe(before.digest)
    // The guest that hibernated is the same one, in the same environment.
    expect(before.digest).toBe(saved.digest)
  })
  test('component by component, where a format has no place for all of them', async () => {
    const [saved, list] = [await one('@h.psnap'), await one('@h.json')]
    expect(list.absent).toEqual(['memory-map', 'tables', 'devices'])
    for (const name of ['bitmaps', 'workarounds', 'topology'])
      expect(list.components.find(each => each.name === name)?.digest).toBe(saved.components.find(each => each.name === name)?.digest)
    expect(await two('@h.psnap', '@h.json')).toMatchObject({ equal: true, complete: false, status: 0 })
  })
  test('of builds that no guest can tell apart, and another of others', async () => {
    expect(await two('linux-6.16', 'linux-7.3')).toMatchObject({ equal: true, complete: true, status: 0, differences: [] })
    const others = await two('linux-6.12', 'linux-6.16')
    expect(others.status).toBe(3)
    expect(different(others)).toEqual(['psci'])
  })
})

describe('what differs', () => {
  test.each([
    ['PSCI_VERSION=1.2', 'psci'],
    ['KVM_REG_ARM_VENDOR_HYP_BMAP_2=0x1', 'bitmaps'],
    ['KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1=0x2', 'workarounds'],
    ['MIDR_EL1=0x411fd401', 'id-registers'],
    ['MPIDR_EL1=0x80000300', 'topology'],
  ])('a file with %s differs in %s', async (change, component) => {
    expect((await run(`edit @h.psnap -o @edited.psnap --force --set ${change}`)).status).toBe(0)
    const found = await two('@h.psnap', '@edited.psnap')
    expect(different(found)).toEqual([component])
    expect(found).toMatchObject({ equal: false, status: 3 })
    expect(found.a.digest).not.toBe(found.b.digest)
  })
  test('a build with a newer default is caught, component named, and the check says what to pin', async () => {
    const found = await two('@h.psnap', '@tomorrow.json')
    expect(different(found)).toEqual(['psci'])
    expect(found.differences[0]).toMatchObject({ facts: [{ key: 'version', a: '1.3', b: '1.4' }], meets: ['it booted with PSCI 1.3 and finds 1.4'] })
    const text = await run('signature @h.psnap @tomorrow.json')
    expect(text.status).toBe(3)
    expect(text.stdout).toMatch(/^different: psci\n[\s\S]*\n {2}version {2}1\.3 {2}→ {2}1\.4\n/)
    const check = await run('check @h.psnap --to @tomorrow.json')
    expect(check.status).toBe(0)
    expect(check.stdout.replaceAll(/\n +/g, ' ')).toMatch(/wakes when its VMM writes KVM_REG_ARM_PSCI_VERSION = 0x10003 \(0x10004 by default\)/)
  })
  test('a new guest is made as the saved one is, unless something else is said', async () => {
    expect((await two('@h.psnap', 'linux-7.3')).b.components.find(({ name }) => name === 'topology')?.words).toBe('2 vCPUs, psci_0_2')
    const other = await run('signature @h.psnap linux-7.3 --vcpus 3 --gic v2 --features psci_0_2,pmu_v3 --json')
    expect(different(other.json() as unknown as SignatureComparison)).toEqual(expect.arrayContaining(['topology', 'gic']))
  })
  test('this host, asked through the verbs of KVM', async () => {
    const openHost = async () => emulatedAbi(loadBuild('linux-6.12'))
    const found = await compareSignatures(at('h.psnap'), 'host', { openHost })
    expect(different(found)).toEqual(['psci'])
    expect(found.b.source).toEqual({ kind: 'host', name: 'host' })
  })
})

describe('how it is said', () => {
  test('--json has every fact; text has them with --details', async () => {
    const { components, source, version } = await one('@h.psnap')
    expect({ source, version }).toMatchObject({ version: 1, source: { kind: 'file', format: 'psnap', stop: 'hibernated', build: 'linux-7.3.4/cortex-a72' } })
    const { stdout } = await run('signature @h.psnap --details')
    for (const { name, facts } of components) {
      expect(stdout).toContain(`\n${name}\n`)
      const rows = stdout.split('\n').map(row => row.trim().split(/ {2,}/))
      for (const { key, value } of facts) expect(rows).toContainEqual([key, value])
    }
  })
  test('standard input, quiet, colour', async () => {
    const file = await run('signature @h.psnap')
    const piped = runShell(['signature', '-'], { input: readFileSync(at('h.psnap')) })
    expect(piped.stdout.split('\n')[1]).toBe(file.stdout.split('\n')[1])
    expect(runShell(['signature', at('h.psnap'), 'linux-6.12', '--quiet'])).toMatchObject({ status: 3, stdout: '', stderr: '' })
    expect(runShell(['signature', at('h.psnap'), 'linux-6.12'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }).stdout).not.toContain('\u001b')
  })
  test('a check of several hosts has one line each, and every report file has the same answer', async () => {
    const files = '--sarif @o.sarif --junit @o.xml --html @o.html --force'
    const { stdout, status } = await run(`check @h.psnap --to linux-7.2,linux-7.3,linux-6.1 ${files}`)
    expect(status).toBe(3)
    expect(stdout).toContain('does not wake: psci: PSCI 1.3 is not available')
    const sarif = JSON.parse(readFileSync(at('o.sarif'), 'utf8')) as { runs: { results: { ruleId: string; level: string }[] }[] }
    expect(sarif.runs[0]?.results.filter(({ level }) => level === 'error').map(({ ruleId }) => ruleId)).toEqual(['wake-refused'])
    expect(readFileSync(at('o.xml'), 'utf8')).toContain('does not wake')
    expect(readFileSync(at('o.html'), 'utf8')).toContain('does not wake')
  })
  test('a policy can accept that a guest wakes in another environment, and not that it is refused', async () => {
    const { kernel, host } = loadBuild('linux-7.3')
    writeFileSync(at('levels.json'), encodeBuildFile(makeBuild('levels', kernel, { ...host, workarounds: [2, 0, 0] })))
    writeFileSync(
      at('policy.yml'),
      ['wake-changed', 'wake-refused']
        .map(code => `  - code: ${code}\n    reason: known\n    until: 2099-01-01\n`)
        .join('')
        .replace(/^/, 'version: 1\naccept:\n'),
    )
    const verdicts = async (line: string): Promise<unknown> =>
      ((await run(`${line} --json`)).json() as { results: { verdict: string }[] }).results.map(({ verdict }) => verdict)
    expect(await verdicts('check @h.psnap --to @levels.json,linux-6.12')).toEqual(['changed', 'refused'])
    expect(await verdicts('check @h.psnap --to @levels.json,linux-6.12 --policy @policy.yml')).toEqual(['survives', 'refused'])
  })
})

describe('what somebody does wrong', () => {
  test.each([
    ['a file that is not there', 'signature @nowhere.psnap', 10, /no such file/],
    ['a build that is not there', 'signature linux-9.9', 14, /no build "linux-9\.9"/],
    ['a file of no known format', 'signature @noise', 11, /no format that psci-snap knows/],
    ['an archive that was cut', 'signature @cut.psnap', 12, /cut/],
    ['a second one that is not there', 'signature @h.psnap @nowhere.psnap', 10, /no such file/],
    ['standard input twice', 'signature - -', 2, /only one of the two/],
    ['nothing at all', 'signature', 2, /missing argument A/],
    ['three sources', 'signature @h.psnap linux-7.3 linux-7.2', 2, /linux-7\.2/],
    ['features that the host refuses', 'signature linux-7.3 --features psci_0_2,sve', 14, /sve.*EINVAL/],
    ['a feature that does not exist', 'signature linux-7.3 --features magic', 2, /"magic"/],
    ['no vCPU', 'signature linux-7.3 --vcpus 0', 2, /vcpus/],
  ])('%s', async (_, line, status, says) => {
    const ran = await run(line)
    expect([ran.status, ran.stdout]).toEqual([status, ''])
    expect(ran.stderr).toMatch(says)
  })
  test.skipIf(process.arch === 'arm64')('no arm64 host', async () => {
    expect(await run('signature host')).toMatchObject({ status: 15, stderr: expect.stringContaining('BACKEND_ABSENT') })
  })
})
