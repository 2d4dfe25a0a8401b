// Owns what KVM_ARM_VCPU_INIT accepts: target, feature bits, and how they must fit the other vCPUs of the VM. Sources:
// arch/arm64/kvm/arm.c and reset.c (kvm_vcpu_init_check_features, kvm_vcpu_init_changed; before 6.5 kvm_vcpu_set_target,
// vcpu_allowed_register_width), recordings (errs). Changes nothing.
import { ERRNO } from '../../arch/errno.ts'
import type { Build } from '../../builds/build.ts'
import { FEATURE } from './vcpu-shape.ts'

export interface InitRequest {
  readonly target: number
  readonly features: number
  readonly word1: number
}
export interface InitialisedVcpu {
  readonly initialised: boolean
  /** Word 0 as given at the last successful KVM_ARM_VCPU_INIT. */
  readonly features: number
}

/** Errno of initialising `self` among `others` (the VM's other vCPUs). */
export function checkInit(build: Build, request: InitRequest, self: InitialisedVcpu, others: readonly InitialisedVcpu[]): number {
  const { init } = build.kernel
  const { features } = request
  if (!build.host.targets.includes(request.target)) return ERRNO.EINVAL
  if (features & ~init.known || request.word1 !== 0) return ERRNO.ENOENT
  if (init.comparesPowerOff && self.initialised && features !== self.features) return ERRNO.EINVAL
  if (!isOffered(build, features)) return ERRNO.EINVAL
  const shape = features & ~FEATURE.powerOff
  if (self.initialised && shape !== (self.features & ~FEATURE.powerOff)) return ERRNO.EINVAL
  const initialised = others.filter(other => other.initialised)
  if (init.sameFeatures) return initialised.some(other => (other.features & ~FEATURE.powerOff) !== shape) ? ERRNO.EINVAL : 0
  const is32Bit = (features & FEATURE.el1Is32Bit) !== 0
  const judged = init.widthCountsUninitialised ? others : initialised
  return judged.some(other => (other.initialised && (other.features & FEATURE.el1Is32Bit) !== 0) !== is32Bit) ? ERRNO.EINVAL : 0
}

/** The host can give these features, and they go together. */
function isOffered(build: Build, features: number): boolean {
  const offered = build.host.features | FEATURE.powerOff | FEATURE.psci02
  if (features & ~offered) return false
  const has = (mask: number): boolean => (features & mask) !== 0
  if (has(FEATURE.pauthAddress) !== has(FEATURE.pauthGeneric)) return false
  if (has(FEATURE.pmuStrict) && !has(FEATURE.pmu)) return false
  return !(has(FEATURE.el1Is32Bit) && has(FEATURE.el2))
}
