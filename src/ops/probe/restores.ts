// Owns the section `restore`: a blind save and restore on the same kernel, never run, with a source that ran, and with a target that ran
// (probe.c: sec_sr).
import { FEATURE_BIT, FEATURE_SETS, type FeatureSet } from './feature-sets.ts'
import { GUEST } from './guest-words.ts'
import { IPA, isOffered, type PlainRow, type ProbeContext, type ProbeVm, withVm } from './probe-vm.ts'
import { MPIDR } from './registers.ts'
import { failed, record, type Section, THOROUGH } from './section.ts'
import { replay, type Snap, takeSnap } from './snap.ts'

type Mode = 'fresh' | 'A_ran' | 'B_ran'
const MODES: readonly Mode[] = ['fresh', 'A_ran', 'B_ran']
const PSCI_VERSION = 0x8400_0000n
const CPU_ON = 0xc400_0003n

export const restores: Section = {
  label: 'save and restore',
  in: THOROUGH,
  *run(context) {
    for (const set of FEATURE_SETS)
      for (const mode of MODES) {
        const outcome = oneRestore(context, set, mode)
        yield record('restore', { set: set.name, mode, ...outcome })
        // A set that cannot be made is tried once.
        if (outcome.unsupported || outcome.fail) break
      }
  },
}

function oneRestore(context: ProbeContext, set: FeatureSet, mode: Mode): PlainRow {
  if (!isOffered(context, set)) return { unsupported: true }
  // The tiny guest is 64-bit code.
  const cannotRun = (set.features & FEATURE_BIT.el1Is32Bit) !== 0
  if (mode === 'A_ran' && cannotRun) return {}
  const source = withVm(context, set, (vm): { readonly snaps?: readonly Snap[]; readonly failure?: PlainRow } => {
    if (vm.fail) return { failure: failed(vm) }
    if (mode === 'A_ran') runSource(vm)
    return { snaps: [takeSnap(vm.vcpu(0)), takeSnap(vm.vcpu(1))] }
  })
  const { snaps } = source
  if (!snaps) return source.failure ?? {}
  return withVm(context, set, vm => {
    if (vm.fail) return failed(vm)
    if (mode === 'B_ran' && cannotRun) return {}
    if (mode === 'B_ran') vm.firstRun()
    return Object.fromEntries(snaps.map((snap, index) => [`vcpu${index}`, replay(vm.vcpu(index), snap)]))
  })
}

/** Asks for the PSCI version, then switches vCPU 1 on. */
function runSource(vm: ProbeVm): void {
  vm.setup(0)
  vm.call(0, GUEST.hvc0, [PSCI_VERSION])
  vm.call(0, GUEST.hvc0, [CPU_ON, vm.get(1, MPIDR), IPA + BigInt(GUEST.secondary), 0x1234n])
}
