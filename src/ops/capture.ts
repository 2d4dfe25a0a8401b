// Owns the save of a live VM into a snapshot, by the verbs that every VMM uses: list, read all, mp_state, events. The same for every back end.
import type { Feature } from '../arch/features.ts'
import type { BackendVcpu } from '../backends/backend.ts'
import type { Snapshot, VcpuSnapshot } from '../model/snapshot.ts'
import { readAll } from './replay.ts'

/** What the VMM knows about its VM and KVM does not tell. */
export interface KnownToVmm extends Omit<Snapshot, 'vcpus'> {
  readonly features: readonly Feature[]
}

/** Reads every vCPU. The VM must not run meanwhile. */
export async function capture(vcpus: readonly BackendVcpu[], { features, ...rest }: KnownToVmm): Promise<Snapshot> {
  const saved: VcpuSnapshot[] = []
  for (const vcpu of vcpus)
    saved.push({ index: vcpu.index, registers: await readAll(vcpu), mpState: await vcpu.getMpState(), events: await vcpu.getEvents(), features })
  return { ...rest, vcpus: saved }
}
