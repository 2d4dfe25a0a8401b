// Holds decoder and disassembler against GNU objdump: `npx tsx scripts/conformance-decode.ts [--words N] [--seed S]`. Exit status 1 on any mismatch or stale excuse.
import { parseArgs } from 'node:util'
import { ROWS } from '../src/emulator/cpu/decode/table.ts'
import { createComparison } from './conformance/compare.ts'
import { KNOWN_DIFFERENCES } from './conformance/known-differences.ts'
import { objdumpVersion } from './conformance/objdump.ts'
import { exhaustive, randomWords, selectors } from './conformance/words.ts'

/** The release that the list of known differences is exact for. */
const REVIEWED = '2.40'
const BATCH = 250_000
/** Two places to stand at: PC-relative operands wrap below zero at the first, and carry into the upper half at the second. */
const ADDRESSES = [0n, 0xffff_8000_7fff_f000n]

const { values } = parseArgs({ options: { words: { type: 'string', default: '2000000' }, seed: { type: 'string', default: '1' } } })
const [count, seed] = [Number(values.words), Number(values.seed)]
if (!Number.isSafeInteger(count) || count < 0 || !Number.isSafeInteger(seed)) {
  console.error('--words and --seed are whole numbers')
  process.exit(2)
}
const version = objdumpVersion()
if (version === undefined) {
  console.error('aarch64-linux-gnu-objdump is not installed: nothing compared')
  process.exit(2)
}
const begin = process.cpuUsage()
const comparison = createComparison()
let batch: number[] = []
let batches = 0
const flush = (): void => {
  comparison.add(Uint32Array.from(batch), ADDRESSES[batches++ % ADDRESSES.length] ?? 0n)
  batch = []
}
for (const words of [exhaustive(), selectors(seed), randomWords(count, seed)]) {
  for (const word of words) if (batch.push(word) === BATCH) flush()
}
if (batch.length > 0) flush()

const { groups, rows, known, examples } = comparison.tally()
const columns = ['words', 'implemented', 'notImplemented', 'reserved', 'undefined', 'known', 'mismatches'] as const
const total = Object.fromEntries(columns.map(column => [column, 0])) as Record<(typeof columns)[number], number>
const line = (name: string, cells: readonly (string | number)[]) => console.log(name.padEnd(30) + cells.map(cell => String(cell).padStart(16)).join(''))
line(`objdump ${version}`, ['words', 'same text', 'not implemented', 'reserved there', 'undefined', 'known difference', 'mismatch'])
for (const [name, counts] of groups) {
  for (const column of columns) total[column] += counts[column]
  line(
    name,
    columns.map(column => counts[column]),
  )
}
line(
  'all',
  columns.map(column => total[column]),
)

for (const { reason, keys } of KNOWN_DIFFERENCES) {
  const times = keys.reduce((sum, key) => sum + (known.get(key) ?? 0), 0)
  console.log(`known difference, ${times} times${keys.length > 1 ? ` (${keys.length} names)` : `: ${keys[0]}`}: ${reason}`)
}
const stale = KNOWN_DIFFERENCES.flatMap(({ keys }) => keys).filter(key => !known.has(key))
const untried = ROWS.map(([name]) => name).filter(name => !rows.has(name))
for (const { word, aliases, row, ours, theirs } of examples) {
  console.log(
    `mismatch: ${word.toString(16).padStart(8, '0')} ${row?.name ?? 'no row'}, ${aliases ? 'aliases' : 'no aliases'}: ours "${ours ?? 'undefined'}", objdump "${theirs ?? 'undefined'}"`,
  )
}
if (untried.length > 0) console.log(`rows that no word reached: ${untried.join(', ')}`)
if (stale.length > 0)
  console.log(
    `known differences that explained nothing${version === REVIEWED ? '' : ` (reviewed for objdump ${REVIEWED}, so not counted)`}: ${stale.join(', ')}`,
  )
const { user, system } = process.cpuUsage(begin)
console.log(`${((user + system) / 1e6).toFixed(1)} s of CPU time, without objdump's`)
if (total.mismatches > 0 || untried.length > 0 || (stale.length > 0 && version === REVIEWED)) process.exitCode = 1
