// Owns the generic timer's registers as userspace sees them. Counters are VM-wide offsets from the machine's time; ISTATUS is never
// state. The ids of TIMER_CNT and TIMER_CVAL carry each other's encodings for ever (Documentation/virt/kvm/api.rst).
// Sources: arch/arm64/kvm/arch_timer.c, sys_regs.c (arch_timer_set_user), recordings (timer).
import type { Build } from '../../builds/build.ts'

export interface ClockState {
  readonly build: Build
  readonly now: () => bigint
  virtualOffset: bigint
  physicalOffset: bigint
  readonly offsetsFixed: boolean
}

/** KVM_REG_ARM_TIMER_CTL, _PTIMER_CTL and the register that holds each one's compare value. */
export const COMPARE_OF: ReadonlyMap<number, number> = new Map([
  [0xdf19, 0xdf02],
  [0xdf11, 0xdf12],
])
const PHYSICAL_CONTROL = 0xdf11
const ISTATUS = 4n
const U64 = 0xffff_ffff_ffff_ffffn

export const virtualCount = (clock: ClockState): bigint => (clock.now() - clock.virtualOffset) & U64
export const physicalCount = (clock: ClockState): bigint => (clock.now() - clock.physicalOffset) & U64

/** A write moves the counter of the whole VM, unless KVM_ARM_SET_COUNTER_OFFSET fixed it. */
export function writeCount(clock: ClockState, which: 'vcnt' | 'pcnt', value: bigint): void {
  if (clock.offsetsFixed) return
  const offset = (clock.now() - value) & U64
  if (which === 'vcnt') clock.virtualOffset = offset
  else clock.physicalOffset = offset
}

/** Control register as read: ISTATUS shows the comparison even of a disabled timer, or never, by kernel. */
export function readControl(clock: ClockState, encoding: number, stored: bigint, compare: bigint): bigint {
  if (clock.build.kernel.timers.istatus === 'absent') return stored
  const count = encoding === PHYSICAL_CONTROL ? physicalCount(clock) : virtualCount(clock)
  return compare <= count ? stored | ISTATUS : stored
}

export const writeControl = (value: bigint): bigint => value & ~ISTATUS
