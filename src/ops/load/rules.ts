// Owns the list of VMMs whose load rules are known, by id.
import { cloudHypervisor } from './cloud-hypervisor.ts'
import { firecracker } from './firecracker.ts'
import { kvm } from './kvm.ts'
import type { VmmRules } from './plan.ts'
import { qemu10, qemu11 } from './qemu.ts'
import type { VmmId } from './vmm.ts'

const RULES: Readonly<Record<VmmId, VmmRules>> = {
  kvm,
  'qemu-10.0': qemu10,
  'qemu-11.1': qemu11,
  firecracker,
  'cloud-hypervisor': cloudHypervisor,
}

export const rulesOf = (vmm: VmmId): VmmRules => RULES[vmm]
