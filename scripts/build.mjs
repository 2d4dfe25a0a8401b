// Owns the bundle of the command line: src/commands/main.ts → dist/cli/, one chunk per command. `--if-stale` builds only when needed.
// Needs the installed dependencies. The library for `import` is made by tsc (npm run lib), not here.
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleIsStale, dataFiles, stampOf } from './freshness.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = `${root}dist/cli`

/** Bundles into a folder of its own and swaps it in when it is complete: a CLI that is running meanwhile finds the old files or the new ones. */
export async function buildCli() {
  const { build } = await import('esbuild')
  const fresh = `${root}dist/.cli-${process.pid}`
  const stamp = stampOf(root)
  await rm(fresh, { recursive: true, force: true })
  await build({
    absWorkingDir: root,
    entryPoints: { main: 'src/commands/main.ts' },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minify: true,
    keepNames: false,
    legalComments: 'none',
    chunkNames: '[name]-[hash]',
    logLevel: 'warning',
    // What bundled CommonJS still asks of its surroundings. Native helpers are optional everywhere and stay outside.
    banner: {
      js: [
        "import { createRequire as psciSnapCreateRequire } from 'node:module'",
        'const require = psciSnapCreateRequire(import.meta.url)',
        'const __filename = import.meta.filename, __dirname = import.meta.dirname',
      ].join('\n'),
    },
    external: ['msgpackr-extract', 'koffi'],
    plugins: [oclifRequiresLater],
  })
  // What a module reads next to itself at run time: all chunks lie in one folder, so all data does too.
  for (const file of dataFiles(root)) await cp(`${root}src/${file}`, `${fresh}/data/${basename(file)}`)
  await writeFile(`${fresh}/stamp.json`, `${JSON.stringify(stamp)}\n`)
  await mkdir(`${root}dist`, { recursive: true })
  const old = `${root}dist/.old-${process.pid}`
  await rename(out, old).catch(missingIsFine)
  await rename(fresh, out).catch(someoneElseWasFaster(fresh))
  await rm(old, { recursive: true, force: true })
}

const missingIsFine = error => {
  if (error.code !== 'ENOENT') throw error
}

// Two builds at once make the same bundle; the later one gives up its own.
const someoneElseWasFaster = fresh => async error => {
  if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  await rm(fresh, { recursive: true, force: true })
}

/**
 * @oclif/core is CommonJS: loading Command loads help, templates, plugin discovery, semver and globbing, none of which our commands use while
 * they run. tsc writes every such import as `const name_1 = require("…")` and every use as `name_1.x`, so the require can move to the first use.
 * Measured: 14 ms of CPU a start. The tests of the command line run on the result.
 */
const oclifRequiresLater = {
  name: 'oclif-requires-later',
  setup(build) {
    build.onLoad({ filter: /node_modules\/@oclif\/core\/lib\/.*\.js$/ }, async ({ path }) => {
      const imported = []
      const text = (await readFile(path, 'utf8')).replace(
        /^const (\w+_\d+) = ((?:__importDefault\(|__importStar\()?require\("[^"]+"\)\)?);$/gm,
        (_, name, load) => {
          imported.push(name)
          return `let loaded_${name}; const later_${name} = () => (loaded_${name} ??= ${load});`
        },
      )
      const contents = imported.reduce((code, name) => code.replace(new RegExp(`(?<![\\w$])${name}\\b`, 'g'), `(later_${name}())`), text)
      return { contents, loader: 'js' }
    })
  },
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = bundleIsStale(root)
  if (!process.argv.includes('--if-stale') || stale) {
    const start = performance.now()
    await buildCli()
    process.stderr.write(`built dist/cli in ${((performance.now() - start) / 1000).toFixed(1)} s\n`)
  }
}
