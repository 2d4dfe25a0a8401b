// Owns the common shape of a saved interrupt controller, as KVM's device attributes show it: whatever VMM wrote the file, the same words stand at
// the same offsets. Knows no file format and no kernel.
// Source: Documentation/virt/kvm/devices/arm-vgic.rst, arm-vgic-v3.rst, arm-vgic-its.rst; offsets from the GIC architecture (IHI 0048, IHI 0069).

/** Device kinds whose state has the shapes below. */

/**
 * Consecutive 32-bit registers: `words[i]` is the register at byte `offset + 4 * i` of its frame, as an unsigned number. A 64-bit register
 * (GICD_IROUTER, GICR_PROPBASER …) is two words, the low one first, which is how KVM's attributes hand it out.
 */
export interface RegisterRun {
  readonly offset: number
  readonly words: readonly number[]
}

/** What the GIC keeps for one vCPU. */
export interface GicVcpuState {
  /** Index of the vCPU, not its MPIDR. */
  readonly vcpu: number
  /**
   * v3: the redistributor, RD frame from offset 0, SGI frame from 0x10000 (KVM_DEV_ARM_VGIC_GRP_REDIST_REGS). v2: the words of the distributor
   * that are banked per CPU interface, at their distributor offsets (interrupts 0 to 31).
   */
  readonly registers: readonly RegisterRun[]
  /** v3: ICC_* system registers as [encoding, value]; encoding is op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2 (KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS). */
  readonly systemRegisters?: readonly (readonly [number, bigint])[]
  /** v2: the CPU interface, GICC_* by offset (KVM_DEV_ARM_VGIC_GRP_CPU_REGS). */
  readonly cpuInterface?: readonly RegisterRun[]
  /** Input lines of interrupts 0 to 31, one bit each, when the file has them (KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO). */
  readonly lineLevel?: number
}

/** State of a device of kind `gic-v2` or `gic-v3`. */
export interface GicState {
  /** The distributor by offset (KVM_DEV_ARM_VGIC_GRP_DIST_REGS); words for interrupts 0 to 31 of a v3, and banked ones of a v2, are with the vCPUs. */
  readonly distributor: readonly RegisterRun[]
  readonly vcpus: readonly GicVcpuState[]
  /** Input lines of all interrupts, bit n of word n / 32, when the file has them; word 0 is with the vCPUs. */
  readonly lineLevels?: readonly number[]
  /** What else the VMM saved with it, under its own names. */
  readonly other?: Readonly<Record<string, unknown>>
}

/** State of a device of kind `gic-its`: [byte offset, value] of each GITS_* register (KVM_DEV_ARM_VGIC_GRP_ITS_REGS). Its tables are in guest memory. */
export interface ItsState {
  readonly registers: readonly (readonly [number, bigint])[]
  readonly other?: Readonly<Record<string, unknown>>
}

/** Offsets in the distributor; the first word of each bank of registers. */
export const GICD = {
  ctlr: 0x0,
  typer: 0x4,
  iidr: 0x8,
  statusr: 0x10,
  igroupr: 0x80,
  isenabler: 0x100,
  ispendr: 0x200,
  isactiver: 0x300,
  ipriorityr: 0x400,
  itargetsr: 0x800,
  icfgr: 0xc00,
  igrpmodr: 0xd00,
  nsacr: 0xe00,
  spendsgir: 0xf20,
  irouter: 0x6000,
} as const

/** Offsets in a redistributor; those from 0x10000 are in its SGI frame. */
export const GICR = {
  ctlr: 0x0,
  statusr: 0x10,
  waker: 0x14,
  propbaser: 0x70,
  pendbaser: 0x78,
  igroupr0: 0x10080,
  isenabler0: 0x10100,
  ispendr0: 0x10200,
  isactiver0: 0x10300,
  ipriorityr: 0x10400,
  icfgr: 0x10c00,
  igrpmodr0: 0x10d00,
  nsacr: 0x10e00,
} as const

