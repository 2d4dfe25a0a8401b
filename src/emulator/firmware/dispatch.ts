// Owns who answers a guest's HVC or SMC: conduit, VMM filter, service bitmaps, owner. Knows no service's functions beyond their ids.
// Order as in KVM: the workaround calls never leave the EL2 entry code, then the filter, then the bitmaps, then the owner's handler.

import { archCall } from './arch-calls.ts'
import { allowed, answer, arg32, BITMAP, type Conduit, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, RESUME, signed } from './firmware.ts'
import { RETURN, SMCCC } from './ids.ts'
import { psciCall, psciFunctionExists } from './psci.ts'
import { pvTimeCall } from './pv-time.ts'
import { isTrng, trngCall } from './trng.ts'
import { vendorCall } from './vendor.ts'

const NOT_SUPPORTED = signed(RETURN.notSupported)
/** KVM_HYPERCALL_EXIT_SMC. */
const EXIT_SMC = 1n

/**
 * Answers one call of `vcpu`, whose PC already stands behind the HVC or SMC. Changes X0 … X3 and power states through the interface only.
 * Source: recordings psci, fweffect, smccc_filter; facts/kvm-arm64-rules.md §2, §3.
 */
export function firmwareCall(vm: FirmwareVm, vcpu: FirmwareVcpu, conduit: Conduit, immediate: number): FirmwareResult {
  const { conduits, workaroundCalls } = vm.rules
  const reaches = conduit === 'hvc' ? (immediate === 0 ? conduits.hvc0 : conduits.hvcOther) : immediate === 0 ? conduits.smc0 : conduits.smcOther
  const functionId = arg32(vcpu, 0)
  if (conduit === 'hvc' && workaroundCalls && isWorkaround(functionId)) {
    vcpu.writeX(0, 0n)
    vcpu.writeX(1, 0n)
    return RESUME
  }
  if (!reaches) {
    vcpu.writeX(0, NOT_SUPPORTED)
    return RESUME
  }
  const action = vm.filterAction(functionId)
  if (action === 'forward') return { kind: 'hypercall', nr: BigInt(functionId), flags: conduit === 'smc' ? EXIT_SMC : 0n }
  if (action === 'deny') return answer(vcpu, NOT_SUPPORTED)
  return handle(vm, vcpu, functionId)
}

function handle(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult {
  if (functionId === SMCCC.version || functionId === SMCCC.archFeatures) return archCall(vm, vcpu, functionId)
  if (psciFunctionExists(functionId)) return psciCall(vm, vcpu, functionId)
  if (isTrng(functionId)) return vm.rules.trng && allowed(vm, BITMAP.std, 0) ? trngCall(vm, vcpu, functionId) : answer(vcpu, NOT_SUPPORTED)
  if (functionId === SMCCC.pvTimeFeatures || functionId === SMCCC.pvTimeSt) return pvTimeCall(vcpu)
  return vendorCall(vm, vcpu, functionId) ?? answer(vcpu, NOT_SUPPORTED)
}

const isWorkaround = (functionId: number): boolean => functionId === SMCCC.workaround1 || functionId === SMCCC.workaround2 || functionId === SMCCC.workaround3
