// Owns the generic timers of a vCPU as the guest sees them: control, compare and timer value over the VM's counters, and the level of their outputs.
// Their registers are the KVM store's where the kernel has them; before Linux 6.4 the physical timer is not a register, and its two values are kept
// here and saved. Everything is a function of registers, counter offsets and machine time. Knows no interrupt controller.
import { sysRegId } from '../../arch/reg-id.ts'
import type { Vcpu } from '../kvm/vcpu.ts'
import { nanosecondsToTick, ticks } from './clock.ts'

/** ENABLE, IMASK and ISTATUS of CNTx_CTL_EL0. */
const ENABLE = 1
const IMASK = 2
const ISTATUS = 4n
const U64 = (1n << 64n) - 1n
const COUNTS = 1n << 64n

export interface TimerState {
  readonly control: bigint
  readonly compare: bigint
}
export type TimerName = 'virtual' | 'physical'

/** ONE_REG ids; KVM_REG_ARM_TIMER_CVAL carries CNTVCT's encoding for ever. */
const IDS = {
  virtual: { control: sysRegId(3, 3, 14, 3, 1), compare: sysRegId(3, 3, 14, 0, 2) },
  physical: { control: sysRegId(3, 3, 14, 2, 1), compare: sysRegId(3, 3, 14, 2, 2) },
} as const

export interface Timers {
  /** CNT{P,V}_{CTL,CVAL,TVAL}_EL0 by op2 (0 TVAL, 1 CTL, 2 CVAL) at machine time `now`; undefined: no such register. */
  read(which: TimerName, op2: number, now: number): bigint | undefined
  write(which: TimerName, op2: number, value: bigint, now: number): boolean
  /** Level of the timer's output at machine time `now`: enabled, unmasked and expired. */
  output(which: TimerName, now: number): boolean
  /** Machine time after `now` when an output next changes by itself; Infinity when none will. */
  changesAt(now: number): number
  /** What the KVM store does not hold. */
  save(): TimerState | undefined
}

export function createTimers(vcpu: Vcpu, saved?: TimerState): Timers {
  const virtual = stored(vcpu, 'virtual') ?? new KeptTimer(vcpu, 'virtual', undefined)
  const physical = stored(vcpu, 'physical') ?? new KeptTimer(vcpu, 'physical', saved)
  const timers = { virtual, physical }
  return {
    read: (which, op2, now) => timers[which].read(op2, now),
    write: (which, op2, value, now) => timers[which].write(op2, value, now),
    output: (which, now) => timers[which].output(now),
    changesAt: now => Math.min(virtual.changesAt(now), physical.changesAt(now)),
    save: () => (physical instanceof KeptTimer ? { control: physical.control, compare: physical.compare } : undefined),
  }
}

abstract class Timer {
  protected readonly vcpu: Vcpu
  private readonly which: TimerName
  /** The comparison that was made last, what it was of, and from when until when it holds. */
  private expired = false
  private from = Number.POSITIVE_INFINITY
  private until = Number.NEGATIVE_INFINITY
  private low = 0
  private high = 0
  private offset = 0n

  constructor(vcpu: Vcpu, which: TimerName) {
    this.vcpu = vcpu
    this.which = which
  }

  protected abstract controlWord(): number
  protected abstract compareLow(): number
  protected abstract compareHigh(): number
  protected abstract setControl(value: bigint): void
  protected abstract setCompare(value: bigint): void

  read(op2: number, now: number): bigint | undefined {
    if (op2 === 2) return this.compareValue()
    if (op2 === 0) return BigInt.asUintN(32, this.compareValue() - this.count(now))
    if (op2 !== 1) return undefined
    const control = this.controlWord() & (ENABLE | IMASK)
    return control & ENABLE && this.hasExpired(now) ? BigInt(control) | ISTATUS : BigInt(control)
  }

