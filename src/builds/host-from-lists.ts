// Owns making a host's values out of register lists of never-run vCPUs and the kernel's rules: what `builds derive` does with a snapshot
// and what the generator does with a recording. Whatever the lists do not show is concluded, and named in `inferred`. Pure.
import type { Feature } from '../arch/features.ts'
import { featureMask } from '../arch/features.ts'
import { COPROC } from '../arch/reg-id.ts'
import { bytesToBigint, type RegisterList, registerAt } from '../model/register-list.ts'
import type { FeatureOverlay, HostValues, OverlayName, Unseen } from './host-values.ts'
import type { Encoding, KernelRules, Provenance, SysregRow } from './kernel-rules.ts'

export interface ListedSet {
  readonly features: readonly Feature[]
  readonly registers: RegisterList
}

/** What a register list alone does not say; absent means: conclude it. */
export interface HostFacts {
  readonly cpu: string
  readonly provenance: readonly Provenance[]
  readonly targets?: readonly number[]
  readonly features?: number
  readonly nestedMasks?: HostValues['nestedMasks']
  readonly mitigatesSsb?: boolean
  /** Absent: not known, but for what the lists themselves show. */
  readonly hardware?: ReadonlyMap<Encoding, bigint>
  /** Of the CPU, where the lists have SVE and no KVM_REG_ARM64_SVE_VLS. */
  readonly vectorLengths?: bigint
  readonly capabilities?: ReadonlyMap<number, readonly [number, number]>
}

const AA64PFR0 = 0xc020
const AA64PFR1 = 0xc021
const AARCH32 = ['el1_32bit'] as const
/** Every length that the register can name: what is assumed of a CPU whose own are not known. */
const ALL_LENGTHS = 0xffffn
/** Fields that newer kernels hide and take back (KernelRules.idRegisters.forgives): what an older kernel's list shows there is the hardware's own. */
const HIDDEN_FIELDS: readonly (readonly [Encoding, bigint])[] = [
  [0xc020, 0xfn << 40n], // ID_AA64PFR0_EL1.MPAM
  [0xc021, 0xfn << 16n], // ID_AA64PFR1_EL1.MPAM_frac
  [0xc03a, 0xfn << 24n], // ID_AA64MMFR2_EL1.NV
]
/** KVM_ARM_TARGET_GENERIC_V8. */
const GENERIC_TARGET = 5
const OVERLAY_OF: readonly (readonly [OverlayName, Feature])[] = [
  ['aarch32', 'el1_32bit'],
  ['pmu', 'pmu_v3'],
  ['sve', 'sve'],
  ['pauth', 'ptrauth_address'],
  ['el2', 'has_el2'],
]
/** Kept per VM or per run, never a host's reset value. */
const NOT_A_VALUE = new Set(['vcnt', 'pcnt', 'ignored'])

/**
 * ID-register fields that a feature of the vCPU turns on: what a list taken with the feature has there is the feature's, not the base's.
 * Source: arch/arm64/kvm/sys_regs.c (__kvm_read_sanitised_id_reg, id_visibility); the recordings' sets agree.
 */
const FEATURE_FIELDS: Readonly<Partial<Record<OverlayName, ReadonlyMap<Encoding, bigint>>>> = {
  pmu: new Map([
    [0xc00a, 0xfn << 24n], // ID_DFR0_EL1.PerfMon
    [0xc028, 0xfn << 8n], // ID_AA64DFR0_EL1.PMUVer
  ]),
  sve: new Map([
    [0xc020, 0xfn << 32n], // ID_AA64PFR0_EL1.SVE
    [0xc024, 0xffff_ffff_ffff_ffffn], // ID_AA64ZFR0_EL1
  ]),
  pauth: new Map([
    [0xc031, 0xff00_0ff0n], // ID_AA64ISAR1_EL1.GPI, GPA, API, APA
    [0xc032, 0xff00n], // ID_AA64ISAR2_EL1.APA3, GPA3
  ]),
}

interface Columns {
  readonly sysregs: ReadonlyMap<Encoding, bigint>
  readonly demux: ReadonlyMap<number, number>
  readonly firmware: ReadonlyMap<number, bigint>
  readonly vectorLengths: bigint
}

