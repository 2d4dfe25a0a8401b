// Owns making a build of what `probe` recorded: the host's own rules as its rows show them. What a single host cannot show is the built-in kernel's of
// the same release; a quick probe, which shows lists and firmware registers only, takes every other rule of the nearest built-in kernel and says so.
import { type Build, makeBuild } from '../build.ts'
import type { Encoding, KernelRules, SysregRow } from '../kernel-rules.ts'
import { builtInKernel, listBuilds } from '../load.ts'
import { builtInHardware } from './from-recording.ts'
import { hiddenHardware, hostValues } from './host.ts'
import { kernelRules, provenanceOf } from './kernel.ts'
import { mergeKernels, mergeRows } from './merge-kernels.ts'
import type { NamedRecording, Recording } from './recording.ts'

/** `sha256` is of the recording's text, `name` the build's. Throws when the recording contradicts itself. */
export function buildFromProbe(recording: Recording, sha256: string, name = probedName(recording)): Build {
  const named: NamedRecording = { name: `${recording.uname_r}-${recording.qemu_cpu}-probe`, sha256, recording }
  const known = builtInHardware(recording.qemu_cpu)
  const own = kernelRules([named], cpu => (cpu === recording.qemu_cpu ? known : undefined) ?? hiddenHardware([named])(cpu))
  const kernel = recording.complete ? thorough(named, own) : quick(named, own)
  const host = hostValues(kernel, named, known)
  const unknown = known ? [] : [`hardware: no built-in host is a ${recording.qemu_cpu}; fields that newer kernels hide are not known`]
  return makeBuild(name, kernel, { ...host, inferred: [...host.inferred, ...unknown] })
}

/** `linux-6.1.192/cortex-a72-probed`. */
const probedName = ({ version, qemu_cpu }: Recording): string => `linux-${plain(version)}/${plain(qemu_cpu)}-probed`
const plain = (text: string): string => text.replace(/[^\w.+~-]/g, '_').slice(0, 60)

function thorough({ recording }: NamedRecording, own: KernelRules): KernelRules {
  const release = listBuilds().find(build => build.release === recording.version)?.release
  if (release === undefined) return own
  const builtIn = builtInKernel(release)
  const merged = mergeKernels(builtIn, own, true)
  // The guest was asked here: what it heard stands.
  return { ...merged, sysregs: withConditional(own.sysregs, builtIn.sysregs), firmware: (recording.psci ?? []).length > 0 ? own.firmware : merged.firmware }
}

function quick(named: NamedRecording, own: KernelRules): KernelRules {
  const nearest = nearestKernel(own)
  const isSeries = seriesOf(nearest.release) === seriesOf(own.release)
  const because = isSeries ? 'the built-in kernel of the same series' : 'the built-in kernel whose lists and firmware registers are the most alike'
  return {
    ...nearest,
    release: own.release,
    provenance: [provenanceOf(named)],
    inferred: [...nearest.inferred, `a quick probe shows lists and firmware registers; every other rule is that of ${nearest.release}, ${because}`],
    sysregs: withConditional(own.sysregs, nearest.sysregs),
    psci: own.psci,
    workarounds: own.workarounds,
    bitmaps: own.bitmaps,
  }
}

const seriesOf = (release: string): string => release.split('.').slice(0, 2).join('.')

/** The built-in kernel of the same release, else of the same series, else the one that differs least in what a quick probe shows. */
function nearestKernel(own: KernelRules): KernelRules {
  const releases = [...new Set(listBuilds().map(({ release }) => release))]
  const named = releases.find(release => release === own.release) ?? releases.find(release => seriesOf(release) === seriesOf(own.release))
  if (named !== undefined) return builtInKernel(named)
  const [first, ...rest] = releases.map(builtInKernel)
  if (!first) throw new RangeError('there is no built-in kernel')
  // Of equals the newest: built-in kernels are listed oldest first.
  return rest.reduce((best, each) => (distance(own, each) <= distance(own, best) ? each : best), first)
}

/** How many answers of a quick probe differ; firmware registers before lists. */
function distance(own: KernelRules, other: KernelRules): number {
  const firmware = (kernel: KernelRules): string =>
    [kernel.psci.accepted, kernel.psci.initial, kernel.bitmaps.map(({ index, bits }) => `${index}:${bits}`)].join('|')
  const always = (kernel: KernelRules): Set<Encoding> => new Set(kernel.sysregs.filter(row => !row.needs && !row.field).map(row => row.encoding))
  const [a, b] = [always(own), always(other)]
  const differing = [...a].filter(encoding => !b.has(encoding)).length + [...b].filter(encoding => !a.has(encoding)).length
  return differing + (firmware(own) === firmware(other) ? 0 : 1000)
}

/**
 * The host's own rows in its own order, and those of the built-in kernel that it could not show: registers of features and fields that it lacks, each
 * behind the row that it follows there. A register that every vCPU of the built-in kernel has, and this one not, is not there.
 */
function withConditional(own: readonly SysregRow[], builtIn: readonly SysregRow[]): readonly SysregRow[] {
  const theirs = new Map(builtIn.map(row => [row.encoding, row]))
  const rows = own.map(row => mergeRows(theirs.get(row.encoding), row))
  for (const [n, row] of builtIn.entries()) {
    if ((!row.needs && !row.field) || rows.some(each => each.encoding === row.encoding)) continue
    const before = builtIn[n - 1]?.encoding
    rows.splice(rows.findIndex(each => each.encoding === before) + 1, 0, row)
  }
  return rows
}
