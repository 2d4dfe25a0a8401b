// Owns where debug exceptions are enabled, and what an exception return does to software step. Arm ARM D2.3, D2.12; AArch64.GenerateDebugExceptionsFrom,
// DebugExceptionReturnSS, SSAdvance. Every exception is taken to EL1. BRK needs none of this.
import { ENGINE_STATE } from '../engine-state.ts'
import { PSTATE } from '../pstate.ts'
import type { VcpuBlock } from '../vcpu-block.ts'
import { DEBUG_REGISTER, MDSCR, OSLK } from './debug-registers.ts'

/** How the last instruction was executed: what a Software Step exception reports of it (ESR_EL1.ISS.ISV and EX). */
export const STEPPED = { no: 0, yes: 1, exclusiveLoad: 2 } as const

/** Whether an instruction at this exception level, with this PSTATE.D, can cause a debug exception. */
export function debugEnabledFrom(vcpu: VcpuBlock, el: 0 | 1, masked: boolean): boolean {
  if (vcpu.sysregLow(DEBUG_REGISTER.OSLSR_EL1) & OSLK) return false
  return el === 0 || (!masked && (vcpu.sysregLow(DEBUG_REGISTER.MDSCR_EL1) & MDSCR.kde) !== 0)
}

export const debugEnabled = (vcpu: VcpuBlock): boolean => debugEnabledFrom(vcpu, vcpu.el, (vcpu.pstate & PSTATE.d) !== 0)

/** PSTATE.SS after an exception return to this state: SPSR_EL1's where stepping becomes possible by the return, else 0. */
export function stepAfterReturn(vcpu: VcpuBlock, spsr: number, to: 0 | 1): number {
  if (!(spsr & PSTATE.ss) || !(vcpu.sysregLow(DEBUG_REGISTER.MDSCR_EL1) & MDSCR.ss)) return 0
  return !debugEnabled(vcpu) && debugEnabledFrom(vcpu, to, (spsr & PSTATE.d) !== 0) ? PSTATE.ss : 0
}

/** The instruction was completed. If it was to be stepped, the Software Step exception is due now. */
export function finishStep(vcpu: VcpuBlock, exclusiveLoad = false): void {
  if (!(vcpu.pstate & PSTATE.ss)) return
  vcpu.pstate &= ~PSTATE.ss
  vcpu.write32(ENGINE_STATE.stepped, exclusiveLoad ? STEPPED.exclusiveLoad : STEPPED.yes)
}
