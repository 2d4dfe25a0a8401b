// Owns what the program inside is made into: one ES module with the whole product in it, and the data that it reads beside itself.
import { cpSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { dataFiles } from '../freshness.mjs'
import { root } from '../prepare.mjs'

/** Writes main.mjs and data/ into `folder`. koffi is found in node_modules above it. */
export async function bundleGuest(folder: string, entry = join(root, 'scripts/real-kernel/guest.ts')): Promise<void> {
  mkdirSync(join(folder, 'data'), { recursive: true })
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(folder, 'main.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minify: true,
    // Stacks that a failure sends out are to be read.
    keepNames: true,
    logLevel: 'warning',
    banner: {
      js: [
        "import { createRequire as psciSnapCreateRequire } from 'node:module'",
        'const require = psciSnapCreateRequire(import.meta.url)',
        'const __filename = import.meta.filename, __dirname = import.meta.dirname',
      ].join('\n'),
    },
    external: ['msgpackr-extract', 'koffi'],
  })
  for (const file of dataFiles(root)) cpSync(join(root, 'src', file), join(folder, 'data', basename(file)))
}
