// Owns which register each saved word of the interrupt controller is. Firecracker saves lists of words without offsets, in an order of its own, one
// list for GICv2 and one for GICv3. Source: facts/vmm-formats.md §1.3; for GICv2, Firecracker's src/vmm/src/arch/aarch64/gic/gicv2/regs.
import { sysRegId } from '../../../arch/reg-id.ts'
import { GICC, GICD, GICR, GITS, type GicState, type ItsState, type RegisterRun, registerRuns } from '../../../model/gic.ts'
import type { DeviceSnapshot, Gic as GicVersion } from '../../../model/snapshot.ts'
import type { Gic, GicVcpu, Its } from './state.ts'

/** Registers of 32 bits from `offset` on: a fixed number, or `bits` for each interrupt from 32 on. */
type Place = { readonly offset: number; readonly words: number } | { readonly offset: number; readonly bits: number }

const one = (offset: number): Place => ({ offset, words: 1 })
const shared = (offset: number, bits: number): Place => ({ offset, bits })
/** Clear registers lie behind their set registers. */
const ICENABLER = GICD.isenabler + 0x80
const ICPENDR = GICD.ispendr + 0x80
const ICACTIVER = GICD.isactiver + 0x80
const CPENDSGIR = 0xf10
/** Interrupts that an architecture's bank has room for. */
const MOST_INTERRUPTS = 1020
const FIRST_SHARED = 32

const DISTRIBUTOR_V3: readonly Place[] = [
  one(GICD.ctlr),
  one(GICD.statusr),
  shared(ICENABLER, 1),
  shared(GICD.isenabler, 1),
  shared(GICD.igroupr, 1),
  shared(GICD.irouter, 64),
  shared(GICD.icfgr, 2),
  shared(ICPENDR, 1),
  shared(GICD.ispendr, 1),
  shared(ICACTIVER, 1),
  shared(GICD.isactiver, 1),
  shared(GICD.ipriorityr, 8),
]
const DISTRIBUTOR_V2: readonly Place[] = [
  one(GICD.ctlr),
  shared(ICENABLER, 1),
  shared(GICD.isenabler, 1),
  shared(GICD.igroupr, 1),
  shared(GICD.icfgr, 2),
  shared(ICPENDR, 1),
  shared(GICD.ispendr, 1),
  shared(ICACTIVER, 1),
  shared(GICD.isactiver, 1),
  shared(GICD.ipriorityr, 8),
  { offset: CPENDSGIR, words: 4 },
  { offset: GICD.spendsgir, words: 4 },
]
const REDISTRIBUTOR: readonly Place[] = [
  one(GICR.statusr),
  one(GICR.waker),
  { offset: GICR.propbaser, words: 2 },
  { offset: GICR.pendbaser, words: 2 },
  one(GICR.ctlr),
  one(GICR.igroupr0),
  one(GICR.isenabler0 + 0x80),
  one(GICR.isenabler0),
  { offset: GICR.icfgr, words: 2 },
  one(GICR.ispendr0 + 0x80),
  one(GICR.ispendr0),
  one(GICR.isactiver0 + 0x80),
  one(GICR.isactiver0),
  { offset: GICR.ipriorityr, words: 8 },
]
const icc = (crn: number, crm: number, op2: number): number => Number(sysRegId(3, 0, crn, crm, op2) & 0xffffn)
/** SRE, CTLR, IGRPEN0, IGRPEN1, PMR, BPR0, BPR1. */
const ICC_MAIN = [icc(12, 12, 5), icc(12, 12, 4), icc(12, 12, 6), icc(12, 12, 7), icc(4, 6, 0), icc(12, 8, 3), icc(12, 12, 3)]
/** AP0R0 to AP0R3, AP1R0 to AP1R3; those that the number of priority bits leaves out are absent. */
const ICC_AP = [0, 1, 2, 3].map(n => icc(12, 8, 4 + n)).concat([0, 1, 2, 3].map(n => icc(12, 9, n)))
const CPU_INTERFACE_V2 = [GICC.ctlr, GICC.pmr, GICC.bpr, GICC.abpr, GICC.apr, GICC.apr + 4, GICC.apr + 8, GICC.apr + 12]

export interface SavedGic {
  readonly version: GicVersion
  readonly devices: readonly DeviceSnapshot[]
  /** False when the lists are not the ones that Firecracker saves; then the device holds them as they are, under a kind of its own. */
  readonly understood: boolean
}

