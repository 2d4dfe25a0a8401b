#!/usr/bin/env node
// Starts the bundle. What every start pays for stands here, so this file imports nothing but Node's own modules.
import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'

const here = new URL('.', import.meta.url)
const bundle = new URL('../dist/cli/main.js', here)
const [first, second, ...others] = process.argv.slice(2)

if ((first === '--version' || first === '-V') && others.length === 0 && (second === undefined || second === '--json')) {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', here), 'utf8'))
  process.stdout.write(second === '--json' ? `${JSON.stringify({ ok: true, name, version })}\n` : `${name} ${version}\n`)
} else if (existsSync(bundle)) {
  module.enableCompileCache?.()
  await import(bundle.href)
} else {
  process.stderr.write(
    'psci-snap: dist/cli/main.js is missing: this is a source tree that has not been built.\n  hint: run `npm run build`, or start from source with `bin/dev.js`\n',
  )
  process.exitCode = 1
}
