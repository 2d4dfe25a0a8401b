// Owns the section `regs`: the register list and reset values of every feature set, both vCPUs (probe.c: sec_regs).
import { FEATURE_SETS, type FeatureSet } from './feature-sets.ts'
import { isOffered, type Plain, type PlainRow, type ProbeContext, withBareVm } from './probe-vm.ts'
import { hex } from './registers.ts'
import { ALL_EXTENTS, failed, record, type Section } from './section.ts'
import { takeSnap } from './snap.ts'

export const registerLists: Section = {
  label: 'register lists',
  in: ALL_EXTENTS,
  *run(context) {
    for (const set of FEATURE_SETS) yield record('regs', listOf(context, set))
  },
}

function listOf(context: ProbeContext, set: FeatureSet): PlainRow {
  const head = { set: set.name, feat: hex(BigInt(set.features)), vgic: set.vgic ? 1 : 0 }
  if (!isOffered(context, set)) return { ...head, unsupported: true }
  return withBareVm(context, 2, vm => {
    // Before the PMU's own initialisation: what a VMM sees first.
    vm.finish(set, false)
    if (vm.fail) return { ...head, ...failed(vm) }
    const { errno } = vm.vcpu(0).regList()
    if (errno) return { ...head, list_errno: errno }
    const [first, second] = [takeSnap(vm.vcpu(0)), takeSnap(vm.vcpu(1))]
    const values = new Map(first.ids.map((id, i) => [id, first.values[i]]))
    const differing = second.ids.flatMap((id, i): Plain[] => (values.get(id) === second.values[i] ? [] : [[hex(id), second.values[i] ?? 0]]))
    const { errno: eventsErrno, events } = vm.vcpu(0).getEvents()
    return {
      ...head,
      mp: vm.mp(),
      n: first.ids.length,
      regs: first.ids.map((id, i): Plain => [hex(id), first.values[i] ?? 0]),
      vcpu1_n: second.ids.length,
      vcpu1_diff: differing,
      vcpu1_same_order: first.ids.length === second.ids.length && first.ids.every((id, i) => id === second.ids[i]),
      events: {
        errno: eventsErrno,
        serror: [Number(events.serrorPending), Number(events.serrorHasEsr), hex(events.serrorEsr)],
        ext_dabt: Number(events.extDabtPending),
      },
    }
  })
}
