// Owns the rows of the generic timers, whose ids carry the oldest scar of the ABI: CNT and CVAL of the virtual timer bear each other's encodings.
// Source: arch/arm64/include/uapi/asm/kvm.h and Documentation/virt/kvm/api.rst; facts/kvm-arm64-rules.md §1.
import { type RegId, sysRegId } from '../reg-id.ts'
import type { RegisterRow } from './row.ts'

const SWAPPED = "the kernel's header gives KVM_REG_ARM_TIMER_CNT and KVM_REG_ARM_TIMER_CVAL each other's encodings, for ever"
const row = (id: RegId, name: string, holds: string, meaning: string, more: Partial<RegisterRow> = {}): RegisterRow => ({
  id,
  name,
  class: 'timer',
  group: 'base',
  scope: 'vcpu',
  bytes: 8,
  meaning,
  aliases: [holds],
  listed: 'always',
  write: 'plain',
  ...more,
})

/** The alias is the Arm register that the value belongs to, not the one that the id's encoding names. */
export const timerRows = (): readonly RegisterRow[] => [
  row(sysRegId(3, 3, 14, 3, 1), 'KVM_REG_ARM_TIMER_CTL', 'CNTV_CTL_EL0', 'virtual timer control', { write: 'timer-control' }),
  row(sysRegId(3, 3, 14, 3, 2), 'KVM_REG_ARM_TIMER_CNT', 'CNTVCT_EL0', 'virtual counter; a write moves the counter', {
    scope: 'vm',
    write: 'counter',
    quirk: SWAPPED,
  }),
  row(sysRegId(3, 3, 14, 0, 2), 'KVM_REG_ARM_TIMER_CVAL', 'CNTV_CVAL_EL0', 'virtual timer compare value', { quirk: SWAPPED }),
  row(sysRegId(3, 3, 14, 2, 1), 'KVM_REG_ARM_PTIMER_CTL', 'CNTP_CTL_EL0', 'physical timer control', { write: 'timer-control', since: '6.4' }),
  row(sysRegId(3, 3, 14, 2, 2), 'KVM_REG_ARM_PTIMER_CVAL', 'CNTP_CVAL_EL0', 'physical timer compare value', { since: '6.4' }),
  row(sysRegId(3, 3, 14, 0, 1), 'KVM_REG_ARM_PTIMER_CNT', 'CNTPCT_EL0', 'physical counter; a write moves the counter', {
    scope: 'vm',
    write: 'counter',
    since: '6.4',
  }),
]
