// Owns the prediction for one file, or a fresh guest of a host, on any number of targets.
import type { Build } from '../../builds/build.ts'
import { type InputOptions, withInput } from '../input.ts'
import type { VmmId } from '../load/vmm.ts'
import type { CheckResult } from './check-report.ts'
import { type CheckSnapshotOptions, checkSnapshot } from './check-snapshot.ts'

export interface CheckFileOptions extends InputOptions, Omit<CheckSnapshotOptions, 'vmm'> {
  /** Absent: by the file's format. */
  readonly vmm?: VmmId
  /** sha256 of the whole file in the result (default). */
  readonly digest?: boolean
}

/** One result a target, in their order. Throws what reading the file throws. */
export async function checkFile(path: string, targets: readonly Build[], options: CheckFileOptions): Promise<readonly CheckResult[]> {
  return withInput(path, options, async opened => {
    const { snapshot, format } = opened
    const { build } = snapshot.origin
    const source = {
      file: (await opened.extent()).name,
      format: format.id,
      ...(build === undefined ? {} : { build }),
      ...(options.digest === false ? {} : { sha256: await opened.sha256() }),
    }
    const vmm = options.vmm ?? 'kvm'
    const results: CheckResult[] = []
    for (const target of targets) {
      const { findings, ...result } = await checkSnapshot(snapshot, target, { ...options, vmm })
      results.push({ ...result, source, findings: [...opened.findings, ...findings] })
    }
    return results
  })
}
