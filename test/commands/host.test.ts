// The commands that can use the kernel of this machine, where there is none for them: one line, what to do, and exit status 15, whatever the command.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runCommand } from '../cli/run-command.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-host-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'guest.psnap')

// On an arm64 host with KVM these commands do what they say.
describe.skipIf(process.arch === 'arm64')('without an arm64 kernel', () => {
  test.each([
    ['save', ['save', '--backend', 'kvm', '-o', join(folder, 'never.psnap')]],
    ['restore', ['restore', file, '--backend', 'kvm', '--dry-run']],
    ['check --to host', ['check', file, '--to', 'linux-6.12,host']],
    ['check --from host', ['check', '--from', 'host', '--to', 'linux-6.12']],
  ])('%s says so and what to do', async (_, argv) => {
    expect((await runCommand(['save', '--build', 'linux-6.1', '--memory', '1', '--vcpus', '1', '--force', '-o', file])).status).toBe(0)
    const text = await runCommand(argv)
    expect([text.status, text.stdout]).toEqual([15, ''])
    expect(text.stderr).toMatch(/real KVM needs an arm64 host; this one is \w+ \(BACKEND_ABSENT\)\n {2}hint: the built-in machine needs none of this/)
    const json = await runCommand([...argv, '--json'])
    expect(json.status).toBe(15)
    expect(json.json()).toMatchObject({ ok: false, error: { code: 'BACKEND_ABSENT', hint: expect.stringContaining('--backend emulator') } })
    expect(readdirSync(folder)).toEqual(['guest.psnap'])
  })
})

describe('--backend and --build', () => {
  test.each([
    ['no build for the built-in machine', ['restore', 'x'], /--build is missing/],
    ['no build to save on', ['save', '-o', join(folder, 'x.psnap')], /--build is missing/],
    ['a build for a real kernel', ['restore', 'x', '--backend', 'kvm', '--build', 'linux-6.1'], /--build is for the built-in machine/],
    ['instructions on a real CPU', ['save', '--backend', 'kvm', '--until', 'insns=5', '-o', join(folder, 'x.psnap')], /does not count instructions/],
    ['an output of a dry run', ['restore', 'x', '--build', 'linux-6.1', '--dry-run', '-o', join(folder, 'x.psnap')], /--dry-run writes nothing/],
    ['another back end', ['restore', 'x', '--backend', 'xen'], /emulator, kvm/],
  ])('%s is a mistake in the words', async (_, argv, message) => {
    const { status, stderr } = await runCommand(argv)
    expect(status).toBe(2)
    expect(stderr).toMatch(message)
  })

  test('memory is in MiB', async () => {
    const { status, json } = await runCommand(['save', '--build', 'linux-6.1', '--memory', '2', '--vcpus', '1', '-o', join(folder, 'two.psnap'), '--json'])
    expect([status, json().ok]).toEqual([0, true])
    const inspected = await runCommand(['inspect', join(folder, 'two.psnap'), '--json'])
    expect(inspected.json().memory).toMatchObject([{ size: expect.anything(), start: '0x40000000' }])
    expect(JSON.stringify(inspected.json().memory)).toContain('2097152')
  })
})
