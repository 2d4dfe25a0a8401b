// Owns giving a guest that wakes the environment that it hibernated in: what the target does not offer of it, said before anything is booted; what is
// written into the VM before the first instruction; and whether the machine then is the same. The signatures judge; nothing runs here.
import { errnoName } from '../../arch/errno.ts'
import type { Feature } from '../../arch/features.ts'
import { type RegId, sveVlsId } from '../../arch/reg-id.ts'
import type { BackendVcpu } from '../../backends/backend.ts'
import type { Build } from '../../builds/build.ts'
import { SnapError } from '../../errors.ts'
import { valueBytes } from '../../model/register-list.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { wakeOn } from '../check/wake.ts'
import type { LiveVm } from '../live/live-host.ts'
import type { WakeDifference } from '../reports.ts'
import { savedPsci } from '../saved-psci.ts'
import { compareEnvironments } from '../signature/compare.ts'
import type { ComponentName } from '../signature/components.ts'
import { environmentOfSnapshot } from '../signature/environment.ts'
import { offer, type PinWrite } from '../signature/pin.ts'

/** As `save --kernel` makes guests, for a snapshot that does not say. */
const FEATURES: readonly Feature[] = ['psci_0_2', 'pmu_v3']
export const featuresOf = ({ vcpus }: Snapshot): readonly Feature[] => (vcpus[0]?.features ?? FEATURES).filter(feature => feature !== 'power_off')

/** What of the guest's environment the build does not offer; empty: it wakes there. Boots nothing and needs no kernel. */
export function wakeDifferences(snapshot: Snapshot, build: Build): readonly WakeDifference[] {
  const { wake } = wakeOn(build, snapshot, { saved: savedPsci(snapshot), features: featuresOf(snapshot) })
  return wake.differences.map(({ component, why, meets }) => ({ component, message: why, meets }))
}

/** What a VMM writes before the first instruction, and when. */
export interface EnvironmentWrites {
  /** Vector lengths, between KVM_ARM_VCPU_INIT and finalization. */
  prepare(vcpu: BackendVcpu): Promise<void>
  /** Everything else, when vCPUs and GIC are there. Throws BUILD_UNUSABLE for what the VM refuses, which `wakeDifferences` did not say. */
  settle(vm: LiveVm, vcpus: readonly BackendVcpu[]): Promise<void>
}

/** Of a guest that `wakeDifferences` has no difference for. */
export function environmentWrites(snapshot: Snapshot, build: Build): EnvironmentWrites {
  const { writes } = offer(build, snapshot, environmentOfSnapshot(snapshot), featuresOf(snapshot))
  const taken = writes.filter(({ errno }) => errno === 0)
  return {
    async prepare(vcpu) {
      for (const each of taken) if (each.id === sveVlsId && each.vcpu === vcpu.index) await write(vcpu, each)
    },
    async settle(vm, vcpus) {
      const refused = (what: string, errno: number): SnapError =>
        new SnapError('BUILD_UNUSABLE', `${build.name} refuses ${what} with ${errnoName(errno)}`, {}, { hint: 'this is a bug in psci-snap; please report it' })
      for (const range of snapshot.vm.smcccFilter ?? []) {
        const errno = await vm.setSmcccFilter(range)
        if (errno !== 0) throw refused('the SMCCC filter', errno)
      }
      let left: readonly PinWrite[] = taken.filter(({ id }) => id !== sveVlsId)
      // Twice, as they were tried: whether a kernel takes one ID register can depend on another.
      for (let round = 0; round < 2; round++) {
        const again: PinWrite[] = []
        for (const each of left) if ((await write(vcpus[each.vcpu]!, each)) !== 0) again.push(each)
        left = again
      }
      if (left.length > 0) throw refused(`${left.length} registers`, await write(vcpus[left[0]!.vcpu]!, left[0]!))
    },
  }
}

async function write(vcpu: BackendVcpu, { id, value }: Pick<PinWrite, 'id' | 'value'>): Promise<number> {
  const [errno = 0] = await vcpu.setRegs(BigUint64Array.of(id), valueBytes(id as RegId, value))
  return errno
}

/** What the VMM makes and no kernel decides. */
const BOARD: ReadonlySet<ComponentName> = new Set(['memory-map', 'tables', 'gic', 'devices'])

/** What of the board is another one in `woken`, a guest that is made and has not run. `isOtherKernel`: the device tree says where the initramfs lies. */
export function boardDifferences(saved: Snapshot, woken: Snapshot, isOtherKernel: boolean): readonly WakeDifference[] {
  return compareEnvironments(environmentOfSnapshot(saved), environmentOfSnapshot(woken))
    .filter(({ component, kind }) => kind === 'different' && BOARD.has(component) && !(isOtherKernel && component === 'tables'))
    .map(({ component, facts, meets }) => ({
      component,
      message: facts.map(({ key, a, b }) => `${key} ${a ?? 'absent'} → ${b ?? 'absent'}`).join(', '),
      meets,
    }))
}
