// `npm run check`: everything that can be judged without running the product. One line per step, every step runs, what failed is shown in full.
import { spawnSync } from 'node:child_process'
import { ensureInstalled, requireNode, root } from './prepare.mjs'

requireNode()
await ensureInstalled()

const bin = (name, file) => `${root}node_modules/${name}/${file}`

/** Adding a step is one line. */
const STEPS = {
  types: [bin('typescript', 'bin/tsc'), '--noEmit', '-p', root],
  'lint and format': [bin('@biomejs/biome', 'bin/biome'), 'ci', '--error-on-warnings', '--diagnostic-level=warn', '--colors=off'],
  'unused code': [bin('knip', 'bin/knip.js')],
  'docs current': [bin('tsx', 'dist/cli.mjs'), 'scripts/docs/main.ts', '--check'],
  'tidy tests': [bin('vitest', 'vitest.mjs'), 'run', 'test/tidy'],
}

let failed = 0
for (const [name, args] of Object.entries(STEPS)) {
  const start = Date.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  })
  if (status !== 0) failed++
  process.stdout.write(`${status === 0 ? 'ok    ' : 'FAILED'}  ${name}  ${((Date.now() - start) / 1000).toFixed(1)} s\n`)
  if (status !== 0) process.stdout.write(`${stdout}${stderr}`.replace(/^/gm, '        ').trimEnd().concat('\n'))
}
process.stdout.write(`${Object.keys(STEPS).length - failed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
