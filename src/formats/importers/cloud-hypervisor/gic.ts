// Owns the node gic-v3-its of state.json: flat lists of words become distributor, redistributors and CPU interfaces by offset, and the ITS.
// Source: hypervisor/src/kvm/aarch64/gic/{dist,redist,icc}_regs.rs, the same lists in v29 to v53; facts/vmm-formats.md §2.
import type { Finding } from '../../../model/finding.ts'
import { GICD, GICR, GITS, type GicState, type GicVcpuState, type ItsState, registerRuns } from '../../../model/gic.ts'
import type { DeviceSnapshot } from '../../../model/snapshot.ts'
import type { Field } from '../../data/fields.ts'
import { VMM_LIMITS } from '../kvm/limits.ts'

/** Distributor registers in file order: first offset, and bits per interrupt (0: one word). Interrupts 0 to 31 are left out of the banks. */
const DISTRIBUTOR: readonly (readonly [offset: number, bits: number])[] = [
  [GICD.statusr, 0],
  [0x180, 1], // GICD_ICENABLER
  [GICD.isenabler, 1],
  [GICD.igroupr, 1],
  [GICD.irouter, 64],
  [GICD.icfgr, 2],
  [0x280, 1], // GICD_ICPENDR
  [GICD.ispendr, 1],
  [0x380, 1], // GICD_ICACTIVER
  [GICD.isactiver, 1],
  [GICD.ipriorityr, 8],
]
/** Words per 32 interrupts. */
const DISTRIBUTOR_WORDS = DISTRIBUTOR.reduce((sum, [, bits]) => sum + bits, 0)

const words = (offset: number, count: number): readonly number[] => Array.from({ length: count }, (_, i) => offset + 4 * i)
/** Redistributor, frame RD: first those of all vCPUs … */
const RD_FRAME = [GICR.statusr, GICR.waker, ...words(GICR.propbaser, 2), ...words(GICR.pendbaser, 2), GICR.ctlr]
/** … then frame SGI of all vCPUs. */
const SGI_FRAME = [
  GICR.igroupr0,
  0x10180, // GICR_ICENABLER0
  GICR.isenabler0,
  ...words(GICR.icfgr, 2),
  0x10280, // GICR_ICPENDR0
  GICR.ispendr0,
  0x10380, // GICR_ICACTIVER0
  GICR.isactiver0,
  ...words(GICR.ipriorityr, 8),
]

const ICC_CTLR = 0xc664
/** ICC_* by encoding, and the priority bits from which on a vCPU has them. */
const CPU_INTERFACE: readonly (readonly [encoding: number, priorityBits: number])[] = [
  [0xc665, 0], // SRE
  [ICC_CTLR, 0],
  [0xc666, 0], // IGRPEN0
  [0xc667, 0], // IGRPEN1
  [0xc230, 0], // PMR
  [0xc643, 0], // BPR0
  [0xc663, 0], // BPR1
  [0xc644, 0], // AP0R0 …
  [0xc645, 6],
  [0xc646, 7],
  [0xc647, 7],
  [0xc648, 0], // AP1R0 …
  [0xc649, 6],
  [0xc64a, 7],
  [0xc64b, 7],
]

