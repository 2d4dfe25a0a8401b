// The driver itself: what it counts, and that an excuse which excuses nothing is reported.
import { expect, test } from 'vitest'
import { compare } from '../../scripts/fidelity/compare.ts'
import type { Family, Row } from '../../scripts/fidelity/family.ts'
import { loadBuild } from '../../src/builds/load.ts'
import type { NamedRecording } from '../../src/builds/recorded/recording.ts'

const hosts = {
  names: (kind: 'recording' | 'replay') => (kind === 'recording' ? ['1.2.3'] : []),
  recording: () => ({ name: '1.2.3', sha256: '', recording: { version: '1.2.3' } }) as unknown as NamedRecording,
  replay: () => {
    throw new Error('there are no replays')
  },
  buildOf: () => loadBuild('linux-6.12'),
  targetOf: () => undefined,
}
const rows: readonly Row[] = [
  { key: 'same', expected: { a: [1, '0x2'], b: undefined }, actual: { a: [1, '0x2'] } },
  { key: 'other', expected: 1, actual: 2 },
  { key: 'counter', expected: 1, actual: 2, notComparable: 'running counter' },
]
const family = (run: Family['run']): Family => ({ name: 'f', kind: 'recording', run }) as Family
const excuse = (key: string) => ({ recording: '1.2.3', family: 'f', key, reason: 'test' })

test('rows agree, disagree, or cannot be compared', async () => {
  const { counts, disagreements } = await compare(hosts, [family(() => rows)], {}, [])
  expect(counts.get('1.2.3')?.get('f')).toEqual({ compared: 2, agreeing: 1, notComparable: 1, excluded: 0 })
  expect(disagreements.map(each => each.key)).toEqual(['other'])
})

test('an excuse takes its row out; one that excuses nothing is stale', async () => {
  const { counts, disagreements, stale } = await compare(hosts, [family(() => rows)], {}, [excuse('other'), excuse('same'), excuse('gone')])
  expect(counts.get('1.2.3')?.get('f')).toEqual({ compared: 1, agreeing: 1, notComparable: 1, excluded: 1 })
  expect([disagreements, stale]).toEqual([[], ['1.2.3|f|same', '1.2.3|f|gone']])
})

test('a family that throws disagrees, and those after it still run', async () => {
  const crash = family(function* () {
    yield rows[0]!
    throw new Error('boom')
  } as Family['run'])
  const { disagreements, counts } = await compare(hosts, [crash, { ...family(() => rows), name: 'g' } as Family], {}, [])
  expect(disagreements.map(each => `${each.family} ${each.key}`)).toEqual(['f drive', 'g other'])
  expect(counts.get('1.2.3')?.size).toBe(2)
})
