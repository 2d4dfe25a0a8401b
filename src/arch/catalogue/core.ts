// Owns the rows of the core registers: struct kvm_regs by 32-bit word offset. Source: arch/arm64/include/uapi/asm/kvm.h; facts/kvm-arm64-rules.md §1.
import type { RegId } from '../reg-id.ts'
import type { RegisterRow } from './row.ts'

const U32 = 0x6020_0000_0010_0000n
const U64 = 0x6030_0000_0010_0000n
const U128 = 0x6040_0000_0010_0000n
const WITHOUT_SVE = 'always, except on a vCPU with SVE, where Z0-Z31 hold it'

const word = (size: bigint, bytes: number, offset: number, name: string, meaning: string, more: Partial<RegisterRow> = {}): RegisterRow => ({
  id: (size | BigInt(offset)) as RegId,
  name,
  class: 'core',
  group: 'base',
  scope: 'vcpu',
  bytes,
  meaning,
  aliases: [],
  listed: 'always',
  write: 'plain',
  ...more,
})
const u64 = (offset: number, name: string, meaning: string, more: Partial<RegisterRow> = {}) => word(U64, 8, offset, name, meaning, more)

export const coreRows = (): readonly RegisterRow[] => [
  ...Array.from({ length: 31 }, (_, n) => u64(2 * n, `X${n}`, `general-purpose register ${n}`, n === 30 ? { aliases: ['LR'] } : {})),
  u64(0x3e, 'SP_EL0', 'stack pointer of EL0', { quirk: 'regs.sp of struct kvm_regs; the stack pointer of EL1 is SP_EL1' }),
  u64(0x40, 'PC', 'program counter'),
  u64(0x42, 'PSTATE', 'processor state: flags, interrupt masks, exception level', { write: 'checked', aliases: ['CPSR'] }),
  u64(0x44, 'SP_EL1', 'stack pointer of EL1'),
  u64(0x46, 'ELR_EL1', 'address that an exception to EL1 returns to'),
  u64(0x48, 'SPSR_EL1', 'PSTATE saved by an exception to EL1', { aliases: ['SPSR_SVC'] }),
  u64(0x4a, 'SPSR_abt', 'saved PSTATE of AArch32 Abort mode'),
  u64(0x4c, 'SPSR_und', 'saved PSTATE of AArch32 Undefined mode'),
  u64(0x4e, 'SPSR_irq', 'saved PSTATE of AArch32 IRQ mode'),
  u64(0x50, 'SPSR_fiq', 'saved PSTATE of AArch32 FIQ mode'),
  ...Array.from({ length: 32 }, (_, n) =>
    word(U128, 16, 0x54 + 4 * n, `V${n}`, `SIMD and floating-point register ${n}`, { listed: WITHOUT_SVE, aliases: [`Q${n}`] }),
  ),
  word(U32, 4, 0xd4, 'FPSR', 'floating-point status'),
  word(U32, 4, 0xd5, 'FPCR', 'floating-point control'),
]
