// Owns the registers that a probe speaks of by role, and how it prints ids and values (recordings/SCHEMA.md). Knows no VM.
import { coreId, type RegId, sysRegId } from '../../arch/reg-id.ts'
import type { Value } from '../../builds/recorded/recording.ts'

/** Core register at an offset of struct kvm_regs, in bytes. */
export const coreAt = (byteOffset: number): RegId => coreId(byteOffset / 4)
export const xReg = (n: number): RegId => coreAt(8 * n)
export const PC = coreAt(0x100)
export const PSTATE = coreAt(0x108)
/** KVM_REG_ARM_FW_REG(n) and KVM_REG_ARM_FW_FEAT_BMAP_REG(n). */
export const fw = (n: number): RegId => (0x6030_0000_0014_0000n | BigInt(n)) as RegId
export const bitmap = (n: number): RegId => (0x6030_0000_0016_0000n | BigInt(n)) as RegId
export const sysreg = sysRegId
export const MPIDR = sysreg(3, 0, 0, 0, 5)
export const VBAR = sysreg(3, 0, 12, 0, 0)
export const SCTLR = sysreg(3, 0, 1, 0, 0)
export const TPIDR_EL1 = sysreg(3, 0, 13, 0, 4)

/** What stands for the value of a register that could not be read. */
export const UNREADABLE = 0xbad0_bad0_bad0_bad0n

export const hex = (value: bigint): string => `0x${value.toString(16)}`

/** A value of any size: `0x…` up to 64 bits, then `b` and the bytes in memory order, or `zN` for N zero bytes. */
export function printed(bytes: Uint8Array): string {
  if (bytes.length <= 8) return hex(bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n))
  return bytes.some(byte => byte !== 0) ? `b${Buffer.from(bytes).toString('hex')}` : `z${bytes.length}`
}

/** A value in text, or the errno of the read. */
export const printedRead = (read: { readonly errno: number; readonly bytes: Uint8Array | undefined }): Value => (read.bytes ? printed(read.bytes) : read.errno)
