// Owns the true random number interface (DEN0098 TRNG 1.0) over the machine's deterministic entropy, and that entropy's generator.
import { TRNG_VERSION_VALUE } from '../../arch/smccc.ts'
import { answer, arg32, type FirmwareResult, type FirmwareVcpu, type FirmwareVm, signed } from './firmware.ts'
import { RETURN, SMCCC } from './ids.ts'

/** KVM's TRNG UUID, as recorded. */
const UUID = [0x00e0_210dn, 0xeb11_8443n, 0x4452_7080n, 0x4c5a_4e55n] as const
const FUNCTIONS: readonly number[] = [SMCCC.trngVersion, SMCCC.trngFeatures, SMCCC.trngUuid, SMCCC.trngRnd32, SMCCC.trngRnd64]
const U64 = (1n << 64n) - 1n
const U32 = (1n << 32n) - 1n

export const isTrng = (functionId: number): boolean => FUNCTIONS.includes(functionId)

export function trngCall(vm: FirmwareVm, vcpu: FirmwareVcpu, functionId: number): FirmwareResult {
  switch (functionId) {
    case SMCCC.trngVersion:
      return answer(vcpu, BigInt(TRNG_VERSION_VALUE))
    case SMCCC.trngFeatures:
      // KVM compares all 64 bits of the argument here.
      return answer(vcpu, FUNCTIONS.some(id => BigInt(id) === vcpu.readX(1)) ? 0n : signed(RETURN.notSupported))
    case SMCCC.trngUuid:
      return answer(vcpu, ...UUID)
    default:
      return random(vm, vcpu, functionId === SMCCC.trngRnd64 ? 64 : 32)
  }
}

/** Up to three registers of entropy: the least significant bits in X3, then X2, then X1; bits beyond the request are zero. */
function random(vm: FirmwareVm, vcpu: FirmwareVcpu, registerBits: 32 | 64): FirmwareResult {
  const bits = arg32(vcpu, 1)
  if (bits > 3 * registerBits) return answer(vcpu, signed(RETURN.invalidParameters))
  let pool = 0n
  for (let word = 0; word * 64 < bits; word++) pool |= vm.random64() << BigInt(word * 64)
  pool &= (1n << BigInt(bits)) - 1n
  const mask = registerBits === 64 ? U64 : U32
  const part = (n: number): bigint => (pool >> BigInt(n * registerBits)) & mask
  return answer(vcpu, 0n, part(2), part(1), part(0))
}

/** One step of SplitMix64: the next state, and the 64 bits it yields. The state is all there is to save. */
export function nextEntropy(state: bigint): { readonly state: bigint; readonly value: bigint } {
  const next = (state + 0x9e37_79b9_7f4a_7c15n) & U64
  let z = next
  z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & U64
  z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & U64
  return { state: next, value: z ^ (z >> 31n) }
}
