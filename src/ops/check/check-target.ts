// Owns what a check answers for: a build, whose answer is a prediction, or this host, whose kernel answers itself.
import type { Build } from '../../builds/build.ts'
import type { Finding } from '../../model/finding.ts'
import type { LoadHost } from '../load/load-host.ts'
import type { TargetReport } from '../reports.ts'

/** The name of this host among targets; a file of that name is `./host`. */
export const THIS_HOST = 'host'

export type CheckTarget = Build | LiveTarget

export interface LiveTarget extends LoadHost {
  readonly name: typeof THIS_HOST
  /** `uname -r`. */
  readonly kernel: string
  readonly cpu: string
  /** Rules by which its answers are explained: the nearest known, and no more than that. */
  readonly words: Build
  /** Of every result. */
  readonly findings: readonly Finding[]
}

export const isLive = (target: CheckTarget): target is LiveTarget => 'newVm' in target

export const reportOf = (target: CheckTarget): TargetReport =>
  isLive(target) ? { build: target.name, kernel: target.kernel, cpu: target.cpu } : { build: target.name, kernel: target.kernel.release, cpu: target.host.cpu }
