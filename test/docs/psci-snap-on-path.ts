// Owns a folder with `psci-snap` in it, for the PATH of commands that docs show.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../tidy/sources.ts'

/** Makes `folder`/bin/psci-snap, the built command line, and gives an environment that finds it. */
export function psciSnapOnPath(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'psci-snap'), `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/run.js')}' "$@"\n`)
  chmodSync(join(bin, 'psci-snap'), 0o755)
  return { ...process.env, PATH: `${bin}:${process.env.PATH}`, NO_COLOR: '1' }
}
