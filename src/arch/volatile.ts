// Owns the list of registers that run by themselves: a value read back is never the value written. Source: recordings (restore, replay: rows marked "volatile").
import { type RegId, sysRegId } from './reg-id.ts'

const VOLATILE: ReadonlySet<RegId> = new Set([
  sysRegId(3, 3, 14, 3, 2), // KVM_REG_ARM_TIMER_CNT
  sysRegId(3, 3, 14, 0, 1), // KVM_REG_ARM_PTIMER_CNT
  sysRegId(3, 3, 9, 13, 0), // PMCCNTR_EL0
])

/** True for a running counter: a difference in it says nothing. */
export const isVolatile = (id: RegId | bigint): boolean => VOLATILE.has(id as RegId)

/** All of them, by id as this file lists them. */
export const volatileRegisters = (): readonly RegId[] => [...VOLATILE]
