// Owns what the built-in builds are made of: one file a kernel, one a kernel and CPU, and the index, as values. Writes nothing.
import { DEFAULT_CPU } from '../../src/builds/build.ts'
import { encodeHost, encodeKernel } from '../../src/builds/codec.ts'
import type { IndexEntry } from '../../src/builds/data-files.ts'
import { hiddenHardware, hostValues } from '../../src/builds/recorded/host.ts'
import { kernelRules } from '../../src/builds/recorded/kernel.ts'
import { type NamedRecording, setOf } from '../../src/builds/recorded/recording.ts'
import { readRecordings } from './read-recordings.ts'

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

/** A file of src/builds/data: its name and its text, or the value that `dataText` prints. */
export interface GeneratedFile {
  readonly name: string
  readonly content: string | object
}

/** Every file of the built-in data, from the complete recordings of a folder; `wanted` limits them by name. */
export function generated(folder: string, wanted?: (name: string) => boolean): readonly GeneratedFile[] {
  const recordings = readRecordings(folder, wanted).filter(({ recording }) => recording.complete)
  const hardware = hiddenHardware(recordings)
  const releases = [...new Set(recordings.map(({ recording }) => recording.version))].sort(byRelease)
  const index: IndexEntry[] = []
  const files: GeneratedFile[] = []
  for (const release of releases) {
    const own = recordings.filter(({ recording }) => recording.version === release)
    const kernel = kernelRules(own, hardware)
    files.push({ name: `${release}.json`, content: encodeKernel(kernel) })
    const plain = own.filter(isPlain).sort((a, b) => cpuOrder(a.recording.qemu_cpu) - cpuOrder(b.recording.qemu_cpu) || (a.name < b.name ? -1 : 1))
    for (const named of plain) {
      const cpu = named.recording.qemu_cpu
      files.push({ name: `${release}-${cpu}.json`, content: encodeHost(hostValues(kernel, named, hardware(cpu))) })
      index.push({ release, cpu, psci: { initial: kernel.psci.initial, accepted: kernel.psci.accepted }, registers: setOf(named.recording, 'psci02')?.n ?? 0 })
    }
  }
  const listing = `[\n  ${index.map(entry => JSON.stringify(entry)).join(',\n  ')}\n]\n`
  return [...files, { name: 'index.json', content: listing }]
}

const cpuOrder = (cpu: string): number => (cpu === DEFAULT_CPU ? 0 : 1)
