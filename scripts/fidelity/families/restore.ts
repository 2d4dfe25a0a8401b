// Owns the comparison of same-kernel blind save and restore, fresh to fresh (probe.c: sec_sr); where a guest ran before, see restore-ran.ts.

import { isTried, newVm, probeSet, takeSnap } from '../abi-vm.ts'
import type { Family, Row } from '../family.ts'
import { replayRows } from '../replay-rows.ts'

export const restore: Family = {
  name: 'restore',
  kind: 'recording',
  *run({ recording, build }): Generator<Row> {
    for (const recorded of recording.restore ?? []) {
      const at = `${recorded.set} ${recorded.mode}`
      if (recorded.mode !== 'fresh' || !recorded.vcpu0 || !recorded.vcpu1) continue
      const set = probeSet(recorded.set)
      if (!isTried(build, set)) {
        yield { key: `${at} tried`, expected: true, actual: false }
        continue
      }
      const source = newVm(build, set)
      const snaps = source.vcpus.map(takeSnap)
      const target = newVm(build, set)
      yield* replayRows(`${at} vcpu0`, target.vcpus[0]!, snaps[0]!, recorded.vcpu0)
      yield* replayRows(`${at} vcpu1`, target.vcpus[1]!, snaps[1]!, recorded.vcpu1)
    }
  },
}
