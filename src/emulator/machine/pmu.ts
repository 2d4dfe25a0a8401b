// Owns a vCPU's performance monitors as the guest sees them: what its registers do, what counts, when a counter overflows. The values are the KVM
// store's registers, current whenever the vCPU does not run. A cycle is an instruction here, and waiting takes none.
// Counted: cycles and retired instructions (both are instructions), software increments, and chains of two counters. Nothing else is announced.
// Source: Arm ARM D13; arch/arm64/kvm/pmu-emul.c and sys_regs.c for what KVM keeps and lets through. Knows no interrupt controller.
import { counterMask } from '../kvm/pmu.ts'
import type { Vcpu } from '../kvm/vcpu.ts'
import { VCPU_STATE } from '../state-layout.ts'

const enc = (op1: number, crn: number, crm: number, op2: number): number => 0xc000 | (op1 << 11) | (crn << 7) | (crm << 3) | op2

export const PMU = {
  pmcr: enc(3, 9, 12, 0),
  cntenset: enc(3, 9, 12, 1),
  cntenclr: enc(3, 9, 12, 2),
  ovsclr: enc(3, 9, 12, 3),
  swinc: enc(3, 9, 12, 4),
  selr: enc(3, 9, 12, 5),
  ceid0: enc(3, 9, 12, 6),
  ceid1: enc(3, 9, 12, 7),
  ccntr: enc(3, 9, 13, 0),
  xevtyper: enc(3, 9, 13, 1),
  xevcntr: enc(3, 9, 13, 2),
  userenr: enc(3, 9, 14, 0),
  ovsset: enc(3, 9, 14, 3),
  intenset: enc(0, 9, 14, 1),
  intenclr: enc(0, 9, 14, 2),
  mmir: enc(0, 9, 14, 6),
  evcntr0: enc(3, 14, 8, 0),
  evtyper0: enc(3, 14, 12, 0),
  ccfiltr: enc(3, 14, 15, 7),
} as const

const CYCLES = 31
const EVENT = { swIncr: 0x00, instRetired: 0x08, cpuCycles: 0x11, chain: 0x1e } as const
/** PMCEID0_EL0: exactly what is counted. */
const ANNOUNCED = (1n << BigInt(EVENT.swIncr)) | (1n << BigInt(EVENT.instRetired)) | (1n << BigInt(EVENT.cpuCycles)) | (1n << BigInt(EVENT.chain))
const PMCR = { e: 1, p: 2, c: 4, lc: 0x40, lp: 0x80 } as const
const PMCR_WRITABLE = 0x7f
const N_SHIFT = 11n
const N_MASK = 0x1fn << N_SHIFT
/** PMEVTYPER: do not count EL1, do not count EL0. */
const EXCLUDE_EL1 = 1n << 31n
const EXCLUDE_EL0 = 1n << 30n
const SELECTOR = 0x1f
const DFR0 = 0xc028n
const PFR0 = 0xc020n
/** ID_AA64DFR0_EL1.PMUVer from which events have 16 bits, and counters 64. */
const V3P1 = 4
const V3P5 = 6
const U32 = 0xffff_ffffn
const U64 = 0xffff_ffff_ffff_ffffn

export interface Pmu {
  /** Undefined, false: there is no such register. Instructions executed must have been counted first. */
  read(encoding: number): bigint | undefined
  write(encoding: number, value: bigint): boolean
  /** Counts instructions that this vCPU has executed at an exception level. */
  count(instructions: number, level: number): void
  /** Level of the overflow interrupt. */
  output(): boolean
  /** Instructions until a counter may overflow and the level rise; Infinity when none counts. */
  toOverflow(): number
}

