// The command: exit statuses, and that there is no output file without consent, never the input, and nothing else than --json says.
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { writeSnapshotFile } from '../../src/formats/exporters.ts'
import { runCommand } from '../cli/run-command.ts'
import { freshGuest, PSCI_02 } from '../ops/migrate/fresh-guest.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-migrate-command-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string): string => join(folder, name)
const run = (line: string) => runCommand(['migrate', ...line.split(' ').map(word => (/\.(json|psnap)$/.test(word) ? at(word) : word))], { columns: 100 })

beforeAll(async () => {
  await writeSnapshotFile(await freshGuest('linux-6.18', PSCI_02, 2), at('new.json'))
})
beforeEach(() => rmSync(at('out.json'), { force: true }))

test('without consent: status 3, no file, and what to pass', async () => {
  const { status, stdout } = await run('new.json --to linux-6.12 -o out.json')
  expect([status, existsSync(at('out.json'))]).toEqual([3, false])
  expect(stdout.replaceAll(`${folder}/`, '')).toMatchInlineSnapshot(`
    "new.json (kvm-reglist) for linux-6.12.117/cortex-a72 with kvm: refused → survives, 2 registers to change
    not written  it takes --allow psci-version-changed
      vCPUs 0 1  KVM_REG_ARM_PSCI_VERSION       0x10003 → 0x10001  needs --allow psci-version-changed
      vCPUs 0 1  KVM_REG_ARM_VENDOR_HYP_BMAP_2  0x0 left out       register-dropped
    error    KVM_REG_ARM_PSCI_VERSION 0x10003 → 0x10001: the target does not know PSCI 1.3; 1.1 is the
             highest below it that it takes: SYSTEM_OFF2 vanishes
             → needs --allow psci-version-changed, or --pin-psci X.Y: another PSCI version than the
               guest booted with: functions that it found at boot answer NOT_SUPPORTED
    info     KVM_REG_ARM_VENDOR_HYP_BMAP_2 0x0 left out: none of its services is switched on, and a
             kernel without this register offers none of them
    "
  `)
})

test('with it: a file that the target takes, and every change with its reason', async () => {
  const { status, stdout } = await run('new.json --to linux-6.12 -o out.json --allow psci-version-changed --json')
  const report = JSON.parse(stdout)
  expect([status, report.ok, report.migratable, report.verdictBefore, report.verdictAfter]).toEqual([0, true, true, 'refused', 'survives'])
  expect(report.target).toMatchObject({ kernel: '6.12.117', vmm: 'kvm' })
  expect(report.changes[0]).toMatchObject({ vcpu: 0, id: '0x6030000000140000', before: '0x10003', after: '0x10001', action: 'set', allowed: 'flag' })
  expect(report.changes.every((change: { reason: string; source: string }) => change.reason !== '' && change.source !== '')).toBe(true)
  expect(existsSync(at('out.json'))).toBe(true)
  const again = await run('out.json --to linux-6.12 --dry-run --json')
  expect([again.status, JSON.parse(again.stdout).changes]).toEqual([0, []])
})

test('a pin is consent; a dry run writes nothing', async () => {
  expect((await run('new.json --to linux-6.1 --dry-run --pin-psci 1.1')).status).toBe(3)
  const needed = JSON.parse((await run('new.json --to linux-6.1 --dry-run --pin-psci 1.1 --json')).stdout).needed as string[]
  expect(needed).toEqual(['cache-changed', 'register-dropped'])
  expect((await run(`new.json --to linux-6.1 --dry-run --pin-psci 1.1 -o out.json --allow ${needed.join(',')}`)).status).toBe(0)
  expect(existsSync(at('out.json'))).toBe(false)
  expect((await run(`new.json --to linux-6.1 --pin-psci 1.1 -o out.json --allow ${needed[0]} --allow ${needed[1]}`)).status).toBe(0)
  expect(readFileSync(at('out.json'), 'utf8')).toContain('["0x6030000000140000","0x10001"]')
})

test('never in place, also not through a link; over another file only with --force', async () => {
  const before = readFileSync(at('new.json'))
  symlinkSync('new.json', at('soft.json'))
  linkSync(at('new.json'), at('hard.json'))
  for (const name of ['new.json', 'soft.json', 'hard.json']) {
    const { status, stderr } = await run(`new.json --to linux-6.18 -o ${name} --force`)
    expect([status, stderr]).toEqual([2, expect.stringContaining('is the input itself')])
  }
  expect(readFileSync(at('new.json')).equals(before)).toBe(true)
  writeFileSync(at('out.json'), 'mine')
  expect((await run('new.json --to linux-7.3 -o out.json')).status).toBe(10)
  expect(readFileSync(at('out.json'), 'utf8')).toBe('mine')
  expect((await run('new.json --to linux-7.3 -o out.json --force')).status).toBe(0)
  // nothing to change: the same file
  expect(readFileSync(at('out.json')).equals(before)).toBe(true)
})

test.each([
  ['no output', 'new.json --to linux-6.12', 2, '--dry-run'],
  ['a code that is none', 'new.json --to linux-6.12 -o out.json --allow psci-version', 2, 'psci-version-changed'],
  ['a VMM that is none', 'new.json --to linux-6.12 -o out.json --vmm qemu-10.1', 2, 'qemu-10.0'],
  ['a version that is none', 'new.json --to linux-6.12 -o out.json --pin-psci newest', 2, 'newest'],
  ['a build that is none', 'new.json --to linux-6.13 -o out.json', 14, 'linux-6.1'],
  ['the file is absent', 'nothing.json --to linux-6.12 -o out.json', 10, 'nothing.json'],
] as const)('%s', async (_, line, status, words) => {
  const ran = await run(line)
  expect([ran.status, ran.stderr]).toEqual([status, expect.stringContaining(words)])
  expect(existsSync(at('out.json'))).toBe(false)
})
