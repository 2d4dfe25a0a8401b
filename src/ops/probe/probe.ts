// Owns `probe`: record the host, make a build of the recording, write both, say how the host differs from a known one. Prints nothing.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Feature } from '../../arch/features.ts'
import type { AbiHost } from '../../backends/kvm-abi.ts'
import type { Build } from '../../builds/build.ts'
import { encodeBuildFile, parseBuildFile } from '../../builds/build-file.ts'
import { showBuild } from '../../builds/describe.ts'
import type { Provenance } from '../../builds/kernel-rules.ts'
import { buildFromProbe } from '../../builds/recorded/from-probe.ts'
import type { Recording } from '../../builds/recorded/recording.ts'
import { ERROR_CODES, SnapError } from '../../errors.ts'
import { writeFileAtomically } from '../../formats/output/atomic-file.ts'
import type { Sink } from '../../formats/output/sink.ts'
import { type BuildsDiffReport, compareBuilds } from '../builds.ts'
import { resolveBuild } from '../target.ts'
import type { Work } from '../work.ts'
import { type HostFacts, readHostFacts } from './host-facts.ts'
import { recordHost, recordingText } from './record-host.ts'
import { redacted } from './redact.ts'
import type { Extent } from './section.ts'

export interface ProbeOptions extends Work {
  /** Build file to write. */
  readonly output?: string
  /** Recording to write, gzipped when its name ends in `.gz`. */
  readonly recording?: string
  /** A build, alias or build file that the host is compared with. */
  readonly compare?: string
  /** vCPU features of the fresh vCPUs that are compared; default PSCI 0.2. */
  readonly features?: readonly Feature[]
  /** Lists and firmware registers only. */
  readonly quick?: boolean
  readonly redact?: boolean
  readonly device?: string
  /** Name of the build. */
  readonly name?: string
  /** Name of the CPU, where MIDR_EL1 does not give the one that is wanted. */
  readonly cpu?: string
  /** Replace existing files. */
  readonly overwrite?: boolean
  /** For tests: what stands for /dev/kvm, and for what the host says of itself. */
  readonly openHost?: () => Promise<AbiHost>
  readonly hostFacts?: () => HostFacts
}

export interface ProbeReport {
  readonly name: string
  readonly extent: Extent
  /** Upstream release, and `uname -r`. */
  readonly kernel: string
  readonly uname: string
  readonly cpu: string
  readonly psci: { readonly default: string; readonly accepted: readonly string[] }
  /** Beside the core registers, of a vCPU with PSCI 0.2. */
  readonly registers: number
  /** Records of the recording. */
  readonly records: number
  readonly file?: string
  readonly recording?: string
  readonly provenance: readonly Provenance[]
  /** What was concluded, not recorded. */
  readonly inferred: readonly string[]
  /** `a` is the build that was named, `b` this host. */
  readonly comparison?: BuildsDiffReport
}

/**
 * Throws BACKEND_ABSENT without a KVM host, KERNEL_REFUSED when it makes no VM, BUILD_UNKNOWN, CANNOT_WRITE, OUTPUT_EXISTS, and the signal's reason; nothing
 * is written then and no VM is left.
 */
export async function probe(options: ProbeOptions): Promise<ProbeReport> {
  const { output, recording: recordingFile, compare, overwrite = false, signal } = options
  if (output === undefined && recordingFile === undefined && compare === undefined)
    throw new SnapError('USAGE', 'nothing is to be done with what the probe finds', {}, { hint: 'name a build file with -o FILE, or a build with --compare' })
  const known = compare === undefined ? undefined : await resolveBuild(compare)
  const to = { force: overwrite, ...(signal ? { signal } : {}) }
  // The files are begun before the work, so that what cannot be written is known at once, and take their names after it.
  return into(output, to, build => into(recordingFile, to, recording => run(options, known, { build, recording })))
}

const into = <T>(file: string | undefined, options: { readonly force: boolean; readonly signal?: AbortSignal }, use: (sink: Sink | undefined) => Promise<T>) =>
  file === undefined ? use(undefined) : writeFileAtomically(file, options, use)

interface Sinks {
  readonly build: Sink | undefined
  readonly recording: Sink | undefined
}

async function run(options: ProbeOptions, known: Build | undefined, sinks: Sinks): Promise<ProbeReport> {
  const { output, recording: recordingFile, quick = false, redact = false, features = ['psci_0_2'], hostFacts = readHostFacts } = options
  const facts = redact ? redacted(hostFacts()) : hostFacts()
  const extent: Extent = quick ? 'quick' : 'full'
  const recording = await recorded(options, facts, extent)
  const text = new TextEncoder().encode(recordingText(recording))
  const build = buildFromProbe(recording, createHash('sha256').update(text).digest('hex'), options.name)
  const file = encodeBuildFile(build)
  // Nothing is written that could not be read again.
  await parseBuildFile(file, output ?? build.name)
  await sinks.build?.write(new TextEncoder().encode(file))
  await sinks.recording?.write(recordingFile?.endsWith('.gz') ? gzipSync(text, { level: 9 }) : text)
  const { psci, registers } = showBuild(build)
  return {
    name: build.name,
    extent,
    kernel: build.kernel.release,
    uname: recording.uname_r,
    cpu: build.host.cpu,
    psci: { default: psci.default, accepted: psci.accepted },
    registers: registers.length,
    records: Object.values(recording).reduce((sum, list) => sum + (Array.isArray(list) ? list.length : 0), 0),
    ...(output === undefined ? {} : { file: output }),
    ...(recordingFile === undefined ? {} : { recording: recordingFile }),
    provenance: build.host.provenance,
    inferred: [...new Set([...build.kernel.inferred, ...build.host.inferred])],
    ...(known ? { comparison: await compareBuilds(known, build, features) } : {}),
  }
}

async function recorded({ openHost, device, cpu, signal, progress }: ProbeOptions, facts: HostFacts, extent: Extent): Promise<Recording> {
  const host = await opened(openHost ?? (async () => (await import('../../backends/kvm/host.ts')).openKvmHost(device)))
  try {
    const work = { ...(signal ? { signal } : {}), ...(progress ? { progress } : {}) }
    return (await recordHost(host, facts, { extent, ...(cpu === undefined ? {} : { cpu }), ...work })).recording
  } finally {
    host.close()
  }
}

const ELSEWHERE =
  'run it on the arm64 host in question (docs/builds.md: a tarball that needs nothing installed there); `psci-snap builds derive` makes a build of a snapshot instead'

/** Without a host the usual advice, to take the built-in machine, is none: there is nothing to find out about it. */
async function opened(open: () => Promise<AbiHost>): Promise<AbiHost> {
  try {
    return await open()
  } catch (error) {
    if (!(error instanceof SnapError) || error.hint !== ERROR_CODES.BACKEND_ABSENT.hint) throw error
    throw new SnapError(error.code, error.message, error.at, { cause: error, hint: ELSEWHERE })
  }
}
