// Owns the mapping of a vCPU in AArch32 state to the registers that KVM shows: X0-X30 are views of the banked AArch32 registers.
// Source: Arm ARM DDI 0487, D1 "AArch32 state in AArch64 general-purpose registers"; target/arm aarch64_sync_32_to_64; facts/qemu-stream.md §5.

/** Bank of a mode in banked_*: user and system, svc, abt, und, irq, fiq, hyp, mon. */
const BANK_OF_MODE: Readonly<Record<number, number>> = { 16: 0, 31: 0, 19: 1, 23: 2, 27: 3, 18: 4, 17: 5, 26: 6, 22: 7 }
const FIQ = 17
const HYP = 26

export interface Aarch32State {
  /** r0 to r15 as the current mode sees them. */
  readonly regs: readonly number[]
  readonly cpsr: number
  /** SPSR of the current mode. */
  readonly spsr: number
  readonly bankedSpsr: readonly bigint[]
  readonly bankedR13: readonly number[]
  readonly bankedR14: readonly number[]
  /** r8 to r12 outside FIQ mode, kept here while in it; and the other way round. */
  readonly usrRegs: readonly number[]
  readonly fiqRegs: readonly number[]
}

/** X0 to X30 and the saved PSTATEs by bank, with what the current mode has put back in its bank. */
export function aarch64View(state: Aarch32State): { readonly x: readonly bigint[]; readonly spsr: readonly bigint[] } {
  const { regs, cpsr } = state
  const mode = cpsr & 0x1f
  const bank = BANK_OF_MODE[mode]
  const current = (index: number) => regs[index] ?? 0
  const r13 = (of: number) => (of === bank ? current(13) : (state.bankedR13[of] ?? 0))
  // Hyp mode has no link register of its own: it uses that of user mode.
  const r14 = (of: number) => (of === bank || (of === 0 && mode === HYP) ? current(14) : (state.bankedR14[of] ?? 0))
  const x = [
    ...regs.slice(0, 8),
    ...(mode === FIQ ? state.usrRegs : regs.slice(8, 13)),
    r13(0),
    r14(0),
    r13(6),
    r14(4),
    r13(4),
    r14(1),
    r13(1),
    r14(2),
    r13(2),
    r14(3),
    r13(3),
    ...(mode === FIQ ? regs.slice(8, 13) : state.fiqRegs),
    r13(5),
    r14(5),
  ]
  return {
    x: x.map(value => BigInt(value >>> 0)),
    // user and system mode have no saved PSTATE
    spsr: state.bankedSpsr.map((value, i) => (i === bank && i !== 0 ? BigInt(state.spsr >>> 0) : value)),
  }
}
