// Owns which vCPU features a snapshot is restored with: given, named by the file, or inferred from its lists, where several sets may fit.
import type { Feature } from '../arch/features.ts'
import { SnapError } from '../errors.ts'
import type { Finding } from '../model/finding.ts'
import { inferFeatures } from '../model/infer-features.ts'
import type { Snapshot } from '../model/snapshot.ts'

export interface FeatureChoices {
  readonly candidates: readonly (readonly Feature[])[]
  readonly findings: readonly Finding[]
}

/** Throws INPUT_CORRUPT for a snapshot without vCPUs: nothing can be refused there, so it would always survive. */
export function featureChoices(snapshot: Snapshot, given: readonly Feature[] | undefined): FeatureChoices {
  if (snapshot.vcpus.length === 0) throw new SnapError('INPUT_CORRUPT', 'the snapshot has no vCPU: there is nothing to restore')
  if (given) return { candidates: [given], findings: [] }
  const known = snapshot.vcpus.find(vcpu => vcpu.features)?.features
  // POWER_OFF is an order for one call, not a property of the vCPU.
  if (known) return { candidates: [known.filter(feature => feature !== 'power_off')], findings: [] }
  const { candidates, why } = inferFeatures(snapshot.vcpus)
  const message = `the file does not name its vCPU features; from the register list: ${candidates.map(set => set.join(' ') || 'none').join(', or ')} (${why.join('; ')})`
  return {
    candidates,
    findings: [
      { severity: 'info', code: candidates.length > 1 ? 'features-ambiguous' : 'features-inferred', message, hint: 'pass --features to say what they were' },
    ],
  }
}
