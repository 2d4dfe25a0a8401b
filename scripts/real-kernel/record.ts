// `scripts/record.sh`: boots one kernel package as a KVM host under QEMU, runs the probe there, and writes the build that comes of it. What the probe
// cannot know of the host it ran on (the package, the emulator) is added to its provenance here.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { encodeBuildFile } from '../../src/builds/build-file.ts'
import { buildFromProbe } from '../../src/builds/recorded/from-probe.ts'
import type { Recording } from '../../src/builds/recorded/recording.ts'
import { recordingText } from '../../src/ops/probe/record-host.ts'
import { root } from '../prepare.mjs'
import { boot, qemuVersion } from './boot.ts'
import { bundleGuest } from './bundle.ts'
import { ArmPackages, findFile } from './fetch.ts'
import { baseTree, packInitramfs } from './initramfs.ts'
import { readPackages } from './packages.ts'
import type { Frame, Plan } from './plan.ts'
import { resultsOf } from './run-boot.ts'

const USAGE = `usage: scripts/record.sh KERNEL-PACKAGE[=VERSION] [SUITE] [CPU] -o BUILD.json [options]

Boots a Debian kernel package for arm64 as a KVM host under qemu-system-aarch64, probes it, and writes what it offers as a build file.
Needs Node, apt with the Debian keyring, qemu-system-aarch64 and cpio; no root, no arm64, no /dev/kvm. Takes a few minutes.

  KERNEL-PACKAGE       linux-image-… (up to 6.18) or linux-binary-… (from 6.19), as the archive names it
  SUITE                bookworm, trixie-backports, …; by default all that scripts/real-kernel/packages.json names
  CPU                  a QEMU CPU with EL2: cortex-a72 (default), neoverse-n1, max, …
  -o, --output FILE    build file
  --recording FILE     every answer of the kernel as well, .json or .json.gz
  --append OPTIONS     more for the kernel's command line, such as kvm-arm.mode=nested
  --name NAME          of the build; by default by release and CPU
  --seconds N          how long the boot may take (600)
  --force              replace existing files
`
/** QEMU's virt machine starts a kernel at EL2 and answers its PSCI calls itself: there is no EL3. */
const HOST_FIRMWARE = "none at EL3; QEMU's own PSCI"
const STEP = 'probe'
const RECORDING = '/tmp/recording.json'
const TAIL = 4000

class Usage extends Error {}

interface Wanted {
  readonly package: string
  readonly version: string | undefined
  readonly suites: readonly string[]
  readonly cpu: string
  readonly output: string
  readonly recording: string | undefined
  readonly append: string
  readonly name: string | undefined
  readonly seconds: number
  readonly cache: string
}

/** Throws Usage with what is wrong. */
function parse(argv: readonly string[]): Wanted | 'help' {
  const options = {
    output: { type: 'string', short: 'o' },
    recording: { type: 'string' },
    append: { type: 'string', default: '' },
    name: { type: 'string' },
    seconds: { type: 'string', default: '600' },
    cache: { type: 'string', default: join(root, 'dist/.cache') },
    force: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const
  const { values, positionals } = asked(() => parseArgs({ args: [...argv], options, allowPositionals: true }))
  if (values.help) return 'help'
  const [kernel = '', suite, cpu = 'cortex-a72', ...more] = positionals
  const [name = '', version] = kernel.split('=')
  if (!/^linux-(image|binary)-[a-z0-9][a-z0-9.+~-]*$/.test(name))
    throw new Usage(kernel === '' ? 'no kernel package is named' : `${name} is no kernel package's name`)
  if (more.length > 0) throw new Usage(`too many words: ${more.join(' ')}`)
  if (suite !== undefined && !/^[a-z][a-z-]*$/.test(suite)) throw new Usage(`${suite} is no suite's name`)
  if (!/^[a-z][a-z0-9-]*$/.test(cpu)) throw new Usage(`${cpu} is no QEMU CPU's name`)
  if (values.output === undefined) throw new Usage('-o BUILD.json is missing')
  if (!/^[1-9]\d{0,4}$/.test(values.seconds)) throw new Usage(`--seconds ${values.seconds} is no number of seconds`)
  for (const file of [values.output, values.recording])
    if (file !== undefined && existsSync(file) && !values.force) throw new Usage(`${file} is there already: --force replaces it`)
  const suites = suite === undefined ? readPackages().kernels.map(row => row.suite) : [suite]
  const { output, recording, append, name: called, seconds, cache } = values
  return { package: name, version, suites, cpu, output, recording, append, name: called, seconds: Number(seconds), cache: resolve(cache) }
}

function asked<T>(ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    throw new Usage(error instanceof Error ? error.message : String(error))
  }
}

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
      { 'work/main.mjs': join(folder, 'main.mjs'), 'work/data': join(folder, 'data'), 'work/plan.json': join(folder, 'plan.json') },
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
  const wanted = parse(process.argv.slice(2))
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
