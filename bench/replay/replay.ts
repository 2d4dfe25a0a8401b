// Measures replays: one 8-vCPU snapshot replayed and judged, and two-vCPU replays per second, in one process without a guest run. Beside each
// figure stands the limit that the project promises, and what a plain copy of the same registers costs in the same run.
import { performance } from 'node:perf_hooks'
import { registerEntries, registerList } from '../../src/model/register-list.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import { restoreSnapshot } from '../../src/ops/restore.ts'
import { saveSnapshot } from '../../src/ops/save.ts'
import { resolveBuild } from '../../src/ops/target.ts'
import { table } from '../../src/render/table.ts'
import { type Figure, figureCells } from '../figure.ts'

const RUNS = 50
const SECONDS = 3

const target = await resolveBuild('linux-7.3')
const replay = async (snapshot: Snapshot): Promise<number> => {
  const start = performance.now()
  await restoreSnapshot(snapshot, target, { run: false })
  return performance.now() - start
}
const eight = (await saveSnapshot({ build: 'linux-6.1', vcpus: 8 })).snapshot
const two = (await saveSnapshot({ build: 'linux-6.1', vcpus: 2 })).snapshot
const first = await replay(eight)
const times: number[] = []
for (let n = 0; n < RUNS; n++) times.push(await replay(eight))
const median = times.sort((a, b) => a - b)[RUNS >> 1]!

/** Rebuilding the two register lists, value by value: the least that touching every register can cost. */
const copies = await perSecond(async () => {
  for (const { registers } of two.vcpus) registerList(registerEntries(registers))
})
const replays = await perSecond(() => replay(two))
const figures: readonly Figure[] = [
  { name: '8 vCPUs, the first in the process', value: first, unit: 'ms', limit: 60, better: 'less' },
  { name: `8 vCPUs, median of ${RUNS}`, value: median, unit: 'ms', limit: 60, better: 'less' },
  { name: '2 vCPUs', value: replays, unit: '/s', limit: 500, better: 'more', peer: { name: 'copies of the same lists', value: copies } },
]
console.log(
  table([{ head: 'replay and verdict' }, { head: 'figure', align: 'right' }, { head: 'limit' }, { head: 'ratio' }], figures.map(figureCells)).join('\n'),
)

async function perSecond(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  let done = 0
  for (; performance.now() - start < SECONDS * 1000; done++) await work()
  return done / ((performance.now() - start) / 1000)
}