  write(op2: number, value: bigint, now: number): boolean {
    if (op2 === 2) this.setCompare(value)
    else if (op2 === 1) this.setControl(value & BigInt(ENABLE | IMASK))
    else if (op2 === 0) this.setCompare((this.count(now) + BigInt.asIntN(32, value)) & U64)
    else return false
    return true
  }

  output(now: number): boolean {
    return this.isLive() && this.hasExpired(now)
  }

  changesAt(now: number): number {
    if (!this.isLive()) return Number.POSITIVE_INFINITY
    this.hasExpired(now)
    return this.until
  }

  private isLive(): boolean {
    return (this.controlWord() & (ENABLE | IMASK)) === ENABLE
  }

  private counterOffset(): bigint {
    const { vm } = this.vcpu
    return this.which === 'virtual' ? vm.virtualOffset : vm.physicalOffset
  }

  private count(now: number): bigint {
    return (ticks(now) - this.counterOffset()) & U64
  }

  private compareValue(): bigint {
    return (BigInt(this.compareHigh()) << 32n) | BigInt(this.compareLow())
  }

  /** The timer condition, an unsigned comparison of all 64 bits (Arm ARM D11.2.4), remembered for as long as neither side has changed. */
  private hasExpired(now: number): boolean {
    const [low, high, offset] = [this.compareLow(), this.compareHigh(), this.counterOffset()]
    if (now >= this.from && now < this.until && low === this.low && high === this.high && offset === this.offset) return this.expired
    const count = this.count(now)
    const compare = this.compareValue()
    this.expired = count >= compare
    this.from = now
    // An expired one stays so until the counter wraps.
    this.until = now + (nanosecondsToTick(now, (this.expired ? COUNTS : compare) - count) ?? Number.POSITIVE_INFINITY)
    this.low = low
    this.high = high
    this.offset = offset
    return this.expired
  }
}

/** A timer whose registers are the KVM store's. */
class StoredTimer extends Timer {
  private readonly controlAt: number
  private readonly compareAt: number

  constructor(vcpu: Vcpu, which: TimerName, controlAt: number, compareAt: number) {
    super(vcpu, which)
    this.controlAt = controlAt
    this.compareAt = compareAt
  }

  protected controlWord(): number {
    return this.vcpu.words[this.controlAt >> 2]!
  }
  protected compareLow(): number {
    return this.vcpu.words[this.compareAt >> 2]!
  }
  protected compareHigh(): number {
    return this.vcpu.words[(this.compareAt >> 2) + 1]!
  }
  protected setControl(value: bigint): void {
    this.vcpu.store(this.controlAt, value)
  }
  protected setCompare(value: bigint): void {
    this.vcpu.store(this.compareAt, value)
  }
}

/** A timer that this kernel has no registers for. */
class KeptTimer extends Timer {
  control: bigint
  compare: bigint

  constructor(vcpu: Vcpu, which: TimerName, saved: TimerState | undefined) {
    super(vcpu, which)
    this.control = saved?.control ?? 0n
    this.compare = saved?.compare ?? 0n
  }

  protected controlWord(): number {
    return Number(this.control)
  }
  protected compareLow(): number {
    return Number(this.compare & 0xffff_ffffn)
  }
  protected compareHigh(): number {
    return Number(this.compare >> 32n)
  }
  protected setControl(value: bigint): void {
    this.control = value
  }
  protected setCompare(value: bigint): void {
    this.compare = value
  }
}

/** Undefined: this kernel's list has no such timer. */
function stored(vcpu: Vcpu, which: TimerName): Timer | undefined {
  const { control, compare } = IDS[which]
  if (!vcpu.vm.build.kernel.sysregs.some(row => row.encoding === Number(control & 0xffffn))) return undefined
  const [controlAt, compareAt] = [vcpu.offsetOf(control), vcpu.offsetOf(compare)]
  return controlAt === undefined || compareAt === undefined ? undefined : new StoredTimer(vcpu, which, controlAt, compareAt)
}
