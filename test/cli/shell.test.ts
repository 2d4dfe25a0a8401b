// What only a real process shows: bin/run.js, signals, closed pipes, and that a start asks nothing of its surroundings.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT, textOf } from '../tidy/sources.ts'
import { runShell } from './run-command.ts'

const { version } = JSON.parse(textOf('package.json')) as { version: string }
const TRIAL = ['--import', join(ROOT, 'node_modules/tsx/dist/loader.mjs'), join(ROOT, 'test/cli/fixtures/start-trial.ts')]

describe('bin/run.js', () => {
  test.each(['--version', '-V'])('%s prints name and release', flag => {
    expect(runShell([flag])).toMatchObject({ status: 0, stdout: `psci-snap ${version}\n`, stderr: '' })
  })
  test('--version --json is an object', () => {
    expect(runShell(['--version', '--json']).json()).toEqual({ ok: true, name: 'psci-snap', version })
  })
  test('without arguments shows help', () => {
    const { status, stdout } = runShell([])
    expect(status).toBe(0)
    expect(stdout).toContain('COMMANDS\n')
  })
  test('a usage error ends with 2, in text and in JSON', () => {
    expect(runShell(['nonsense'])).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('unknown command nonsense (USAGE)\n  hint: ') })
    const { status, json } = runShell(['nonsense', '--json'])
    expect(status).toBe(2)
    expect(json()).toMatchObject({ ok: false, error: { code: 'USAGE' } })
  })
  // Through oclif as it is bundled: minified, and with its requires moved.
  test.each([
    [['builds', 'list', '--jsno'], 'unknown flag --jsno', 'did you mean --json?'],
    [['builds', 'list', 'more'], 'unexpected argument more', 'psci-snap builds list --help'],
    [['builds', 'lits'], 'unknown command builds lits', 'did you mean list?'],
  ])('%j is a usage error with a hint', (argv, message, hint) => {
    const { status, stdout, stderr } = runShell(argv)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })
  test('a command shows its help', () => {
    expect(runShell(['builds', 'list', '--help']).stdout).toContain('USAGE\n  $ psci-snap builds list [--quiet] [--json]\n')
  })
  test('what was moved aside of oclif is whole', () => {
    const rare = readdirSync(join(ROOT, 'dist/cli')).filter(file => file.startsWith('rare-'))
    expect(rare.length).toBeGreaterThan(4)
    const { status, stderr } = spawnSync(process.execPath, [
      '-e',
      'for (const file of process.argv.slice(1)) require(file)',
      ...rare.map(file => join(ROOT, 'dist/cli', file)),
    ])
    expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: '' })
  })
  test('starts in any folder, also one with a package.json of its own', () => {
    expect(runShell(['--help'], { cwd: tmpdir() }).status).toBe(0)
  })
  test('says what to do when it has not been built', () => {
    const folder = mkdtempSync(join(tmpdir(), 'psci-snap-unbuilt-'))
    try {
      cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true })
      cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
      const { status, stderr } = spawnSync(process.execPath, [join(folder, 'bin/run.js'), 'inspect', 'x'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      expect(status).toBe(1)
      expect(stderr).toContain('npm run build')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('a process', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('that gets %s stops its work and ends with 130', async signal => {
    const child = spawn(process.execPath, [...TRIAL, 'topic', 'fail', 'hang', '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    child.stdout.on('data', data => {
      stdout += data
    })
    await once(child.stderr, 'data') // the command says that it hangs
    child.kill(signal)
    const [status] = (await once(child, 'close')) as [number]
    expect(status).toBe(130)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'INTERRUPTED' } })
  })
  test('whose reader goes away ends quietly', () => {
    const { status, stderr } = spawnSync(
      'bash',
      ['-c', 'set -o pipefail; "$@" | head -n 1', 'pipe', process.execPath, ...TRIAL, 'echo', 'x', '--rows', '20000'],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })
  test('gets all of a large output out before it ends', () => {
    const { stdout } = spawnSync(process.execPath, [...TRIAL, 'echo', 'x', '--rows', '20000', '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(stdout.trimEnd().split('\n')).toHaveLength(20001)
  })
  test.each([
    ['', /^psci-snap: internal error: nobody catches me \(INTERNAL\)\n {2}hint: .*report.*\n$/, 'stderr'],
    ['--json', /^\{\n {2}"ok": false,[\s\S]*"code": "INTERNAL"[\s\S]*\}\n$/, 'stdout'],
  ] as const)('with a bug in a callback says so without a stack %s', (flag, expected, stream) => {
    const ran = spawnSync(process.execPath, [...TRIAL, 'topic', 'fail', 'stray', ...(flag === '' ? [] : [flag])], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(ran.status).toBe(1)
    expect(ran[stream]).toMatch(expected)
  })
  // With --json the failure would be printed where printing failed, which failed again, for ever.
  test.skipIf(!existsSync('/dev/full')).each([[[]], [['--json']]])('whose standard output is a full disk says so on the other, and ends with 10 %j', flags => {
    const { status, stderr } = spawnSync('bash', ['-c', '"$@" > /dev/full', 'full', process.execPath, ...TRIAL, 'echo', 'x', ...flags], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 20_000,
      killSignal: 'SIGKILL',
    })
    expect(stderr).toMatch(/^[^\n]*\(CANNOT_WRITE\)\n {2}hint: [^\n]*\n$/)
    expect(status).toBe(10)
  })
  test('with an argument missing does not wait for standard input', async () => {
    const child = spawn(process.execPath, [...TRIAL, 'echo'], { stdio: ['pipe', 'ignore', 'ignore'] }) // an input that stays open and says nothing
    const [status] = (await once(child, 'exit')) as [number]
    child.stdin.end()
    expect(status).toBe(2)
  })
})
