// Owns paravirtualised time (DEN0057): discovery only. No VMM here sets a stolen-time address, and without one every answer is NOT_SUPPORTED,
// whatever KVM_REG_ARM_STD_HYP_BMAP says (recordings: PV_FEATURES and PV_ST rows).
import { answer, type FirmwareResult, type FirmwareVcpu, signed } from './firmware.ts'
import { RETURN } from './ids.ts'

export const pvTimeCall = (vcpu: FirmwareVcpu): FirmwareResult => answer(vcpu, signed(RETURN.notSupported))
