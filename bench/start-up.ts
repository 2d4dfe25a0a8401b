// Measures what a start of the command line costs: CPU time of the bundled `inspect` of an archive, as a multiple of `node -e 0`, on the Node that
// runs this. `--check` fails when it is over the budget: 5 times on Node 20, 4 times from Node 24 on (issue 2, must hold 4).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildCli } from '../scripts/build.mjs'
import { bundleIsStale } from '../scripts/freshness.mjs'

const ROUNDS = 15
const root = fileURLToPath(new URL('../', import.meta.url))
const bin = join(root, 'bin/run.js')

export interface StartUpResult {
  readonly node: string
  /** CPU milliseconds, user and system, of the cheapest run and of the one in the middle. */
  readonly rows: readonly { readonly what: string; readonly min: number; readonly median: number; readonly times: number }[]
  readonly budget: number
}

/** Runs each case in turn, so that a slow moment of the machine meets them all. */
export async function measureStartUp(): Promise<StartUpResult> {
  if (bundleIsStale(root)) await buildCli()
  const folder = mkdtempSync(join(tmpdir(), 'psci-snap-start-'))
  const archive = join(folder, 'guest.psnap')
  try {
    cpuOf([bin, 'save', '--build', 'linux-6.1', '--vcpus', '2', '-o', archive])
    const cases = [
      ['-e', '0'],
      [bin, '--version'],
      [bin, 'inspect', archive],
      [bin, 'inspect', archive, '--json'],
    ]
    cpuOf(cases[2]!) // fills the compile cache, as a user's first start does
    const runs = cases.map(() => [] as number[])
    for (let round = 0; round < ROUNDS; round++) for (const [index, args] of cases.entries()) runs[index]!.push(cpuOf(args))
    const sorted = runs.map(times => times.sort((a, b) => a - b))
    const base = middle(sorted[0]!)
    const rows = cases.map((args, index) => ({
      what: index === 0 ? 'node -e 0' : `psci-snap ${args.slice(1).join(' ').replace(archive, 'guest.psnap')}`,
      min: sorted[index]![0]!,
      median: middle(sorted[index]!),
      times: middle(sorted[index]!) / base,
    }))
    return { node: process.version, rows, budget: Number(process.versions.node.split('.')[0]) >= 24 ? 4 : 5 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const middle = (sorted: readonly number[]): number => sorted[sorted.length >> 1]!

/** User and system milliseconds of one run of this Node, as the shell counts them. Extra CA certificates would cost every start their parsing. */
function cpuOf(args: readonly string[]): number {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...env } = process.env
  const ran = spawnSync('bash', ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null', 'time', process.execPath, ...args], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (ran.status !== 0) throw new Error(`${args.join(' ')} ended with ${ran.status}: ${ran.stderr}`)
  const [user, system] = ran.stderr.trim().split('\n').at(-1)!.split(' ').map(Number)
  return Math.round(1000 * (user! + system!))
}

export function startUpText({ node, rows, budget }: StartUpResult): string {
  const lines = rows.map(
    ({ what, min, median, times }) => `${what.padEnd(40)} ${String(min).padStart(5)} ${String(median).padStart(7)} ${times.toFixed(2).padStart(7)}`,
  )
  return [`Node ${node}, CPU ms of ${ROUNDS} runs each; budget ${budget} times \`node -e 0\``, `${''.padEnd(40)}   min  median   times`, ...lines].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await measureStartUp()
  process.stdout.write(`${startUpText(result)}\n`)
  const over = result.rows.slice(1).filter(({ times }) => times > result.budget)
  if (process.argv.includes('--check')) {
    process.stdout.write(`${result.rows.length - 1 - over.length} passed, ${over.length} failed\n`)
    process.exitCode = over.length === 0 ? 0 : 1
  }
}
