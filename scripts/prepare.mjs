// Owns what has to happen before anything of a fresh clone runs: a Node that is new enough, the dependencies, the bundle. Only Node's own modules.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bundleIsStale, installIsStale } from './freshness.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))

const OLDEST_NODE = [20, 19]

/** Ends the process with one clear message when this Node is too old. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  fail(`psci-snap needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.version}.`)
}

/** Installs exactly what the lock file says, without running any package's scripts. Does nothing when that is already there. */
export async function ensureInstalled() {
  if (!installIsStale(root)) return
  const npm = process.env.npm_execpath
  const [command, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
  await step('Installing the dependencies', 'npm ci could not install them (is the network there?)', command, [
    ...first,
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
}

/** Bundles the command line when a source is newer than the bundle. */
export async function ensureBuilt() {
  if (bundleIsStale(root)) await step('Building', 'the build failed', process.execPath, ['scripts/build.mjs'])
}

/** Runs a script of ours or of a dependency to its end; its output is the user's, its input is nobody's. Resolves to its exit status. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], ...options })
    child.on('error', reject)
    child.on('close', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}

/** One line while it goes well; everything it printed when it does not. */
async function step(what, whenItFails, command, args) {
  const start = Date.now()
  process.stderr.write(`${what} … `)
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data))
  const status = await new Promise(resolve => {
    child.on('error', error => {
      output += error.message
      resolve(1)
    })
    child.on('close', code => resolve(code ?? 1))
  })
  if (status !== 0) {
    process.stderr.write('failed\n')
    fail(`${output.trimEnd()}\n${whenItFails}.`)
  }
  process.stderr.write(`done in ${((Date.now() - start) / 1000).toFixed(1)} s\n`)
}

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