/** `node` is the JSON of gic-v3-its; `vcpus` how many the file has. Throws INPUT_CORRUPT. */
export function readGic(node: Field, vcpus: readonly number[]): { readonly devices: readonly DeviceSnapshot[]; readonly findings: readonly Finding[] } {
  const findings: Finding[] = []
  const state = node.optional('Kvm') ?? node // wrapped since v46
  const other: Record<string, unknown> = {}
  const kept = (list: readonly number[], name: string, what: string): void => {
    other[name] = list
    findings.push({
      severity: 'warning',
      code: 'gic-state-incomplete',
      message: `the GIC's ${what} has ${list.length} words, which is not what Cloud Hypervisor writes for ${vcpus.length} vCPUs; it is kept as it is`,
    })
  }
  const dist = state.at('dist').words(VMM_LIMITS.gicWords)
  const distributor = distributorPairs(dist)
  if (!distributor) kept(dist, 'dist', 'distributor')
  const rdist = state.at('rdist').words(VMM_LIMITS.gicWords)
  const frames = redistributors(rdist, vcpus.length)
  if (!frames) kept(rdist, 'rdist', 'list of redistributors')
  else if (rdist.length === vcpus.length * RD_FRAME.length && vcpus.length > 0)
    findings.push({
      severity: 'warning',
      code: 'gic-state-incomplete',
      message: 'the GIC has no state of interrupts 0 to 31 (SGI frames of the redistributors)',
    })
  const icc = state.at('icc').words(VMM_LIMITS.gicWords)
  const interfaces = cpuInterfaces(icc, vcpus.length)
  if (!interfaces) kept(icc, 'icc', 'list of CPU interfaces')

  const gic: GicState = {
    distributor: registerRuns([[GICD.ctlr, Number(state.at('gicd_ctlr').unsigned(32))], ...(distributor ?? [])]),
    vcpus: vcpus.map(
      (vcpu, i): GicVcpuState => ({
        vcpu,
        registers: registerRuns(frames?.[i] ?? []),
        ...(interfaces ? { systemRegisters: interfaces[i] ?? [] } : {}),
      }),
    ),
    ...(Object.keys(other).length > 0 ? { other } : {}),
  }
  const its = readIts(state)
  return {
    devices: [{ name: 'gic-v3', kind: 'gic-v3', state: gic }, ...(its ? [{ name: 'gic-v3-its', kind: 'gic-its', state: its }] : [])],
    findings,
  }
}

function distributorPairs(list: readonly number[]): readonly (readonly [number, number])[] | undefined {
  const banks = (list.length - 1) / DISTRIBUTOR_WORDS
  if (!Number.isInteger(banks) || banks < 0 || banks > 31) return undefined
  const pairs: (readonly [number, number])[] = []
  let at = 0
  // A bank begins behind the words of interrupts 0 to 31: as many words as it has bits per interrupt.
  for (const [offset, bits] of DISTRIBUTOR)
    for (const address of bits === 0 ? [offset] : words(offset + 4 * bits, bits * banks)) pairs.push([address, list[at++] ?? 0])
  return pairs
}

function redistributors(list: readonly number[], vcpus: number): readonly (readonly (readonly [number, number])[])[] | undefined {
  const rd = RD_FRAME.length
  const sgi = SGI_FRAME.length
  if (list.length !== vcpus * (rd + sgi) && list.length !== vcpus * rd) return undefined
  const frame = (offsets: readonly number[], from: number) =>
    offsets.flatMap((offset, i) => (from + i < list.length ? [[offset, list[from + i] ?? 0] as const] : []))
  return Array.from({ length: vcpus }, (_, vcpu) => [...frame(RD_FRAME, vcpu * rd), ...frame(SGI_FRAME, vcpus * rd + vcpu * sgi)])
}

function cpuInterfaces(list: readonly number[], vcpus: number): readonly (readonly (readonly [number, bigint])[])[] | undefined {
  const all: (readonly [number, bigint])[][] = []
  let at = 0
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    const own: (readonly [number, bigint])[] = []
    let priorityBits = 0
    for (const [encoding, from] of CPU_INTERFACE) {
      if (from > priorityBits && from !== 0) continue
      const word = list[at++]
      if (word === undefined) return undefined
      if (encoding === ICC_CTLR) priorityBits = ((word >>> 8) & 7) + 1
      own.push([encoding, BigInt(word)])
    }
    all.push(own)
  }
  return at === list.length ? all : undefined
}

function readIts(state: Field): ItsState | undefined {
  if (!state.optional('its_ctlr')) return undefined
  const one = (name: string, offset: number): readonly [number, bigint] => [offset, state.at(name).unsigned()]
  return {
    registers: [
      one('its_ctlr', GITS.ctlr),
      one('its_iidr', GITS.iidr),
      one('its_cbaser', GITS.cbaser),
      one('its_cwriter', GITS.cwriter),
      one('its_creadr', GITS.creadr),
      ...state
        .at('its_baser')
        .list(8, 8)
        .map((value, i) => [GITS.baser + 8 * i, value.unsigned()] as const),
    ],
  }
}
