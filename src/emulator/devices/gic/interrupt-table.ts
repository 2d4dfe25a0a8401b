// Owns the state of every interrupt of a GIC: enabled, group, pending, active, input line, trigger, priority, target; and which one a CPU interface
// would be offered. One representation for GICv2 and GICv3. Knows no register offset.
// Source: GIC architecture IHI 0048 and IHI 0069; how KVM's vgic fills what they leave open: arch/arm64/kvm/vgic/vgic-init.c, vgic.c.

export type GicVersion = 'v2' | 'v3'

/** INTIDs 0 to 15 are software generated, 16 to 31 peripherals of one vCPU, from 32 on shared. */
export const SGIS = 16
export const PRIVATE = 32
/** INTIDs 1020 to 1023 mean something else. */
export const SPECIAL = 1020
export const SPURIOUS = 1023
export const FIRST_LPI = 8192
/** No candidate; greater than any key. */
export const NONE = 0x7fff_ffff

/** A candidate as one number that sorts by priority, then INTID: priority<<17 | intid<<1 | group. */
export const keyOf = (priority: number, intid: number, group: number): number => (priority << 17) | (intid << 1) | group
export const keyPriority = (key: number): number => key >>> 17
export const keyIntid = (key: number): number => (key >>> 1) & 0xffff
export const keyGroup = (key: number): number => key & 1

/** LPIs, which have no place in the table: see lpis.ts. */
export interface LpiCandidates {
  /** Key of the best pending and enabled LPI of a vCPU, or NONE. */
  candidate(cpu: number): number
}

/** Everything is by bank: 32 interrupts, one bit each. Banks 0 to cpus-1 are the private interrupts of each vCPU, then come the shared ones. */
export class InterruptTable {
  readonly version: GicVersion
  readonly cpus: number
  /** Banks of shared interrupts, at most 31. */
  readonly sharedWords: number
  /** GICD_CTLR's enable: without it nothing is forwarded. */
  forwarding = false
  readonly enabled: Uint32Array
  readonly group: Uint32Array
  /** Pending whatever the line says: an edge, an SGI, or a write to ISPENDR. */
  readonly latch: Uint32Array
  readonly line: Uint32Array
  readonly active: Uint32Array
  /** 1: edge-triggered. */
  readonly edge: Uint32Array
  readonly priority: Uint8Array
  /** Position of the vCPU that a shared interrupt goes to, -1 for none. */
  readonly target: Int16Array
  /** What the guest wrote to choose it: Aff2.Aff1.Aff0 (v3) or a set of CPU interfaces (v2). */
  readonly route: Uint32Array
  /** v2: who sent each pending SGI, a set of CPU interfaces; by vCPU and SGI. */
  readonly senders: Uint8Array
  /** 1: something about this vCPU's interrupts changed since its lines were last computed. */
  readonly stale: Uint8Array
  lpis: LpiCandidates | undefined

  constructor(version: GicVersion, cpus: number, sharedWords: number) {
    const banks = cpus + sharedWords
    this.version = version
    this.cpus = cpus
    this.sharedWords = sharedWords
    this.enabled = new Uint32Array(banks).fill(0xffff, 0, cpus)
    this.group = new Uint32Array(banks).fill(version === 'v3' ? 0xffff_ffff : 0)
    this.latch = new Uint32Array(banks)
    this.line = new Uint32Array(banks)
    this.active = new Uint32Array(banks)
    this.edge = new Uint32Array(banks).fill(0xffff, 0, cpus)
    this.priority = new Uint8Array(banks * 32)
    this.target = new Int16Array(sharedWords * 32)
    this.route = new Uint32Array(sharedWords * 32)
    this.senders = new Uint8Array(cpus * SGIS)
    this.stale = new Uint8Array(cpus).fill(1)
  }

