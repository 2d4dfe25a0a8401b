// Owns which PSCI version a snapshot holds: KVM keeps one per VM, so the last writer's decides.
import { PSCI_VERSION_ID } from '../arch/smccc.ts'
import { registerValue } from '../model/register-list.ts'
import type { Snapshot } from '../model/snapshot.ts'

/** KVM_REG_ARM_PSCI_VERSION of the last vCPU that has one; undefined when none does. */
export function savedPsci(snapshot: Snapshot): bigint | undefined {
  return snapshot.vcpus.map(vcpu => registerValue(vcpu.registers, PSCI_VERSION_ID)).findLast(version => version !== undefined)
}
