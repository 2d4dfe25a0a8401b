// Owns the shape of a KVM/arm64 ONE_REG id: its fields, its sizes, its printing. Knows no names and no rules.
// Source: Linux include/uapi/linux/kvm.h, arch/arm64/include/uapi/asm/kvm.h; facts/kvm-arm64-rules.md §1.
import { SnapError } from '../errors.ts'

declare const tag: unique symbol
/** A 64-bit KVM_GET/SET_ONE_REG id of the arm64 architecture. */
export type RegId = bigint & { readonly [tag]: 'RegId' }

/** Coprocessor numbers (bits 27:16) that select the class of a register. */
export const COPROC = { core: 0x10, demux: 0x11, sysreg: 0x13, firmware: 0x14, sve: 0x15, firmwareBitmap: 0x16 } as const

/** The only way to obtain a RegId. Throws REG_ID_INVALID when bits 63:56 are not KVM_REG_ARM64. */
export function regId(raw: bigint): RegId {
  if (raw >> 56n !== 0x60n) throw new SnapError('REG_ID_INVALID', `0x${raw.toString(16)} is not an arm64 register id`)
  return raw as RegId
}

/** Size of the register's value in bytes: 1 to 32768, from bits 55:52. */
export const regBytes = (id: RegId): number => 1 << Number((id >> 52n) & 0xfn)
export const regCoproc = (id: RegId): number => Number((id >> 16n) & 0xfffn)
export const regIndex = (id: RegId): number => Number(id & 0xffffn)
/** `0x` and 16 digits: the one way an id is printed. */
export const showRegId = (id: bigint): string => `0x${id.toString(16).padStart(16, '0')}`

export interface SysRegEncoding {
  readonly op0: number
  readonly op1: number
  readonly crn: number
  readonly crm: number
  readonly op2: number
}

/** KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG | encoding. */
export const sysRegId = (op0: number, op1: number, crn: number, crm: number, op2: number): RegId =>
  (0x6030_0000_0013_0000n | BigInt((op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2)) as RegId

export function sysRegEncoding(id: RegId): SysRegEncoding {
  const i = regIndex(id)
  return { op0: i >> 14, op1: (i >> 11) & 7, crn: (i >> 7) & 15, crm: (i >> 3) & 15, op2: i & 7 }
}

/** KVM_REG_ARM64_SVE_VLS: the set of vector lengths, 512 bits. Writable only between VCPU_INIT and FINALIZE. */
export const sveVlsId: RegId = 0x6060_0000_0015_ffffn as RegId

/** A 64-bit core register: `index` is its offset in struct kvm_regs, in 32-bit words. */
export const coreId = (index: number): RegId => (0x6030_0000_0010_0000n | BigInt(index)) as RegId
export const PC_ID: RegId = coreId(0x40)
export const PSTATE_ID: RegId = coreId(0x42)
