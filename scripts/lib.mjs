// Owns the library: src/index.ts and all it imports → dist/lib as modules with types, next to the data they read. Needs the installed dependencies.
import { cp, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { dataFiles, libraryIsStale, stampOf } from './freshness.mjs'
import { root, run } from './prepare.mjs'

/** Resolves when dist/lib is complete; throws when a type error left it incomplete. */
export async function buildLibrary() {
  const stamp = stampOf(root)
  await rm(`${root}dist/lib`, { recursive: true, force: true })
  const status = await run(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.lib.json`])
  if (status !== 0) throw new Error('tsc -p tsconfig.lib.json failed')
  for (const file of dataFiles(root)) await cp(`${root}src/${file}`, `${root}dist/lib/${file}`)
  await writeFile(`${root}dist/lib/stamp.json`, `${JSON.stringify(stamp)}\n`)
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !(process.argv.includes('--if-stale') && !libraryIsStale(root))) await buildLibrary()
