// `npm run portable`: dist/psci-snap-VERSION-linux-arm64.tar.gz, which runs on an arm64 host without Node. `-o FILE` writes it elsewhere.
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBuilt, root } from '../prepare.mjs'
import { packTree } from './archive.ts'
import { cacheFolder } from './cache.ts'
import { readPortablePackages } from './npm-package.ts'
import { makeTree } from './tree.ts'

export interface Portable {
  readonly file: string
  readonly sha256: string
  readonly bytes: number
}

/** Builds the bundle if it is stale, fetches what travels with it, and packs. Throws when a package cannot be had. */
export async function makePortable(output?: string): Promise<Portable> {
  await ensureBuilt()
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string }
  const name = `psci-snap-${version}-linux-arm64`
  const file = resolve(output ?? `${root}dist/${name}.tar.gz`)
  const cache = cacheFolder()
  for (const folder of [cache, dirname(file)]) mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(dirname(file), '.portable-'))
  try {
    makeTree(root, join(work, name), cache, readPortablePackages())
    await packTree(work, name, join(work, 'tar.gz'))
    renameSync(join(work, 'tar.gz'), file)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return { file, sha256: createHash('sha256').update(readFileSync(file)).digest('hex'), bytes: statSync(file).size }
}

if (process.argv[1] === import.meta.filename) {
  const { values: flags } = parseArgs({ options: { output: { type: 'string', short: 'o' } } })
  try {
    const { file, sha256, bytes } = await makePortable(flags.output)
    process.stdout.write(`${file}\n${(bytes / 2 ** 20).toFixed(1)} MiB, sha256 ${sha256}\n`)
  } catch (failure) {
    process.stderr.write(`portable: ${failure instanceof Error ? failure.message : String(failure)}\n`)
    process.exitCode = 10
  }
}
