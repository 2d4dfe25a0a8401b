// Owns what of an environment is the CPUs': the values of ID registers as guests read them, topology. Sources: arch/visibility.ts (what holds nothing
// that a guest may rely on), arch/catalogue (groups of registers); Linux arch/arm64/kvm/sys_regs.c: an ID register that is not listed reads as zero.
import { registerName, registerRow } from '../../arch/catalogue/catalogue.ts'
import type { Feature } from '../../arch/features.ts'
import { CLIDR, type GuestView, hasAArch32, hasCache, ID_AA64PFR0, PMCR } from '../../arch/guest-view.ts'
import { type RegId, regIndex, sveVlsId, sysRegId } from '../../arch/reg-id.ts'
import { inferFeatures } from '../../model/infer-features.ts'
import { bytesToBigint, type RegisterList, registerAt, registerValue } from '../../model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../model/snapshot.ts'
import { type Component, component, type Fact } from './fact.ts'

const MPIDR = sysRegId(3, 0, 0, 0, 5)
const CSSELR = sysRegId(3, 2, 0, 0, 0)
const PMMIR = sysRegId(3, 0, 9, 14, 6)
/** PMCR_EL0: implementer, identification code and number of counters. What is below is the guest's to write. */
const PMCR_FIXED = 0xffff_f800n
const ID_GROUPS: ReadonlySet<string> = new Set(['id', 'aarch32-id', 'reserved-id', 'cache'])
export const CNTFRQ = 'CNTFRQ_EL0'

/** The one set of features that the guest was made with; undefined when several fit. */
export function featuresOfGuest({ vcpus }: Pick<Snapshot, 'vcpus'>): readonly Feature[] | undefined {
  const named = vcpus.find(({ features }) => features)?.features
  const { candidates } = named ? { candidates: [named] } : inferFeatures(vcpus)
  return candidates.length === 1 ? candidates[0]!.filter(feature => feature !== 'power_off') : undefined
}

/** Facts of one vCPU by register name. */
function idFacts(list: RegisterList, features: readonly Feature[] | undefined): ReadonlyMap<string, Fact> {
  const view: GuestView = { lookup: id => registerValue(list, id), ...(features ? { features } : {}) }
  const aarch32 = hasAArch32(view) !== false
  const facts = new Map<string, Fact>()
  for (const [i, raw] of list.ids.entries()) {
    const id = raw as RegId
    const row = registerRow(id)
    if (!row) continue
    const isPmu = id === PMCR || id === PMMIR
    const isGuests = id === MPIDR || id === CSSELR
    const isMeant =
      id === sveVlsId || (isPmu ? features?.includes('pmu_v3') === true : ID_GROUPS.has(row.group) && !isGuests && (row.group !== 'aarch32-id' || aarch32))
    if (!isMeant || (row.class === 'demux' && hasCache(view, regIndex(id) & 0xff) === false)) continue
    const value = bytesToBigint(registerAt(list, i)) & (id === PMCR ? PMCR_FIXED : -1n)
    if (value !== 0n) facts.set(row.name, { key: row.name, value: `0x${value.toString(16)}`, id })
  }
  return facts
}

export function idRegistersPart(snapshot: Snapshot): Component | undefined {
  const [first, ...others] = snapshot.vcpus
  if (!first || registerValue(first.registers, ID_AA64PFR0) === undefined) return undefined
  const features = featuresOfGuest(snapshot)
  const own = idFacts(first.registers, features)
  const facts: Fact[] = [...own.values()]
  // What other vCPUs read otherwise: CPUs of several kinds.
  for (const { index, registers } of others) {
    const theirs = idFacts(registers, features)
    for (const name of new Set([...own.keys(), ...theirs.keys()])) {
      const fact = theirs.get(name)
      if (fact?.value !== own.get(name)?.value) facts.push({ ...fact, key: `${name} of vCPU ${index}`, value: fact?.value ?? '0x0' })
    }
  }
  const { counterFrequency } = snapshot.vm
  if (counterFrequency !== undefined) facts.push({ key: CNTFRQ, value: `${counterFrequency} Hz` })
  const lacks = (id: RegId): boolean => registerValue(first.registers, id) === undefined
  const notKnown = [
    ...(counterFrequency === undefined ? [CNTFRQ] : []),
    ...(features === undefined ? [registerName(PMCR), registerName(PMMIR)] : []),
    ...[CLIDR].filter(lacks).map(registerName),
  ]
  const midr = own.get('MIDR_EL1')?.value
  return component('id-registers', facts, `${midr === undefined ? '' : `MIDR_EL1 ${midr}, `}${facts.length} values`, notKnown)
}

export const FEATURES_KEY = 'features'

export function topologyPart(snapshot: Snapshot): Component | undefined {
  const { vcpus } = snapshot
  if (vcpus.length === 0) return undefined
  const features = featuresOfGuest(snapshot)
  const mpidr = (vcpu: VcpuSnapshot) => ({ key: `MPIDR_EL1 of vCPU ${vcpu.index}`, value: registerValue(vcpu.registers, MPIDR) })
  const affinities = vcpus.map(mpidr)
  const facts: Fact[] = [
    { key: 'vCPUs', value: `${vcpus.length}` },
    ...affinities.flatMap(({ key, value }) => (value === undefined ? [] : [{ key, value: `0x${value.toString(16)}`, id: MPIDR }])),
    ...(features ? [{ key: FEATURES_KEY, value: features.join(' ') || 'none' }] : []),
  ]
  return component('topology', facts, `${vcpus.length} vCPU${vcpus.length === 1 ? '' : 's'}${features ? `, ${features.join(' ') || 'no features'}` : ''}`, [
    ...affinities.filter(({ value }) => value === undefined).map(({ key }) => key),
    ...(features ? [] : [FEATURES_KEY]),
  ])
}
