// Owns the way from QEMU's GIC sections to the common shape (model/gic.ts): QEMU keeps bitmaps and bytes, KVM's attributes show registers.
// Source: hw/intc/arm_gic_common.c, arm_gicv3_common.c, arm_gicv3_kvm.c; facts/qemu-stream.md §6.
import { sysRegEncoding, sysRegId } from '../../../arch/reg-id.ts'
import { GICC, GICD, GICR, GITS, type GicState, type GicVcpuState, type ItsState, registerRuns } from '../../../model/gic.ts'
import type { Decoded, DecodedValue } from './layout.ts'

type Pair = readonly [number, number]

const words = (from: Decoded, name: string): readonly number[] => asList(from[name]).map(Number)
const bigs = (from: Decoded, name: string): readonly bigint[] => asList(from[name]).map(value => BigInt(value as bigint))
const bytes = (from: Decoded, name: string): Uint8Array => (from[name] instanceof Uint8Array ? from[name] : new Uint8Array(0))
const num = (from: Decoded, name: string): number => Number(from[name] ?? 0)
const big = (from: Decoded, name: string): bigint => BigInt((from[name] as bigint | undefined) ?? 0n)
const asList = (value: DecodedValue | undefined): readonly DecodedValue[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly DecodedValue[]) : value instanceof Uint8Array ? [...value] : [value as DecodedValue]

/** Four interrupts' bytes in one register, the lowest in the low byte. */
const packed = (list: Uint8Array, first: number): number =>
  ((list[first] ?? 0) | ((list[first + 1] ?? 0) << 8) | ((list[first + 2] ?? 0) << 16) | ((list[first + 3] ?? 0) << 24)) >>> 0

/** Sixteen interrupts of a configuration register: `high` is bit 1 of each field (edge-triggered), `low` bit 0. */
function configuration(high: number, low = 0): number {
  let word = 0
  for (let i = 0; i < 16; i++) word |= (((high >>> i) & 1) << (2 * i + 1)) | (((low >>> i) & 1) << (2 * i))
  return word >>> 0
}

function pair64(offset: number, value: bigint): readonly Pair[] {
  return [
    [offset, Number(value & 0xffff_ffffn)],
    [offset + 4, Number(value >> 32n)],
  ]
}

/** QEMU's indices of register banks. */
const NS = 1
const GROUP0 = 0
const GROUP1_NS = 2
const BITMAPS = [
  ['group', GICD.igroupr],
  ['grpmod', GICD.igrpmodr],
  ['enabled', GICD.isenabler],
  ['pending', GICD.ispendr],
  ['active', GICD.isactiver],
] as const

/** `cpus` are the redistributors in the order of the vCPUs. */
export function gicV3State(gic: Decoded): GicState {
  const pairs: Pair[] = [
    [GICD.ctlr, num(gic, 'gicd_ctlr')],
    [GICD.statusr, words(gic, 'gicd_statusr')[NS] ?? 0],
  ]
  const edge = words(gic, 'edge_trigger')
  const priority = bytes(gic, 'gicd_ipriority')
  const routes = bigs(gic, 'gicd_irouter')
  const nsacr = words(gic, 'gicd_nsacr')
  const bitmaps = BITMAPS.map(([name, offset]) => ({ offset, list: words(gic, name) }))
  const levels = words(gic, 'level')
  const used = (word: number): boolean =>
    bitmaps.some(({ list }) => list[word]) ||
    Boolean(levels[word] || edge[word]) ||
    priority.subarray(32 * word, 32 * word + 32).some(Boolean) ||
    routes.slice(32 * word, 32 * word + 32).some(Boolean)
  // The file has room for 1020 interrupts and does not say how many there are: what is beyond the last one with any state is left out.
  let last = 31
  while (last > 1 && !used(last)) last--
  for (let word = 1; word <= last; word++) {
    for (const { offset, list } of bitmaps) pairs.push([offset + 4 * word, list[word] ?? 0])
    pairs.push([GICD.icfgr + 8 * word, configuration(edge[word] ?? 0)], [GICD.icfgr + 8 * word + 4, configuration((edge[word] ?? 0) >>> 16)])
    for (let irq = 32 * word; irq < 32 * word + 32 && irq < 1020; irq += 4) pairs.push([GICD.ipriorityr + irq, packed(priority, irq)])
    for (let irq = 32 * word; irq < 32 * word + 32 && irq < 1020; irq++) pairs.push(...pair64(GICD.irouter + 8 * irq, routes[irq] ?? 0n))
    pairs.push([GICD.nsacr + 8 * word, nsacr[2 * word] ?? 0], [GICD.nsacr + 8 * word + 4, nsacr[2 * word + 1] ?? 0])
  }
  const cpus = asList(gic.cpu) as readonly Decoded[]
  const kept = ['arm_gicv3/gicd_no_migration_shift_bug', 'arm_gicv3/gicd_nmi'].flatMap(name => (gic[name] === undefined ? [] : [[name, gic[name]] as const]))
  return {
    distributor: registerRuns(pairs),
    vcpus: cpus.map(redistributor),
    lineLevels: levels.slice(0, last + 1),
    other: { gicd_statusr: words(gic, 'gicd_statusr'), ...Object.fromEntries(kept), cpu: cpus.map(secureBanks) },
  }
}

