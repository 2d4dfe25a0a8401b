// Owns Firecracker's restore of a vCPU: INIT with the saved features, vector lengths, FINALIZE, then every register in stored order; the first error
// aborts. Source: src/vmm/src/arch/aarch64/vcpu.rs (restore_state, init_vcpu) of v1.16 and main; facts/vmm-formats.md §1.3.
import { type Feature, featureMask, featuresOf } from '../../arch/features.ts'
import { isSecret } from '../../arch/secrets.ts'
import { inListOrder } from './kvm.ts'
import type { VmmRules } from './plan.ts'
import { rustError } from './strerror.ts'

export const firecracker: VmmRules = {
  id: 'firecracker',
  title: 'Firecracker',
  format: 'firecracker-vmstate',
  turns: 'vcpu',
  power: 'vcpu',
  ownAt: 'turn',
  features: inferred => [withPsci02(inferred)],
  // KVM_ARM_VCPU_PMU_V3 needs a device attribute that Firecracker does not set, so it refuses the bit itself.
  before: (_snapshot, features) =>
    features.includes('pmu_v3') ? { stage: 'vcpu', message: 'Firecracker refuses a vCPU with a PMU (KVM_ARM_VCPU_PMU_V3) before it calls KVM' } : undefined,
  plan: (saved, _own, { rawOrder }) => ({ phases: [inListOrder(saved, rawOrder)], dropped: [], unknown: [], stops: [] }),
  says: ({ stop, refused }) => {
    const first = stop.stage === 'write' ? refused.find(each => each.id === stop.id) : undefined
    if (!first) return stop.message.includes('PMU_V3') ? 'Found unsupported KVM_ARM_VCPU_PMU_V3 bit set in vcpu features.' : undefined
    const value = isSecret(first.id) ? '…' : `0x${Buffer.from(first.value).reverse().toString('hex')}`
    return `Failed to restore the state of the vcpu: Failed to set register 0x${first.id.toString(16)} to value ${value}: ${rustError(first.errno)}`
  },
}

/** Firecracker and Cloud Hypervisor set KVM_ARM_VCPU_PSCI_0_2 on every vCPU. */
export const withPsci02 = (features: readonly Feature[]): readonly Feature[] => featuresOf(featureMask([...features, 'psci_0_2']))