  /** Bank of the word of 32 interrupts that `intid` is in, as this vCPU sees it; -1 where there is none. */
  bank(cpu: number, word: number): number {
    if (word === 0) return cpu
    return word <= this.sharedWords ? this.cpus + word - 1 : -1
  }

  /** A bank changed. */
  touch(bank: number): void {
    if (bank < this.cpus) this.stale[bank] = 1
    else this.stale.fill(1)
  }

  pending(bank: number): number {
    return (this.latch[bank]! | (this.line[bank]! & ~this.edge[bank]!)) >>> 0
  }

  /** The level of an input; an edge-triggered interrupt becomes pending when it rises. */
  setLine(bank: number, bit: number, level: boolean): void {
    const mask = 1 << bit
    if (((this.line[bank]! & mask) !== 0) === level) return
    this.line[bank] = level ? this.line[bank]! | mask : this.line[bank]! & ~mask
    if (level && this.edge[bank]! & mask) this.latch[bank] = this.latch[bank]! | mask
    this.touch(bank)
  }

  /** An SGI arrives; v2 remembers its sender. */
  raiseSgi(cpu: number, sgi: number, sender: number): void {
    this.latch[cpu] = this.latch[cpu]! | (1 << sgi)
    if (this.version === 'v2') this.senders[cpu * SGIS + sgi] = this.senders[cpu * SGIS + sgi]! | (1 << sender)
    this.stale[cpu] = 1
  }

  /** Key of what this vCPU would be offered, of the groups in the set (bit 0: group 0, bit 1: group 1); NONE. */
  candidate(cpu: number, groups: number): number {
    if (!this.forwarding || groups === 0) return NONE
    let best = NONE
    for (let word = 0; word <= this.sharedWords; word++) {
      const bank = word === 0 ? cpu : this.cpus + word - 1
      const group = this.group[bank]!
      let bits = this.pending(bank) & this.enabled[bank]! & ~this.active[bank]!
      if (bits === 0) continue
      if (groups !== 3) bits &= groups === 2 ? group : ~group
      for (; bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits)
        const intid = 32 * word + bit
        if (word > 0 && this.target[intid - PRIVATE] !== cpu) continue
        const key = keyOf(this.priority[32 * bank + bit]!, intid, (group >>> bit) & 1)
        if (key < best) best = key
      }
    }
    if (this.lpis && groups & 2) best = Math.min(best, this.lpis.candidate(cpu))
    return best
  }

  /** The interrupt is acknowledged: active, and no longer pending but for its line. Gives the sender of a v2 SGI, else 0. */
  activate(cpu: number, intid: number): number {
    const bank = this.bank(cpu, intid >> 5)
    const mask = 1 << (intid & 31)
    this.active[bank] = this.active[bank]! | mask
    let sender = 0
    let more = false
    if (this.version === 'v2' && intid < SGIS) {
      // One sender at a time; the others keep it pending.
      const senders = this.senders[cpu * SGIS + intid]!
      if (senders !== 0) sender = 31 - Math.clz32(senders & -senders)
      const left = senders & (senders - 1)
      this.senders[cpu * SGIS + intid] = left
      more = left !== 0
    }
    if (!more) this.latch[bank] = this.latch[bank]! & ~mask
    this.touch(bank)
    return sender
  }

  deactivate(cpu: number, intid: number): void {
    const bank = this.bank(cpu, intid >> 5)
    if (bank < 0) return
    this.active[bank] = this.active[bank]! & ~(1 << (intid & 31))
    this.touch(bank)
  }

  /** A route was written (or vCPUs got other affinities): who gets the interrupt. */
  retarget(spi: number, cpuOfAffinity: (affinity: number) => number): void {
    const route = this.route[spi]!
    // v2: the lowest of the CPU interfaces, the first when there is none (vgic_mmio_write_target).
    this.target[spi] = this.version === 'v3' ? cpuOfAffinity(route) : route === 0 ? 0 : 31 - Math.clz32(route & -route)
  }
}
