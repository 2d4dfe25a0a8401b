// Owns the question whether what was made is older than what it is made of. Only Node's own modules: it runs before anything is installed.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'

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
  for (const name of ['scripts/build.mjs', 'package-lock.json']) newest = Math.max(newest, statSync(`${root}${name}`).mtimeMs)
  return { newest, files }
}

export function bundleIsStale(root) {
  const stamp = `${root}dist/cli/stamp.json`
  if (!existsSync(stamp)) return true
  const made = JSON.parse(readFileSync(stamp, 'utf8'))
  const now = stampOf(root)
  return made.newest !== now.newest || made.files !== now.files
}

/** Identity of what `npm ci` would install. */
export const lockDigest = root =>
  createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex')

/** Where the digest of the last install stands. */
export const installStamp = root => `${root}node_modules/.psci-snap-installed`

export function installIsStale(root) {
  const stamp = installStamp(root)
  return !existsSync(stamp) || readFileSync(stamp, 'utf8') !== lockDigest(root)
}
