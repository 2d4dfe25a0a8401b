// Owns the lock of what real kernels are booted with: which packages, in which versions, and what stands in for one that has left the archive.
import { readFileSync } from 'node:fs'
import { type PortablePackages, readPortablePackages } from '../portable/npm-package.ts'

export interface DebianPackage {
  readonly suite: string
  readonly package: string
  /** Another version of the package stands in for it when the archive has moved on. */
  readonly version: string
}
export interface KernelRow extends DebianPackage {
  readonly name: string
  /** A failure on it fails the run, and it stays at its version. One that does not is the newest of its series. */
  readonly gates: boolean
  /** Which packages stand in when the archive no longer has `package`: the newest of them. */
  readonly series: string
}
export interface Packages extends PortablePackages {
  readonly kernels: readonly KernelRow[]
  readonly userland: readonly (DebianPackage & { readonly files: readonly string[] })[]
}

export const readPackages = (): Packages => ({
  ...(JSON.parse(readFileSync(new URL('packages.json', import.meta.url), 'utf8')) as Pick<Packages, 'kernels' | 'userland'>),
  ...readPortablePackages(),
})

/** By the numbers in their names. */
export function newestFirst(names: readonly string[]): readonly string[] {
  const numbers = (name: string) => [...name.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  return [...names].sort((a, b) => {
    const [x, y] = [numbers(a), numbers(b)]
    for (let i = 0; i < Math.max(x.length, y.length); i++) if ((x[i] ?? 0) !== (y[i] ?? 0)) return (y[i] ?? 0) - (x[i] ?? 0)
    return 0
  })
}

/** How many packages are tried for one kernel: each costs a download. */
const MOST_TRIED = 3

/** Name and version of what to try for a kernel, best first. `offered` is what the archive has. */
export function candidates(row: KernelRow, offered: readonly string[]): readonly { readonly package: string; readonly version?: string }[] {
  const series = new RegExp(row.series)
  const others = newestFirst(offered.filter(name => series.test(name)))
  const pinned = [{ package: row.package, version: row.version }, { package: row.package }]
  const newest = others.map(name => ({ package: name }))
  const all = row.gates ? [...pinned, ...newest.filter(each => each.package !== row.package)] : [...newest, ...pinned]
  return all.slice(0, MOST_TRIED + 1)
}
