// Owns the generic timers of a vCPU as the guest sees them: control, compare and timer value over the VM's counters. Their registers are the KVM
// store's where the kernel has them; before Linux 6.4 the physical timer is not a register, and its two values are kept here and saved.
// No interrupt leaves them yet (that is the GIC's side); an expired timer ends a WFI.
import { sysRegId } from '../../arch/reg-id.ts'
import type { VcpuAbi } from '../kvm/abi.ts'

/** ENABLE, IMASK and ISTATUS of CNTx_CTL_EL0. */
const ENABLE = 1n
const IMASK = 2n
const ISTATUS = 4n
const U64 = (1n << 64n) - 1n

export interface TimerState {
  readonly control: bigint
  readonly compare: bigint
}
interface Timer {
  control(): bigint
  compare(): bigint
  setControl(value: bigint): void
  setCompare(value: bigint): void
  count(): bigint
}

/** ONE_REG ids; KVM_REG_ARM_TIMER_CVAL carries CNTVCT's encoding for ever. */
const IDS = {
  virtual: { control: sysRegId(3, 3, 14, 3, 1), compare: sysRegId(3, 3, 14, 0, 2) },
  physical: { control: sysRegId(3, 3, 14, 2, 1), compare: sysRegId(3, 3, 14, 2, 2) },
} as const

export interface Timers {
  /** CNT{P,V}_{CTL,CVAL,TVAL}_EL0 by op2 (0 TVAL, 1 CTL, 2 CVAL); `count` is that timer's counter now. */
  read(which: 'virtual' | 'physical', op2: number, count: bigint): bigint | undefined
  write(which: 'virtual' | 'physical', op2: number, value: bigint, count: bigint): boolean
  /** Ticks until the first enabled, unmasked timer expires: 0 when one has, undefined when none will. */
  ticksToExpiry(): bigint | undefined
  /** What the KVM store does not hold. */
  save(): TimerState | undefined
}

export function createTimers(vcpu: VcpuAbi, saved?: TimerState): Timers {
  let hidden: TimerState = saved ?? { control: 0n, compare: 0n }
  const stored = (which: 'virtual' | 'physical', count: () => bigint): Timer => ({
    control: () => vcpu.get64(IDS[which].control) ?? 0n,
    compare: () => vcpu.get64(IDS[which].compare) ?? 0n,
    setControl: value => vcpu.set64(IDS[which].control, value),
    setCompare: value => vcpu.set64(IDS[which].compare, value),
    count,
  })
  const keepsPhysical = !vcpu.vm.build.kernel.sysregs.some(row => row.encoding === Number(IDS.physical.control & 0xffffn))
  const timers = {
    virtual: stored('virtual', () => vcpu.virtualCount()),
    physical: keepsPhysical
      ? ({
          control: () => hidden.control,
          compare: () => hidden.compare,
          setControl: value => (hidden = { ...hidden, control: value }),
          setCompare: value => (hidden = { ...hidden, compare: value }),
          count: () => vcpu.physicalCount(),
        } satisfies Timer)
      : stored('physical', () => vcpu.physicalCount()),
  }
  return {
    read(which, op2, count) {
      const timer = timers[which]
      if (op2 === 2) return timer.compare()
      if (op2 === 0) return BigInt.asUintN(32, timer.compare() - count)
      if (op2 !== 1) return undefined
      const control = timer.control() & (ENABLE | IMASK)
      return control & ENABLE && expired(timer.compare(), count) ? control | ISTATUS : control
    },
    write(which, op2, value, count) {
      const timer = timers[which]
      if (op2 === 2) timer.setCompare(value)
      else if (op2 === 1) timer.setControl(value & (ENABLE | IMASK))
      else if (op2 === 0) timer.setCompare((count + BigInt.asIntN(32, value)) & U64)
      else return false
      return true
    },
    ticksToExpiry() {
      let first: bigint | undefined
      for (const timer of [timers.virtual, timers.physical]) {
        if ((timer.control() & (ENABLE | IMASK)) !== ENABLE) continue
        const count = timer.count()
        const left = expired(timer.compare(), count) ? 0n : timer.compare() - count
        if (first === undefined || left < first) first = left
      }
      return first
    },
    save: () => (keepsPhysical ? hidden : undefined),
  }
}

/** The timer condition is an unsigned comparison of all 64 bits: Arm ARM D11.2.4. */
const expired = (compare: bigint, count: bigint): boolean => count >= compare
