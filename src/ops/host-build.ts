// Owns making a build of a host that a file describes: the rules of a known kernel, the values of the file. Knows no file format.
import type { Feature } from '../arch/features.ts'
import type { Build } from '../builds/build.ts'
import { deriveBuild } from '../builds/derive.ts'
import type { Provenance } from '../builds/kernel-rules.ts'
import { findBuild } from '../builds/load.ts'
import { SnapError } from '../errors.ts'
import type { HostDescription } from '../model/host-description.ts'
import { inferFeatures } from '../model/infer-features.ts'

export interface HostBuildOptions {
  /** Whose rules; by default those of the built-in build of the same kernel series. */
  readonly kernel?: Build
  readonly name?: string
  /** vCPU features of the described vCPU; by default what its list shows. */
  readonly features?: readonly Feature[]
  readonly provenance: readonly Provenance[]
}

/** The built-in build whose kernel has the release's series (`6.1` of `6.1.172-216.amzn2023`): the nearest rules there are, not the same kernel. */
export function kernelOfHost({ kernelRelease }: HostDescription): Build | undefined {
  const series = /^(\d+\.\d+)(?![\d])/.exec(kernelRelease ?? '')?.[1]
  return series === undefined ? undefined : findBuild(`linux-${series}`)
}

/** A build of the described host. Throws BUILD_UNKNOWN when no kernel is named and none fits, BUILD_UNUSABLE when the list is of another kernel. */
export function buildOfHost(host: HostDescription, { kernel = kernelOfHost(host), name, features, provenance }: HostBuildOptions): Build {
  if (!kernel)
    throw new SnapError(
      'BUILD_UNKNOWN',
      `there are no built-in rules for the kernel ${host.kernelRelease ?? '(not said)'}; name the build whose rules are the nearest`,
    )
  const inferred = inferFeatures([{ index: 0, registers: host.registers, mpState: 'runnable' }]).candidates[0] ?? []
  return deriveBuild({
    kernel,
    lists: [{ features: features ?? inferred, registers: host.registers }],
    name: name ?? `linux-${host.kernelRelease ?? kernel.kernel.release}/${host.cpu ?? 'unknown-cpu'}`,
    ...(host.cpu === undefined ? {} : { cpu: host.cpu }),
    provenance,
  })
}
