// Owns the licences that travel with the product: one text for each package that is in the bundle or beside it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface LockEntry {
  readonly dev?: true
  readonly optional?: true
  readonly peer?: true
}

/** Folders of node_modules that are installed for users, not for developers; from the root, sorted. Of the lock file, not of what happens to lie there. */
export function shippedPackages(root: string): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockEntry> }
  return Object.entries(packages)
    .filter(([path, { dev, optional }]) => path !== '' && !dev && !optional)
    .map(([path]) => path)
    .sort()
}

/** The licence text of a package's folder; its manifest's words when it has no such file. Throws when it has neither. */
export function licenceOf(folder: string): { readonly name: string; readonly text: string } {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string; license?: string; author?: unknown }
  const file = existsSync(folder) ? readdirSync(folder).find(name => /^(licen[cs]e|copying)([-.].*)?$/i.test(name)) : undefined
  const { name, version, license, author } = manifest
  if (file !== undefined) return { name, text: `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8')}` }
  if (license === undefined) throw new Error(`${name}@${version} says nothing about its licence`)
  const by = typeof author === 'string' ? author : ((author as { name?: string } | undefined)?.name ?? 'its authors')
  return { name, text: `${name} ${version}\n\nLicence: ${license}, by ${by}. The package has no text of it.\n` }
}
