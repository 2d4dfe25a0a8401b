// Owns the bundle of the command line: src/commands/ → dist/cli/, one file per command. `--if-stale` builds only when needed.
// Needs the installed dependencies. The library for `import` is made by tsc (npm run lib), not here.
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleIsStale, dataFiles, stampOf } from './freshness.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = `${root}dist/cli`

/**
 * Bundles into a folder of its own and swaps it in when it is complete: a CLI that is running meanwhile finds the old files or the new ones.
 *
 * Every module file that a start opens costs half a millisecond of CPU, and one build that shares code between all commands makes dozens of small
 * chunks. So there is one file that every start needs (main.js: src/cli, oclif, the errors), and each command is bundled by itself around it:
 * what commands have in common is in each of them, what a command loads only sometimes is in chunks of its own. Measured on `inspect`, Node 20:
 * 93 ms of CPU with shared chunks, 77 ms with this.
 */
export async function buildCli() {
  const { build } = await import('esbuild')
  const fresh = `${root}dist/.cli-${process.pid}`
  const stamp = stampOf(root)
  await rm(fresh, { recursive: true, force: true })
  const shared = {
    absWorkingDir: root,
    outdir: fresh,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minify: true,
    legalComments: 'none',
    chunkNames: '[name]-[hash]',
    logLevel: 'warning',
    // What bundled CommonJS still asks of its surroundings.
    banner: {
      js: [
        "import { createRequire as psciSnapCreateRequire } from 'node:module'",
        'const require = psciSnapCreateRequire(import.meta.url)',
        'const __filename = import.meta.filename, __dirname = import.meta.dirname',
      ].join('\n'),
    },
    // Native helpers are optional everywhere. zod is half a megabyte for the rare start that reads a build file.
    external: ['msgpackr-extract', 'koffi', 'zod'],
  }
  const leaves = await leafEntries()
  const core = await coreModules()
  const main = { contents: [...core, ENTRY].map(file => `export * from './${file}'`).join('\n'), resolveDir: root, loader: 'ts' }
  await Promise.all([
    build({
      ...shared,
      stdin: main,
      outdir: undefined,
      outfile: `${fresh}/main.js`,
      plugins: [elsewhere(leaves, path => `./${nameOf(path)}.js`), rareAside, oclifRequiresLater],
    }),
    build({ ...shared, entryPoints: rareFiles(), format: 'cjs', banner: {}, outExtension: { '.js': '.cjs' } }),
    ...THREADS.map(thread => build({ ...shared, entryPoints: { [nameOf(thread)]: thread }, splitting: true })),
    ...leaves.map(leaf =>
      build({ ...shared, entryPoints: { [nameOf(leaf)]: leaf }, splitting: true, plugins: [elsewhere(core, () => './main.js'), oclifRequiresLater] }),
    ),
  ])
  // What a module reads next to itself at run time: all files lie in one folder, so all data does too.
  for (const file of dataFiles(root)) await cp(`${root}src/${file}`, `${fresh}/data/${basename(file)}`)
  await writeFile(`${fresh}/stamp.json`, `${JSON.stringify(stamp)}\n`)
  await mkdir(`${root}dist`, { recursive: true })
  const old = `${root}dist/.old-${process.pid}`
  await rename(out, old).catch(missingIsFine)
  await rename(fresh, out).catch(someoneElseWasFaster(fresh))
  await rm(old, { recursive: true, force: true })
}

/**
 * Half of oclif's bytes are for what our commands never do: finding plugins, matching globs, rendering help (help.js has its own). Moved
 * aside they are not even parsed at a start. Measured on `inspect`, Node 20: 7 ms of CPU. As imported from @oclif/core/lib.
 */
const RARE = ['./config', './help/util', 'cli-spinners', 'ejs', 'minimatch', 'semver', 'tinyglobby']

const rareName = name => `rare-${name.replace(/^\.\//, '').replaceAll('/', '-')}`

function rareFiles() {
  const { resolve } = createRequire(`${root}node_modules/@oclif/core/lib/command.js`)
  return Object.fromEntries(RARE.map(name => [rareName(name), resolve(name)]))
}

const rareAside = {
  name: 'rare-aside',
  setup(build) {
    build.onResolve({ filter: /^[\w./-]+$/ }, ({ path, importer }) =>
      RARE.includes(path) && importer.includes('/@oclif/core/lib/') ? { path: `./${rareName(path)}.cjs`, external: true } : undefined,
    )
  },
}

const ENTRY = 'src/commands/main.ts'
const HELP = 'src/cli/help.ts'
/** Of src/cli, what one command alone needs: bundled with it. */
const OF_ONE_COMMAND = /^src\/cli\/(check|guest|trace)-/
/** A thread starts from a file of its own, which must not hold the entry: main.js would run a command line in it. */
const THREADS = ['src/ops/fleet/fleet-worker.ts']

/** What is loaded when it is asked for: every command, and help. Paths from the root. */
async function leafEntries() {
  const files = await readdir(`${root}src/commands`, { recursive: true })
  const commands = files.filter(file => file.endsWith('.ts') && !/^(main|table)\.ts$/.test(file)).map(file => `src/commands/${file.replaceAll('\\', '/')}`)
  return [...commands, HELP]
}

/** What lives in main.js, once: a SnapError of a command must be the SnapError that src/cli knows. */
async function coreModules() {
  const files = await readdir(`${root}src/cli`)
  return ['src/errors.ts', ...files.map(file => `src/cli/${file}`).filter(file => file !== HELP && !OF_ONE_COMMAND.test(file))]
}

/** `src/commands/builds/list.ts` → `builds-list`. */
const nameOf = path => path.replace(/^src\/(commands|cli|ops\/fleet)\/|\.ts$/g, '').replaceAll('/', '-')

/** Leaves imports of these modules to another file of the bundle. */
const elsewhere = (modules, fileOf) => ({
  name: 'elsewhere',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, kind }) => {
      const module = relative(root, resolve(resolveDir, path))
      return kind !== 'entry-point' && modules.includes(module) ? { path: fileOf(module), external: true } : undefined
    })
  },
})

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
