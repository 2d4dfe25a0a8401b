// Owns KVM's vendor hypervisor services: call UID, feature bitmap, and the PTP clock as a function of the instruction count.
// DISCOVER_IMPL_VER/CPUS have no in-kernel handler: a VMM forwards them with the SMCCC filter, else they are NOT_SUPPORTED.
import { KVM_VENDOR_UID } from '../../arch/smccc.ts'
import { allowed, answer, arg32, BITMAP, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, signed } from './firmware.ts'
import { RETURN, SMCCC } from './ids.ts'

const UID = KVM_VENDOR_UID.map(BigInt) as [bigint, bigint, bigint, bigint]
/** Bits of KVM_REG_ARM_VENDOR_HYP_BMAP. */
const FUNC_FEAT = 0
const PTP = 1
const U32 = (1n << 32n) - 1n

/** Undefined when the function is none of these services, or switched off. */
export function vendorCall(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult | undefined {
  const { rules } = vm
  switch (functionId) {
    case SMCCC.vendorUid:
      return rules.vendorUid && allowed(vm, BITMAP.vendorHyp, FUNC_FEAT) ? answer(vcpu, ...UID) : undefined
    case SMCCC.vendorFeatures:
      return rules.vendorFeatures && allowed(vm, BITMAP.vendorHyp, FUNC_FEAT) ? answer(vcpu, features(vm), 0n, vm.bitmap(BITMAP.vendorHyp2) ?? 0n) : undefined
    case SMCCC.vendorPtp:
      return rules.vendorPtp && allowed(vm, BITMAP.vendorHyp, PTP) ? ptp(vm, vcpu) : undefined
    default:
      return undefined
  }
}

/** The bitmap register itself; kernels from before that register announced what they had. */
const features = (vm: FirmwareVm): bigint => vm.bitmap(BITMAP.vendorHyp) ?? (1n << BigInt(FUNC_FEAT)) | (vm.rules.vendorPtp ? 1n << BigInt(PTP) : 0n)

/** X1 chooses the counter: 0 virtual, 1 physical. Answers the wall clock (high, low) and that counter (high, low). */
function ptp(vm: FirmwareVm, vcpu: FirmwareVcpu): FirmwareResult {
  const counter = arg32(vcpu, 1)
  if (counter > 1) return answer(vcpu, signed(RETURN.notSupported))
  const count = counter === 0 ? vcpu.virtualCount() : vcpu.physicalCount()
  const time = vm.realTime()
  return answer(vcpu, (time >> 32n) & U32, time & U32, (count >> 32n) & U32, count & U32)
}