function redistributor(cpu: Decoded, vcpu: number): GicVcpuState {
  const priority = bytes(cpu, 'gicr_ipriorityr')
  const edge = num(cpu, 'edge_trigger')
  const pairs: Pair[] = [
    [GICR.ctlr, num(cpu, 'gicr_ctlr')],
    [GICR.statusr, words(cpu, 'gicr_statusr')[NS] ?? 0],
    [GICR.waker, num(cpu, 'gicr_waker')],
    ...pair64(GICR.propbaser, big(cpu, 'gicr_propbaser')),
    ...pair64(GICR.pendbaser, big(cpu, 'gicr_pendbaser')),
    [GICR.igroupr0, num(cpu, 'gicr_igroupr0')],
    [GICR.isenabler0, num(cpu, 'gicr_ienabler0')],
    [GICR.ispendr0, num(cpu, 'gicr_ipendr0')],
    [GICR.isactiver0, num(cpu, 'gicr_iactiver0')],
    [GICR.icfgr, configuration(edge)],
    [GICR.icfgr + 4, configuration(edge >>> 16)],
    [GICR.igrpmodr0, num(cpu, 'gicr_igrpmodr0')],
    [GICR.nsacr, num(cpu, 'gicr_nsacr')],
  ]
  for (let irq = 0; irq < 32; irq += 4) pairs.push([GICR.ipriorityr + irq, packed(priority, irq)])
  return { vcpu, registers: registerRuns(pairs), systemRegisters: interfaceRegisters(cpu), lineLevel: num(cpu, 'level') }
}

const icc = (crn: number, crm: number, op2: number): number => {
  const { op0, op1, crn: n, crm: m, op2: two } = sysRegEncoding(sysRegId(3, 0, crn, crm, op2))
  return (op0 << 14) | (op1 << 11) | (n << 7) | (m << 3) | two
}
const SRE_ALL = 7n

function interfaceRegisters(cpu: Decoded): readonly (readonly [number, bigint])[] {
  const sre = cpu['arm_gicv3_cpu/sre_el1'] as Decoded | undefined
  const active = bigs(cpu, 'icc_apr')
  const actives = [0, 1, 2, 3].flatMap(n => {
    const both = [
      [icc(12, 8, 4 + n), active[4 * GROUP0 + n] ?? 0n],
      [icc(12, 9, n), active[4 * GROUP1_NS + n] ?? 0n],
    ] as const
    // How many there are depends on the priority bits of the CPU, which the file does not say: the first of each always.
    return both.filter(([, value]) => n === 0 || value !== 0n)
  })
  return (
    [
      [icc(4, 6, 0), big(cpu, 'icc_pmr_el1')],
      [icc(12, 8, 3), bigs(cpu, 'icc_bpr')[GROUP0] ?? 0n],
      ...actives,
      [icc(12, 12, 3), bigs(cpu, 'icc_bpr')[GROUP1_NS] ?? 0n],
      [icc(12, 12, 4), bigs(cpu, 'icc_ctlr_el1')[NS] ?? 0n],
      [icc(12, 12, 5), sre ? big(sre, 'icc_sre_el1') : SRE_ALL],
      [icc(12, 12, 6), bigs(cpu, 'icc_igrpen')[GROUP0] ?? 0n],
      [icc(12, 12, 7), bigs(cpu, 'icc_igrpen')[GROUP1_NS] ?? 0n],
    ] as const
  ).toSorted(([a], [b]) => a - b)
}

/** What of a redistributor has no place in KVM's attributes. */
function secureBanks(cpu: Decoded): Readonly<Record<string, unknown>> {
  const names = [
    'gicr_statusr',
    'icc_ctlr_el1',
    'icc_bpr',
    'icc_apr',
    'icc_igrpen',
    'icc_ctlr_el3',
    'arm_gicv3_cpu/virt',
    'arm_gicv3_cpu/gicv4',
    'arm_gicv3_cpu/nmi',
  ]
  return Object.fromEntries(names.flatMap(name => (cpu[name] === undefined ? [] : [[name, cpu[name]]])))
}

export function itsState(its: Decoded): ItsState {
  const bases = bigs(its, 'baser')
  return {
    registers: [
      [GITS.ctlr, BigInt(num(its, 'ctlr'))],
      [GITS.iidr, BigInt(num(its, 'iidr'))],
      [GITS.cbaser, big(its, 'cbaser')],
      [GITS.cwriter, big(its, 'cwriter')],
      [GITS.creadr, big(its, 'creadr')],
      ...bases.map((value, i) => [GITS.baser + 8 * i, value] as const),
    ],
  }
}

