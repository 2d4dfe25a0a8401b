// Owns the answer for one file on any number of targets.
import type { Finding } from '../../model/finding.ts'
import { lintFindings } from '../../model/lints/lints.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { type InputOptions, withInput } from '../input.ts'
import { defaultVmm } from '../load/default-vmm.ts'
import type { VmmId } from '../load/vmm.ts'
import { findTables } from '../signature/find-tables.ts'
import type { CheckResult } from './check-report.ts'
import { type CheckSnapshotOptions, snapshotChecker } from './check-snapshot.ts'
import type { CheckTarget } from './check-target.ts'

export interface CheckFileOptions extends InputOptions, Omit<CheckSnapshotOptions, 'vmm' | 'format' | 'assumed' | 'fileFindings'> {
  /** Absent: by the file's format. */
  readonly vmm?: VmmId
  /** sha256 of the whole file in the result (default). */
  readonly digest?: boolean
  /** What else the caller finds in the snapshot, whatever the target: stands in every result. */
  readonly find?: (snapshot: Snapshot) => readonly Finding[]
}

/** One result a target, in their order. Throws what reading the file throws. */
export async function checkFile(path: string, targets: readonly CheckTarget[], options: CheckFileOptions): Promise<readonly CheckResult[]> {
  return withInput(path, options, async opened => {
    const { snapshot, format } = opened
    const { build } = snapshot.origin
    const source = {
      file: (await opened.extent()).name,
      format: format.id,
      ...(build === undefined ? {} : { build }),
      ...(options.digest === false ? {} : { sha256: await opened.sha256() }),
    }
    const chosen = options.vmm === undefined ? defaultVmm(format.id, snapshot) : { vmm: options.vmm }
    const fileFindings = [
      ...opened.findings,
      ...(await lintFindings(snapshot, opened.findings, options.signal)),
      ...powerOffFindings(snapshot),
      ...(options.find?.(snapshot) ?? []),
    ]
    const check = snapshotChecker(snapshot, {
      ...options,
      ...(snapshot.stop === 'hibernated' ? { tables: await findTables(snapshot, options) } : {}),
      vmm: chosen.vmm,
      format: format.id,
      fileFindings,
      ...(chosen.why === undefined ? {} : { assumed: chosen.why }),
    })
    return targets.map(target => ({ ...check(target), source }))
  })
}

/** Firecracker before v1.8 saved POWER_OFF with the features: INIT then stops a vCPU that ran (firecracker pull 4567). */
function powerOffFindings({ vcpus }: Snapshot): readonly Finding[] {
  const off = vcpus.filter(({ features, mpState }) => mpState === 'runnable' && features?.includes('power_off')).map(({ index }) => index)
  return off.length === 0
    ? []
    : [
        {
          severity: 'info',
          code: 'power-off-saved',
          message: `vCPU${off.length === 1 ? '' : 's'} ${off.join(' ')} ran, and the saved features say KVM_ARM_VCPU_POWER_OFF: judged without it`,
          hint: 'a VMM that does not write mp_state after KVM_ARM_VCPU_INIT leaves them off',
        },
      ]
}
