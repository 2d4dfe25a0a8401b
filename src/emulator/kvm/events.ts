// Owns what KVM_SET_VCPU_EVENTS accepts. Source: arch/arm64/kvm/guest.c (__kvm_arm_vcpu_set_events).
import { ERRNO } from '../../arch/errno.ts'
import type { VcpuEvents } from '../../model/snapshot.ts'

export const NO_EVENTS: VcpuEvents = { serrorPending: false, serrorHasEsr: false, serrorEsr: 0n, extDabtPending: false }
const ISS = 0x1ff_ffffn

/** A syndrome needs the RAS extension and may only fill the ISS. */
export function checkEvents(events: VcpuEvents, hasRas: boolean): number {
  if (!events.serrorPending || !events.serrorHasEsr) return 0
  return hasRas && (events.serrorEsr & ~ISS) === 0n ? 0 : ERRNO.EINVAL
}

/** ESR_ELx.ISS.IDS: the syndrome is the implementation's own. */
const IMPLEMENTATION_DEFINED = 1n << 24n

/** What a pending SError will be reported with: kvm_inject_vabt gives one without a syndrome that of nobody, where there is a register for it. */
export const syndromeOf = ({ serrorHasEsr, serrorEsr }: VcpuEvents, hasRas: boolean): bigint =>
  serrorHasEsr ? serrorEsr : hasRas ? IMPLEMENTATION_DEFINED : 0n