const V2_CPUS = 8

/** `vcpus`: how many the machine has; the file has room for eight. */
export function gicV2State(gic: Decoded, vcpus: number): GicState {
  const irqs = asList(gic.irq_state) as readonly Decoded[]
  const targets = bytes(gic, 'irq_target')
  const own = bytes(gic, 'priority1')
  const shared = bytes(gic, 'priority2')
  /** One bit per interrupt of a word; below 32 the masks are per vCPU, above they are all or nothing. */
  const bits = (word: number, name: string, mask: number): number => {
    let out = 0
    for (let i = 0; i < 32; i++) {
      const value = irqs[32 * word + i]?.[name]
      if (typeof value === 'boolean' ? value : (Number(value ?? 0) & mask) !== 0) out |= 1 << i
    }
    return out >>> 0
  }
  const bank = (word: number, mask: number): readonly Pair[] => {
    const edge = bits(word, 'edge_trigger', mask)
    const model = bits(word, 'model', mask)
    return [
      [GICD.igroupr + 4 * word, bits(word, 'group', mask)],
      [GICD.isenabler + 4 * word, bits(word, 'enabled', mask)],
      [GICD.ispendr + 4 * word, bits(word, 'pending', mask)],
      [GICD.isactiver + 4 * word, bits(word, 'active', mask)],
      [GICD.icfgr + 8 * word, configuration(edge, model)],
      [GICD.icfgr + 8 * word + 4, configuration(edge >>> 16, model >>> 16)],
    ]
  }
  let last = 31
  const used = (irq: number): boolean => {
    const { model, ...state } = irqs[irq] ?? {}
    return Object.values(state).some(Boolean) || Boolean(targets[irq] || shared[irq - 32]) || model === undefined
  }
  const wordUsed = (word: number) => Array.from({ length: 32 }, (_, i) => 32 * word + i).some(irq => irq < irqs.length && used(irq))
  while (last > 1 && !wordUsed(last)) last--
  const pairs: Pair[] = [[GICD.ctlr, num(gic, 'ctlr')]]
  const levels = [0]
  for (let word = 1; word <= last; word++) {
    pairs.push(...bank(word, 0xff))
    for (let irq = 32 * word; irq < 32 * word + 32; irq += 4)
      pairs.push([GICD.ipriorityr + irq, packed(shared, irq - 32)], [GICD.itargetsr + irq, packed(targets, irq)])
    levels.push(bits(word, 'level', 0xff))
  }
  const each = Array.from({ length: Math.min(vcpus, V2_CPUS) }, (_, vcpu): GicVcpuState => {
    const mask = 1 << vcpu
    const mine: Pair[] = [...bank(0, mask)]
    const priority = Uint8Array.from({ length: 32 }, (_, irq) => own[irq * V2_CPUS + vcpu] ?? 0)
    const sources = Uint8Array.from({ length: 16 }, (_, sgi) => bytes(gic, 'sgi_pending')[sgi * V2_CPUS + vcpu] ?? 0)
    for (let irq = 0; irq < 32; irq += 4) mine.push([GICD.ipriorityr + irq, packed(priority, irq)], [GICD.itargetsr + irq, mask * 0x0101_0101])
    for (let sgi = 0; sgi < 16; sgi += 4) mine.push([GICD.spendsgir + sgi, packed(sources, sgi)])
    const at = (name: string) => asList(gic[name]).map(Number)[vcpu] ?? 0
    const cpuInterface: Pair[] = [
      [GICC.ctlr, at('cpu_ctlr')],
      [GICC.pmr, at('priority_mask')],
      [GICC.bpr, at('bpr')],
      [GICC.rpr, at('running_priority')],
      [GICC.hppir, at('current_pending')],
      [GICC.abpr, at('abpr')],
      ...[0, 1, 2, 3].map(n => [GICC.apr + 4 * n, words(gic, 'apr')[n * V2_CPUS + vcpu] ?? 0] as const),
      ...[0, 1, 2, 3].map(n => [GICC.nsapr + 4 * n, words(gic, 'nsapr')[n * V2_CPUS + vcpu] ?? 0] as const),
    ]
    return { vcpu, registers: registerRuns(mine), cpuInterface: registerRuns(cpuInterface), lineLevel: bits(0, 'level', mask) }
  })
  const rest = ['arm_gic_virt_state'].flatMap(name => (gic[name] === undefined ? [] : [[name, gic[name]] as const]))
  return { distributor: registerRuns(pairs), vcpus: each, lineLevels: levels, ...(rest.length > 0 ? { other: Object.fromEntries(rest) } : {}) }
}
