// Owns the comparison of what `check --vmm kvm` predicts of a cross-kernel or cross-host replay with what the real kernel did: the set of refused registers
// with errno and the set of differing read-backs, as reports have them. Running counters are left out; pointer-authentication keys are masked in reports.
import { ERRNO } from '../../../src/arch/errno.ts'
import { featuresOf } from '../../../src/arch/features.ts'
import { type RegId, regBytes } from '../../../src/arch/reg-id.ts'
import { isSecret } from '../../../src/arch/secrets.ts'
import { type RecordedSet, type Replayed, recordedBytes, type Value } from '../../../src/builds/recorded/recording.ts'
import { registerList } from '../../../src/model/register-list.ts'
import type { Snapshot, VcpuSnapshot } from '../../../src/model/snapshot.ts'
import { checkSnapshot } from '../../../src/ops/check/check-snapshot.ts'
import { probeSet, RUNNING } from '../abi-vm.ts'
import type { Family, Row } from '../family.ts'
import { dumped } from './replays.ts'

/** A recorded guest of these features as a snapshot: the probe's VMs have two vCPUs. */
export function recordedSnapshot(name: string, source: RecordedSet): Snapshot {
  const set = probeSet(name)
  return {
    origin: {},
    gic: set.vgic ? 'v3' : 'none',
    stop: 'running',
    vm: {},
    devices: [],
    memory: [],
    vcpus: [0, 1].map((index): VcpuSnapshot => {
      const { ids, values } = dumped(source, index)
      const entries = [...ids].map((id, i) => [id as RegId, recordedBytes(values[i]!, regBytes(id as RegId))!] as const)
      return { index, registers: registerList(entries), mpState: index === 0 ? 'runnable' : 'stopped', features: featuresOf(set.features) }
    }),
  }
}

/** `id value readBack` of a recorded or reported difference, values in one spelling. */
const difference = (id: bigint, written: Value, readBack: Value): string => `${id.toString(16)} ${spelt(id, written)} ${spelt(id, readBack)}`

function spelt(id: bigint, value: Value): string {
  if (isSecret(id as RegId)) return 'masked'
  if (typeof value === 'number') return `errno ${value}`
  if (value.startsWith('0x')) return BigInt(value).toString(16)
  return value.startsWith('z') ? '00'.repeat(Number(value.slice(1))) : value.slice(1)
}

/** What a recorded replay refused and changed. */
export function recordedOutcome({ fail, diff }: Replayed): { readonly refused: readonly string[]; readonly differing: readonly string[] } {
  return {
    refused: fail.map(([id, errno]) => `${BigInt(id).toString(16)} ${errno}`).sort(),
    differing: diff
      .filter(([id]) => !RUNNING.has(BigInt(id)))
      .map(([id, written, readBack]) => difference(BigInt(id), written, readBack))
      .sort(),
  }
}

export const check: Family = {
  name: 'check',
  kind: 'replay',
  async *run({ replay, build, sourceSet }): AsyncGenerator<Row> {
    for (const recorded of replay.sets) {
      const source = sourceSet(recorded.set)
      if (!source) continue
      const replayed = [recorded.vcpu0, recorded.vcpu1].filter(each => each !== undefined)
      const snapshot = recordedSnapshot(recorded.set, source)
      const result = await checkSnapshot(snapshot, build, { vmm: 'kvm', rawOrder: true })
      yield { key: `${recorded.set} made`, expected: !(recorded.unsupported || recorded.fail), actual: result.load.decidedBy?.stage !== 'vcpu' }
      for (const [index, each] of replayed.entries()) {
        const expected = recordedOutcome(each)
        const vcpu = result.vcpus[index]
        const refused = (vcpu?.failures ?? []).map(({ id, errno }) => `${BigInt(id).toString(16)} ${numberOf(errno)}`).sort()
        const differing = (vcpu?.differences ?? [])
          .filter(({ id }) => !RUNNING.has(BigInt(id)))
          .map(({ id, written, readBack }) => difference(BigInt(id), written, readBack))
          .sort()
        yield { key: `${recorded.set} vcpu${index} refused`, expected: expected.refused, actual: refused }
        yield { key: `${recorded.set} vcpu${index} differing`, expected: expected.differing, actual: differing }
        yield { key: `${recorded.set} vcpu${index} loads`, expected: expected.refused.length === 0, actual: (vcpu?.failures.length ?? 0) === 0 }
      }
    }
  },
}

const numberOf = (errno: string): number => ERRNO[errno as keyof typeof ERRNO] ?? Number(errno.replace('errno ', ''))
