// A step of `.ci/run`: the portable tarball is the same when it is made again, holds what it must and nothing that only developers need, and runs: here
// under qemu-aarch64, on a real kernel in scripts/real-kernel.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { encodeBuildFile } from '../../src/builds/build-file.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { VERSION } from '../../src/version.ts'
import { root } from '../prepare.mjs'
import { shippedPackages } from './licences.ts'
import { makePortable } from './main.ts'

/** The C library and libstdc++ for arm64 that come with the cross compiler. */
const SYSROOT = '/usr/aarch64-linux-gnu'
/** Node alone is 118 MiB of it unpacked. */
const MOST_BYTES = 64 << 20

const folder = mkdtempSync(join(tmpdir(), 'psci-snap-portable-'))
const counts = { passed: 0, failed: 0 }
function check(what: string, holds: boolean, detail: () => string): void {
  counts[holds ? 'passed' : 'failed']++
  process.stdout.write(`${holds ? 'ok    ' : 'FAILED'}  ${what}\n${holds ? '' : `${detail()}\n`}`)
}

try {
  const first = await makePortable()
  const second = await makePortable(join(folder, 'second.tar.gz'))
  check('made again it has the same bytes', first.sha256 === second.sha256, () => `${first.sha256}\n${second.sha256}`)
  check('it is of a size that can be sent', first.bytes < MOST_BYTES, () => `${first.bytes} bytes`)
  spawnSync('tar', ['-xzf', second.file, '-C', folder])
  const tree = join(folder, `psci-snap-${VERSION}-linux-arm64`)
  const files = existsSync(tree) ? readdirSync(tree, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()) : []
  const names = files.map(entry => relative(tree, join(entry.parentPath, entry.name)))
  const unwanted = names.filter(name => /\.(ts|map|cc|hh)$|\.tgz$|^(src|test|scripts)\/|\/(esbuild|typescript|vitest)\//.test(name))
  check('it holds no source and no tool of developers', names.length > 0 && unwanted.length === 0, () => unwanted.join('\n') || 'nothing was unpacked')
  const programs = names.filter(name => statSync(join(tree, name)).mode & 0o111)
  check(
    'what is a program is executable',
    ['psci-snap', 'bin/run.js', 'node/bin/node'].every(name => programs.includes(name)),
    () => programs.join(' '),
  )
  const licences = names.filter(name => name.startsWith('LICENSES/'))
  const expected = ['node', 'koffi', ...shippedPackages(root).map(path => path.split('node_modules/').at(-1)!.replace('/', '+'))]
  const missing = expected.filter(name => !licences.includes(`LICENSES/${name}.txt`))
  check('every licence is there', missing.length === 0, () => missing.join(' '))
  if (spawnSync('qemu-aarch64', ['--version']).status === 0 && existsSync(`${SYSROOT}/lib/ld-linux-aarch64.so.1`)) tryIt(tree)
  else process.stdout.write('not run: what it does under qemu-aarch64: there is none, or no C library for arm64\n')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
process.exitCode = counts.failed === 0 ? 0 : 1

function tryIt(tree: string): void {
  const run = (...args: readonly string[]) =>
    spawnSync('qemu-aarch64', ['-L', SYSROOT, join(tree, 'node/bin/node'), join(tree, 'bin/run.js'), ...args], { cwd: folder, encoding: 'utf8' })
  const tried = (what: string, args: readonly string[], status: number, output: RegExp): void => {
    const ran = run(...args)
    check(what, ran.status === status && output.test(ran.stdout), () => `exit status ${ran.status}\n${ran.stdout}${ran.stderr}`)
  }
  tried('--version', ['--version'], 0, new RegExp(`^psci-snap ${VERSION.replaceAll('.', '\\.')}\n$`))
  tried('a guest is saved', ['save', '--build', 'linux-6.1', '-o', 'guest.psnap', '--json'], 0, /"ok": true/)
  tried('and read again', ['verify', 'guest.psnap', '--json'], 0, /"valid": true/)
  // For a build file it needs zod, for KVM koffi: without the device, that is what it says.
  writeFileSync(join(folder, 'build.json'), encodeBuildFile(loadBuild('linux-6.1')))
  tried('a build file is read', ['restore', 'guest.psnap', '--build', 'build.json', '--json'], 0, /"verdict": "survives"/)
  tried('koffi is there: only the device is not', ['probe', '--quick', '-o', 'host.json', '--device', '/dev/no-such-device', '--json'], 15, /no-such-device/)
  // The launcher finds its folder through links; a Node that only says its arguments stands for the one of the other architecture.
  const node = join(tree, 'node/bin/node')
  rmSync(node)
  symlinkSync('/bin/echo', node)
  symlinkSync(join(tree, 'psci-snap'), join(folder, 'absolute'))
  symlinkSync('absolute', join(folder, 'relative'))
  const said = spawnSync(join(folder, 'relative'), ['inspect', 'a b'], { encoding: 'utf8' }).stdout
  check('the launcher finds its folder through links', said === `${join(tree, 'bin/run.js')} inspect a b\n`, () => said)
  check('the licence of psci-snap is its own', readFileSync(join(tree, 'LICENSE'), 'utf8') === readFileSync(join(root, 'LICENSE'), 'utf8'), () => 'it differs')
}
