// Owns the two PSCI calls that look for another vCPU by its affinity: CPU_ON and AFFINITY_INFO.
import { PSCI_CONSTANTS } from '../../arch/psci.ts'
import type { FirmwareVcpu, FirmwareVm } from './firmware.ts'
import { RETURN } from './ids.ts'

const V0_1 = 1
/** MPIDR_EL1 Aff3, Aff2, Aff1, Aff0. */
const AFFINITY = 0xff_00ff_ffffn

/** The argument as KVM uses it: refused or cut when a bit outside the affinity fields is set. */
const affinityArgument = (vm: FirmwareVm, value: bigint): bigint | undefined =>
  (value & ~AFFINITY) === 0n ? value : vm.rules.strictAffinity ? undefined : value & AFFINITY

/** CPU_ON(target, entry, context). The entry point is not checked; the target resets when it runs, or when the VMM next looks at its registers. */
export function cpuOn(vm: FirmwareVm, vcpu: FirmwareVcpu, version: number): number {
  const affinity = affinityArgument(vm, vcpu.readX(1))
  const target = affinity === undefined ? undefined : vm.vcpus.find(each => each.affinity() === affinity)
  if (target === undefined) return RETURN.invalidParameters
  if (!target.stopped()) return version === V0_1 ? RETURN.invalidParameters : RETURN.alreadyOn
  target.powerOn({ pc: vcpu.readX(2), context: vcpu.readX(3), bigEndian: vcpu.bigEndian() })
  return RETURN.success
}

/** AFFINITY_INFO(affinity, lowest level): ON when any matching vCPU is not stopped. */
export function affinityInfo(vm: FirmwareVm, vcpu: FirmwareVcpu): number {
  const affinity = affinityArgument(vm, vcpu.readX(1))
  const level = vcpu.readX(2)
  if (affinity === undefined || level > 3n) return RETURN.invalidParameters
  const mask = AFFINITY & ~((1n << (8n * level)) - 1n)
  const matching = vm.vcpus.filter(each => (each.affinity() & mask) === (affinity & mask))
  if (matching.length === 0) return RETURN.invalidParameters
  return matching.some(each => !each.stopped()) ? PSCI_CONSTANTS.AFFINITY_ON : PSCI_CONSTANTS.AFFINITY_OFF
}
