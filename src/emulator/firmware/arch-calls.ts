// Owns the Arm architecture calls: SMCCC_VERSION and SMCCC_ARCH_FEATURES with the levels of the three workarounds.
import { SMCCC_VERSION_VALUE, workaroundLevel } from '../../arch/smccc.ts'
import { allowed, answer, arg32, BITMAP, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, signed } from './firmware.ts'
import { RETURN, SMCCC } from './ids.ts'

export function archCall(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult {
  return functionId === SMCCC.version ? answer(vcpu, BigInt(SMCCC_VERSION_VALUE)) : answer(vcpu, signed(archFeature(vm, vcpu, arg32(vcpu, 1))))
}

function archFeature(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): number {
  switch (functionId) {
    case SMCCC.workaround1:
      return workaround(vcpu, 1)
    case SMCCC.workaround2:
      return workaround(vcpu, 2)
    case SMCCC.workaround3:
      return workaround(vcpu, 3)
    case SMCCC.pvTimeFeatures:
      return vm.rules.pvTime && allowed(vm, BITMAP.stdHyp, 0) ? RETURN.success : RETURN.notSupported
    default:
      return RETURN.notSupported
  }
}

/** The host's level, read the moment the guest asks: nothing of it is stored. */
function workaround(vcpu: FirmwareVcpu, n: 1 | 2 | 3): number {
  const level = vcpu.workaroundLevel(n)
  return (level === undefined ? undefined : workaroundLevel(n, level)?.guestSees) ?? RETURN.notSupported
}
