// Owns making one standalone build of one recording, variants included: the rules that its own rows show where they are complete, else
// those of the built-in kernel of the same release, else concluded ones (marked).
import { type Build, makeBuild } from '../build.ts'
import { decodeHost } from '../codec.ts'
import { readHost } from '../data-files.ts'
import { builtInKernel, listBuilds } from '../load.ts'
import { hiddenHardware, hostValues } from './host.ts'
import { kernelRules } from './kernel.ts'
import { mergeKernels } from './merge-kernels.ts'
import type { NamedRecording } from './recording.ts'

/** `others` may hold further recordings, which then show what the CPU's hardware hides. */
export function buildFromRecording(named: NamedRecording, others: readonly NamedRecording[] = []): Build {
  const release = named.recording.version
  const hardware = hiddenHardware([named, ...others])
  const own = kernelRules([named], hardware)
  const isBuiltIn = listBuilds().some(build => build.release === release)
  const kernel = isBuiltIn ? mergeKernels(builtInKernel(release), own, named.recording.complete) : own
  return makeBuild(`linux-${named.name}`, kernel, hostValues(kernel, named, builtInHardware(named.recording.qemu_cpu) ?? hardware(named.recording.qemu_cpu)))
}

/** Hidden hardware of a CPU as the built-in builds know it. */
export function builtInHardware(cpu: string): ReadonlyMap<number, bigint> | undefined {
  const build = listBuilds().find(each => each.cpu === cpu)
  return build && decodeHost(readHost(build.release, build.cpu)).hardware
}
