// Owns the comparison of cross-kernel and cross-host blind replays, register side (probe.c: sec_cross, do_replay).
import { type RegId, regBytes } from '../../../src/arch/reg-id.ts'
import type { RecordedSet } from '../../../src/builds/recorded/recording.ts'
import { isTried, newVm, probeSet, type Snap } from '../abi-vm.ts'
import type { Family, Row } from '../family.ts'
import { replayRows } from '../replay-rows.ts'

/** A recorded list as the probe wrote it into a dump: readable registers only. */
export function dumped(set: RecordedSet, vcpu: number): Snap {
  const differs = new Map(vcpu === 1 ? (set.vcpu1_diff ?? []) : [])
  // extract.py fills vCPU 1's list from vCPU 0's and drops a register whose value was no value there.
  const entries = (set.regs ?? [])
    .map(([id, value]) => [BigInt(id), differs.get(id) ?? value] as const)
    .filter(([id, value]) => typeof value !== 'number' && regBytes(id as RegId) > 0)
  return { ids: BigUint64Array.from(entries, ([id]) => id), values: entries.map(([, value]) => value) }
}

export const replays: Family = {
  name: 'replays',
  kind: 'replay',
  *run({ replay, build, sourceSet }): Generator<Row> {
    for (const recorded of replay.sets) {
      const set = probeSet(recorded.set)
      const source = sourceSet(recorded.set)
      if (!source) continue
      const at = recorded.set
      const made = newVm(build, set)
      if (recorded.unsupported || recorded.fail || !isTried(build, set) || made.fail) {
        yield { key: `${at} made`, expected: !(recorded.unsupported || recorded.fail), actual: isTried(build, set) && !made.fail }
        continue
      }
      if (recorded.vcpu0) yield* replayRows(`${at} vcpu0`, made.vcpus[0]!, dumped(source, 0), recorded.vcpu0)
      if (recorded.vcpu1) yield* replayRows(`${at} vcpu1`, made.vcpus[1]!, dumped(source, 1), recorded.vcpu1)
    }
  },
}
