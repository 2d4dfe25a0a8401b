// The probe over a build gives the rows that were recorded of the real kernel, and the build that they come to is that build.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { compareRecordings } from '../../../scripts/fidelity/recording-rows.ts'
import { emulatedAbi } from '../../../src/backends/emulated-abi.ts'
import { encodeHost, encodeKernel } from '../../../src/builds/codec.ts'
import { loadBuild } from '../../../src/builds/load.ts'
import { buildFromProbe } from '../../../src/builds/recorded/from-probe.ts'
import type { Recording } from '../../../src/builds/recorded/recording.ts'
import { normalised } from '../../../src/ops/probe/normalise.ts'
import type { PlainRow } from '../../../src/ops/probe/probe-vm.ts'
import { psciMatrix } from '../../../src/ops/probe/psci.ts'
import { recordHost } from '../../../src/ops/probe/record-host.ts'
import { RECORDINGS, testWithRecordings } from '../../builds/recordings.ts'
import { EMULATED_WAITS, factsOf } from './hosts.ts'

const recorded = (name: string): Recording => JSON.parse(gunzipSync(readFileSync(`${RECORDINGS}${name}.json.gz`)).toString()) as Recording

/** Rules and values as text, without what says where they are from. */
function content(build: Parameters<typeof encodeKernel>[0], host: Parameters<typeof encodeHost>[0]): object {
  const { provenance, inferred, firmware, ...kernel } = encodeKernel(build)
  const { provenance: ofHost, inferred: concluded, ...values } = encodeHost(host)
  return { kernel, firmware: { ...firmware, inferred: [] }, values }
}

testWithRecordings.each([
  ['5.10.223-cortex-a72', 2883],
  ['6.1.192-cortex-a72', 3510],
  ['6.12.117-cortex-a72', 3687],
  ['6.18.15-cortex-a72', 3867],
  ['7.3.4-cortex-a72', 3868],
] as const)('%s: every row as recorded, and the same build comes out', async (name, least) => {
  const recording = recorded(name)
  const build = loadBuild(`linux-${recording.version}/${recording.qemu_cpu}`)
  const mine = await recordHost(emulatedAbi(build), factsOf(recording), { extent: 'registers', waits: EMULATED_WAITS })
  const { compared, differences } = compareRecordings(recording, mine.recording)
  expect(differences).toEqual([])
  expect([...compared.values()].reduce((sum, rows) => sum + rows, 0)).toBeGreaterThanOrEqual(least)
  const made = buildFromProbe(mine.recording, '')
  expect(content(made.kernel, made.host)).toEqual(content(build.kernel, build.host))
})

testWithRecordings('a difference is seen, not passed over', async () => {
  const recording = recorded('6.1.192-cortex-a72')
  const mine = await recordHost(emulatedAbi(loadBuild('linux-6.12')), factsOf(recording), { extent: 'quick', waits: EMULATED_WAITS })
  const { differences } = compareRecordings(recording, mine.recording)
  expect(new Set(differences.map(({ section }) => section))).toEqual(
    new Set(['caps', 'errs', 'regs', 'mpstate', 'timer', 'idvm', 'fwreinit', 'postver', 'fweffect', 'smccc_filter', 'restore', 'impid', 'idregs']),
  )
})

testWithRecordings('the PSCI matrix of a version, its CPU_ON sequences and events, in the recorded order', () => {
  const recording = recorded('6.12.117') as unknown as Record<string, readonly PlainRow[]>
  const context = { host: emulatedAbi(loadBuild('linux-6.12/max')), target: 5, waits: EMULATED_WAITS }
  const found: Record<string, PlainRow[]> = { psci: [], cpu_on: [], event: [] }
  for (const step of psciMatrix.run(context)) {
    if (step?.section === 'psci_feat_suspend_cap') break
    if (step) found[step.section]?.push(normalised(step.section, step.record))
  }
  expect(found.event!.length).toBeGreaterThan(50)
  for (const [section, rows] of Object.entries(found))
    expect(rows, section).toEqual(recording[section]!.filter(row => row.set === 'psci02' && row.ver === '0x2').map(row => normalised(section, row)))
})