export function createPmu(vcpu: Vcpu): Pmu {
  const { vm } = vcpu
  const place = (encoding: number): number | undefined => vcpu.offsetOf(BigInt(encoding))
  const at = {
    pmcr: place(PMU.pmcr),
    enabled: place(PMU.cntenset),
    interrupts: place(PMU.intenset),
    overflows: place(PMU.ovsset),
    selector: place(PMU.selr),
    cycles: place(PMU.ccntr),
    cycleFilter: place(PMU.ccfiltr),
    mmir: place(PMU.mmir),
    counters: Array.from({ length: CYCLES }, (_, n) => place(PMU.evcntr0 + n) ?? 0),
    types: Array.from({ length: CYCLES }, (_, n) => place(PMU.evtyper0 + n) ?? 0),
  }
  const word = (offset: number | undefined): number => (offset === undefined ? 0 : vcpu.words[offset >> 2]!)
  const load = (offset: number | undefined): bigint => (offset === undefined ? 0n : vcpu.stored(offset))
  const keep = (offset: number | undefined, value: bigint): void => {
    if (offset !== undefined) vcpu.store(offset, value)
  }
  const version = (): number => Number((vm.idRegister(DFR0) >> 8n) & 0xfn)
  const isLong = (): boolean => version() >= V3P5
  const mask = (): bigint => counterMask(vm.eventCounters)
  const exists = (n: number): boolean => n < vm.eventCounters || n === CYCLES

  /** Where a counter's value and type are. */
  const valueAt = (n: number): number | undefined => (n === CYCLES ? at.cycles : at.counters[n])
  const typeAt = (n: number): number | undefined => (n === CYCLES ? at.cycleFilter : at.types[n])
  const readingOf = (n: number): bigint => (n === CYCLES || isLong() ? load(valueAt(n)) : load(valueAt(n)) & U32)
  const eventOf = (n: number): number => (n === CYCLES ? EVENT.cpuCycles : Number(load(typeAt(n)) & (version() >= V3P1 ? 0xffffn : 0x3ffn)))
  /** Overflow is out of 64 bits, or out of 32. */
  const overflowsLong = (n: number): boolean => (n === CYCLES ? (word(at.pmcr) & PMCR.lc) !== 0 : isLong() && (word(at.pmcr) & PMCR.lp) !== 0)
  const isEnabled = (n: number): boolean => ((word(at.enabled) >>> n) & 1) === 1
  const isOn = (): boolean => (word(at.pmcr) & PMCR.e) !== 0 && word(at.enabled) !== 0

  function countsAt(n: number, level: number): boolean {
    const type = load(typeAt(n))
    return (type & (level === 0 ? EXCLUDE_EL0 : EXCLUDE_EL1)) === 0n
  }
  const countsInstructions = (n: number): boolean => {
    const event = eventOf(n)
    return event === EVENT.cpuCycles || event === EVENT.instRetired
  }

  /** Adds to a counter; each overflow is noted, and of an even counter counts in the odd one that is chained to it. */
  function add(n: number, by: bigint): void {
    const before = readingOf(n)
    const sum = before + by
    const width = overflowsLong(n) ? 64n : 32n
    const overflows = (width === 64n ? sum : (before & U32) + by) >> width
    keep(valueAt(n), n === CYCLES || isLong() ? sum & U64 : sum & U32)
    if (overflows === 0n) return
    keep(at.overflows, load(at.overflows) | (1n << BigInt(n)))
    const next = n + 1
    if (n % 2 === 0 && width === 32n && next < vm.eventCounters && isEnabled(next) && eventOf(next) === EVENT.chain) add(next, overflows)
  }

  function* enabledCounters(): Generator<number> {
    for (let n = 0; n < vm.eventCounters; n++) if (isEnabled(n)) yield n
    if (isEnabled(CYCLES)) yield CYCLES
  }

  function writeControl(value: bigint): void {
    const stored = load(at.pmcr)
    const writable = BigInt(PMCR_WRITABLE | (isLong() ? PMCR.lp : 0))
    // The 32-bit overflow of the cycle counter is AArch32's alone.
    const aarch32 = (vm.idRegister(PFR0) & 0xfn) === 2n
    const next = (stored & ~writable) | (value & writable) | (aarch32 ? 0n : BigInt(PMCR.lc))
    keep(at.pmcr, next & ~BigInt(PMCR.p | PMCR.c))
    if (value & BigInt(PMCR.c)) keep(at.cycles, 0n)
    if (value & BigInt(PMCR.p)) for (let n = 0; n < vm.eventCounters; n++) keep(valueAt(n), 0n)
  }

  function increment(value: bigint): void {
    if (!(word(at.pmcr) & PMCR.e)) return
    const level = levelOf(vcpu)
    for (let n = 0; n < vm.eventCounters; n++) if ((value >> BigInt(n)) & 1n && isEnabled(n) && eventOf(n) === EVENT.swIncr && countsAt(n, level)) add(n, 1n)
  }

  /** PMEVTYPER and PMCCFILTR keep what KVM lets through. */
  const typeMask = (): bigint => EXCLUDE_EL1 | EXCLUDE_EL0 | (version() >= V3P1 ? 0xffffn : 0x3ffn)

  /** Counter that an encoding names, by PMSELR where it says so. */
  function counterOf(encoding: number): number | undefined {
    if (encoding === PMU.ccntr || encoding === PMU.ccfiltr) return CYCLES
    if (encoding === PMU.xevcntr || encoding === PMU.xevtyper) return word(at.selector) & SELECTOR
    if (encoding >= PMU.evcntr0 && encoding < PMU.ccfiltr) return (encoding - PMU.evcntr0) & 31
    return undefined
  }
  const isType = (encoding: number): boolean => encoding === PMU.xevtyper || encoding >= PMU.evtyper0

  return {
    read(encoding) {
      switch (encoding) {
        case PMU.pmcr:
          return (load(at.pmcr) & ~(N_MASK | BigInt(PMCR.p | PMCR.c))) | (BigInt(vm.eventCounters) << N_SHIFT)
        case PMU.cntenset:
        case PMU.cntenclr:
          return load(at.enabled) & mask()
        case PMU.intenset:
        case PMU.intenclr:
          return load(at.interrupts) & mask()
        case PMU.ovsset:
        case PMU.ovsclr:
          return load(at.overflows) & mask()
        case PMU.swinc:
          return 0n
        case PMU.selr:
          return BigInt(word(at.selector) & SELECTOR)
        case PMU.ceid0:
          return ANNOUNCED
        case PMU.ceid1:
          return 0n
        case PMU.mmir:
          return load(at.mmir)
      }
      const n = counterOf(encoding)
      if (n === undefined || !exists(n)) return undefined
      return isType(encoding) ? load(typeAt(n)) & typeMask() : readingOf(n)
    },
    write(encoding, value) {
      switch (encoding) {
        case PMU.pmcr:
          writeControl(value)
          return true
        case PMU.cntenset:
          keep(at.enabled, (load(at.enabled) | value) & mask())
          return true
        case PMU.cntenclr:
          keep(at.enabled, load(at.enabled) & ~value)
          return true
        case PMU.intenset:
          keep(at.interrupts, (load(at.interrupts) | value) & mask())
          return true
        case PMU.intenclr:
          keep(at.interrupts, load(at.interrupts) & ~value)
          return true
        case PMU.ovsset:
          keep(at.overflows, (load(at.overflows) | value) & mask())
          return true
        case PMU.ovsclr:
          keep(at.overflows, load(at.overflows) & ~value)
          return true
        case PMU.swinc:
          increment(value)
          return true
        case PMU.selr:
          keep(at.selector, value & BigInt(SELECTOR))
          return true
        case PMU.mmir:
          return true
        case PMU.ceid0:
        case PMU.ceid1:
          return false
      }
      const n = counterOf(encoding)
      if (n === undefined || !exists(n)) return false
      if (isType(encoding)) keep(typeAt(n), value & typeMask())
      else keep(valueAt(n), n === CYCLES || isLong() ? value : value & U32)
      return true
    },
    count(instructions, level) {
      if (instructions === 0 || !isOn()) return
      const by = BigInt(instructions)
      for (const n of enabledCounters()) if (countsInstructions(n) && countsAt(n, level)) add(n, by)
    },
    output: () => (word(at.pmcr) & PMCR.e) !== 0 && (word(at.overflows) & word(at.interrupts)) !== 0,
    toOverflow() {
      if (!isOn() || word(at.interrupts) === 0) return Number.POSITIVE_INFINITY
      let least = Number.POSITIVE_INFINITY
      for (const n of enabledCounters()) {
        if (!countsInstructions(n)) continue
        const width = overflowsLong(n) ? 64n : 32n
        const left = (1n << width) - (width === 64n ? readingOf(n) : readingOf(n) & U32)
        if (left < BigInt(Number.MAX_SAFE_INTEGER)) least = Math.min(least, Number(left))
      }
      return least
    },
  }
}

/** Exception level that the vCPU is at. */
export const levelOf = (vcpu: Vcpu): number => (vcpu.words[VCPU_STATE.pstate >> 2]! >> 2) & 3
