// Owns getting what a real kernel is booted with: arm64 packages of Debian and of npm, into a cache. Nothing is installed, no root is needed: apt has
// a state of its own. What cannot be had is said, never made up.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface KernelRow {
  readonly name: string
  /** A failure on it fails the run. */
  readonly gates: boolean
  readonly suite: string
  readonly package: string
  /** Which packages stand in when the archive no longer has `package`: the newest of them. */
  readonly series: string
}
export interface Packages {
  readonly kernels: readonly KernelRow[]
  readonly userland: readonly { readonly suite: string; readonly package: string; readonly files: readonly string[] }[]
  readonly node: { readonly package: string; readonly version: string }
  readonly koffi: readonly { readonly package: string; readonly version: string }[]
}
export interface FetchedKernel {
  readonly row: KernelRow
  /** The package that was had; another than the row's when the archive moved on. */
  readonly package: string
  readonly image: string
}

export const readPackages = (): Packages => JSON.parse(readFileSync(new URL('packages.json', import.meta.url), 'utf8')) as Packages

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** An apt that knows only these suites, for arm64, with its state under `folder`. */
export class ArmPackages {
  readonly #folder: string
  readonly #options: readonly string[]

  constructor(folder: string, suites: readonly string[]) {
    this.#folder = folder
    const apt = join(folder, 'apt')
    for (const each of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(apt, each), { recursive: true })
    const mirror = process.env.DEBIAN_MIRROR ?? firstMirror()
    const security = process.env.DEBIAN_SECURITY_MIRROR ?? `${mirror.replace(/\/$/, '')}-security`
    const sources = [...new Set(suites)].map(suite => `deb [arch=arm64 signed-by=${KEYRING}] ${suite.endsWith('-security') ? security : mirror} ${suite} main`)
    writeFileSync(join(apt, 'sources.list'), `${sources.join('\n')}\n`)
    this.#options = [
      `Dir::Etc::sourcelist=${apt}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      `Dir::State::lists=${apt}/lists`,
      `Dir::Cache=${apt}/cache`,
      'Dir::State::status=/dev/null',
      'APT::Architecture=arm64',
      'APT::Architectures=arm64',
      'APT::Sandbox::User=',
    ].flatMap(option => ['-o', option])
  }

  /** Reads the lists again. False when some could not be had. */
  update(): boolean {
    return spawnSync('apt-get', [...this.#options, '-q', 'update'], { stdio: 'ignore' }).status === 0
  }

  /** Names of the packages that match. */
  names(pattern: RegExp): readonly string[] {
    const { stdout } = spawnSync('apt-cache', [...this.#options, 'pkgnames', 'linux-'], { encoding: 'utf8', maxBuffer: 64 << 20 })
    return stdout.split('\n').filter(name => pattern.test(name))
  }

  /** Unpacks a package into a folder of its own in the cache and gives that; undefined when the archive does not have it. apt checks the hashes. */
  unpack(name: string): string | undefined {
    const folder = join(this.#folder, 'unpacked', name)
    if (existsSync(folder)) return folder
    mkdirSync(join(this.#folder, 'unpacked'), { recursive: true })
    const work = mkdtempSync(join(this.#folder, 'download-'))
    try {
      if (spawnSync('apt-get', [...this.#options, '-q', 'download', name], { cwd: work, stdio: 'ignore' }).status !== 0) return undefined
      const deb = readdirSync(work).find(file => file.endsWith('.deb'))
      if (deb === undefined) return undefined
      const tree = join(work, 'tree')
      if (spawnSync('dpkg-deb', ['-x', join(work, deb), tree], { stdio: 'ignore' }).status !== 0) return undefined
      renameSync(tree, folder)
      return folder
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
}

function firstMirror(): string {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(SITE)'], { encoding: 'utf8' })
  const mirror = (stdout ?? '').split('\n').find(line => /\/debian\/*$/.test(line))
  if (mirror === undefined) throw new Error("no Debian mirror in apt's configuration: set DEBIAN_MIRROR")
  return mirror
}

/** The kernel's image; the newest package of the same series when the archive no longer has the one that is named. */
export function fetchKernel(apt: ArmPackages, row: KernelRow): FetchedKernel | undefined {
  const candidates = [row.package, ...newestFirst(apt.names(new RegExp(row.series))).filter(name => name !== row.package)]
  for (const name of candidates.slice(0, 3)) {
    const tree = apt.unpack(name)
    const image = tree && findFile(tree, /^vmlinu[xz]/)
    if (image) return { row, package: name, image }
  }
  return undefined
}

/** By the numbers in their names. */
export function newestFirst(names: readonly string[]): readonly string[] {
  const numbers = (name: string) => [...name.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  return [...names].sort((a, b) => {
    const [x, y] = [numbers(a), numbers(b)]
    for (let i = 0; i < Math.max(x.length, y.length); i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (y[i] ?? 0) - (x[i] ?? 0)
    return 0
  })
}

export function findFile(folder: string, name: RegExp): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && name.test(entry.name)) return join(entry.parentPath, entry.name)
  return undefined
}

/** A package of npm, unpacked into the cache; undefined when the registry does not have it. Nothing of it is run. */
export function npmPackage(cache: string, { package: name, version }: { readonly package: string; readonly version: string }): string | undefined {
  const folder = join(cache, 'npm', `${name.replace('/', '+')}-${version}`)
  if (existsSync(folder)) return join(folder, 'package')
  mkdirSync(join(cache, 'npm'), { recursive: true })
  const work = mkdtempSync(join(cache, 'npm-'))
  try {
    const packed = spawnSync('npm', ['pack', `${name}@${version}`, '--silent', '--ignore-scripts'], { cwd: work, encoding: 'utf8' })
    const archive = packed.status === 0 ? readdirSync(work).find(file => file.endsWith('.tgz')) : undefined
    if (archive === undefined) return undefined
    if (spawnSync('tar', ['-xzf', archive], { cwd: work }).status !== 0) return undefined
    rmSync(join(work, archive))
    renameSync(work, folder)
    return join(folder, 'package')
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
