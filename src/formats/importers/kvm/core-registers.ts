// Owns struct kvm_regs as VMMs save it whole: 864 bytes become the core registers, in the order in which KVM lists them. Knows no VMM.
// Source: arch/arm64/include/uapi/asm/kvm.h; a core id holds the register's offset in the struct, in 32-bit words.
import { coreRows } from '../../../arch/catalogue/core.ts'
import { type RegId, regBytes, regIndex } from '../../../arch/reg-id.ts'

export const KVM_REGS_BYTES = 864

/**
 * The registers in `bytes`. With SVE, KVM does not list V0 to V31 and nothing fills them; `fpsr` says whether FPSR and FPCR were.
 */
export function coreRegisters(bytes: Uint8Array, has: { readonly vectors: boolean; readonly fpsr: boolean }): readonly (readonly [RegId, Uint8Array])[] {
  return coreRows()
    .filter(({ bytes: size }) => (size === 16 ? has.vectors : size === 4 ? has.fpsr : true))
    .map(({ id }) => {
      const offset = 4 * regIndex(id)
      return [id, bytes.slice(offset, offset + regBytes(id))] as const
    })
}
