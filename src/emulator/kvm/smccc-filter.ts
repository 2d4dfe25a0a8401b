// Owns which ranges the SMCCC filter (KVM_ARM_VM_SMCCC_FILTER) takes. Source: arch/arm64/kvm/hypercalls.c, kvm_smccc_set_filter.
// What a filtered call does is firmware's.
import { ERRNO } from '../../arch/errno.ts'
import type { SmcccFilterRange } from '../../model/snapshot.ts'

/** Arm Architecture Calls, 32 and 64 bit: reserved by KVM when the filter is first used. */
const RESERVED: readonly (readonly [number, number])[] = [
  [0x8000_0000, 0x8000_ffff],
  [0xc000_0000, 0xc000_ffff],
]

/** EINVAL for an empty or wrapping range, then EBUSY after a run, then EEXIST when it touches another or a reserved one. */
export function checkFilterRange(present: readonly SmcccFilterRange[], range: SmcccFilterRange, hasRun: boolean): number {
  const base = range.base >>> 0
  const end = base + range.count - 1
  if (range.count <= 0 || end > 0xffff_ffff) return ERRNO.EINVAL
  if (hasRun) return ERRNO.EBUSY
  const taken = [...RESERVED, ...present.map(other => [other.base >>> 0, (other.base >>> 0) + other.count - 1] as const)]
  return taken.some(([first, last]) => base <= last && end >= first) ? ERRNO.EEXIST : 0
}
