// Makes the built-in builds from the recordings (`npm run builds`), or one build file from one recording (`npm run builds -- --from
// RECORDING -o FILE`). Deterministic: the same recordings give the same bytes.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DEFAULT_CPU } from '../../src/builds/build.ts'
import { encodeBuildFile } from '../../src/builds/build-file.ts'
import { encodeHost, encodeKernel } from '../../src/builds/codec.ts'
import type { IndexEntry } from '../../src/builds/data-files.ts'
import { buildFromRecording } from './from-recording.ts'
import { hiddenHardware, hostValues } from './host.ts'
import { kernelRules } from './kernel.ts'
import { type NamedRecording, readRecording, readRecordings, setOf } from './recording.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const DATA = join(root, 'src', 'builds', 'data')

/** One value a line at the top level, lists and maps of short things kept together: small files, readable diffs. */
export function dataText(value: object): string {
  const members = Object.entries(value).map(([key, member]) => {
    const isRows = Array.isArray(member) && member.length > 3 && typeof member[0] === 'string'
    const text = isRows ? `[\n    ${member.map(row => JSON.stringify(row)).join(',\n    ')}\n  ]` : JSON.stringify(member)
    return `  ${JSON.stringify(key)}: ${text}`
  })
  return `{\n${members.join(',\n')}\n}\n`
}

const byRelease = (a: string, b: string): number => {
  const [x, y] = [a, b].map(text => text.split('.').map(Number))
  return x!.map((part, i) => part - (y![i] ?? 0)).find(difference => difference !== 0) ?? 0
}

/** A recording that gets a built-in name: a plain CPU of a plain boot. */
const isPlain = ({ name, recording }: NamedRecording): boolean =>
  recording.complete && (name === recording.version || name === `${recording.version}-${recording.qemu_cpu}`)

function generate(folder: string): void {
  const recordings = readRecordings(folder).filter(({ recording }) => recording.complete)
  const hardware = hiddenHardware(recordings)
  mkdirSync(DATA, { recursive: true })
  for (const file of readdirSync(DATA)) rmSync(join(DATA, file))
  const releases = [...new Set(recordings.map(({ recording }) => recording.version))].sort(byRelease)
  const index: IndexEntry[] = []
  for (const release of releases) {
    const own = recordings.filter(({ recording }) => recording.version === release)
    const kernel = kernelRules(own, hardware)
    writeFileSync(join(DATA, `${release}.json`), dataText(encodeKernel(kernel)))
    const plain = own.filter(isPlain).sort((a, b) => cpuOrder(a.recording.qemu_cpu) - cpuOrder(b.recording.qemu_cpu) || (a.name < b.name ? -1 : 1))
    for (const named of plain) {
      const cpu = named.recording.qemu_cpu
      writeFileSync(join(DATA, `${release}-${cpu}.json`), dataText(encodeHost(hostValues(kernel, named, hardware(cpu)))))
      index.push({ release, cpu, psci: { initial: kernel.psci.initial, accepted: kernel.psci.accepted }, registers: setOf(named.recording, 'psci02')?.n ?? 0 })
    }
  }
  writeFileSync(join(DATA, 'index.json'), `[\n  ${index.map(entry => JSON.stringify(entry)).join(',\n  ')}\n]\n`)
  process.stdout.write(`${index.length} builds of ${releases.length} kernels in src/builds/data\n`)
}

const cpuOrder = (cpu: string): number => (cpu === DEFAULT_CPU ? 0 : 1)

const { values: flags } = parseArgs({
  options: {
    recordings: { type: 'string', default: join(root, '..', 'shared', 'recordings', 'kvm') },
    from: { type: 'string' },
    output: { type: 'string', short: 'o' },
  },
})
if (flags.from === undefined) generate(flags.recordings)
else {
  if (flags.output === undefined) throw new Error('--from needs -o FILE')
  const build = buildFromRecording(readRecording(flags.from))
  writeFileSync(flags.output, encodeBuildFile(build))
  process.stdout.write(`${build.name} in ${flags.output}\n`)
}
