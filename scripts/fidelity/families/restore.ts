// Owns the comparison of same-kernel blind save and restore: fresh to fresh, after the source ran, after the target ran (probe.c: sec_sr).

import { firstRun, getReg64, IPA, isTried, MPIDR, newVm, probeSet, takeSnap } from '../abi-vm.ts'
import type { Family, Row } from '../family.ts'
import { replayRows } from '../replay-rows.ts'

export const restore: Family = {
  name: 'restore',
  kind: 'recording',
  *run({ recording, build }): Generator<Row> {
    for (const recorded of recording.restore ?? []) {
      const at = `${recorded.set} ${recorded.mode}`
      if (!recorded.vcpu0 || !recorded.vcpu1) continue
      const set = probeSet(recorded.set)
      if (!isTried(build, set)) {
        yield { key: `${at} tried`, expected: true, actual: false }
        continue
      }
      const source = newVm(build, set)
      if (recorded.mode === 'A_ran') {
        firstRun(source)
        const target = getReg64(source.vcpus[1]!, MPIDR)
        if ((target & 0xff00ff_ffffn) !== 0n) source.vcpus[1]!.requestReset({ pc: IPA + 0x300n, context: 0x1234n, bigEndian: false })
      }
      const snaps = source.vcpus.map(takeSnap)
      const target = newVm(build, set)
      if (recorded.mode === 'B_ran') firstRun(target)
      yield* replayRows(`${at} vcpu0`, target.vcpus[0]!, snaps[0]!, recorded.vcpu0)
      yield* replayRows(`${at} vcpu1`, target.vcpus[1]!, snaps[1]!, recorded.vcpu1)
    }
  },
}
