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
