// Owns the prediction for one snapshot and one target: the load as the VMM does it, on the emulated host, judged; nothing runs, nothing is written.
import type { Feature } from '../../arch/features.ts'
import type { Build } from '../../builds/build.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { VmmId } from '../load/vmm.ts'
import { restoreSnapshot } from '../restore.ts'
import type { Work } from '../work.ts'
import type { CheckResult, LoadReport } from './check-report.ts'
import { tell } from './tell.ts'

export interface CheckSnapshotOptions extends Work {
  readonly vmm: VmmId
  /** Replaces the features that the file names or that are inferred. */
  readonly features?: readonly Feature[]
  /** `kvm` only: pure list order, SVE vector lengths too, as recordings were made. */
  readonly rawOrder?: boolean
}

/** Throws SnapError only for what stops the work; what the target or the VMM refuses is in the result. */
export async function checkSnapshot(snapshot: Snapshot, build: Build, options: CheckSnapshotOptions): Promise<Omit<CheckResult, 'source'>> {
  const { report } = await restoreSnapshot(snapshot, build, { ...options, run: false })
  const first = report.vcpus.flatMap(vcpu => vcpu.failures.map(failure => ({ vcpu: vcpu.index, ...failure })))[0]
  const load: LoadReport = {
    vmm: options.vmm,
    outcome: report.verdict === 'refused' ? 'fails' : 'loads',
    dropped: [],
    ...(first
      ? {
          decidedBy: {
            stage: 'write',
            vcpu: first.vcpu,
            id: first.id,
            register: first.name,
            errno: first.errno,
            message: `KVM_SET_ONE_REG of ${first.name} = ${first.value} fails with ${first.errno}`,
          },
        }
      : {}),
  }
  const { console: _console, output: _output, ...judged } = report as typeof report & { console?: string; output?: string }
  const target = { ...report.target, vmm: options.vmm }
  return { ...judged, target, load, ...tell({ snapshot, build, load, ...judged }) }
}