/** The interrupt controller as devices of the model's shape. */
export function gicDevices(gic: Gic): SavedGic {
  const version = gicVersion(gic)
  const its: DeviceSnapshot[] = gic.its ? [{ name: 'its', kind: 'gic-its', state: itsState(gic.its) }] : []
  if (version === 'none') return { version, devices: its, understood: true }
  const state = version === 'v2' ? stateV2(gic) : stateV3(gic)
  const device: DeviceSnapshot = state ? { name: 'gic', kind: `gic-${version}`, state } : { name: 'gic', kind: 'firecracker-gic', state: asSaved(gic) }
  return { version, devices: [device, ...its], understood: state !== undefined }
}

/** The lists as they are; a register that was not saved is null. */
const asSaved = ({ dist, vcpus }: Gic): unknown => ({
  dist,
  vcpus: vcpus.map(({ rdist, icc: { main, ap } }) => ({ rdist, icc: { main, ap: ap.map(chunks => chunks ?? null) } })),
})

/** GICv2 has no redistributors. */
function gicVersion({ dist, vcpus }: Gic): GicVersion {
  if (dist.length === 0 && vcpus.length === 0) return 'none'
  return vcpus.length > 0 && vcpus.every(({ rdist, icc: { ap } }) => rdist.length === 0 && ap.length === 0) ? 'v2' : 'v3'
}

function stateV3({ dist, vcpus }: Gic): GicState | undefined {
  const distributor = runs(DISTRIBUTOR_V3, dist)
  const each = vcpus.map((saved, vcpu) => {
    const registers = runs(REDISTRIBUTOR, saved.rdist)
    const systemRegisters = iccRegisters(saved)
    return registers && systemRegisters ? { vcpu, registers, systemRegisters } : undefined
  })
  return distributor && each.every(state => state !== undefined) ? { distributor, vcpus: each } : undefined
}

function iccRegisters({ icc: { main, ap } }: GicVcpu): readonly (readonly [number, bigint])[] | undefined {
  if (main.length !== ICC_MAIN.length || ap.length !== ICC_AP.length) return undefined
  const present = [...main, ...ap].map((chunks, i) => [[...ICC_MAIN, ...ICC_AP][i]!, chunks] as const).filter(([, chunks]) => chunks !== undefined)
  return present.every(([, chunks]) => chunks?.length === 1) ? present.map(([encoding, chunks]) => [encoding, chunks![0]!] as const) : undefined
}

function stateV2({ dist, vcpus }: Gic): GicState | undefined {
  const distributor = runs(DISTRIBUTOR_V2, dist)
  if (!distributor || !vcpus.every(({ icc: { main } }) => main.length === CPU_INTERFACE_V2.length && main.every(chunks => chunks.length === 1)))
    return undefined
  return {
    distributor,
    vcpus: vcpus.map(({ icc: { main } }, vcpu) => ({
      vcpu,
      registers: [],
      cpuInterface: registerRuns(main.map((chunks, i) => [CPU_INTERFACE_V2[i]!, Number(chunks[0]! & 0xffff_ffffn)] as const)),
    })),
  }
}

/** Saved lists put at their offsets, or undefined when they are other lists. */
function runs(places: readonly Place[], saved: readonly (readonly number[])[]): readonly RegisterRun[] | undefined {
  if (saved.length !== places.length) return undefined
  const words: (readonly [number, number])[] = []
  for (const [i, place] of places.entries()) {
    const chunks = saved[i]!
    if ('words' in place ? chunks.length !== place.words : chunks.length > ((MOST_INTERRUPTS - FIRST_SHARED) * place.bits) / 32) return undefined
    const start = 'words' in place ? place.offset : place.offset + (FIRST_SHARED * place.bits) / 8
    chunks.forEach((word, n) => {
      words.push([start + 4 * n, word])
    })
  }
  return registerRuns(words)
}

const itsState = ({ ctlr, iidr, cbaser, cwriter, creadr, baser }: Its): ItsState => ({
  registers: [
    [GITS.ctlr, ctlr],
    [GITS.iidr, iidr],
    [GITS.cbaser, cbaser],
    [GITS.cwriter, cwriter],
    [GITS.creadr, creadr],
    ...Object.values(baser).map((value, n) => [GITS.baser + 8 * n, value] as const),
  ],
})
