// Owns the two PSCI calls that look for another vCPU by its affinity: CPU_ON and AFFINITY_INFO.
import type { FirmwareVcpu, FirmwareVm } from './firmware.ts'

const SUCCESS = 0
const INVALID_PARAMS = -2
const ALREADY_ON = -4
const ON = 0
const OFF = 1
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
  if (target === undefined) return INVALID_PARAMS
  if (!target.stopped()) return version === V0_1 ? INVALID_PARAMS : ALREADY_ON
  target.powerOn({ pc: vcpu.readX(2), context: vcpu.readX(3), bigEndian: vcpu.bigEndian() })
  return SUCCESS
}

/** AFFINITY_INFO(affinity, lowest level): ON when any matching vCPU is not stopped. */
export function affinityInfo(vm: FirmwareVm, vcpu: FirmwareVcpu): number {
  const affinity = affinityArgument(vm, vcpu.readX(1))
  const level = vcpu.readX(2)
  if (affinity === undefined || level > 3n) return INVALID_PARAMS
  const mask = AFFINITY & ~((1n << (8n * level)) - 1n)
  const matching = vm.vcpus.filter(each => (each.affinity() & mask) === (affinity & mask))
  if (matching.length === 0) return INVALID_PARAMS
  return matching.some(each => !each.stopped()) ? ON : OFF
}
