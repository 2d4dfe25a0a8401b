// Owns the proof that the package works where it is installed: packed, installed into an empty folder, started and imported from there.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureInstalled, requireNode, root } from './prepare.mjs'

requireNode()
await ensureInstalled()

const elsewhere = mkdtempSync(join(tmpdir(), 'psci-snap-package-'))
const counts = { passed: 0, failed: 0 }

/** Runs a command in the empty folder and checks what it printed. */
function check(what, command, args, expected, { status = 0, cwd = elsewhere, env = {} } = {}) {
  const ran = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const good = ran.status === status && expected.test(ran.stdout)
  counts[good ? 'passed' : 'failed']++
  process.stdout.write(`${good ? 'ok    ' : 'FAILED'}  ${what}\n`)
  if (!good) process.stdout.write(`exit status ${ran.status}, expected ${status} and ${expected}\n${ran.stdout}${ran.stderr}`)
  return good
}

const NPM = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
try {
  check('the bundle and the library are built', process.execPath, [`${root}scripts/build.mjs`], /^/, { cwd: root })
  check('the library has its types', process.execPath, [`${root}scripts/lib.mjs`], /^/, { cwd: root })
  check('npm pack', 'npm', ['pack', ...NPM, '--pack-destination', elsewhere], /psci-snap-.*\.tgz/, { cwd: root })
  const archive = readdirSync(elsewhere).find(name => name.endsWith('.tgz')) ?? 'psci-snap.tgz'
  writeFileSync(join(elsewhere, 'package.json'), '{ "name": "elsewhere", "private": true, "type": "module" }\n')
  check('npm install, without development dependencies', 'npm', ['install', ...NPM, `./${archive}`], /^/)

  const bin = join(elsewhere, 'node_modules/.bin/psci-snap')
  check('--version', bin, ['--version'], /^psci-snap \d+\.\d+\.\d+\n$/)
  check('--help', bin, ['--help'], /COMMANDS\n/)
  check('a usage error', bin, ['nonsense', '--json'], /"code": "USAGE"/, { status: 2 })
  check('builds list', bin, ['builds', 'list', '--json'], /"ok": true[\s\S]*"linux-7\.3/)
  check('save', bin, ['save', '--build', 'linux-6.1', '-o', 'guest.psnap', '--json'], /"ok": true/)
  check('verify', bin, ['verify', 'guest.psnap', '--json'], /"ok": true/)
  check('restore', bin, ['restore', 'guest.psnap', '--build', 'linux-7.3', '--json'], /"verdict": "survives"/)

  writeFileSync(join(elsewhere, 'use.js'), "const all = await import('psci-snap')\nprocess.stdout.write(Object.keys(all).sort().join(' '))\n")
  check("import 'psci-snap'", process.execPath, ['use.js'], /\bSnapError\b/)
  writeFileSync(join(elsewhere, 'use.ts'), "import { SnapError } from 'psci-snap'\nexport const code: string = new SnapError('USAGE', 'x').code\n")
  const options = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    noEmit: true,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [`${root}node_modules/@types`],
  }
  writeFileSync(join(elsewhere, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['use.ts'] }))
  check('its types hold in a strict project', process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', '.'], /^$/)
} finally {
  rmSync(elsewhere, { recursive: true, force: true })
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
process.exitCode = counts.failed === 0 ? 0 : 1
