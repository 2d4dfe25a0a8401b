// Owns the figures of a replay: one 8-vCPU snapshot replayed and judged, and two-vCPU replays per second, both in one process without a guest run.
// The limit printed beside each is the one that the project promises.
import { performance } from 'node:perf_hooks'
import { restoreSnapshot } from '../../src/ops/restore.ts'
import { saveSnapshot } from '../../src/ops/save.ts'
import { resolveBuild } from '../../src/ops/target.ts'
import type { Figure } from '../figure.ts'

/** Runs for a few seconds. */
export async function replayFigures(): Promise<readonly Figure[]> {
  const target = await resolveBuild('linux-7.3')
  const eight = (await saveSnapshot({ build: 'linux-6.1', vcpus: 8 })).snapshot
  const two = (await saveSnapshot({ build: 'linux-6.1', vcpus: 2 })).snapshot
  const replay = async (snapshot: typeof eight): Promise<number> => {
    const start = performance.now()
    await restoreSnapshot(snapshot, target, { run: false })
    return performance.now() - start
  }
  const first = await replay(eight)
  for (let n = 0; n < 20; n++) await replay(eight)
  const times = []
  for (let n = 0; n < 50; n++) times.push(await replay(eight))
  times.sort((a, b) => a - b)
  const median = times[25]!
  const start = performance.now()
  let replays = 0
  for (; performance.now() - start < 2000; replays++) await replay(two)
  const perSecond = replays / ((performance.now() - start) / 1000)
  return [
    { name: '8 vCPUs, replay and verdict, first in the process', value: first, unit: 'ms', limit: 60, better: 'less' },
    { name: '8 vCPUs, replay and verdict, median of 50', value: median, unit: 'ms', limit: 60, better: 'less' },
    { name: '2 vCPUs, replays and verdicts', value: perSecond, unit: '/s', limit: 500, better: 'more' },
  ]
}
