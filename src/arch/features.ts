// Owns the vCPU feature bits of KVM_ARM_VCPU_INIT (word 0): names and numbers. Source: arch/arm64/include/uapi/asm/kvm.h.
import { SnapError } from '../errors.ts'

/** In bit order: FEATURES[n] is KVM_ARM_VCPU feature bit n. */
export const FEATURES = [
  'power_off',
  'el1_32bit',
  'psci_0_2',
  'pmu_v3',
  'sve',
  'ptrauth_address',
  'ptrauth_generic',
  'has_el2',
  'has_el2_e2h0',
  'pmu_v3_strict',
] as const
export type Feature = (typeof FEATURES)[number]

export const featureBit = (feature: Feature): number => FEATURES.indexOf(feature)
export const featureMask = (features: Iterable<Feature>): number => [...features].reduce((mask, f) => mask | (1 << featureBit(f)), 0)
export const featuresOf = (mask: number): readonly Feature[] => FEATURES.filter((_, bit) => (mask >>> bit) & 1)

/** Parses `a,b,c` (empty text: no feature). Throws FEATURE_UNKNOWN naming the bad one. */
export function parseFeatures(text: string): readonly Feature[] {
  const names = text
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '')
  for (const name of names) if (!(FEATURES as readonly string[]).includes(name)) throw new SnapError('FEATURE_UNKNOWN', `there is no vCPU feature "${name}"`)
  return featuresOf(featureMask(names as Feature[]))
}
