// Owns the answer from host to host without a file: a guest that was just made on one host and never ran, loaded on others.

import { errnoName } from '../../arch/errno.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { SnapError } from '../../errors.ts'
import type { Gic, Snapshot } from '../../model/snapshot.ts'
import { listOf } from '../load/list-of.ts'
import { loadHostOf } from '../load/load-host.ts'
import type { VmmId } from '../load/vmm.ts'
import type { Work } from '../work.ts'
import type { CheckResult } from './check-report.ts'
import { snapshotChecker } from './check-snapshot.ts'
import { type CheckTarget, isLive } from './check-target.ts'

export interface CheckHostOptions extends Work {
  /** Default: PSCI 0.2 and nothing else. */
  readonly features?: readonly Feature[]
  /** Default 1. */
  readonly vcpus?: number
  /** Default v3, as every VMM has it. */
  readonly gic?: Gic
  /** Default `kvm`. */
  readonly vmm?: VmmId
}

/** One result a target, in their order. Throws BUILD_UNUSABLE when `from` cannot make such a guest. */
export async function checkHost(from: CheckTarget, targets: readonly CheckTarget[], options: CheckHostOptions = {}): Promise<readonly CheckResult[]> {
  const { vmm = 'kvm', features = ['psci_0_2'] } = options
  const check = snapshotChecker(freshGuest(from, { ...options, features }), { ...options, vmm, features })
  const source = { file: from.name, format: 'host', ...(isLive(from) ? {} : { build: from.name }) }
  return targets.map(target => ({ ...check(target), source }))
}

/** The state of a guest that never ran on this host, as its VMM would save it. Throws BUILD_UNUSABLE. */
export function freshGuest(from: CheckTarget, { features = ['psci_0_2'], vcpus = 1, gic = 'v3' }: Omit<CheckHostOptions, 'vmm'>): Snapshot {
  const vm = (isLive(from) ? from : loadHostOf(from)).newVm()
  try {
    const made = Array.from({ length: vcpus }, (_, index) => vm.createVcpu(index))
    const refuse = (errno: number, what: string): void => {
      if (errno !== 0)
        throw new SnapError('BUILD_UNUSABLE', `${from.name} makes no guest with ${features.join(' ') || 'no features'}: ${what} gives ${errnoName(errno)}`)
    }
    for (const vcpu of made) refuse(vcpu.init(featureMask(features.filter(feature => feature !== 'power_off'))), 'KVM_ARM_VCPU_INIT')
    if (features.includes('sve')) for (const vcpu of made) refuse(vcpu.finalize(4), 'KVM_ARM_VCPU_FINALIZE')
    if (gic !== 'none') refuse(vm.createGic(gic), `a GIC${gic}`)
    return {
      origin: isLive(from) ? { kernel: from.kernel, cpu: from.cpu } : { build: from.name, kernel: from.kernel.release, cpu: from.host.cpu },
      gic,
      stop: 'running',
      vm: {},
      vcpus: made.map((vcpu, index) => ({ index, registers: listOf(vcpu), mpState: index === 0 ? 'runnable' : 'stopped', features })),
      devices: [],
      memory: [],
    }
  } finally {
    vm.close?.()
  }
}
