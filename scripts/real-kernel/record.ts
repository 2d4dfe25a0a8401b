// `scripts/record.sh`: boots one kernel package as a KVM host under QEMU, runs the probe there, and writes the build that comes of it. What the probe
// cannot know of the host it ran on (the package, the emulator) is added to its provenance here.
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { encodeBuildFile } from '../../src/builds/build-file.ts'
import { buildFromProbe } from '../../src/builds/recorded/from-probe.ts'
import type { Recording } from '../../src/builds/recorded/recording.ts'
import { recordingText } from '../../src/ops/probe/record-host.ts'
import { boot, qemuVersion } from './boot.ts'
import { bundleGuest } from './bundle.ts'
import { ArmPackages, findFile } from './fetch.ts'
import { baseTree, packInitramfs } from './initramfs.ts'
import { readPackages } from './packages.ts'
import type { Frame, Plan } from './plan.ts'
import { parseRecordArguments, USAGE, Usage, type Wanted } from './record-arguments.ts'
import { resultsOf } from './run-boot.ts'

/** QEMU's virt machine starts a kernel at EL2 and answers its PSCI calls itself: there is no EL3. */
const HOST_FIRMWARE = "none at EL3; QEMU's own PSCI"
const STEP = 'probe'
const RECORDING = '/tmp/recording.json'
const TAIL = 4000

async function record(wanted: Wanted, folder: string, signal: AbortSignal): Promise<string> {
  const qemu = qemuVersion()
  if (qemu === undefined) throw new Error('there is no qemu-system-aarch64 here: install qemu-system-arm')
  const { cache, cpu, append } = wanted
  mkdirSync(cache, { recursive: true })
  const packages = readPackages()
  const apt = new ArmPackages(cache, [...wanted.suites, ...packages.userland.map(({ suite }) => suite)])
  process.stderr.write(`fetching ${wanted.package}\n`)
  const unpacked = apt.unpack(wanted.package, wanted.version)
  if (unpacked === undefined)
    throw new Error(`${wanted.package}${wanted.version ? ` ${wanted.version}` : ''} is not in ${[...new Set(wanted.suites)].join(', ')}`)
  const image = findFile(unpacked.folder, /^vmlinu[xz]/)
  if (image === undefined) throw new Error(`${wanted.package} ${unpacked.version} holds no kernel (from 6.19 on it is in linux-binary-…)`)
  signal.throwIfAborted()
  const tree = baseTree(apt, cache, packages)
  try {
    await bundleGuest(folder)
    const argv = ['probe', '--recording', RECORDING, '--cpu', cpu, '--json']
    const plan: Plan = { steps: [{ id: STEP, run: 'cli', argv, send: [RECORDING] }] }
    writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan))
    const initramfs = join(folder, 'initramfs')
    packInitramfs(
      tree,
      { 'program/main.mjs': join(folder, 'main.mjs'), 'program/data': join(folder, 'data'), 'program/plan.json': join(folder, 'plan.json') },
      initramfs,
    )
    process.stderr.write(`booting ${wanted.package} ${unpacked.version} on QEMU ${qemu}, -cpu ${cpu}\n`)
    const booted = await boot({ kernel: image, initramfs, cpu, append, serial: join(folder, 'serial'), seconds: wanted.seconds, signal })
    const results = resultsOf({ name: '', package: wanted.package, version: unpacked.version, cpu, qemu }, booted.frames as readonly Frame[])
    const step = results.step(STEP)
    const text = results.file(STEP, RECORDING)?.toString('utf8')
    if (step?.status !== 0 || text === undefined || booted.damage.length > 0) {
      const why = booted.timedOut ? [`it was not over after ${wanted.seconds} s (--seconds)`] : []
      const said = [...why, booted.complaint, ...booted.damage, step?.stderr ?? '', step?.stdout ?? '', booted.tail].filter(line => line !== '')
      throw new Error(`the kernel gave no recording:\n${said.join('\n').slice(-TAIL)}`)
    }
    write(wanted, {
      ...(JSON.parse(text) as Recording),
      package: `${wanted.package} ${unpacked.version}`,
      append,
      emulator: `QEMU ${qemu} (TCG)`,
      hostFirmware: HOST_FIRMWARE,
    })
    return `${results.release}, ${booted.wallSeconds.toFixed(0)} s`
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

function write({ output, recording: recordingFile, name }: Wanted, recording: Recording): void {
  const text = recordingText(recording)
  const build = buildFromProbe(recording, createHash('sha256').update(text).digest('hex'), name)
  if (recordingFile !== undefined) writeFileSync(recordingFile, recordingFile.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text)
  writeFileSync(output, encodeBuildFile(build))
  process.stderr.write(`${build.name} in ${output}${recordingFile === undefined ? '' : `, recording in ${recordingFile}`}\n`)
}

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => interruption.abort())
try {
  const wanted = parseRecordArguments(process.argv.slice(2))
  if (wanted === 'help') process.stdout.write(USAGE)
  else {
    const folder = mkdtempSync(join(tmpdir(), 'psci-snap-record-'))
    try {
      process.stderr.write(`recorded ${await record(wanted, folder, interruption.signal)}\n`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
} catch (error) {
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(error instanceof Usage ? `record.sh: ${message}\n\n${USAGE}` : interruption.signal.aborted ? '' : `record.sh: ${message}\n`)
  process.exitCode = error instanceof Usage ? 2 : interruption.signal.aborted ? 130 : 10
}
