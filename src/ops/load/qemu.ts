// Owns how QEMU loads a vCPU of an arm64 `virt` machine under KVM: the register list compared and written, then the core registers. What differs
// between releases is data. Source: facts/qemu-stream.md §8 (measured on 6.1, 6.12, 6.18 and 7.3 with 10.0.13 and 11.1.3); target/arm/machine.c,
// cpu64.c (tolerances), kvm.c. Releases 5.2 to 10.x load alike.
import { registerName } from '../../arch/catalogue/catalogue.ts'
import { COPROC, type RegId, regCoproc, regIndex, sveVlsId, sysRegId } from '../../arch/reg-id.ts'
import { VENDOR_HYP_BMAP_2_ID } from '../../arch/smccc.ts'
import { bytesToBigint, type RegisterList, registerAt } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { withPsci02 } from './firecracker.ts'
import { type Phase, type PlanOptions, phaseOf, type Stop, type Stopped, type VcpuPlan, type VmmRules } from './plan.ts'
import { isListed, listPlaces, type Merge, merge, ownPlaces } from './qemu-list.ts'
import { qemu10Says, qemu11Says } from './qemu-messages.ts'

export interface QemuRelease {
  readonly id: 'qemu-10.0' | 'qemu-11.1'
  readonly title: string
  /** Newest machine type `virt-N.M`, by its first number. */
  readonly newestMachine: number
  /** The saved list may not be longer than the destination's (VMSTATE_INT32_POSITIVE_LE). */
  readonly limitsCount: boolean
  /** Registers behind the destination's last one are never looked at. */
  readonly skipsTrailing: boolean
  /** Which unknown register decides: any, or only the last one (11.1 assigns its result where it should collect it). */
  readonly decides: 'any' | 'last'
  /** Registers that may be in the stream alone: whatever they hold, or only with this value. */
  readonly tolerates: ReadonlyMap<bigint, bigint | 'any'>
  /** `kvm-psci-version` exists, and with 0.1 takes the vCPU feature PSCI_0_2 away. */
  readonly hasPsciProperty: boolean
  says(stopped: Stopped): string | undefined
}

export const QEMU_10: QemuRelease = {
  id: 'qemu-10.0',
  title: 'QEMU 10.0',
  newestMachine: 10,
  limitsCount: true,
  skipsTrailing: true,
  decides: 'any',
  tolerates: new Map(),
  hasPsciProperty: false,
  says: qemu10Says,
}

export const QEMU_11: QemuRelease = {
  id: 'qemu-11.1',
  title: 'QEMU 11.1',
  newestMachine: Number.POSITIVE_INFINITY,
  limitsCount: false,
  skipsTrailing: false,
  decides: 'last',
  tolerates: new Map<bigint, bigint | 'any'>([
    [sysRegId(3, 0, 2, 0, 3), 'any'], // TCR2_EL1
    [sysRegId(3, 0, 10, 2, 2), 'any'], // PIRE0_EL1
    [sysRegId(3, 0, 10, 2, 3), 'any'], // PIR_EL1
    [VENDOR_HYP_BMAP_2_ID, 0n],
  ]),
  hasPsciProperty: true,
  says: qemu11Says,
}

/** The list first, the core and vector registers when all vCPUs have theirs. */
export function planQemu(release: QemuRelease, saved: RegisterList, own: RegisterList, { isOwnFile }: PlanOptions): VcpuPlan {
  const savedPlaces = listPlaces(saved.ids, !isOwnFile)
  const places = ownPlaces(own.ids)
  const merged = merge(saved, savedPlaces, own, places)
  const tooMany = release.limitsCount && savedPlaces.length > places.length
  const judged = judgeUnknown(release, saved, merged.unknown, tooMany)
  const count: Stop = {
    stage: 'count',
    message: `${release.title} loads no list that is longer than the host's own: ${savedPlaces.length} registers are saved, ${places.length} fit; it does not say which are too many${named(saved, judged.unknown)}`,
  }
  return { phases: [listPhase(saved, own, places, merged.taken), corePhase(saved)], ...judged, stops: [...(tooMany ? [count] : []), ...judged.stops] }
}

/** `: A, B and 3 more`: what the count alone leaves open. */
function named(saved: RegisterList, unknown: readonly number[]): string {
  const names = unknown.slice(0, 4).map(at => registerName(saved.ids[at] as RegId))
  return names.length === 0 ? '' : `; unknown there: ${names.join(', ')}${unknown.length > 4 ? ` and ${unknown.length - 4} more` : ''}`
}

