// The CI examples of docs/ci are run: every step that is a command, in a repository with saved guests, on hosts where they survive and where not.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { loadBuild } from '../../src/builds/load.ts'
import { save } from '../../src/ops/save.ts'
import { ROOT, textOf } from '../tidy/sources.ts'
import { psciSnapOnPath } from './psci-snap-on-path.ts'

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-ci-'))
const env = psciSnapOnPath(folder)
// The package is installed by scripts/packed.mjs, a step of its own of .ci/run; here the command is on the PATH already.
writeFileSync(join(folder, 'bin', 'npm'), '#!/bin/sh\necho "npm $*"\n', { mode: 0o755 })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const POLICY = `version: 1
accept:
  - code: psci-version-changed
    register: KVM_REG_ARM_PSCI_VERSION
    reason: nothing in this repository is checked under this policy
    until: 2026-01-01
`
/** A repository with these guests in snapshots/. */
function repository(name: string, guests: readonly string[]): string {
  const path = join(folder, name)
  mkdirSync(join(path, 'snapshots'), { recursive: true })
  writeFileSync(join(path, 'psci-snap-policy.yml'), POLICY)
  for (const guest of guests) cpSync(join(folder, guest), join(path, 'snapshots', guest))
  return path
}

beforeAll(async () => {
  await save(join(folder, 'old.psnap'), { build: loadBuild('linux-6.1'), vcpus: 1, memory: 1 << 20 })
  await save(join(folder, 'listing.psnap'), { build: loadBuild('linux-6.12'), vcpus: 1, memory: 1 << 20 })
  await save(join(folder, 'new.psnap'), { build: loadBuild('linux-7.3'), vcpus: 1, memory: 1 << 20 })
}, 60_000)

interface Shell {
  readonly commands: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}
const github = (): Shell => {
  const { env: variables, jobs } = parse(textOf('docs/ci/github-actions.yml')) as {
    env: Record<string, string>
    jobs: Record<string, { steps: { run?: string }[] }>
  }
  return { variables, commands: Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? [])) }
}
const gitlab = (): Shell => {
  const [job] = Object.values(
    parse(textOf('docs/ci/gitlab-ci.yml')) as Record<string, { variables: Record<string, string>; before_script: string[]; script: string[] }>,
  )
  return { variables: job!.variables, commands: [...job!.before_script, ...job!.script] }
}
/** Exit status of the first command that fails, else 0: as both services have it. */
function run({ commands, variables }: Shell, cwd: string): { readonly status: number; readonly output: string } {
  expect(inject('bundle')).toBe('ready')
  let output = ''
  for (const command of commands) {
    const ran = spawnSync('bash', ['-e', '-c', command], { cwd, env: { ...env, ...variables }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    output += ran.stdout + ran.stderr
    if (ran.status !== 0) return { status: ran.status ?? -1, output }
  }
  return { status: 0, output }
}

test.each([
  ['GitHub Actions', github, ['saved-guests.sarif', 'saved-guests.html']],
  ['GitLab', gitlab, ['saved-guests.xml', 'saved-guests.html']],
] as const)('%s: guests that survive pass, others fail the job, and the reports are there either way', (name, shell, reports) => {
  const good = repository(`${name} good`, ['old.psnap'])
  const passed = run(shell(), good)
  expect(passed.status, passed.output).toBe(0)
  const bad = repository(`${name} bad`, ['old.psnap', 'new.psnap'])
  const failed = run(shell(), bad)
  expect(failed.status, failed.output).toBe(3)
  for (const report of reports) for (const path of [good, bad]) expect(existsSync(join(path, report)), `${path}/${report}`).toBe(true)
})

test('prepare-guests.sh copies what survives, rewrites what nobody notices, and leaves and names what would lose something', () => {
  const from = repository('prepare', ['old.psnap', 'listing.psnap', 'new.psnap'])
  const script = join(ROOT, 'docs/ci/prepare-guests.sh')
  const prepare = (build: string, out: string) => spawnSync('sh', [script, build, 'snapshots', out], { cwd: from, env, encoding: 'utf8' })
  const up = prepare('linux-7.3', 'up')
  expect(up.status, up.stdout + up.stderr).toBe(0)
  expect(up.stdout).toBe('rewritten  listing.psnap\nunchanged  new.psnap\nunchanged  old.psnap\n')
  expect(readdirSync(join(from, 'up')).sort()).toEqual(['listing.psnap', 'new.psnap', 'old.psnap'])
  expect(readFileSync(join(from, 'up/old.psnap')).equals(readFileSync(join(folder, 'old.psnap')))).toBe(true)
  const down = prepare('linux-6.12', 'down')
  expect(down.status, down.stdout + down.stderr).toBe(3)
  expect(readdirSync(join(from, 'down'))).toEqual(['listing.psnap', 'old.psnap'])
  expect(down.stdout).toMatch(/^unchanged {2}old\.psnap$/m)
  expect(down.stdout).toMatch(/^left {7}new\.psnap$/m)
  expect(down.stdout).toContain('psci-version-changed')
  expect(spawnSync('sh', [script], { env }).status).toBe(2)
})
