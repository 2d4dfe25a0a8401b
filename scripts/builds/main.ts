// Makes the built-in builds from the recordings (`npm run builds`), or one build file from one recording (`npm run builds -- --from
// RECORDING -o FILE`). Deterministic: the same recordings give the same bytes.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeBuildFile } from '../../src/builds/build-file.ts'
import { buildFromRecording } from '../../src/builds/recorded/from-recording.ts'
import { dataText, generated } from './generate.ts'
import { readRecording } from './read-recordings.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const DATA = join(root, 'src', 'builds', 'data')

const { values: flags } = parseArgs({
  options: {
    recordings: { type: 'string', default: join(root, '..', 'shared', 'recordings', 'kvm') },
    from: { type: 'string' },
    output: { type: 'string', short: 'o' },
  },
})
try {
  if (flags.from === undefined) makeBuiltIn(flags.recordings)
  else makeFile(flags.from, flags.output)
} catch (failure) {
  process.stderr.write(`builds: ${failure instanceof Error ? failure.message : String(failure)}\n`)
  process.exitCode = 10
}

function makeBuiltIn(recordings: string): void {
  const files = generated(recordings)
  mkdirSync(DATA, { recursive: true })
  for (const file of readdirSync(DATA)) rmSync(join(DATA, file))
  for (const { name, content } of files) writeFileSync(join(DATA, name), typeof content === 'string' ? content : dataText(content))
  process.stdout.write(`${files.length} files in src/builds/data\n`)
}

function makeFile(from: string, output: string | undefined): void {
  if (output === undefined) throw new Error('--from RECORDING needs -o FILE')
  const build = buildFromRecording(readRecording(from))
  writeFileSync(output, encodeBuildFile(build))
  process.stdout.write(`${build.name} in ${output}\n`)
}
