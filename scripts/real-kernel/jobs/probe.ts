// Owns the job that records the real kernel by the probe: a build comes of it, and it agrees with what was recorded of the same kernel before, by other
// code, and with the built-in build of its series.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { encodeBuildFile, parseBuildFile } from '../../../src/builds/build-file.ts'
import { listBuilds } from '../../../src/builds/load.ts'
import type { Recording } from '../../../src/builds/recorded/recording.ts'
import { buildsDiff } from '../../../src/ops/builds.ts'
import { readRecording } from '../../builds/read-recordings.ts'
import { compareRecordings } from '../../fidelity/recording-rows.ts'
import { root } from '../../prepare.mjs'
import { type Check, check, failed, type Host, type Job, notRun, passed, said } from '../job.ts'
import { explainedByModel, modelDifference } from '../qemu-models.ts'
import { probedOf } from './replays.ts'

const BUILD = '/tmp/probed.json'
const RECORDING = '/tmp/recording.json.gz'
const QUICK = '/tmp/quick-probed.json'
const STEP = 'probe'
const AGAIN = 'a quick probe'
const TWICE = 'another quick probe'
const SAME = 'the second gives the same files'
const RECORDINGS = join(root, '..', 'shared', 'recordings', 'kvm')
const MOST_SHOWN = 25

export const probe: Job = {
  name: 'probe',
  steps: (_, { cpu }) => [
    { id: STEP, run: 'cli', argv: ['probe', '-o', BUILD, '--recording', RECORDING, '--cpu', cpu, '--json'], send: [BUILD, RECORDING] },
    // In the same boot, as a host would be recorded again another day.
    { id: AGAIN, run: 'cli', argv: ['probe', '-o', QUICK, '--recording', `${QUICK}.recording`, '--quick', '--cpu', cpu, '--json'], send: [QUICK] },
    { id: TWICE, run: 'cli', argv: ['probe', '-o', `${QUICK}.2`, '--recording', `${QUICK}.recording.2`, '--quick', '--cpu', cpu, '--json'] },
    { id: SAME, run: 'spawn', argv: ['/bin/sh', '-c', `cmp ${QUICK} ${QUICK}.2 && cmp ${QUICK}.recording ${QUICK}.recording.2`], seconds: 30 },
  ],
  async judge({ host, step, file, uname }, shelf) {
    const done = step(STEP)
    if (done === undefined) return []
    const [text, packed] = [file(STEP, BUILD)?.toString('utf8'), file(STEP, RECORDING)]
    if (done.status !== 0 || text === undefined || packed === undefined) return [failed('the host is recorded', said(done))]
    shelf.put(`recordings/${host.name}-${host.cpu}.json.gz`, packed)
    const recording = JSON.parse(gunzipSync(packed).toString('utf8')) as Recording
    const path = shelf.put(probedOf(host), Buffer.from(text))
    const build = await parseBuildFile(text, path)
    const [provenance] = build.host.provenance
    const checks: Check[] = [
      passed('the host is recorded', `${text.length} bytes`),
      check(
        'its build is read as it was written',
        isDeepStrictEqual(JSON.parse(encodeBuildFile(build)), JSON.parse(text)),
        () => 'the file read back is another build',
      ),
      check('it says which kernel', provenance?.unameVersion === uname && (provenance?.tool ?? '') !== '', () => JSON.stringify(provenance)),
      check('no descriptor is left open', done.descriptors[0] >= done.descriptors[1], () => `${done.descriptors[0]} before, ${done.descriptors[1]} after`),
      ...[AGAIN, TWICE, SAME].flatMap(id => {
        const each = step(id)
        return each === undefined ? [] : [check(id, each.status === 0, () => said(each))]
      }),
    ]
    // QEMU's `max` is another CPU in every release of QEMU.
    return host.cpu === 'max' ? checks : [...checks, ...againstRecording(host, recording), await againstBuiltIn(host, recording, path)]
  },
}

/** What other code recorded of the same kernel on the same CPU, section by section. */
function againstRecording(host: Host, recording: Recording): Check[] {
  const name = `${recording.version}${host.cpu === 'max' ? '' : `-${host.cpu}`}`
  const known = join(RECORDINGS, `${name}.json.gz`)
  if (!existsSync(known)) return [notRun('it agrees with an earlier recording', `../shared has no recording ${name}`)]
  const { compared, differences: all } = compareRecordings(readRecording(known).recording, recording)
  // A row that the emulated hardware decides is not the kernel's: it is left out, and counted.
  const differences = all.filter(({ expected, actual }) => explainedByModel(host.cpu, expected, actual) === undefined)
  const excused = (section: string): number => all.filter(each => each.section === section).length
  return [...compared].map(([section, rows]) => {
    const mine = differences.filter(each => each.section === section)
    const shown = mine.slice(0, MOST_SHOWN).map(({ key, expected, actual }) => `${key}: ${JSON.stringify(actual)}, recorded ${JSON.stringify(expected)}`)
    const what = `${section} as recorded of ${name}`
    const left = excused(section) - mine.length
    const note = left === 0 ? '' : `, ${left} of QEMU ${host.qemu}'s model left out`
    return mine.length === 0 ? passed(what, `${rows} rows${note}`) : failed(what, [`${mine.length} of ${rows} rows differ`, ...shown].join('\n'))
  })
}

/** Same release: the built-in build says the same. Another point release: what differs is listed. */
async function againstBuiltIn(host: Host, recording: Recording, built: string): Promise<Check> {
  const series = recording.version.split('.').slice(0, 2).join('.')
  const builtIn = listBuilds().find(each => each.cpu === host.cpu && each.release.startsWith(`${series}.`))
  const name = 'it agrees with the built-in build of its series'
  if (builtIn === undefined) return notRun(name, `there is no built-in build of ${series} on ${host.cpu}`)
  const { registers, defaults: all, rules, guest } = await buildsDiff(builtIn.name, built, ['psci_0_2'])
  const defaults = all.filter(({ id, a, b }) => modelDifference(host.cpu, BigInt(id), BigInt(a), BigInt(b)) === undefined)
  const lines = [
    ...registers.onlyInA.map(row => `${row.name} only in the built-in build`),
    ...registers.onlyInB.map(row => `${row.name} only here`),
    ...defaults.map(row => `${row.name}: ${row.b}, built-in ${row.a}`),
    ...[...rules, ...guest].map(row => `${row.rule}: ${row.b ?? 'nothing'}, built-in ${row.a ?? 'nothing'}`),
  ]
  if (lines.length === 0) return passed(name, builtIn.name)
  const text = `${lines.length} differences from ${builtIn.name}\n${lines.slice(0, MOST_SHOWN).join('\n')}`
  return builtIn.release === recording.version ? failed(name, text) : passed(name, text)
}
