// Owns the lines of one vCPU: outputs of its timers and counters that go to the interrupt controller, what that signals and so becomes the engine's input,
// and when any of it changes by itself. Everything is a function of the state and machine time. Knows no scheduling.
import type { Engine } from '../cpu/engine.ts'
import { ENGINE_STATE, LINE } from '../cpu/engine-state.ts'
import { LINE_FIQ, LINE_IRQ } from '../devices/gic/cpu-interface.ts'
import type { Vcpu } from '../kvm/vcpu.ts'
import type { Bus } from './bus.ts'
import { type Clock, timeOfTick } from './clock.ts'
import { type Interrupts, PPI } from './interrupts.ts'
import type { Pmu } from './pmu.ts'
import type { Timers } from './timers.ts'

export interface VcpuLines {
  /** What is due by now happens, and outputs are on their lines. */
  settle(): void
  /** Outputs as they are now. */
  raise(): void
  /** What the interrupt controller signals now becomes the engine's input; a pending SError stays. */
  signal(engine: Engine): void
  /** Whether an interrupt is signalled, or an SError pending, masked or not. */
  pending(): boolean
  /** Machine time after now at which something of it changes by itself: a timer or counter of this vCPU, or a device. Infinity: never. */
  nextChange(): number
  /** ISR_EL1. */
  status(): number
  serrorPending(): boolean
}

export interface LineSources {
  readonly vcpu: Vcpu
  readonly position: number
  readonly timers: Timers
  readonly pmu: Pmu | undefined
  readonly interrupts: Interrupts
  readonly bus: Bus
  readonly clock: Clock
}

export function createVcpuLines({ vcpu, position, timers, pmu, interrupts, bus, clock }: LineSources): VcpuLines {
  /** LINE bits of the engine's inputs. */
  const inputs = (): number => vcpu.words[ENGINE_STATE.lines >> 2]!
  const signals = (): number => interrupts.gic()?.signals(position) ?? 0
  function raise(): void {
    const gic = interrupts.gic()
    if (!gic) return
    gic.setPrivateLine(position, PPI.virtualTimer, timers.output('virtual', clock.time))
    gic.setPrivateLine(position, PPI.physicalTimer, timers.output('physical', clock.time))
    if (pmu) gic.setPrivateLine(position, PPI.pmu, pmu.output())
  }
  return {
    raise,
    settle() {
      if (timeOfTick(bus.dueAt()) <= clock.time) bus.elapse()
      raise()
    },
    signal(engine) {
      const now = inputs()
      const wanted = signals()
      const irq = (wanted & LINE_IRQ) !== 0
      const fiq = (wanted & LINE_FIQ) !== 0
      if (irq === ((now & LINE.irq) !== 0) && fiq === ((now & LINE.fiq) !== 0)) return
      engine.setInterruptLines(position, { irq, fiq, ...(now & LINE.serror ? { serror: vcpu.words[ENGINE_STATE.serror >> 2]! } : {}) })
    },
    pending: () => signals() !== 0 || (inputs() & LINE.serror) !== 0,
    nextChange: () => Math.min(timers.changesAt(clock.time), timeOfTick(bus.dueAt()), pmu ? clock.time + pmu.toOverflow() : Number.POSITIVE_INFINITY),
    status: () => (inputs() & LINE.serror ? SERROR : 0) | (inputs() & LINE.irq ? IRQ : 0) | (inputs() & LINE.fiq ? FIQ : 0),
    serrorPending: () => (inputs() & LINE.serror) !== 0,
  }
}

const [SERROR, IRQ, FIQ] = [0x100, 0x80, 0x40]
