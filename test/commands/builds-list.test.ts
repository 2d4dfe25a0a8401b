// `builds list`: the JSON that others rely on (DESIGN.md §6), and the same from a shell.
import { expect, test } from 'vitest'
import { runCommand, runShell } from '../cli/run-command.ts'

interface Listed {
  readonly ok: boolean
  readonly builds: readonly { name: string; kernel: string; cpu: string; psci: { default: string; accepted: string[] }; registers: number; aliases: string[] }[]
}

test('--json has name, kernel, cpu, PSCI and register count of all recorded kernels', async () => {
  const { status, stderr, json } = await runCommand(['builds', 'list', '--json'])
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { ok, builds } = json() as unknown as Listed
  expect(ok).toBe(true)
  expect(new Set(builds.map(({ kernel }) => kernel)).size).toBe(11)
  for (const { name, kernel, cpu, psci, registers } of builds) {
    expect(name).toBe(`linux-${kernel}/${cpu}`)
    expect(psci.accepted).toContain(psci.default)
    expect(registers).toBeGreaterThan(200)
  }
  const psciOf = (alias: string) => builds.find(({ aliases }) => aliases.includes(alias))?.psci.default
  expect([psciOf('linux-5.10'), psciOf('linux-6.1'), psciOf('linux-7.3')]).toEqual(['1.0', '1.1', '1.3'])
})

test('the default CPU and both others are there for every kernel', async () => {
  const { builds } = (await runCommand(['builds', 'list', '--json'])).json() as unknown as Listed
  for (const kernel of new Set(builds.map(each => each.kernel)))
    expect(builds.filter(each => each.kernel === kernel).map(({ cpu }) => cpu)).toEqual(expect.arrayContaining(['cortex-a72', 'neoverse-n1', 'max']))
})

test('text has one line a build, and --quiet none', async () => {
  const { stdout } = await runCommand(['builds', 'list'])
  expect(stdout).toMatch(/^build +PSCI +accepts +registers +alias\n/)
  expect(stdout).toMatch(/^linux-6\.1\.\d+\/cortex-a72 +1\.1 +0\.2 1\.0 1\.1 +\d+ +linux-6\.1$/m)
  expect(await runCommand(['builds', 'list', '--quiet'])).toMatchObject({ status: 0, stdout: '', stderr: '' })
})

test('the bundle, run from anywhere, says the same', async () => {
  expect(runShell(['builds', 'list', '--json'], { cwd: '/' }).stdout).toBe((await runCommand(['builds', 'list', '--json'])).stdout)
})
