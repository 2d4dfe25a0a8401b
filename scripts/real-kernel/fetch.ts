// Owns getting packages of Debian for arm64 into a cache. Nothing is installed, no root is needed: apt has a state of its own, and checks signatures
// and hashes. What cannot be had is said, never made up.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Unavailable } from '../portable/cache.ts'
import { candidates, type KernelRow } from './packages.ts'

export { type KernelRow, type Packages, readPackages } from './packages.ts'

export interface FetchedKernel {
  readonly row: KernelRow
  /** The package that was had, and its version; not the row's when the archive moved on. */
  readonly package: string
  readonly version: string
  readonly image: string
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

interface Unpacked {
  readonly folder: string
  readonly version: string
}

/** An apt that knows only these suites, for arm64, with its state under `folder`. */
export class ArmPackages {
  readonly #folder: string
  readonly #options: readonly string[]
  #updated: boolean | undefined

  /** Throws Unavailable when apt's own configuration names no mirror and DEBIAN_MIRROR is not set. */
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
      'Acquire::Retries=2',
      'Acquire::http::Timeout=30',
    ].flatMap(option => ['-o', option])
  }

  /** Reads the lists again, once. False when some could not be had. */
  update(): boolean {
    this.#updated ??= spawnSync('apt-get', [...this.#options, '-q', 'update'], { stdio: 'ignore' }).status === 0
    return this.#updated
  }

  /** Names of kernel packages that the archive has; none when it cannot be asked. */
  kernelNames(): readonly string[] {
    this.update()
    const { stdout } = spawnSync('apt-cache', [...this.#options, 'pkgnames', 'linux-'], { encoding: 'utf8', maxBuffer: 64 << 20 })
    return (stdout ?? '').split('\n').filter(name => /^linux-(image|binary)-\d/.test(name))
  }

  /** Unpacks a package, in this version or the newest, into a folder of its own; undefined when the archive does not have it. */
  unpack(name: string, version?: string): Unpacked | undefined {
    const known = version === undefined ? undefined : join(this.#folder, 'unpacked', `${name}_${fileName(version)}`)
    if (known !== undefined && existsSync(known)) return { folder: known, version: version! }
    this.update()
    mkdirSync(join(this.#folder, 'unpacked'), { recursive: true })
    const work = mkdtempSync(join(this.#folder, 'download-'))
    try {
      const wanted = version === undefined ? name : `${name}=${version}`
      if (spawnSync('apt-get', [...this.#options, '-q', 'download', wanted], { cwd: work, stdio: 'ignore' }).status !== 0) return undefined
      const deb = readdirSync(work).find(file => file.endsWith('.deb'))
      if (deb === undefined) return undefined
      const had = spawnSync('dpkg-deb', ['-f', join(work, deb), 'Version'], { encoding: 'utf8' }).stdout.trim()
      const tree = join(work, 'tree')
      if (spawnSync('dpkg-deb', ['-x', join(work, deb), tree], { stdio: 'ignore' }).status !== 0) return undefined
      const folder = join(this.#folder, 'unpacked', `${name}_${fileName(had)}`)
      try {
        renameSync(tree, folder)
      } catch (error) {
        if (!existsSync(folder)) throw error // else somebody else with the same cache was faster
      }
      return { folder, version: had }
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
  }
}

/** As apt writes versions in file names. */
const fileName = (version: string): string => version.replaceAll(':', '%3a')

function firstMirror(): string {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(SITE)'], { encoding: 'utf8' })
  const mirror = (stdout ?? '').split('\n').find(line => /\/debian\/*$/.test(line))
  if (mirror === undefined) throw new Unavailable("no Debian mirror in apt's configuration: set DEBIAN_MIRROR")
  return mirror
}

/** The kernel's image; of another package of the series when the archive no longer has the one that is named. Undefined when none can be had. */
export function fetchKernel(apt: ArmPackages, row: KernelRow): FetchedKernel | undefined {
  for (const { package: name, version } of tried(apt, row)) {
    const unpacked = apt.unpack(name, version)
    const image = unpacked && findFile(unpacked.folder, /^vmlinu[xz]/)
    if (unpacked && image) return { row, package: name, version: unpacked.version, image }
  }
  return undefined
}

/**
 * The folder with the modules of a kernel: in its own package, or, as Debian has it since 7.0, in one beside it. Undefined when they cannot be had.
 */
export function fetchModules(apt: ArmPackages, { package: name, version, image }: FetchedKernel): string | undefined {
  const beside = name.replace(/^linux-binary-/, 'linux-modules-')
  if (beside === name) return image.slice(0, image.indexOf('/boot/'))
  return apt.unpack(beside, version)?.folder
}

/** The archive is asked for its names only when the pinned package is not what is wanted or cannot be had. */
function* tried(apt: ArmPackages, row: KernelRow): Generator<{ readonly package: string; readonly version?: string }> {
  if (row.gates) yield { package: row.package, version: row.version }
  yield* candidates(row, apt.kernelNames()).slice(row.gates ? 1 : 0)
}

export function findFile(folder: string, name: RegExp): string | undefined {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (entry.isFile() && name.test(entry.name)) return join(entry.parentPath, entry.name)
  return undefined
}
