// Owns the Arm architecture calls: SMCCC_VERSION and SMCCC_ARCH_FEATURES with the levels of the three workarounds.
import { allowed, answer, arg32, BITMAP, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, signed } from './firmware.ts'
import { SMCCC } from './ids.ts'

/** SMCCC 1.1, on every recorded kernel and under every PSCI version. */
const SMCCC_1_1 = 0x1_0001n
/** What a guest reads for each level of a KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1/3 register: not available, available, not required. */
const WORKAROUND_ANSWER = [-1, 0, 1]
/** KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED, the only level above "not available" that KVM shows. */
const WA2_NOT_REQUIRED = 3n

export function archCall(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult {
  return functionId === SMCCC.version ? answer(vcpu, SMCCC_1_1) : answer(vcpu, signed(archFeature(vm, vcpu, arg32(vcpu, 1))))
}

function archFeature(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): number {
  switch (functionId) {
    case SMCCC.workaround1:
      return WORKAROUND_ANSWER[Number(vcpu.workaroundLevel(1) ?? 0n)] ?? -1
    case SMCCC.workaround2:
      return vcpu.workaroundLevel(2) === WA2_NOT_REQUIRED ? -2 : -1
    case SMCCC.workaround3:
      return WORKAROUND_ANSWER[Number(vcpu.workaroundLevel(3) ?? 0n)] ?? -1
    case SMCCC.pvTimeFeatures:
      return vm.rules.pvTime && allowed(vm, BITMAP.stdHyp, 0) ? 0 : -1
    default:
      return -1
  }
}