/** Offsets in the CPU interface of a GICv2. */
export const GICC = { ctlr: 0x0, pmr: 0x4, bpr: 0x8, rpr: 0x14, hppir: 0x18, abpr: 0x1c, apr: 0xd0, nsapr: 0xe0 } as const

/** Offsets of an ITS. */
export const GITS = { ctlr: 0x0, iidr: 0x4, cbaser: 0x80, cwriter: 0x88, creadr: 0x90, baser: 0x100 } as const

/** The word at a byte offset, or undefined when no run covers it. */
export function wordAt(runs: readonly RegisterRun[], offset: number): number | undefined {
  for (const run of runs) {
    const word = run.words[(offset - run.offset) / 4]
    if (word !== undefined) return word
  }
  return undefined
}

/** Joins (offset, word) pairs, in any order, into runs by ascending offset. The later of two words at one offset wins. */
export function registerRuns(pairs: Iterable<readonly [number, number]>): readonly RegisterRun[] {
  const sorted = [...new Map(pairs)].sort(([a], [b]) => a - b)
  const runs: { offset: number; words: number[] }[] = []
  for (const [offset, word] of sorted) {
    const last = runs.at(-1)
    if (last && last.offset + 4 * last.words.length === offset) last.words.push(word)
    else runs.push({ offset, words: [word] })
  }
  return runs
}

/** Interrupts by number, ascending. `pending` counts the latch and, for level-triggered ones, the input line when the file has it. */
export interface InterruptSummary {
  readonly enabled: readonly number[]
  readonly pending: readonly number[]
  readonly active: readonly number[]
}
export interface GicSummary {
  /** Interrupts from 32 on, which all vCPUs share. */
  readonly shared: InterruptSummary
  /** Interrupts 0 to 31 of each vCPU. */
  readonly vcpus: readonly (InterruptSummary & { readonly vcpu: number })[]
}

/** What is enabled, pending and active. Judges nothing: an absent word counts as zero. */
export function summarizeGic(kind: 'gic-v2' | 'gic-v3', state: GicState): GicSummary {
  const base = kind === 'gic-v3' ? 0x10000 : 0
  const shared = { enabled: [] as number[], pending: [] as number[], active: [] as number[] }
  for (let word = 1; word < 32; word++) collect(shared, state.distributor, 0, word, state.lineLevels?.[word] ?? 0)
  const vcpus = state.vcpus.map(({ vcpu, registers, lineLevel }) => {
    const own = { vcpu, enabled: [] as number[], pending: [] as number[], active: [] as number[] }
    collect(own, registers, base, 0, lineLevel ?? 0)
    return own
  })
  return { shared, vcpus }
}

function collect(into: { enabled: number[]; pending: number[]; active: number[] }, runs: readonly RegisterRun[], base: number, word: number, lines: number) {
  const at = (bank: number) => wordAt(runs, base + bank + 4 * word) ?? 0
  const edge = edgeBits(wordAt(runs, base + GICD.icfgr + 8 * word) ?? 0, wordAt(runs, base + GICD.icfgr + 8 * word + 4) ?? 0)
  append(into.enabled, at(GICD.isenabler), word)
  append(into.pending, at(GICD.ispendr) | (lines & ~edge), word)
  append(into.active, at(GICD.isactiver), word)
}

function append(list: number[], bits: number, word: number): void {
  for (let bit = 0; bit < 32; bit++) if ((bits >>> bit) & 1) list.push(32 * word + bit)
}

/** One bit per interrupt from two words of GICD_ICFGR (two bits each; the upper one says edge-triggered). */
function edgeBits(low: number, high: number): number {
  let bits = 0
  for (let i = 0; i < 16; i++) bits |= (((low >>> (2 * i + 1)) & 1) << i) | (((high >>> (2 * i + 1)) & 1) << (16 + i))
  return bits
}
