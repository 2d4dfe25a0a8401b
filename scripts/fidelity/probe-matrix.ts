// `npm run fidelity -- --probe`: every recorded host that has a built-in build, probed through KVM's verbs over that build. Each row is compared with the
// recording, and the build that comes out with the one that went in. Exit status 3 on any difference, 10 when there are no recordings.
import { emulatedAbi } from '../../src/backends/emulated-abi.ts'
import { encodeHost, encodeKernel } from '../../src/builds/codec.ts'
import { findBuild } from '../../src/builds/load.ts'
import { buildFromProbe } from '../../src/builds/recorded/from-probe.ts'
import type { NamedRecording } from '../../src/builds/recorded/recording.ts'
import { recordHost } from '../../src/ops/probe/record-host.ts'
import type { Hosts } from './hosts.ts'
import { compareRecordings, type RowDifference } from './recording-rows.ts'

/** Milliseconds are instructions there: nothing that returns needs more. */
const WAITS = { call: 25, block: 5, off: 5 }

/** Prints a line a host; the number of hosts that agree in everything and of those that do not. */
export async function probeMatrix(
  hosts: Hosts,
  wanted: (named: NamedRecording) => boolean,
  show: number,
): Promise<{ readonly rows: number; readonly failed: number }> {
  let [rows, failed] = [0, 0]
  for (const name of hosts.names('recording')) {
    const named = hosts.recording(name)!
    const { recording } = named
    if (!recording.complete || recording.append.trim() !== '' || !wanted(named)) continue
    const build = findBuild(`linux-${recording.version}/${recording.qemu_cpu}`)
    const isOf = build?.host.provenance.some(each => each.recording === name)
    if (!build || !isOf) continue
    const facts = { unameRelease: recording.uname_r, unameVersion: recording.uname_v, commandLine: '', vulnerabilities: recording.meta.sysfs, signature: '' }
    const extent = (recording.psci ?? []).length > 0 ? 'full' : 'registers'
    const probed = await recordHost(emulatedAbi(build), facts, { extent, waits: WAITS })
    const { compared, differences } = compareRecordings(recording, probed.recording)
    const made = buildFromProbe(probed.recording, '')
    const isSame = contentOf(made) === contentOf(build)
    const count = [...compared.values()].reduce((sum, each) => sum + each, 0)
    rows += count - differences.length
    failed += differences.length + (isSame ? 0 : 1)
    process.stdout.write(
      `${name.padEnd(24)} ${extent.padEnd(10)} ${String(count).padStart(6)} rows ${String(differences.length).padStart(4)} differ, ${isSame ? 'the same build' : 'ANOTHER BUILD'}\n`,
    )
    for (const each of differences.slice(0, show)) process.stdout.write(`  ${line(each)}\n`)
  }
  return { rows, failed }
}

const line = ({ section, key, expected, actual }: RowDifference): string =>
  `${section} ${key}: recorded ${JSON.stringify(expected)}, probed ${JSON.stringify(actual)}`

/** Rules and values as text, without what says where they are from. */
function contentOf({ kernel, host }: ReturnType<typeof buildFromProbe>): string {
  const { provenance, inferred, firmware, ...rules } = encodeKernel(kernel)
  const { provenance: ofHost, inferred: concluded, ...values } = encodeHost(host)
  return JSON.stringify([rules, { ...firmware, inferred: [] }, values])
}