function columns(list: RegisterList): Columns {
  const sysregs = new Map<Encoding, bigint>()
  const demux = new Map<number, number>()
  const firmware = new Map<number, bigint>()
  let vectorLengths = 0n
  for (let i = 0; i < list.ids.length; i++) {
    const id = list.ids[i]!
    const index = Number(id & 0xffffn)
    const value = bytesToBigint(registerAt(list, i))
    const coproc = Number((id >> 16n) & 0xfffn)
    if (coproc === COPROC.sysreg) sysregs.set(index, value)
    else if (coproc === COPROC.demux) demux.set(index & 0xff, Number(value))
    else if (coproc === COPROC.firmware) firmware.set(index, value)
    else if (coproc === COPROC.sve && index === 0xffff) vectorLengths = value & 0xffff_ffff_ffff_ffffn
  }
  return { sysregs, demux, firmware, vectorLengths }
}

/** Stored part of a listed value: what a read adds is taken off again. */
function storedValue(kernel: KernelRules, row: SysregRow, value: bigint): bigint {
  return row.rule === 'tctl' && kernel.timers.istatus === 'computed' ? value & ~4n : value
}

/**
 * Values of the host on which these lists were taken. The list with the fewest optional features is the base; what those features put into
 * ID registers and add to the list is taken out of it again and becomes their overlay.
 */
export function hostFromLists(kernel: KernelRules, sets: readonly ListedSet[], facts: HostFacts): HostValues {
  const inferred: string[] = []
  const optional = (set: ListedSet): number => set.features.filter(f => f !== 'psci_0_2' && f !== 'power_off').length
  const ordered = [...sets].sort((a, b) => optional(a) - optional(b))
  const baseSet = ordered[0]
  if (!baseSet) throw new RangeError('a host needs at least one register list')
  const seen = columns(baseSet.registers)
  const taken = OVERLAY_OF.filter(([, feature]) => baseSet.features.includes(feature)).map(([name]) => name)
  const base = taken.length > 0 ? { ...seen, sysregs: withoutFeatures(kernel, seen.sysregs, taken) } : seen
  if (taken.length > 0) inferred.push(`values: what ${taken.join(' and ')} changes was taken out of a list with ${baseSet.features.join(' ')}`)
  const values = new Map<Encoding, bigint>()
  const missing: string[] = []
  for (const row of kernel.sysregs) {
    if (NOT_A_VALUE.has(row.rule) || row.rule === 'mpidr') continue
    if (row.needs) continue
    const value = base.sysregs.get(row.encoding)
    if (value === undefined) {
      if (!row.field) missing.push(row.encoding.toString(16))
    } else if (storedValue(kernel, row, value) !== row.reset) values.set(row.encoding, storedValue(kernel, row, value))
  }
  if (missing.length > 0) inferred.push(`values: ${missing.join(' ')} are not in the list, taken as on other hosts`)

  const overlays = new Map<OverlayName, FeatureOverlay>()
  let vectorLengths = base.vectorLengths
  for (const [name, feature] of OVERLAY_OF) {
    const set =
      ordered.find(each => each.features.includes(feature) && otherOptional(each, feature) === 0) ?? ordered.find(each => each.features.includes(feature))
    if (!set) continue
    const others = OVERLAY_OF.filter(([other, named]) => other !== name && set.features.includes(named)).map(([other]) => other)
    const whole = columns(set.registers)
    const there = { ...whole, sysregs: others.length > 0 ? withoutFeatures(kernel, whole.sysregs, others) : whole.sysregs }
    if (there.vectorLengths !== 0n) vectorLengths = there.vectorLengths
    overlays.set(name, overlayOf(kernel, base, there))
  }

  const unseen: Unseen[] = []
  if (vectorLengths === 0n && overlays.has('sve')) {
    if (facts.vectorLengths) vectorLengths = facts.vectorLengths
    else {
      vectorLengths = ALL_LENGTHS
      unseen.push('vector-lengths')
      inferred.push('vectorLengths: not in the list; all are assumed, and any set that a guest was saved with is taken')
    }
  }
  if (facts.hardware === undefined) unseen.push('hardware')

  const levels = [1, 2, 3].map(n => Number(base.firmware.get(n) ?? 0n)) as [number, number, number]
  const ssbs = ((base.sysregs.get(AA64PFR1) ?? 0n) >> 4n) & 0xfn
  if (facts.mitigatesSsb === undefined) inferred.push('mitigatesSsb: from WORKAROUND_2 and ID_AA64PFR1_EL1.SSBS')
  // system_supports_32bit_el1: what a 64-bit guest is shown there is what KVM offers.
  const has32Bit = (((base.sysregs.get(AA64PFR0) ?? 0n) >> 4n) & 0xfn) === 2n
  if (facts.features === undefined) inferred.push(`features: those that the lists show${has32Bit ? ', and el1_32bit by ID_AA64PFR0_EL1.EL1' : ''}`)
  if (facts.capabilities === undefined) inferred.push('capabilities: none known')
  return {
    cpu: facts.cpu,
    targets: facts.targets ?? [GENERIC_TARGET],
    nestedMasks: facts.nestedMasks ?? new Map(),
    provenance: facts.provenance,
    inferred,
    values,
    overlays,
    features:
      facts.features ?? sets.reduce((mask, set) => mask | featureMask(set.features), featureMask(['power_off', 'psci_0_2', ...(has32Bit ? AARCH32 : [])])),
    workarounds: levels,
    mitigatesSsb: facts.mitigatesSsb ?? (levels[1] === 0 && ssbs !== 0n),
    ccsidr: kernel.demux.policy === 'host' ? base.demux : differingCaches(base),
    vectorLengths,
    hardware: facts.hardware ?? shownHardware(baseSet.registers),
    ...(unseen.length > 0 ? { unseen } : {}),
    capabilities: facts.capabilities ?? new Map(),
  }
}

