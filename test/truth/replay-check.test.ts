// `check` against recorded replays: a few pairs here, all of them in `npm run fidelity -- --family check`.
import { expect } from 'vitest'
import { compare } from '../../scripts/fidelity/compare.ts'
import { check } from '../../scripts/fidelity/families/check.ts'
import { Hosts } from '../../scripts/fidelity/hosts.ts'
import { sveVlsId } from '../../src/arch/reg-id.ts'
import { deriveBuild } from '../../src/builds/derive.ts'
import { loadBuild } from '../../src/builds/load.ts'
import { featuresOfSet, recordedList } from '../../src/builds/recorded/host.ts'
import { setOf } from '../../src/builds/recorded/recording.ts'
import { registerEntries, registerList } from '../../src/model/register-list.ts'
import { RECORDINGS, testWithRecordings } from '../builds/recordings.ts'

const PAIRS = [
  'replay-5.10.223-cortex-a72-to-6.12.117-cortex-a72',
  'replay-6.1.192-to-5.10.223',
  'replay-6.12.117-to-7.3.4',
  'replay-7.3.4-to-6.12.117',
  'replay-6.12.117-neoverse-n1-to-6.1.192-fam-neoverse-n1',
]

testWithRecordings('the recorded refusals and read-backs are predicted', async () => {
  const hosts = new Hosts([RECORDINGS])
  const names = new Set(hosts.names('replay'))
  const { counts, disagreements } = await compare({ ...bound(hosts), names: kind => (kind === 'replay' ? PAIRS.filter(name => names.has(name)) : []) }, [check])
  expect(disagreements).toEqual([])
  const compared = [...counts.values()].reduce((sum, byFamily) => sum + (byFamily.get('check')?.compared ?? 0), 0)
  expect(compared).toBeGreaterThan(100)
})

testWithRecordings('and with a target derived from one list as QEMU saves it, sorted and without vector lengths', async () => {
  const hosts = new Hosts([RECORDINGS])
  const target: Hosts['targetOf'] = ({ version, qemu_cpu: cpu }) => {
    const set = setOf(hosts.recording(cpu === 'max' ? version : `${version}-${cpu}`)!.recording, 'all')!
    const sorted = [...registerEntries(recordedList(set))].filter(([id]) => id !== sveVlsId).sort(([a], [b]) => (a < b ? -1 : 1))
    const lists = [{ features: featuresOfSet(set), registers: registerList(sorted) }]
    // Rules as another CPU's recording gave them.
    return deriveBuild({ kernel: loadBuild(`linux-${version}/neoverse-n1`), lists, name: 'derived', provenance: [] })
  }
  const names = ['replay-6.12.117-to-7.3.4', 'replay-7.3.4-to-6.12.117']
  const { counts, disagreements } = await compare({ ...bound(hosts), targetOf: target, names: kind => (kind === 'replay' ? names : []) }, [check])
  expect(disagreements).toEqual([])
  expect([...counts.values()].flatMap(byFamily => byFamily.get('check')?.agreeing ?? 0).every(count => count > 30)).toBe(true)
})

const bound = (hosts: Hosts): Pick<Hosts, 'recording' | 'replay' | 'buildOf' | 'targetOf'> => ({
  recording: name => hosts.recording(name),
  replay: name => hosts.replay(name),
  buildOf: named => hosts.buildOf(named),
  targetOf: replay => hosts.targetOf(replay),
})
