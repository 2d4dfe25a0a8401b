// Owns getting one package of npm into a cache folder, checked against the hash that our lock has for it. Nothing of it is run or installed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface NpmPackage {
  readonly package: string
  readonly version: string
  /** `sha512-` and base64, as package-lock.json has it. */
  readonly integrity: string
}

/** Of packages.json: the Node that travels in the tarball, and what makes /dev/kvm reachable from it. */
export interface PortablePackages {
  readonly node: NpmPackage
  readonly koffi: readonly NpmPackage[]
}

export const readPortablePackages = (): PortablePackages => JSON.parse(readFileSync(new URL('packages.json', import.meta.url), 'utf8')) as PortablePackages

/**
 * The package's folder in the cache, downloaded when it is not there; undefined when the registry cannot give it. Throws when what came is not
 * what the lock says.
 */
export function npmPackage(cache: string, { package: name, version, integrity }: NpmPackage): string | undefined {
  // The hash is in the name: what another lock once fetched is not taken for this.
  const folder = join(cache, 'npm', `${name.replace('/', '+')}-${version}-${createHash('sha256').update(integrity).digest('hex').slice(0, 12)}`)
  if (existsSync(folder)) return join(folder, 'package')
  mkdirSync(join(cache, 'npm'), { recursive: true })
  const work = mkdtempSync(join(cache, 'npm-'))
  try {
    const packed = spawnSync('npm', ['pack', `${name}@${version}`, '--silent', '--ignore-scripts'], { cwd: work, stdio: ['ignore', 'pipe', 'pipe'] })
    const archive = packed.status === 0 ? readdirSync(work).find(file => file.endsWith('.tgz')) : undefined
    if (archive === undefined) return undefined
    if (!matchesIntegrity(readFileSync(join(work, archive)), integrity)) throw new Error(`${name}@${version} from the registry is not what the lock says`)
    if (spawnSync('tar', ['-xzf', archive], { cwd: work }).status !== 0) return undefined
    rmSync(join(work, archive))
    renameSync(work, folder)
    return join(folder, 'package')
  } catch (error) {
    // Somebody else with the same cache was faster.
    if (existsSync(folder) && (error as NodeJS.ErrnoException).code !== undefined) return join(folder, 'package')
    throw error
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

export function matchesIntegrity(bytes: Uint8Array, integrity: string): boolean {
  const [algorithm = '', expected] = integrity.split('-', 2)
  return algorithm === 'sha512' && createHash(algorithm).update(bytes).digest('base64') === expected
}
