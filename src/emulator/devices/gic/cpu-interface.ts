// Owns one vCPU's CPU interface: priority mask, binary points, active priorities; what it signals, acknowledge and end of interrupt. The same for GICv3's
// system registers (icc.ts) and GICv2's frame (gicc.ts), which only encode it. Five priority bits, one security state.
// Source: IHI 0069 §4.8 (prioritisation), §4.7 (groups); arch/arm64/kvm/hyp/vgic-v3-sr.c for what KVM makes of a group's binary point.
import { FIRST_LPI, type InterruptTable, keyGroup, keyIntid, keyPriority, NONE, PRIVATE, SPECIAL } from './interrupt-table.ts'

export const LINE_IRQ = 1
export const LINE_FIQ = 2

/** Priorities have five bits: the upper ones of a byte. */
export const PRIORITY_MASK = 0xf8
const LEAST_BPR0 = 2
const LEAST_BPR1 = 3
/** Of no active interrupt. */
export const IDLE = 0x100

export const CONTROL = { commonBinaryPoint: 1, separateDeactivate: 2 } as const

/** What an LPI does when it is acknowledged. */
export interface LpiAcknowledge {
  acknowledge(intid: number): void
}

export class CpuInterface {
  readonly cpu: number
  readonly table: InterruptTable
  lpis: LpiAcknowledge | undefined
  /** Bit 0: group 0, bit 1: group 1. */
  groups = 0
  priorityMask = 0
  /** As written by users: 0 until somebody does. What counts is at least the least there is. */
  binaryPoint0 = 0
  binaryPoint1 = 0
  /** CONTROL bits. */
  control = 0
  /** v2: GICC_CTLR.AckCtl and FIQEn. */
  acknowledgesAll = false
  signalsFiq: boolean
  /** One bit per level of priority that is being handled: AP0R0, AP1R0. A v2 has the second only. */
  active0 = 0
  active1 = 0
  private lines = 0

  constructor(table: InterruptTable, cpu: number) {
    this.table = table
    this.cpu = cpu
    this.signalsFiq = table.version === 'v3'
  }

  /** A register of this interface changed. */
  changed(): void {
    this.table.stale[this.cpu] = 1
  }

  /** A guest's write: less than the least becomes that. */
  setBinaryPoint0(value: number): void {
    this.binaryPoint0 = Math.max(value & 7, LEAST_BPR0)
    this.changed()
  }

  setBinaryPoint1(value: number): void {
    this.binaryPoint1 = Math.max(value & 7, LEAST_BPR1)
    this.changed()
  }

  /** The binary points that count: of group 0, … */
  effectiveBinaryPoint0(): number {
    return Math.max(this.binaryPoint0, LEAST_BPR0)
  }

  /** … and of group 1, its own or the other's. */
  effectiveBinaryPoint1(): number {
    return this.control & CONTROL.commonBinaryPoint ? Math.min(this.effectiveBinaryPoint0() + 1, 7) : this.ownBinaryPoint1()
  }
  ownBinaryPoint1(): number {
    return Math.max(this.binaryPoint1, LEAST_BPR1)
  }

  /** Priority of what is being handled, IDLE when nothing is. */
  running(): number {
    const active = this.active0 | this.active1
    return active === 0 ? IDLE : (31 - Math.clz32(active & -active)) << 3
  }

  /** LINE bits that go to the vCPU. */
  signals(): number {
    if (this.table.stale[this.cpu] === 1) {
      this.table.stale[this.cpu] = 0
      const key = this.deliverable()
      this.lines = key === NONE ? 0 : keyGroup(key) === 0 && this.signalsFiq ? LINE_FIQ : LINE_IRQ
    }
    return this.lines
  }

  /** Key of the pending interrupt of highest priority in an enabled group, whatever masks it. */
  highestPending(): number {
    return this.table.candidate(this.cpu, this.groups)
  }

  /** The same when its priority lets it through: above the mask and above what is being handled. */
  deliverable(): number {
    const key = this.highestPending()
    if (key === NONE) return NONE
    const priority = keyPriority(key)
    return priority < this.priorityMask && this.preemption(priority, keyGroup(key)) < this.running() ? key : NONE
  }

  /** Takes the interrupt: it is active now. Gives the sender of a v2 SGI, else 0. */
  acknowledge(key: number): number {
    const intid = keyIntid(key)
    const level = 1 << (this.preemption(keyPriority(key), keyGroup(key)) >> 3)
    if (keyGroup(key) === 0 && this.table.version === 'v3') this.active0 = (this.active0 | level) >>> 0
    else this.active1 = (this.active1 | level) >>> 0
    this.changed()
    if (intid < FIRST_LPI) return this.table.activate(this.cpu, intid)
    this.lpis?.acknowledge(intid)
    return 0
  }

  /** End of interrupt: drops the running priority and, unless that is a step of its own, deactivates. */
  end(intid: number): void {
    if (intid >= SPECIAL && intid < FIRST_LPI) return
    const [low0, low1] = [this.active0 & -this.active0, this.active1 & -this.active1]
    if (low0 !== 0 && (low1 === 0 || low0 >>> 0 <= low1 >>> 0)) this.active0 = (this.active0 & ~low0) >>> 0
    else this.active1 = (this.active1 & ~low1) >>> 0
    this.changed()
    if (!(this.control & CONTROL.separateDeactivate)) this.deactivateOne(intid)
  }

  /** ICC_DIR: only when end of interrupt does not do it. */
  deactivate(intid: number): void {
    if (this.control & CONTROL.separateDeactivate) this.deactivateOne(intid)
  }

  private deactivateOne(intid: number): void {
    if (intid < SPECIAL && (intid < PRIVATE || intid >> 5 <= this.table.sharedWords)) this.table.deactivate(this.cpu, intid)
  }

  private preemption(priority: number, group: number): number {
    const point = group === 0 ? this.effectiveBinaryPoint0() + 1 : this.effectiveBinaryPoint1()
    return priority & (0xff << point) & 0xff
  }
}
