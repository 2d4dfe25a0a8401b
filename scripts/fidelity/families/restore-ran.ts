// Owns the comparison of same-kernel blind save and restore where a guest ran before: on the source (which also switched vCPU 1 on), or on the target
// (probe.c: sec_sr, modes A_ran and B_ran). The guest's instructions really run.

import { GUEST } from '../../../src/ops/probe/guest-words.ts'
import { IPA, MPIDR, probeSet, takeSnap } from '../abi-vm.ts'
import type { RecordingFamily, Row } from '../family.ts'
import { GuestVm } from '../guest-vm.ts'
import { replayRows } from '../replay-rows.ts'

const HAS_EL2 = 1 << 7

export const restoreRan: RecordingFamily = {
  name: 'restore-ran',
  kind: 'recording',
  *run({ recording, build }): Generator<Row> {
    for (const { set, mode, vcpu0, vcpu1 } of recording.restore ?? []) {
      if (mode === 'fresh' || !vcpu0 || !vcpu1) continue
      const source = new GuestVm(build, probeSet(set))
      const target = new GuestVm(build, probeSet(set))
      if (probeSet(set).features & HAS_EL2) {
        // The machine executes no EL2: what KVM_RUN itself does to the VM is compared, the guest's two calls are not made.
        ;(mode === 'A_ran' ? source : target).vcpu(0).enterRun()
      } else if (mode === 'A_ran') {
        source.setup(0)
        source.call(0, GUEST.hvc0, [0x8400_0000n])
        source.call(0, GUEST.hvc0, [0xc400_0003n, source.get(1, MPIDR), IPA + BigInt(GUEST.secondary), 0x1234n])
      } else {
        target.setup(0)
        target.call(0, GUEST.store, [])
      }
      const snaps = [0, 1].map(index => takeSnap(source.vcpu(index)))
      for (const [index, recorded] of [vcpu0, vcpu1].entries()) yield* replayRows(`${set} ${mode} vcpu${index}`, target.vcpu(index), snaps[index]!, recorded)
    }
  },
}