function judgeUnknown(release: QemuRelease, saved: RegisterList, found: Merge['unknown'], tooMany: boolean): Pick<VcpuPlan, 'dropped' | 'unknown' | 'stops'> {
  const dropped: { at: number; why: string }[] = []
  const unknown: number[] = []
  let lastFails = false
  for (const { at, isTrailing } of found) {
    const why =
      release.skipsTrailing && isTrailing && !tooMany ? `${release.title} never looks at registers behind the host's last one` : toleration(release, saved, at)
    if (why === undefined) unknown.push(at)
    else dropped.push({ at, why })
    lastFails = why === undefined
  }
  const deciding = release.decides === 'any' ? unknown[0] : unknown.at(-1)
  if (deciding === undefined) return { dropped, unknown, stops: [] }
  if (release.decides === 'last' && !lastFails) {
    const why = `${release.title} says "fail migration" and goes on: by its fault only the last unknown register decides, and that one is tolerated`
    for (const at of unknown) dropped.push({ at, why })
    return { dropped: dropped.sort((a, b) => a.at - b.at), unknown: [], stops: [] }
  }
  const id = saved.ids[deciding] as RegId
  const name = registerName(id)
  const [all, rest] = unknown.length > 1 ? [` (and ${unknown.length - 1} more)`, unknown.length - 1] : ['', 0]
  const message =
    release.decides === 'any'
      ? `${name}${all} is in the file and unknown on this host: ${release.title} stops there and prints no register's name`
      : `${name} is in the file and unknown on this host: ${release.title} ${rest > 0 ? `names it and ${rest} more, and the last one decides` : 'names it'}: it fails the load`
  return { dropped, unknown, stops: [{ stage: 'list', id, message }] }
}

/** Why a register that only the stream has is let go, or undefined. */
function toleration({ title, tolerates }: QemuRelease, saved: RegisterList, at: number): string | undefined {
  const allowed = tolerates.get(saved.ids[at]!)
  if (allowed === undefined) return undefined
  if (allowed === 'any') return `${title} lets it be missing: older kernels listed it by mistake`
  return bytesToBigint(registerAt(saved, at)) === allowed ? `${title} lets it be missing while it is ${allowed}` : undefined
}

/** The destination's whole list, ascending: saved values where there are any, else its own ones written back. */
function listPhase(saved: RegisterList, own: RegisterList, places: readonly number[], taken: Int32Array): Phase {
  const { registers } = phaseOf(own, places)
  const bytes = registers.bytes.slice()
  for (let i = 0; i < places.length; i++) if (taken[i]! >= 0) bytes.set(registerAt(saved, taken[i]!), registers.offsets[i])
  return { registers: { ...registers, bytes }, from: taken }
}

const SP_EL0 = 0x3e
const PC = 0x40
const PSTATE = 0x42
const SP_EL1 = 0x44
/** kvm_arch_put_registers: x, SP_EL0, SP_EL1, PSTATE, PC, ELR, SPSR, vectors, FPSR, FPCR. */
const CORE_RANK: ReadonlyMap<number, number> = new Map([
  [SP_EL1, SP_EL0 + 0.1],
  [PSTATE, SP_EL0 + 0.2],
  [PC, SP_EL0 + 0.3],
])
const VECTORS = 0x54

function corePhase(saved: RegisterList): Phase {
  const ranked: { at: number; rank: number }[] = []
  for (let at = 0; at < saved.ids.length; at++) {
    const id = saved.ids[at] as RegId
    if (isListed(id) || id === sveVlsId) continue
    const index = regIndex(id)
    ranked.push({ at, rank: regCoproc(id) === COPROC.sve ? VECTORS : (CORE_RANK.get(index) ?? index) })
  }
  return phaseOf(
    saved,
    ranked.sort((a, b) => a.rank - b.rank || a.at - b.at).map(({ at }) => at),
  )
}

const isQemu = (snapshot: Snapshot) => snapshot.devices.find(({ kind }) => kind === 'qemu-configuration')?.state as { readonly machine?: string } | undefined

/** Machine type of a QEMU stream; undefined for other files. */
export const machineOf = (snapshot: Snapshot): string | undefined => isQemu(snapshot)?.machine

/** First number of a `virt-N.M` machine type. */
export const virtRelease = (machine: string | undefined): number | undefined => {
  const found = /^virt-(\d+)\./.exec(machine ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Registers of the 32-bit architecture are in the lists of QEMU's TCG only; KVM's ids are all of arm64. */
export const isTcg = ({ vcpus, origin }: Snapshot): boolean =>
  /, TCG\b/.test(origin.vmm ?? '') || vcpus.some(({ registers }) => registers.ids.some(id => id >> 56n === 0x40n))

function before({ title, newestMachine }: QemuRelease, snapshot: Snapshot): Stop | undefined {
  const machine = machineOf(snapshot)
  if ((virtRelease(machine) ?? 0) > newestMachine) return { stage: 'other', message: `${title} has no machine type ${machine}, which the file was saved with` }
  if (isTcg(snapshot))
    return {
      stage: 'other',
      message: `the file was saved by QEMU without KVM (TCG): its register list is QEMU's own, with AArch32 views and without firmware registers, and loads under TCG only`,
    }
  return undefined
}

const rules = (release: QemuRelease): VmmRules => ({
  id: release.id,
  title: release.title,
  format: 'qemu',
  turns: 'phase',
  power: 'vcpu',
  ownAt: 'init',
  // Without kvm-psci-version=0.1 every vCPU has PSCI_0_2, whatever the saved version; whether the destination is given the property no file says.
  features: inferred => (release.hasPsciProperty && !inferred.includes('psci_0_2') ? [withPsci02(inferred), inferred] : [withPsci02(inferred)]),
  before: snapshot => before(release, snapshot),
  plan: (saved, own, options) => planQemu(release, saved, own, options),
  says: stopped => release.says(stopped),
})

export const qemu10 = rules(QEMU_10)
export const qemu11 = rules(QEMU_11)
