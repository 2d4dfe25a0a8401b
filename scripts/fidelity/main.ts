// `npm run fidelity`: drives the emulator with everything that real kernels were recorded doing, prints rows compared, agreeing and
// excluded by kernel and family. Exit status 3 on any disagreement, stale excuse, or too many excuses; 10 when there are no recordings.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Comparison, type Count, compare, type Disagreement } from './compare.ts'
import { EXCLUSIONS } from './exclusions.ts'
import { FAMILIES } from './families.ts'
import { Hosts } from './hosts.ts'
import { probeMatrix } from './probe-matrix.ts'

const MOST_EXCLUDED = 0.005
const shared = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'shared', 'recordings', 'kvm')

const { values: flags } = parseArgs({
  options: {
    recordings: { type: 'string', multiple: true, default: [] },
    kernel: { type: 'string' },
    family: { type: 'string', multiple: true },
    match: { type: 'string' },
    // Derive kernel rules from the recordings on this QEMU CPU only.
    'rules-from': { type: 'string' },
    show: { type: 'string', default: '20' },
    // Probe every built-in host through KVM's verbs instead, and compare whole recordings.
    probe: { type: 'boolean', default: false },
  },
})

// Further folders add to the shared one: a replay's source may be there.
const folders = [...(existsSync(shared) ? [shared] : []), ...flags.recordings]
if (folders.length === 0) {
  process.stdout.write('no recordings: ../shared/recordings/kvm is absent and no --recordings DIR was given\n')
  process.exit(10)
}
if (flags.probe) {
  const wanted = ({ name, recording }: { readonly name: string; readonly recording: { readonly version: string } }): boolean =>
    (flags.kernel === undefined || recording.version === flags.kernel) && name.includes(flags.match ?? '')
  const { rows, failed } = await probeMatrix(new Hosts(folders), wanted, Number(flags.show))
  process.stdout.write(`${rows} passed, ${failed} failed\n`)
  process.exit(failed > 0 || rows === 0 ? 3 : 0)
}
const families = flags.family ? FAMILIES.filter(family => flags.family!.includes(family.name)) : FAMILIES
const { match } = flags
const cpu = flags['rules-from']
const hosts = new Hosts(folders, cpu === undefined ? undefined : ({ recording }) => recording.qemu_cpu === cpu && recording.append.trim() === '')
const result = await compare(hosts, families, { kernel: flags.kernel, name: match === undefined ? undefined : name => name.includes(match) })
print(result)
const tooMany = overLimit(result)
for (const line of tooMany) process.stdout.write(`${line}\n`)
const failed = result.disagreements.length + result.stale.length + tooMany.length
const passed = total([...result.counts.values()].flatMap(byFamily => [...byFamily.values()])).agreeing
// Nothing compared is no agreement: a wrong --kernel or --match must not look like success.
process.exitCode = failed > 0 || passed === 0 ? 3 : 0
process.stdout.write(`${passed} passed, ${failed} failed\n`)

function total(counts: Iterable<Count>): Count {
  const sum: Count = { compared: 0, agreeing: 0, notComparable: 0, excluded: 0 }
  for (const count of counts) for (const key of ['compared', 'agreeing', 'notComparable', 'excluded'] as const) sum[key] += count[key]
  return sum
}

function print({ counts, disagreements, stale, skipped }: Comparison): void {
  const out: string[] = []
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i < 2 ? cell.padEnd(i === 0 ? 10 : 16) : cell.padStart(i === 4 ? 15 : 10))).join(' ')
  const cells = (kernel: string, family: string, count: Count): string =>
    row([kernel, family, String(count.compared), String(count.agreeing), String(count.notComparable), String(count.excluded)])
  out.push(row(['kernel', 'family', 'compared', 'agreeing', 'not comparable', 'excluded']))
  for (const [kernel, byFamily] of counts) for (const [family, count] of byFamily) out.push(cells(kernel, family, count))
  for (const family of families) out.push(cells('all', family.name, total([...counts.values()].flatMap(byFamily => byFamily.get(family.name) ?? []))))
  out.push(cells('all', 'all', total([...counts.values()].flatMap(byFamily => [...byFamily.values()]))))
  for (const line of skipped) out.push(`not driven: ${line}`)
  for (const each of EXCLUSIONS) out.push(`excluded: ${each.recording} ${each.family} ${each.key}: ${each.reason}`)
  for (const line of stale) out.push(`stale exclusion: ${line}`)
  if (disagreements.length > 0) out.push(`${disagreements.length} rows disagree`, ...grouped(disagreements).slice(0, Number(flags.show)))
  process.stdout.write(`${out.join('\n')}\n`)
}

/** Disagreements that look alike together, most frequent first. */
function grouped(disagreements: readonly Disagreement[]): string[] {
  const groups = new Map<string, Disagreement[]>()
  for (const each of disagreements) {
    const like =
      `${each.family} ${each.key.replace(/ vcpu\d/, '').replace(/ via \d/, '')} expected ${JSON.stringify(each.expected)} actual ${JSON.stringify(each.actual)}`.slice(
        0,
        400,
      )
    groups.set(like, [...(groups.get(like) ?? []), each])
  }
  return [...groups]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([like, each]) => `${each.length} × ${like} [${[...new Set(each.map(d => d.recording))].slice(0, 4).join(' ')}]`)
}

function overLimit({ counts }: Comparison): string[] {
  return families.flatMap(family => {
    const sum = total([...counts.values()].flatMap(byFamily => byFamily.get(family.name) ?? []))
    const share = sum.excluded / Math.max(1, sum.compared + sum.excluded)
    return share > MOST_EXCLUDED ? [`too many exclusions in ${family.name}: ${sum.excluded}`] : []
  })
}
