// table
// Owns the vCPU feature sets that a probe tries, by the names that recordings use (recordings/SCHEMA.md). Two vCPUs each; vCPU 1 has POWER_OFF.

export interface FeatureSet {
  readonly name: string
  /** features[0] of KVM_ARM_VCPU_INIT. */
  readonly features: number
  /** With an in-kernel GICv3. */
  readonly vgic: boolean
  /** Capabilities without which the set is not tried. */
  readonly capabilities: readonly number[]
}

export const FEATURE_BIT = { powerOff: 1, el1Is32Bit: 1 << 1, psci02: 1 << 2, pmu: 1 << 3, sve: 1 << 4, pauth: 3 << 5, el2: 1 << 7 } as const
const CAP = { aarch32: 93, pmu: 126, sve: 170, pauth: 171, el2: 240 } as const
const { el1Is32Bit, psci02, pmu, sve, pauth, el2 } = FEATURE_BIT

export const FEATURE_SETS: readonly FeatureSet[] = [
  { name: 'psci02', features: psci02, vgic: false, capabilities: [] },
  { name: 'psci01', features: 0, vgic: false, capabilities: [] },
  { name: 'sve', features: psci02 | sve, vgic: false, capabilities: [CAP.sve] },
  { name: 'pmu', features: psci02 | pmu, vgic: false, capabilities: [CAP.pmu] },
  { name: 'vgic3', features: psci02, vgic: true, capabilities: [] },
  { name: 'pauth', features: psci02 | pauth, vgic: false, capabilities: [CAP.pauth] },
  { name: 'aarch32', features: psci02 | el1Is32Bit, vgic: false, capabilities: [CAP.aarch32] },
  { name: 'all', features: psci02 | pmu | sve | pauth, vgic: true, capabilities: [CAP.sve, CAP.pauth] },
  { name: 'el2', features: psci02 | el2, vgic: true, capabilities: [CAP.el2] },
]

/** A set by name; the names are this table's own, so a wrong one is a bug. */
export function featureSet(name: string): FeatureSet {
  const set = FEATURE_SETS.find(each => each.name === name)
  if (!set) throw new RangeError(`there is no feature set ${name}`)
  return set
}