/** The fields of HIDDEN_FIELDS that a list shows, by register. */
export function shownHardware(list: RegisterList): Map<Encoding, bigint> {
  const { sysregs } = columns(list)
  return new Map(
    HIDDEN_FIELDS.flatMap(([encoding, mask]) => {
      const shown = (sysregs.get(encoding) ?? 0n) & mask
      return shown === 0n ? [] : [[encoding, shown] as const]
    }),
  )
}

const otherOptional = (set: ListedSet, feature: Feature): number =>
  set.features.filter(f => f !== 'psci_0_2' && f !== 'power_off' && f !== feature && !(feature === 'ptrauth_address' && f === 'ptrauth_generic')).length

/** A list's system registers as they are without these features. */
function withoutFeatures(kernel: KernelRules, sysregs: ReadonlyMap<Encoding, bigint>, names: readonly OverlayName[]): Map<Encoding, bigint> {
  const rows = new Map(kernel.sysregs.map(row => [row.encoding, row]))
  const rest = new Map<Encoding, bigint>()
  for (const [encoding, value] of sysregs) {
    const row = rows.get(encoding)
    if (row?.needs && names.includes(row.needs)) continue
    rest.set(encoding, value)
  }
  for (const name of names) {
    // A kernel that has the PMU's registers in every list shows its ID fields in every list too.
    if (!kernel.sysregs.some(row => row.needs === name)) continue
    for (const [encoding, mask] of FEATURE_FIELDS[name] ?? []) rest.set(encoding, (rest.get(encoding) ?? 0n) & ~mask)
  }
  return rest
}

/** With virtual caches every CCSIDR follows from CTR_EL0; keep only one that does not. */
function differingCaches(base: Columns): ReadonlyMap<number, number> {
  const ctr = base.sysregs.get(0xd801) ?? 0n
  return new Map([...base.demux].filter(([n, value]) => value !== Number((ctr >> (n & 1 ? 0n : 16n)) & 0xfn) - 2))
}

function overlayOf(kernel: KernelRules, base: Columns, there: Columns): FeatureOverlay {
  const flips = new Map<Encoding, bigint>()
  const adds = new Map<Encoding, bigint>()
  for (const row of kernel.sysregs) {
    const value = there.sysregs.get(row.encoding)
    if (value === undefined || NOT_A_VALUE.has(row.rule) || row.rule === 'mpidr') continue
    const before = base.sysregs.get(row.encoding)
    const stored = storedValue(kernel, row, value)
    if (before === undefined) {
      if (stored !== row.reset) adds.set(row.encoding, stored)
    } else if (storedValue(kernel, row, before) !== stored) flips.set(row.encoding, storedValue(kernel, row, before) ^ stored)
  }
  return { flips, adds }
}
