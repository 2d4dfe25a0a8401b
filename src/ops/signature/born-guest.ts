// Owns making a guest of a given shape on a host, as its VMM would before the first instruction, and reading what it was given. Nothing runs.
import { errnoName } from '../../arch/errno.ts'
import { type Feature, featureMask } from '../../arch/features.ts'
import { SnapError } from '../../errors.ts'
import type { Gic, SmcccFilterRange, Snapshot } from '../../model/snapshot.ts'
import { type CheckTarget, isLive } from '../check/check-target.ts'
import { listOf } from '../load/list-of.ts'
import { type LoadVcpu, loadHostOf } from '../load/load-host.ts'

/** What a VMM chooses. Absent: PSCI 0.2 and no other feature, one vCPU, a GICv3; what is absent otherwise is not chosen and so not known. */
export interface GuestShape {
  readonly features?: readonly Feature[]
  readonly vcpus?: number
  readonly gic?: Gic
  readonly systemSuspend?: boolean
  readonly writableImpIdRegs?: boolean
  readonly smcccFilter?: readonly SmcccFilterRange[]
}

/** What is written between making a guest and its first instruction. */
export interface BirthWrites {
  /** Between KVM_ARM_VCPU_INIT and FINALIZE of each vCPU: the only time for SVE's vector lengths. */
  readonly beforeFinalize?: (vcpu: LoadVcpu, index: number) => void
  /** When all vCPUs and the GIC are there. */
  readonly beforeRun?: (vcpus: readonly LoadVcpu[]) => void
}

const CAP_SYSTEM_SUSPEND = 216
const CAP_WRITABLE_IMP_ID_REGS = 239

/**
 * The state of such a guest, read as its VMM would save it; on a build with what the first run still changes. A capability or filter that the host
 * refuses is not there afterwards. Throws BUILD_UNUSABLE where no such vCPU or GIC can be made.
 */
export function bornGuest(host: CheckTarget, shape: GuestShape, { beforeFinalize, beforeRun }: BirthWrites = {}): Snapshot {
  const { features = ['psci_0_2'], vcpus = 1, gic = 'v3' } = shape
  const vm = (isLive(host) ? host : loadHostOf(host)).newVm()
  const refuse = (errno: number, what: string): void => {
    if (errno !== 0)
      throw new SnapError('BUILD_UNUSABLE', `${host.name} makes no guest with ${features.join(' ') || 'no features'}: ${what} gives ${errnoName(errno)}`)
  }
  try {
    const suspends = shape.systemSuspend === true ? vm.enableCapability(CAP_SYSTEM_SUSPEND) === 0 : shape.systemSuspend
    if (shape.writableImpIdRegs === true) vm.enableCapability(CAP_WRITABLE_IMP_ID_REGS)
    const made = Array.from({ length: vcpus }, (_, index) => vm.createVcpu(index))
    for (const [index, vcpu] of made.entries()) {
      refuse(vcpu.init(featureMask(features.filter(feature => feature !== 'power_off'))), 'KVM_ARM_VCPU_INIT')
      beforeFinalize?.(vcpu, index)
    }
    if (features.includes('sve')) for (const vcpu of made) refuse(vcpu.finalize(SVE), 'KVM_ARM_VCPU_FINALIZE')
    if (gic !== 'none') refuse(vm.createGic(gic), `a GIC${gic}`)
    const filter = shape.smcccFilter?.filter(range => vm.setSmcccFilter(range) === 0)
    beforeRun?.(made)
    vm.firstRun?.()
    return {
      origin: isLive(host) ? { kernel: host.kernel, cpu: host.cpu } : { build: host.name, kernel: host.kernel.release, cpu: host.host.cpu },
      gic,
      stop: 'running',
      vm: { ...(suspends === undefined ? {} : { systemSuspend: suspends }), ...(filter ? { smcccFilter: filter } : {}) },
      vcpus: made.map((vcpu, index) => ({ index, registers: listOf(vcpu), mpState: index === 0 ? 'runnable' : 'stopped', features })),
      devices: [],
      memory: [],
    }
  } finally {
    vm.close?.()
  }
}

/** KVM_ARM_VCPU_SVE, as KVM_ARM_VCPU_FINALIZE takes it. */
const SVE = 4
