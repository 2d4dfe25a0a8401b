// Owns the question whether what was made is older than what it is made of. Only Node's own modules: it runs before anything is installed.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join, relative } from 'node:path'

/** Newest change and number of files of everything the bundle is made of: a file that is gone counts too. */
export function stampOf(root) {
  let newest = 0
  let files = 0
  for (const name of readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(`${root}src/${name}`)
    if (!stat.isFile()) continue
    newest = Math.max(newest, stat.mtimeMs)
    files++
  }
  for (const name of ['scripts/build.mjs', 'scripts/lib.mjs', 'package-lock.json']) newest = Math.max(newest, statSync(`${root}${name}`).mtimeMs)
  return { newest, files }
}

/** Whether dist/cli, or dist/lib, is missing or made of other sources. */
export const bundleIsStale = root => isStale(root, 'cli')
export const libraryIsStale = root => isStale(root, 'lib')

function isStale(root, made) {
  const stamp = `${root}dist/${made}/stamp.json`
  if (!existsSync(stamp)) return true
  const then = JSON.parse(readFileSync(stamp, 'utf8'))
  const now = stampOf(root)
  return then.newest !== now.newest || then.files !== now.files
}

/** Files in folders named `data` below src that are not modules: read at run time, so they travel with what the modules are made into. */
export const dataFiles = root =>
  readdirSync(`${root}src`, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.name.endsWith('.ts') && basename(entry.parentPath) === 'data')
    .map(entry => relative(`${root}src`, join(entry.parentPath, entry.name)))

/**
 * Whether what is installed differs from the lock file. npm writes what it installed into node_modules/.package-lock.json; packages for other
 * platforms are optional and may be missing.
 */
export function installIsStale(root) {
  const installed = `${root}node_modules/.package-lock.json`
  if (!existsSync(installed)) return true
  const wanted = packagesOf(`${root}package-lock.json`)
  const present = packagesOf(installed)
  return Object.entries(wanted).some(
    ([path, { version, optional, devOptional, peer }]) =>
      path !== '' && (present[path] === undefined ? !(optional || devOptional || peer) : present[path].version !== version),
  )
}

const packagesOf = file => JSON.parse(readFileSync(file, 'utf8')).packages
